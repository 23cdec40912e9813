/*
 * The life of one client's connection, one request after the other:
 *
 *     READING  --whole request-->  WORKING  --answer is made-->  WRITING  --keep-alive-->  READING
 *        |                         (at a worker)                    |
 *        +--can't be accepted, too late-->  WRITING                 +--last answer-->  DRAINING
 *
 * Whatever a client does, no thread ever waits for it: all sockets are non-blocking, and a
 * connection that doesn't get on is closed at its deadline.
 */
#ifndef TASK4_HTTP_CONNECTION_H
#define TASK4_HTTP_CONNECTION_H

#include "http.h"
#include "workers.h"

#include <stdint.h>

enum connection_state {
	CONNECTION_READING,  /* waits for the client to send its request */
	CONNECTION_WORKING,  /* a worker has it: nobody else may touch it */
	CONNECTION_WRITING,  /* waits for the client to take its answer */
	CONNECTION_DRAINING, /* all said; waits for the client to close its side */
	CONNECTION_CLOSED,
};

struct connection {
	struct work work; /* first: a worker's view of it */
	int fd;
	enum connection_state state;
	int64_t timeout_ms;  /* for a request to come in, and for an answer to be taken */
	int64_t since_ms;    /* when the state began, or the request's first byte came */
	int64_t deadline_ms; /* when to give up; means nothing while WORKING */
	struct http_request request;
	size_t head_size; /* of the request that is being read or answered; 0: not yet known */
	size_t body_left; /* bytes of its body that are still to come, and to be dropped */
	bool close_after; /* the answer is the last one */
	size_t out_size;  /* bytes of the answer */
	size_t out_sent;  /* ... that were sent */
	size_t in_size;	  /* bytes received: the request's head, then what follows it */
	char out[HTTP_ANSWER_MAX];
	char in[HTTP_HEAD_MAX + 4096];
};

/* Takes over the socket, which must be non-blocking. NULL with errno when there is no memory; the
 * socket is closed then. */
struct connection *connection_new(int fd, int64_t timeout_ms);

void connection_free(struct connection *connection);

/* Goes on as far as it can without waiting. A connection that is WORKING after it has a whole
 * request and is to be given to a worker. */
void connection_advance(struct connection *connection);

/* The worker's part: writes this answer to the connection's request, to be sent by the owner. */
void connection_answer(struct connection *connection, const struct http_response *response);

/* The owner has it back from the worker: sends the answer. */
void connection_answered(struct connection *connection);

/* The deadline has passed: says so to a client in the midst of a request, closes otherwise. */
void connection_expire(struct connection *connection);

/* What poll(2) is to wait for; 0 for nothing. */
short connection_events(const struct connection *connection);

#endif
