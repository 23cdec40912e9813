/*
 * external-service: the page that the outside sees; its number comes from counter-service.
 *
 *     external-service PORT COUNTER_URL [--timeout MS] [--counter-timeout MS]
 *
 *     /    a sentence with the number that the counter answered, one further each time
 *
 * COUNTER_URL is http://HOST[:PORT][/], HOST a numeric IPv4 address or a name in /etc/hosts, which
 * is looked up anew for each request. 502 Bad Gateway is answered when the counter can't be reached
 * or answers something else than a number; 504 Gateway Timeout when it takes longer than
 * --counter-timeout (3000 ms, counted from when the request came). --timeout is how long a client
 * may take to send a request, and to take the answer (10000 ms).
 *
 * A request to the counter is never repeated, not even when it fails: it may have been counted.
 *
 * Needs no privilege. Serves on every IPv4 address until SIGTERM or SIGINT, and prints a line when
 * it is ready. Leaves nothing behind. connect(2), poll(2), hosts(5)
 */
#include "common/error.h"
#include "http_client.h"
#include "http_server.h"
#include "service_arguments.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A worker only waits for the counter; there are enough for as many clients at once. */
enum { THREADS = 64 };

struct gateway {
	struct http_url counter;
	int64_t counter_timeout_ms;
};

/* Is it the bare number, with or without the end of a line? Cuts that off. */
static bool is_number(char *body, size_t size)
{
	size_t digits = strspn(body, "0123456789");
	const char *end = body + digits;
	if (digits == 0 || digits > 20 || strlen(body) != size)
		return false;
	if (strcmp(end, "") != 0 && strcmp(end, "\n") != 0 && strcmp(end, "\r\n") != 0)
		return false;
	body[digits] = '\0';
	return true;
}

static void tell_count(struct http_response *response, bool peek, int64_t came_ms, void *arg)
{
	const struct gateway *gateway = arg;
	struct http_url url = gateway->counter;
	snprintf(url.path, sizeof(url.path), "%s",
		 peek ? "/get_counter" : "/get_and_increment_counter");

	struct http_reply reply;
	if (http_fetch(&url, came_ms + gateway->counter_timeout_ms, &reply) < 0)
		http_respond(response, errno == ETIMEDOUT ? 504 : 502, "counter-service: %s\n",
			     http_fetch_error(errno));
	else if (reply.status != 200)
		http_respond(response, 502, "counter-service: it answers with status %d\n",
			     reply.status);
	else if (!is_number(reply.body, reply.body_size))
		http_respond(response, 502, "counter-service: it answers no number\n");
	else
		http_respond(response, 200, "The counter stands at %s.\n", reply.body);
}

static const struct http_route routes[] = {
	{ "/", tell_count },
	{ NULL, NULL },
};

static void parse_counter_url(const char *text, struct http_url *url)
{
	const char *why = "";
	if (url_parse(text, url, &why) < 0)
		die(EXIT_USAGE, "COUNTER_URL %s: %s", text, why);
	if (strcmp(url->path, "/") != 0)
		die(EXIT_USAGE, "COUNTER_URL %s: it has a path: http://HOST[:PORT] is enough",
		    text);
}

int main(int argc, char *argv[])
{
	error_context("external-service", NULL);
	static const char usage[] = "external-service PORT COUNTER_URL [--timeout MS] "
				    "[--counter-timeout MS]";
	long long timeout_ms = 10000;
	long long counter_timeout_ms = 3000;
	struct service_option options[] = {
		{ "--timeout", &timeout_ms },
		{ "--counter-timeout", &counter_timeout_ms },
		{ NULL, NULL },
	};
	service_arguments(argc, argv, 2, options, usage);

	struct gateway gateway = { .counter_timeout_ms = counter_timeout_ms };
	parse_counter_url(argv[2], &gateway.counter);
	struct http_service service = {
		.name = "external-service",
		.port = (int)service_number("port", argv[1], 1, 65535),
		.threads = THREADS,
		.timeout_ms = timeout_ms,
		.routes = routes,
		.arg = &gateway,
	};
	return http_serve(&service);
}
