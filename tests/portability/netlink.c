/*
 * netlink - the messages that conductor sends to the kernel, as text
 *
 * Has task3/rtnl.c and task3/nft.c build what they send, and prints it. netlink(7) wants headers and
 * rtnetlink's numbers in the machine's byte order, nf_tables and addresses in the network's: so what
 * is of the machine's order is printed as a number, all else as bytes, and the text is the same on
 * every machine. Where it is wrong on none of them, the kernel takes it on all.
 */
#include "tests/fuzz/fuzz.h"

#include "common/netlink.h"

#include <fcntl.h>

static int print_batch(const struct netlink_batch *batch);

#define netlink_open(protocol)	open("/dev/null", O_RDWR | O_CLOEXEC)
#define netlink_send(fd, batch) print_batch(batch)
/* The name that both files have. */
#define fail fail_rtnl
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "task3/nft.c"
#include "task3/rtnl.c"
/* NOLINTEND(bugprone-suspicious-include) */
#undef netlink_send

/* How deep in a rule's list of expressions their names and the values that they compare are. */
enum { NAME_DEPTH = 3, VALUE_DEPTH = 5 };

static bool is_firewall;    /* the messages are nf_tables', not rtnetlink's */
static char expression[16]; /* whose attributes are being printed */

static void print_bytes(const void *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		printf("%02x", ((const unsigned char *)data)[i]);
	putchar('\n');
}

static void print_number(const void *data)
{
	uint32_t number;
	memcpy(&number, data, sizeof(number));
	printf("number 0x%x\n", number);
}

static void print_link(const void *data)
{
	struct ifinfomsg info;
	memcpy(&info, data, sizeof(info));
	printf("family %d type %d index %d flags 0x%x change 0x%x\n", info.ifi_family,
	       info.ifi_type, info.ifi_index, info.ifi_flags, info.ifi_change);
}

/* Is this attribute a number of the machine's order? By the kernel's headers: in a link's message all
 * of 32 bits are; for nf_tables what is compared with a register of 32 bits, which ct and fib load. */
static bool is_number(int message, int type, size_t size, int depth)
{
	if (size != sizeof(uint32_t))
		return false;
	if (!is_firewall)
		return message == RTM_NEWLINK || message == RTM_SETLINK;
	return depth == VALUE_DEPTH && type == NFTA_DATA_VALUE &&
	       (!strcmp(expression, "cmp") || !strcmp(expression, "bitwise"));
}

static void print_attributes(int message, const char *data, size_t size, int depth);

static void print_attribute(int message, const struct nlattr *attribute, int depth)
{
	const char *payload = netlink_payload(attribute);
	size_t size = netlink_payload_size(attribute);
	int type = attribute->nla_type & NLA_TYPE_MASK;
	printf("%*s%d: ", 2 * depth, "", type);
	if (attribute->nla_type & NLA_F_NESTED) {
		/* The far end of a veth pair: a link's header before its attributes. */
		size_t head = !is_firewall && message == RTM_NEWLINK && depth == 3 &&
					      type == VETH_INFO_PEER
				      ? sizeof(struct ifinfomsg)
				      : 0;
		if (head)
			print_link(payload);
		else
			putchar('\n');
		print_attributes(message, payload + head, size - head, depth + 1);
	} else if (is_number(message, type, size, depth)) {
		print_number(payload);
	} else if (is_firewall && depth == 1 && type == NFTA_SET_USERDATA &&
		   message == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSET)) {
		printf("%d %d ", payload[0], payload[1]);
		print_number(payload + 2);
	} else {
		print_bytes(payload, size);
	}
	if (is_firewall && type == NFTA_EXPR_NAME && depth == NAME_DEPTH)
		snprintf(expression, sizeof(expression), "%.*s", (int)size, payload);
}

static void print_attributes(int message, const char *data, size_t size, int depth)
{
	while (size > 0) {
		const struct nlattr *attribute = (const void *)data;
		MUST(size >= sizeof(*attribute) && attribute->nla_len >= sizeof(*attribute));
		size_t step = (attribute->nla_len + 3U) & ~3U;
		MUST(step <= size);
		print_attribute(message, attribute, depth);
		data += step;
		size -= step;
	}
}

