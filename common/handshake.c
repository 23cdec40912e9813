#include "common/handshake.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct packet {
	int message; /* enum handshake */
	struct handshake_failure failure;
};

/* Room for one descriptor, aligned as CMSG_FIRSTHDR wants it: cmsg(3). */
union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

int handshake_pair(int *parent_end, int *child_end)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	*parent_end = ends[0];
	*child_end = ends[1];
	return 0;
}

static int send_packet(int fd, struct packet *packet, int passed_fd)
{
	struct iovec part = { .iov_base = packet, .iov_len = sizeof(*packet) };
	union control control = { 0 };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	if (passed_fd >= 0) {
		header.msg_control = &control;
		header.msg_controllen = sizeof(control);
		struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(rights), &passed_fd, sizeof(int));
	}
	return sendmsg(fd, &header, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int handshake_tell(int fd, enum handshake message, int passed_fd)
{
	struct packet packet = { .message = (int)message };
	return send_packet(fd, &packet, passed_fd);
}

int handshake_hear(int fd, struct handshake_failure *failure, int *passed_fd)
{
	struct packet packet = { 0 };
	struct iovec part = { .iov_base = &packet, .iov_len = sizeof(packet) };
	union control control = { 0 };
	struct msghdr header = { .msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	ssize_t got;
	/* ECONNRESET comes once, where the other one ended with a word of ours unread, and before
	 * what it said last, which is still there. */
	do {
		got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
	} while (got < 0 && (errno == EINTR || errno == ECONNRESET));

	int received = -1;
	struct cmsghdr *rights = got > 0 ? CMSG_FIRSTHDR(&header) : NULL;
	if (rights && rights->cmsg_type == SCM_RIGHTS)
		memcpy(&received, CMSG_DATA(rights), sizeof(int));
	if (passed_fd)
		*passed_fd = received;
	else if (received >= 0)
		close(received);

	if (got < 0)
		return -1;
	if (got == 0)
		return HANDSHAKE_CLOSED;
	if (got != sizeof(packet)) {
		errno = EPROTO;
		return -1;
	}
	if (failure && packet.message == HANDSHAKE_FAILED)
		*failure = packet.failure;
	return packet.message;
}

void handshake_fail(int fd, int status, const char *format, ...)
{
	struct packet packet = { .message = HANDSHAKE_FAILED };
	packet.failure.status = status;
	packet.failure.errnum = errno;
	va_list args;
	va_start(args, format);
	vsnprintf(packet.failure.text, sizeof(packet.failure.text), format, args);
	va_end(args);
	send_packet(fd, &packet, -1); /* when the parent is gone there is nobody to tell */
	_exit(status);
}
