/*
 * Netlink messages: built in a buffer, sent in one go, answered one by one. netlink(7),
 * rtnetlink(7)
 *
 *     struct netlink_batch batch = { 0 };
 *     struct ifinfomsg *link = netlink_begin(&batch, RTM_NEWLINK, NLM_F_CREATE, sizeof(*link));
 *     link->ifi_index = 7;
 *     netlink_text(&batch, IFLA_IFNAME, "veth0");
 *     size_t nest = netlink_nest(&batch, IFLA_LINKINFO);
 *     ...
 *     netlink_nest_end(&batch, nest);
 *     if (netlink_send(fd, &batch) < 0) ...
 *
 * Building needs no checks: a batch remembers that it has no room, and netlink_send tells then.
 */
#ifndef COMMON_NETLINK_H
#define COMMON_NETLINK_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef NETLINK_BATCH_SIZE /* the tests of 16-bit lengths need more than 65,535 */
#define NETLINK_BATCH_SIZE 65536
#endif

struct netlink_batch {
	size_t size;	/* bytes used */
	size_t begun;	/* where the message being built begins */
	int messages;	/* of which so many ask for an answer */
	int error;	/* errno of the first thing that didn't fit, or 0 */
	char text[160]; /* the kernel's own words on an error, if it has any (NLM_F_ACK_TLVS) */
	char data[NETLINK_BATCH_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* Opens a socket to the kernel (NETLINK_ROUTE, NETLINK_NETFILTER). A descriptor, or -1 with errno.
 */
int netlink_open(int protocol);

/*
 * Begins a message and returns its family header of header_size zeroed bytes, to be filled in
 * before the next call. NLM_F_REQUEST is added to the flags, and NLM_F_ACK unless it is a dump.
 */
void *netlink_begin(struct netlink_batch *batch, int type, int flags, size_t header_size);

/*
 * The same without asking for an answer: the ends of an nf_tables batch, and what is in it by the
 * hundred, as there is room for some 250 answers. An error is answered all the same.
 */
void *netlink_begin_silent(struct netlink_batch *batch, int type, int flags, size_t header_size);

/* Adds an attribute to the message begun last. Numbers are in the machine's byte order. */
void netlink_bytes(struct netlink_batch *batch, int type, const void *data, size_t size);
void netlink_text(struct netlink_batch *batch, int type, const char *text); /* with its NUL */
void netlink_u8(struct netlink_batch *batch, int type, uint8_t value);
void netlink_u32(struct netlink_batch *batch, int type, uint32_t value);
void netlink_be32(struct netlink_batch *batch, int type, uint32_t value); /* sent big-endian */

/* Attributes added between these two lie inside one of this type. */
size_t netlink_nest(struct netlink_batch *batch, int type);
void netlink_nest_end(struct netlink_batch *batch, size_t nest);

/* Raw bytes inside a nest, such as a second family header; zeroed. NULL when there is no room. */
void *netlink_room(struct netlink_batch *batch, size_t size);

/*
 * Sends the batch and reads the kernel's answers. 0, or -1 with the errno of the first message that
 * failed (batch->text may say more). Messages of rtnetlink before that one have taken effect;
 * of an nf_tables batch none has.
 */
int netlink_send(int fd, struct netlink_batch *batch);

/*
 * Receives one datagram of the kernel's, like recv(2). What another process sent is thrown away: one
 * with CAP_NET_ADMIN in the socket's network namespace may write to it (CVE-2009-1185 was that).
 */
ssize_t netlink_receive(int fd, void *buffer, size_t size, int flags);

/*
 * Takes the next message off the front of a datagram, which need not be well-formed. NULL at its end;
 * or where what follows is no whole message, and *left isn't 0 then.
 */
const struct nlmsghdr *netlink_next(const void **data, size_t *left);

/*
 * Sends a batch of one NLM_F_DUMP message and calls visit for every message of the answer until one
 * returns -1. 0, or -1 with errno.
 */
int netlink_dump(int fd, struct netlink_batch *batch,
		 int (*visit)(const struct nlmsghdr *message, void *arg), void *arg);

/*
 * Finds the attribute of this type among those that begin at data, size bytes in all. NULL if it is
 * not there or is shorter than min_size bytes of payload. Netlink's lengths are never trusted past
 * size.
 */
const struct nlattr *netlink_find(const void *data, size_t size, int type, size_t min_size);
const void *netlink_payload(const struct nlattr *attribute);
size_t netlink_payload_size(const struct nlattr *attribute);

/* The attributes of a message that follow a family header of header_size bytes. NULL, 0 when it is
 * shorter. */
const void *netlink_attributes(const struct nlmsghdr *message, size_t header_size, size_t *size);

#endif
