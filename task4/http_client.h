/* Fetching an address: one GET over a connection of its own. */
#ifndef TASK4_HTTP_CLIENT_H
#define TASK4_HTTP_CLIENT_H

#include "http.h"
#include "url.h"

#include <stdint.h>

struct http_reply {
	int status;
	char *body; /* ends with a NUL that body_size does not count; lies in data */
	size_t body_size;
	size_t size;
	char data[HTTP_HEAD_MAX + HTTP_BODY_MAX + 1];
};

/*
 * Fetches the address, in all not later than deadline_ms (now_ms). Never a second time on its own:
 * a request that may have been counted must not be repeated. 0 for an answer of any status, or -1
 * with errno: ENOENT unknown name, ETIMEDOUT too late, EPROTO not HTTP or cut short, EMSGSIZE too
 * long, else connect's own.
 */
int http_fetch(const struct http_url *url, int64_t deadline_ms, struct http_reply *reply);

/* What to call the errno that http_fetch left: "does not answer in time". */
const char *http_fetch_error(int errnum);

#endif
