#include "common/netlink.h"

#include "common/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

/* NLMSG_ALIGN and NLA_HDRLEN of the kernel's header, with the type that sizes have. */
static size_t align(size_t size)
{
	return (size + NLMSG_ALIGNTO - 1) & ~(size_t)(NLMSG_ALIGNTO - 1);
}

static const size_t nla_header = sizeof(struct nlattr);
static const size_t nlmsg_header = sizeof(struct nlmsghdr);

int netlink_open(int protocol)
{
	AUTO_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return -1;
	/* With an error: the kernel's own words, and not our whole message again. */
	int on = 1;
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	/* Answers come within the call that asks; should one be missing, don't wait for ever. */
	struct timeval limit = { .tv_sec = 5 };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	int opened = fd;
	fd = -1;
	return opened;
}

void *netlink_room(struct netlink_batch *batch, size_t size)
{
	size_t aligned = align(size);
	if (size > UINT16_MAX || batch->size + aligned > sizeof(batch->data)) {
		batch->error = ENOBUFS;
		return NULL;
	}
	void *room = batch->data + batch->size;
	memset(room, 0, aligned);
	batch->size += aligned;
	return room;
}

/* The header's length follows whatever is added; so there is no end to forget. */
static void update_length(struct netlink_batch *batch)
{
	struct nlmsghdr *header = (struct nlmsghdr *)(void *)(batch->data + batch->begun);
	header->nlmsg_len = (uint32_t)(batch->size - batch->begun);
}

void *netlink_begin_silent(struct netlink_batch *batch, int type, int flags, size_t header_size)
{
	/* Where there is no room the caller still gets something that it may write to. */
	static _Alignas(NLMSG_ALIGNTO) char spare[256];

	size_t begun = batch->size;
	struct nlmsghdr *header = netlink_room(batch, sizeof(*header));
	void *family = netlink_room(batch, header_size);
	if (!header || !family)
		return spare;
	batch->begun = begun;
	header->nlmsg_type = (uint16_t)type;
	header->nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST);
	header->nlmsg_seq = (uint32_t)batch->messages;
	update_length(batch);
	return family;
}

void *netlink_begin(struct netlink_batch *batch, int type, int flags, size_t header_size)
{
	bool dump = (flags & NLM_F_DUMP) == NLM_F_DUMP;
	batch->messages += !dump;
	return netlink_begin_silent(batch, type, dump ? flags : flags | NLM_F_ACK, header_size);
}

void netlink_bytes(struct netlink_batch *batch, int type, const void *data, size_t size)
{
	struct nlattr *attribute = netlink_room(batch, nla_header + size);
	if (!attribute)
		return;
	attribute->nla_type = (uint16_t)type;
	attribute->nla_len = (uint16_t)(nla_header + size);
	if (size)
		memcpy((char *)attribute + nla_header, data, size);
	update_length(batch);
}

void netlink_text(struct netlink_batch *batch, int type, const char *text)
{
	netlink_bytes(batch, type, text, strlen(text) + 1);
}

void netlink_u8(struct netlink_batch *batch, int type, uint8_t value)
{
	netlink_bytes(batch, type, &value, sizeof(value));
}

void netlink_u32(struct netlink_batch *batch, int type, uint32_t value)
{
	netlink_bytes(batch, type, &value, sizeof(value));
}

void netlink_be32(struct netlink_batch *batch, int type, uint32_t value)
{
	netlink_u32(batch, type, htonl(value));
}

size_t netlink_nest(struct netlink_batch *batch, int type)
{
	size_t nest = batch->size;
	netlink_bytes(batch, type | NLA_F_NESTED, NULL, 0);
	return nest;
}

void netlink_nest_end(struct netlink_batch *batch, size_t nest)
{
	if (batch->error)
		return;
	size_t size = batch->size - nest;
	if (size > UINT16_MAX) { /* CVE-2021-43784: nla_len has 16 bits, and would wrap */
		batch->error = EMSGSIZE;
		return;
	}
	struct nlattr *attribute = (struct nlattr *)(void *)(batch->data + nest);
	attribute->nla_len = (uint16_t)size;
	update_length(batch);
}

const struct nlattr *netlink_find(const void *data, size_t size, int type, size_t min_size)
{
	const char *next = data;
	while (size >= nla_header) {
		const struct nlattr *attribute = (const struct nlattr *)(const void *)next;
		if (attribute->nla_len < nla_header || attribute->nla_len > size)
			return NULL;
		if ((attribute->nla_type & NLA_TYPE_MASK) == type)
			return netlink_payload_size(attribute) >= min_size ? attribute : NULL;
		size_t step = align(attribute->nla_len);
		if (step > size)
			return NULL;
		next += step;
		size -= step;
	}
	return NULL;
}

const void *netlink_payload(const struct nlattr *attribute)
{
	return (const char *)attribute + nla_header;
}

size_t netlink_payload_size(const struct nlattr *attribute)
{
	return (size_t)attribute->nla_len - nla_header;
}

