/*
 * HTTP/1.1 messages as bytes: RFC 9110 (what they mean), RFC 9112 (how they are written). Pure
 * functions: no input or output, no memory of their own, no state; whatever bytes they are given,
 * they read none outside of them. Sockets are the business of http_server.h and http_client.h.
 */
#ifndef TASK4_HTTP_H
#define TASK4_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

enum {
	HTTP_LINE_MAX = 4096,	/* bytes of a request line; longer: 414 */
	HTTP_HEAD_MAX = 8192,	/* bytes of a request or status line and all fields; longer: 431 */
	HTTP_FIELDS_MAX = 64,	/* fields ("header lines") of a message; more: 431 */
	HTTP_BODY_MAX = 65536,	/* bytes of a body; more: 413 */
	HTTP_ANSWER_MAX = 1024, /* bytes of a whole answer that http_format_answer makes, at most */
};

/* A part of somebody else's bytes, without a NUL at its end. */
struct http_text {
	const char *start;
	size_t size;
};

bool http_text_is(struct http_text text, const char *expected);

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OTHER };

struct http_request {
	enum http_method method;
	struct http_text path; /* without the query; lies in the bytes parsed, or is "/" */
	size_t body_size;      /* bytes that follow the head */
	bool keep_alive;       /* the client would use the connection again */
	bool expects_continue; /* it waits for "100 Continue" before it sends the body */
	int refusal;	       /* the status to refuse it with, 0 for none */
};

/*
 * Reads the head of the request that data begins with. Returns the head's size in bytes; 0 while it
 * is incomplete; -1 when it can't be accepted, with the status to answer in request->refusal. After
 * a refusal nobody knows where the next request would begin: the connection must be closed.
 * The result doesn't depend on how the bytes were cut into pieces.
 */
ssize_t http_parse_request(const char *data, size_t size, struct http_request *request);

struct http_reply_head {
	int status;
	bool has_body_size; /* else the body ends with the connection */
	size_t body_size;
};

/* The same for a server's answer to an HTTP/1.0 request: size, 0 incomplete, -1 not HTTP. */
ssize_t http_parse_reply(const char *data, size_t size, struct http_reply_head *reply);

/* What a service answers; text/plain. Filled in by http_respond. */
struct http_response {
	int status;
	size_t body_size;
	char body[512];
};

/* Sets the status and the body, which is cut where it doesn't fit. */
void http_respond(struct http_response *response, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with the status's own name as the body: "404 Not Found". */
void http_respond_status(struct http_response *response, int status);

/*
 * Writes the whole answer, head and (unless head_only, for HEAD) body, into out and returns its
 * size in bytes, at most HTTP_ANSWER_MAX. now is the time for the Date field.
 */
size_t http_format_answer(char out[HTTP_ANSWER_MAX], const struct http_response *response,
			  bool head_only, bool keep_alive, time_t now);

#endif
