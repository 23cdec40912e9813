/*
 * The kernel's answers over netlink, and what others may send to the same socket: the readers of
 * common/netlink.c, task3/rtnl.c, pool.c (routes, links) and nft.c (tables, chains). The input is a
 * list of datagrams, each with two bytes of length before it (little end first; the highest bit:
 * from a process, not from the kernel).
 * Format: netlink(7), rtnetlink(7); linux/netfilter/nf_tables.h.
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include <sys/socket.h>

static const uint8_t *input;
static size_t input_size;
static char *poisoned;
static size_t poisoned_size;
static bool from_stranger; /* the datagram handed out last */

/* What was behind the datagram last read may be used for other things again. */
static void unpoison(void)
{
	ASAN_UNPOISON_MEMORY_REGION(poisoned, poisoned_size);
	poisoned_size = 0;
}

/* Hands out the next datagram; EAGAIN, as after a time limit, when there is none. */
static ssize_t receive(int fd, void *buffer, size_t room, int flags, struct sockaddr *from,
		       socklen_t *from_size)
{
	(void)fd;
	(void)flags;
	unpoison();
	if (input_size < 2) {
		errno = EAGAIN;
		return -1;
	}
	struct sockaddr_nl sender = { .nl_family = AF_NETLINK, .nl_pid = input[1] >> 7 };
	from_stranger = sender.nl_pid != 0;
	size_t size = input[0] | (size_t)(input[1] & 0x7f) << 8;
	input += 2;
	input_size -= 2;
	if (size > input_size)
		size = input_size;
	size_t got = size < room ? size : room;
	memcpy(buffer, input, got);
	/* So that a read past the datagram is seen, though the buffer goes on. */
	poisoned = (char *)buffer + got;
	poisoned_size = room - got;
	ASAN_POISON_MEMORY_REGION(poisoned, poisoned_size);
	input += size;
	input_size -= size;
	if (from && *from_size >= sizeof(sender)) {
		memcpy(from, &sender, sizeof(sender));
		*from_size = sizeof(sender);
	}
	return (ssize_t)got;
}

static int no_socket(int domain, int type, int protocol)
{
	(void)domain;
	(void)type;
	(void)protocol;
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static ssize_t pretend_to_send(int fd, const void *data, size_t size, const void *to)
{
	(void)fd;
	(void)data;
	(void)to;
	return (ssize_t)size;
}

#define socket					   no_socket
#define recv(fd, buffer, size, flags)		   receive(fd, buffer, size, flags, NULL, NULL)
#define recvfrom				   receive
#define sendto(fd, data, size, flags, to, to_size) pretend_to_send(fd, data, size, to)
/* The names that two of these files have in common. */
#define fail fail_rtnl
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "common/netlink.c"
#include "task3/nft.c"
#include "task3/pool.c"
#include "task3/rtnl.c"
/* NOLINTEND(bugprone-suspicious-include) */

/* Whatever is read is the kernel's. */
static int check_sender(const struct nlmsghdr *message, void *arg)
{
	(void)message;
	(void)arg;
	MUST(!from_stranger);
	return 0;
}

static void dump(void)
{
	static struct netlink_batch batch;
	batch = (struct netlink_batch){ 0 };
	netlink_dump(0, &batch, check_sender, NULL);
}

static void choose_subnet(void)
{
	struct link link = { 0 };
	MUST(pool_parse("10.66.0.0/16:28", &link) == 0);
	if (pool_choose(&link) == 0)
		MUST(link.host > link.pool && link.own == link.host + 1 &&
		     link.own < link.pool + (1U << 16));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void (*const readers[])(void) = { dump, choose_subnet, nft_warn_of_drops };
	for (size_t i = 0; i < sizeof(readers) / sizeof(*readers); i++) {
		input = data;
		input_size = size;
		readers[i]();
		unpoison();
	}
	input = data;
	input_size = size;
	nft_table_exists();
	unpoison();
	input = data;
	input_size = size;
	await_carrier(0, 100);
	unpoison();
	return 0;
}