const void *netlink_attributes(const struct nlmsghdr *message, size_t header_size, size_t *size)
{
	size_t skip = nlmsg_header + align(header_size);
	*size = message->nlmsg_len > skip ? message->nlmsg_len - skip : 0;
	return *size ? (const char *)message + skip : NULL;
}

/* Keeps the kernel's words that follow an error, if any. */
static void keep_text(struct netlink_batch *batch, const struct nlmsghdr *message)
{
	size_t size;
	const void *attributes = netlink_attributes(message, sizeof(struct nlmsgerr), &size);
	const struct nlattr *text = netlink_find(attributes, size, NLMSGERR_ATTR_MSG, 1);
	if (!text || !(message->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	size_t length = strnlen(netlink_payload(text), netlink_payload_size(text));
	if (length >= sizeof(batch->text))
		length = sizeof(batch->text) - 1;
	memcpy(batch->text, netlink_payload(text), length);
	batch->text[length] = '\0';
}

ssize_t netlink_receive(int fd, void *buffer, size_t size, int flags)
{
	for (;;) {
		struct sockaddr_nl sender = { 0 };
		socklen_t sender_size = sizeof(sender);
		ssize_t got =
			recvfrom(fd, buffer, size, flags, (struct sockaddr *)&sender, &sender_size);
		if (got < 0 || sender.nl_pid == 0) /* the kernel's own number */
			return got;
	}
}

const struct nlmsghdr *netlink_next(const void **data, size_t *left)
{
	const struct nlmsghdr *message = *data;
	if (*left < nlmsg_header || message->nlmsg_len < nlmsg_header || message->nlmsg_len > *left)
		return NULL;
	/* The last one may lack its padding: NLMSG_NEXT would then count below 0. */
	size_t step = align(message->nlmsg_len);
	if (step > *left)
		step = *left;
	*data = (const char *)message + step;
	*left -= step;
	return message;
}

/* Takes the errno that an answer carries: 0, or negative. 0, or -1 with errno. */
static int take_error(int error)
{
	if (error)
		errno = error < 0 && error != INT_MIN ? -error : EPROTO;
	return error ? -1 : 0;
}

/* The answer to one message of the batch. 0, or -1 with errno. */
static int read_answer(struct netlink_batch *batch, const struct nlmsghdr *message)
{
	const struct nlmsgerr *answer = NLMSG_DATA(message);
	if (message->nlmsg_len < nlmsg_header + sizeof(int)) {
		errno = EPROTO;
		return -1;
	}
	batch->messages--;
	if (answer->error)
		keep_text(batch, message);
	return take_error(answer->error);
}

/* The end of a dump, which the kernel may have had to break off. 1, or -1 with errno. */
static int read_end(const struct nlmsghdr *message)
{
	const int *error = NLMSG_DATA(message);
	bool told = message->nlmsg_len >= nlmsg_header + sizeof(int);
	return told && take_error(*error) < 0 ? -1 : 1;
}

/*
 * Calls visit for each message in one datagram. Returns what the last visit returned.
 * An error message becomes errno; NLMSG_DONE ends a dump with the result 1.
 */
static int read_datagram(int fd, struct netlink_batch *batch,
			 int (*visit)(const struct nlmsghdr *message, void *arg), void *arg)
{
	_Alignas(NLMSG_ALIGNTO) char buffer[32768];
	ssize_t got = netlink_receive(fd, buffer, sizeof(buffer), 0);
	if (got < 0)
		return errno == EINTR ? 0 : -1;

	size_t left = (size_t)got;
	const void *next = buffer;
	const struct nlmsghdr *message;
	while ((message = netlink_next(&next, &left))) {
		if (message->nlmsg_type == NLMSG_DONE)
			return read_end(message);
		if (message->nlmsg_type == NLMSG_ERROR ? read_answer(batch, message) < 0
						       : visit && visit(message, arg) < 0)
			return -1;
	}
	if (left > 0)
		errno = EPROTO;
	return left > 0 ? -1 : 0;
}

static int send_data(int fd, struct netlink_batch *batch)
{
	if (batch->error) {
		errno = batch->error;
		return -1;
	}
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t put =
		sendto(fd, batch->data, batch->size, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	return put < 0 ? -1 : 0;
}

int netlink_send(int fd, struct netlink_batch *batch)
{
	if (send_data(fd, batch) < 0)
		return -1;
	while (batch->messages > 0) {
		if (read_datagram(fd, batch, NULL, NULL) < 0) {
			/* The answers to the messages behind this one must not be taken for those
			 * to the next batch. The kernel has sent them all by now. */
			int saved = errno;
			char rest[4096];
			while (netlink_receive(fd, rest, sizeof(rest), MSG_DONTWAIT) >= 0)
				continue;
			errno = saved;
			return -1;
		}
	}
	return 0;
}

int netlink_dump(int fd, struct netlink_batch *batch,
		 int (*visit)(const struct nlmsghdr *message, void *arg), void *arg)
{
	if (send_data(fd, batch) < 0)
		return -1;
	for (;;) {
		int result = read_datagram(fd, batch, visit, arg);
		if (result != 0)
			return result < 0 ? -1 : 0;
	}
}
