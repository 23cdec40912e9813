/*
 * A whole connection of the services, as a client makes it: several requests, cut into pieces. The
 * first byte of the input is the size of a piece; the rest is what the client sends.
 * Format: RFC 9112; task4/http_connection.h.
 *
 * Each answer must begin as one, and in the end the connection waits or is closed, never stuck.
 */
#include "task4/http_connection.h"
#include "fuzz.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

/* Reads all that the service has sent so far. */
static size_t take_answers(int client, char *first, size_t room)
{
	char block[4096];
	size_t total = 0;
	ssize_t got;
	while ((got = recv(client, block, sizeof(block), MSG_DONTWAIT)) > 0) {
		if (total == 0)
			memcpy(first, block, (size_t)got < room ? (size_t)got : room);
		total += (size_t)got;
	}
	return total;
}

static void serve(struct connection *connection)
{
	struct http_response response;
	connection_advance(connection);
	while (connection->state == CONNECTION_WORKING) {
		MUST(connection->request.path.size > 0);
		http_respond(&response, 200, "%.*s\n", (int)connection->request.path.size,
			     connection->request.path.start);
		connection_answer(connection, &response);
		connection_answered(connection);
	}
	MUST(connection->in_size <= sizeof(connection->in));
	MUST(connection->out_size <= sizeof(connection->out));
	/* The client has taken every answer, so there is nothing to wait for but its next bytes. */
	MUST(connection->state != CONNECTION_WRITING);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int ends[2];
	if (size < 2)
		return 0;
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
	struct connection *connection = connection_new(ends[1], 1000);
	MUST(connection);
	size_t piece = data[0] ? data[0] * 16U : 1;
	for (size_t at = 1; at < size && connection->state != CONNECTION_CLOSED; at += piece) {
		char first[8] = "";
		size_t length = size - at < piece ? size - at : piece;
		send(ends[0], data + at, length, MSG_NOSIGNAL);
		serve(connection);
		if (take_answers(ends[0], first, sizeof(first)) > 0)
			MUST(memcmp(first, "HTTP/1.1", sizeof(first)) == 0);
	}
	close(ends[0]);
	while (connection_events(connection) & POLLIN)
		connection_advance(connection);
	connection_expire(connection);
	connection_free(connection);
	return 0;
}
