#include "http_client.h"

#include "clock.h"
#include "common/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Waits until the socket can be read or written. 0, or -1 with errno ETIMEDOUT after the deadline.
 */
static int wait_for_socket(int fd, short events, int64_t deadline_ms)
{
	struct pollfd socket = { fd, events, 0 };
	int ready;
	do {
		ready = poll(&socket, 1, ms_until(deadline_ms));
	} while (ready < 0 && errno == EINTR);
	if (ready == 0)
		errno = ETIMEDOUT;
	return ready > 0 ? 0 : -1;
}

/* A connected socket, or -1 with errno. */
static int connect_to(const struct http_url *url, int64_t deadline_ms)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)url->port) };
	if (find_host(url->host, "/etc/hosts", &address.sin_addr) < 0)
		return -1;
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int error = 0;
		socklen_t size = sizeof(error);
		if (errno != EINPROGRESS && errno != EINTR)
			return -1;
		if (wait_for_socket(fd, POLLOUT, deadline_ms) < 0 ||
		    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
			return -1;
		if (error) {
			errno = error;
			return -1;
		}
	}
	int connected = fd;
	fd = -1; /* it stays open */
	return connected;
}

/* HTTP/1.0: the server then closes when it is done, and sends no chunks (RFC 9112 6.1). */
static int send_request(int fd, const struct http_url *url, int64_t deadline_ms)
{
	char text[sizeof(*url) + 128];
	size_t size = (size_t)snprintf(
		text, sizeof(text), "GET %s HTTP/1.0\r\nHost: %s:%d\r\nConnection: close\r\n\r\n",
		url->path, url->host, url->port);
	for (size_t sent = 0; sent < size;) {
		ssize_t put = send(fd, text + sent, size - sent, MSG_NOSIGNAL);
		if (put >= 0)
			sent += (size_t)put;
		else if ((errno != EAGAIN && errno != EINTR) ||
			 wait_for_socket(fd, POLLOUT, deadline_ms) < 0)
			return -1;
	}
	return 0;
}

/* Looks at what has come so far. 1 when the reply is whole, 0 when more must come, -1 with errno.
 */
static int parse(struct http_reply *reply, bool at_end)
{
	struct http_reply_head head;
	ssize_t head_size = http_parse_reply(reply->data, reply->size, &head);
	size_t body_size = head_size > 0 ? reply->size - (size_t)head_size : 0;
	bool whole = head_size > 0 && (head.has_body_size ? body_size >= head.body_size : at_end);
	if ((head_size > 0 && head.body_size > HTTP_BODY_MAX) ||
	    (!whole && reply->size == sizeof(reply->data) - 1)) {
		errno = EMSGSIZE;
		return -1;
	}
	if (head_size < 0 || (!whole && at_end)) {
		errno = EPROTO;
		return -1;
	}
	if (!whole)
		return 0;
	reply->status = head.status;
	reply->body = reply->data + head_size;
	reply->body_size = head.has_body_size ? head.body_size : body_size;
	reply->data[(size_t)head_size + reply->body_size] = '\0';
	return 1;
}

static int receive_reply(int fd, int64_t deadline_ms, struct http_reply *reply)
{
	int result = 0;
	while (result == 0) {
		ssize_t got = recv(fd, reply->data + reply->size,
				   sizeof(reply->data) - 1 - reply->size, 0);
		if (got >= 0) {
			reply->size += (size_t)got;
			result = parse(reply, got == 0);
		} else if (errno != EAGAIN && errno != EINTR) {
			result = -1;
		} else {
			result = wait_for_socket(fd, POLLIN, deadline_ms);
		}
	}
	return result < 0 ? -1 : 0;
}

int http_fetch(const struct http_url *url, int64_t deadline_ms, struct http_reply *reply)
{
	reply->size = 0;
	AUTO_CLOSE int fd = connect_to(url, deadline_ms);
	if (fd < 0 || send_request(fd, url, deadline_ms) < 0)
		return -1;
	return receive_reply(fd, deadline_ms, reply);
}

const char *http_fetch_error(int errnum)
{
	switch (errnum) {
	case ENOENT:
		return "no such host in /etc/hosts";
	case ETIMEDOUT:
		return "no answer in time";
	case EPROTO:
		return "the answer is not HTTP, or was cut short";
	case EMSGSIZE:
		return "the answer is too long";
	default:
		return strerror(errnum);
	}
}
