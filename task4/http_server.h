/*
 * A small HTTP/1.1 server: one thread does all input and output, a pool of workers makes the
 * answers. So a client that is slow, silent or gone takes up a connection, of which there are many,
 * and never a worker, of which there may be few.
 */
#ifndef TASK4_HTTP_SERVER_H
#define TASK4_HTTP_SERVER_H

#include "http.h"

#include <stdint.h>

/*
 * Makes the answer to a GET; called by several workers at once. For a HEAD, peek is true: the same
 * answer, of which only the head is sent, and without any effect. came_ms (see now_ms) is when the
 * request was complete: it may have waited for a worker since.
 */
typedef void http_handler(struct http_response *response, bool peek, int64_t came_ms, void *arg);

struct http_route {
	const char *path;
	http_handler *handler;
};

struct http_service {
	const char *name; /* the program's, for what it prints */
	int port;
	unsigned threads;   /* workers: so many answers are made at once */
	int64_t timeout_ms; /* for a request to come in, and for an answer to be taken */
	const struct http_route *routes; /* the last one has the path NULL; others answer 404 */
	void *arg;			 /* the handlers' own */
};

/*
 * Serves on this port of every IPv4 address of the machine until SIGTERM or SIGINT, then finishes
 * the answers that are being made, for a second at most. Prints a line on standard output when
 * clients can connect. Returns the program's exit status; what failed was reported.
 */
int http_serve(const struct http_service *service);

#endif