/* The family's header, printed; its size. */
static size_t print_family(const struct nlmsghdr *message)
{
	const void *data = NLMSG_DATA(message);
	struct ifaddrmsg address;
	struct rtmsg route;
	if (is_firewall) { /* two bytes, and two in the network's order */
		print_bytes(data, sizeof(struct nfgenmsg));
		return sizeof(struct nfgenmsg);
	}
	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_SETLINK:
	case RTM_NEWLINKPROP:
		print_link(data);
		return sizeof(struct ifinfomsg);
	case RTM_NEWADDR:
		memcpy(&address, data, sizeof(address));
		printf("family %d prefix %d flags %d scope %d index %u\n", address.ifa_family,
		       address.ifa_prefixlen, address.ifa_flags, address.ifa_scope,
		       address.ifa_index);
		return sizeof(address);
	default:
		MUST(message->nlmsg_type == RTM_NEWROUTE);
		memcpy(&route, data, sizeof(route));
		MUST(route.rtm_flags == 0); /* the rest of it are bytes */
		print_bytes(data, sizeof(route));
		return sizeof(route);
	}
}

static int print_batch(const struct netlink_batch *batch)
{
	const void *next = batch->data;
	size_t left = batch->size;
	const struct nlmsghdr *message;
	MUST(!batch->error);
	while ((message = netlink_next(&next, &left))) {
		size_t size;
		printf("message %d flags 0x%x sequence %u length %u: ", message->nlmsg_type,
		       message->nlmsg_flags, message->nlmsg_seq, message->nlmsg_len);
		const char *attributes = netlink_attributes(message, print_family(message), &size);
		print_attributes(message->nlmsg_type, attributes, size, 1);
	}
	MUST(left == 0);
	return 0;
}

static const struct link a_link = {
	.outside = "c1-outside",
	.inside = "c1-inside",
	.outside_alias = "a-container-with-a-long-name-outside",
	.host = 0xc0a80101,
	.own = 0xc0a80102,
	.prefix = 24,
	.pool = 0xc0a80000,
	.pool_prefix = 16,
};

static void print_links(void)
{
	struct netlink_batch batch = { 0 };
	add_veth(&batch, &a_link, 258, 7);
	add_alias(&batch, 258, a_link.outside_alias);
	add_address(&batch, 258, a_link.host, a_link.prefix);
	set_up_with_localnet(&batch, 258);
	add_route(&batch, a_link.pool, a_link.pool_prefix, a_link.host);
	add_route(&batch, 0, 0, a_link.host);
	print_batch(&batch);
}

static void print_elements(bool add)
{
	struct nft_change change;
	nft_begin(&change, add);
	nft_container(&change, a_link.outside, a_link.own);
	nft_internet(&change, a_link.outside);
	nft_peers(&change, a_link.outside, "c2-outside");
	nft_publish(&change, 3000, a_link.own, 80);
	nft_commit(&change);
}

static void print_route(uint32_t address, int prefix, void *arg)
{
	(void)arg;
	printf("route read: 0x%08x/%d\n", address, prefix);
}

/* The other way: what the kernel says of routes and of another firewall's chains. */
static void read_answers(void)
{
	struct netlink_batch batch = { 0 };
	struct route_visit visit = { .visit = print_route };
	route_message(&batch, RTM_NEWROUTE, 0, a_link.pool, a_link.pool_prefix, a_link.host);
	MUST(visit_route((const void *)batch.data, &visit) == 0);
	batch = (struct netlink_batch){ 0 };
	add_chain(&batch, "forward", "filter", NF_INET_FORWARD, -1);
	netlink_be32(&batch, NFTA_CHAIN_POLICY, NF_DROP);
	netlink_be32(&batch, NFTA_CHAIN_HANDLE, 1);
	MUST(warn_of_drop((const void *)batch.data, NULL) == 0);
}

int main(void)
{
	read_answers();
	print_links();
	is_firewall = true;
	MUST(nft_make_table() == 0);
	print_elements(true);
	print_elements(false);
	return 0;
}
