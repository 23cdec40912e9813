/*
 * netlink - tries common/netlink.c with what no command of conductor would have it do
 *
 *     netlink lengths     attributes and nests of 65,530 to 70,000 bytes, in a batch with room for
 *                         them: what has no 16-bit length must be an error, the rest be exact
 *     netlink stranger    an answer that another process sends, before the kernel's own arrives
 *
 * Prints what was tried. Exit status 0 when all held, 1 with the reason, 2 for a wrong call.
 * Privilege: stranger needs CAP_NET_ADMIN, as such a process would. See netlink(7).
 */
#define NETLINK_BATCH_SIZE 262144 /* so that 16 bits are the first limit to be met */
#include "common/netlink.c"	  /* NOLINT(bugprone-suspicious-include) */

#include <err.h>
#include <stdio.h>

enum { SHORTEST = 65530, LONGEST = 70000, LARGEST_PAYLOAD = UINT16_MAX - 4 };

static struct netlink_batch batch;
static char text[LONGEST + 1];

static void begin(void)
{
	batch.size = batch.begun = 0;
	batch.messages = batch.error = 0;
	netlink_begin(&batch, 16, 0, 16);
}

/* The attribute at this place holds size bytes; or there was an error, and it would not have fit. */
static void check(const char *what, size_t at, size_t size)
{
	const struct nlattr *attribute = (const void *)(batch.data + at);
	bool fits = size <= LARGEST_PAYLOAD;
	if (fits == (batch.error != 0))
		errx(1, "%s of %zu bytes: %s", what, size, fits ? "refused" : "no error");
	if (fits && netlink_payload_size(attribute) != size)
		errx(1, "%s of %zu bytes: its length says %zu", what, size,
		     netlink_payload_size(attribute));
	if (!fits && netlink_send(-1, &batch) == 0)
		errx(1, "%s of %zu bytes: sent", what, size);
}

static void try_lengths(void)
{
	memset(text, 'x', LONGEST); /* and a NUL */
	for (size_t size = SHORTEST; size <= LONGEST; size++) {
		begin();
		size_t at = batch.size;
		netlink_bytes(&batch, 1, text, size);
		check("an attribute", at, size);

		begin();
		netlink_text(&batch, 1, text + LONGEST + 1 - size); /* and its NUL */
		check("a text", at, size);

		/* A nest grows attribute by attribute, each of them short enough. */
		begin();
		size_t nest = netlink_nest(&batch, 1);
		size_t rest = (size & ~3UL) - (size_t)2 * nla_header;
		netlink_bytes(&batch, 2, text, 30000);
		netlink_bytes(&batch, 3, text, rest - 30000);
		netlink_nest_end(&batch, nest);
		check("a nest", nest, size & ~3UL);
	}
	printf("attributes, texts and nests of %d to %d bytes\n", SHORTEST, LONGEST);
}

/* Another socket's refusal of a message that the first is about to send. */
static void forge_refusal(uint32_t receiver)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} refusal = { .header = { .nlmsg_len = sizeof(refusal), .nlmsg_type = NLMSG_ERROR },
		      .error = { .error = -EACCES } };
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_pid = receiver };
	AUTO_CLOSE int fd = netlink_open(NETLINK_ROUTE);
	if (sendto(fd, &refusal, sizeof(refusal), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		err(1, "cannot write to another's socket");
}

static void try_stranger(void)
{
	char peeked[64];
	struct sockaddr_nl own = { .nl_family = AF_NETLINK };
	socklen_t size = sizeof(own);
	AUTO_CLOSE int fd = netlink_open(NETLINK_ROUTE);
	if (bind(fd, (struct sockaddr *)&own, size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&own, &size) < 0)
		err(1, "netlink socket");
	forge_refusal(own.nl_pid);
	if (recv(fd, peeked, sizeof(peeked), MSG_PEEK | MSG_DONTWAIT) < 0)
		err(1, "the forged answer is not there");
	netlink_begin(&batch, NLMSG_NOOP, 0, 0);
	if (netlink_send(fd, &batch) < 0)
		err(1, "a stranger's answer was taken for the kernel's");
	printf("a forged answer\n");
}

int main(int argc, char *argv[])
{
	if (argc == 2 && strcmp(argv[1], "lengths") == 0)
		try_lengths();
	else if (argc == 2 && strcmp(argv[1], "stranger") == 0)
		try_stranger();
	else
		errx(2, "usage: netlink lengths | stranger");
	return 0;
}
