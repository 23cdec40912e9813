#include "http_connection.h"

#include "clock.h"
#include "common/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long a client may take to close its side after the last answer. */
enum { DRAIN_MS = 1000 };

static void enter(struct connection *connection, enum connection_state state)
{
	connection->state = state;
	connection->since_ms = now_ms();
	int64_t limit = connection->timeout_ms;
	if (state == CONNECTION_DRAINING && limit > DRAIN_MS)
		limit = DRAIN_MS;
	connection->deadline_ms = connection->since_ms + limit;
}

struct connection *connection_new(int fd, int64_t timeout_ms)
{
	struct connection *connection = malloc(sizeof(*connection));
	if (!connection) {
		close_fd(&fd);
		return NULL;
	}
	memset(connection, 0, offsetof(struct connection, out)); /* all but the buffers */
	connection->fd = fd;
	connection->timeout_ms = timeout_ms;
	enter(connection, CONNECTION_READING);
	return connection;
}

void connection_free(struct connection *connection)
{
	close_fd(&connection->fd);
	free(connection);
}

/* Answers without having read the whole request; after that, only the end can follow. */
static void refuse(struct connection *connection, int status)
{
	struct http_response response;
	http_respond_status(&response, status);
	connection->close_after = true;
	connection->out_sent = 0;
	connection->out_size =
		http_format_answer(connection->out, &response,
				   connection->request.method == HTTP_HEAD, false, time(NULL));
	enter(connection, CONNECTION_WRITING);
}

/* Drops as much of the body as is there. The bytes after it begin the next request. */
static void drop_body(struct connection *connection)
{
	size_t there = connection->in_size - connection->head_size;
	size_t dropped = there < connection->body_left ? there : connection->body_left;
	char *body = connection->in + connection->head_size;
	memmove(body, body + dropped, there - dropped);
	connection->in_size -= dropped;
	connection->body_left -= dropped;
}

/* A client that asks for it sends no body before (RFC 9110 10.1.1). */
static void ask_for_body(struct connection *connection)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	connection->close_after = false;
	connection->out_sent = 0;
	connection->out_size = sizeof(text) - 1;
	memcpy(connection->out, text, sizeof(text) - 1);
	enter(connection, CONNECTION_WRITING);
}

/* Looks for a request in the bytes that are there. True when the connection has left READING. */
static bool find_request(struct connection *connection)
{
	struct http_request *request = &connection->request;
	if (connection->head_size == 0) {
		ssize_t size = http_parse_request(connection->in, connection->in_size, request);
		if (size < 0)
			refuse(connection, request->refusal);
		if (size <= 0)
			return size < 0;
		connection->head_size = (size_t)size;
		connection->body_left = request->body_size;
		drop_body(connection);
		if (connection->body_left > 0 && request->expects_continue) {
			ask_for_body(connection);
			return true;
		}
	}
	drop_body(connection);
	if (connection->body_left > 0)
		return false;
	enter(connection, CONNECTION_WORKING);
	return true;
}

/* Did a call on the socket fail only because it would have to wait? If not, it's the end. */
static void close_unless_waiting(struct connection *connection)
{
	if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		connection->state = CONNECTION_CLOSED;
}

/* True when something has come of it. */
static bool read_request(struct connection *connection)
{
	if (find_request(connection))
		return true;
	bool begun = connection->in_size > 0;
	ssize_t got = recv(connection->fd, connection->in + connection->in_size,
			   sizeof(connection->in) - connection->in_size, 0);
	if (got < 0) {
		close_unless_waiting(connection);
		return false;
	}
	if (got == 0) {
		connection->state = CONNECTION_CLOSED;
		return false;
	}
	/* From its first byte on a request has its whole time, however long the client was silent
	 * before; but more bytes win it no more time. */
	if (!begun)
		enter(connection, CONNECTION_READING);
	connection->in_size += (size_t)got;
	return true;
}

static void begin_next_request(struct connection *connection)
{
	connection->in_size -= connection->head_size;
	memmove(connection->in, connection->in + connection->head_size, connection->in_size);
	connection->head_size = 0;
	enter(connection, CONNECTION_READING);
}

/* True when the whole answer is on its way. */
static bool write_answer(struct connection *connection)
{
	while (connection->out_sent < connection->out_size) {
		ssize_t put = send(connection->fd, connection->out + connection->out_sent,
				   connection->out_size - connection->out_sent, MSG_NOSIGNAL);
		if (put < 0) {
			close_unless_waiting(connection);
			return false;
		}
		connection->out_sent += (size_t)put;
	}
	if (!connection->close_after) {
		if (connection->body_left > 0) /* that was only "100 Continue" */
			enter(connection, CONNECTION_READING);
		else
			begin_next_request(connection);
		return true;
	}
	/* Only our side: a close with bytes unread would send a reset, and that can overtake the
	 * answer and wipe it out at the client (RFC 9112 9.6). */
	shutdown(connection->fd, SHUT_WR);
	enter(connection, CONNECTION_DRAINING);
	return true;
}

/* One buffer at a time: a client that sends without end gets no more than its turn. */
static void drain(struct connection *connection)
{
	ssize_t got = recv(connection->fd, connection->in, sizeof(connection->in), 0);
	if (got == 0)
		connection->state = CONNECTION_CLOSED;
	else if (got < 0)
		close_unless_waiting(connection);
}

void connection_advance(struct connection *connection)
{
	bool more = true;
	while (more) {
		switch (connection->state) {
		case CONNECTION_READING:
			more = read_request(connection);
			break;
		case CONNECTION_WRITING:
			more = write_answer(connection);
			break;
		case CONNECTION_DRAINING:
			drain(connection);
			more = false;
			break;
		case CONNECTION_WORKING:
		case CONNECTION_CLOSED:
			more = false;
			break;
		}
	}
}

void connection_answer(struct connection *connection, const struct http_response *response)
{
	const struct http_request *request = &connection->request;
	connection->close_after = !request->keep_alive;
	connection->out_sent = 0;
	connection->out_size =
		http_format_answer(connection->out, response, request->method == HTTP_HEAD,
				   request->keep_alive, time(NULL));
}

void connection_answered(struct connection *connection)
{
	enter(connection, CONNECTION_WRITING);
	connection_advance(connection);
}

void connection_expire(struct connection *connection)
{
	if (connection->state == CONNECTION_READING && connection->in_size > 0) {
		refuse(connection, 408);
		connection_advance(connection);
	} else {
		connection->state = CONNECTION_CLOSED;
	}
}

short connection_events(const struct connection *connection)
{
	switch (connection->state) {
	case CONNECTION_READING:
	case CONNECTION_DRAINING:
		return POLLIN;
	case CONNECTION_WRITING:
		return POLLOUT;
	default:
		return 0;
	}
}
