/*
 * counter-service: a counter that answers over HTTP.
 *
 *     counter-service PORT THREADS [--timeout MS]
 *
 *     /get_and_increment_counter   the number, which is then one higher. It begins at 1
 *     /get_counter                 the number that the next increment will answer
 *     /reset_counter               1 again
 *
 * Each answers the bare number as text/plain. THREADS (1 to 256) so many requests are worked on at
 * once, and each is counted exactly once: one atomic addition. --timeout is how long a client may
 * take to send a request, and to take the answer (10000 ms).
 *
 * Needs no privilege. Serves on every IPv4 address until SIGTERM or SIGINT, and prints a line when
 * it is ready. Leaves nothing behind; the count is gone with it. pthreads(7), poll(2)
 */
#include "common/error.h"
#include "http_server.h"
#include "service_arguments.h"

#include <stdatomic.h>

enum { FIRST_COUNT = 1, THREADS_MAX = 256 };

typedef _Atomic unsigned long long counter;

static void get_and_increment(struct http_response *response, bool peek, int64_t came_ms, void *arg)
{
	(void)came_ms;
	counter *count = arg;
	http_respond(response, 200, "%llu", peek ? *count : atomic_fetch_add(count, 1));
}

static void get(struct http_response *response, bool peek, int64_t came_ms, void *arg)
{
	(void)peek;
	(void)came_ms;
	counter *count = arg;
	http_respond(response, 200, "%llu", *count);
}

static void reset(struct http_response *response, bool peek, int64_t came_ms, void *arg)
{
	(void)came_ms;
	counter *count = arg;
	if (!peek)
		atomic_store(count, FIRST_COUNT);
	http_respond(response, 200, "%d", FIRST_COUNT);
}

static const struct http_route routes[] = {
	{ "/get_and_increment_counter", get_and_increment },
	{ "/get_counter", get },
	{ "/reset_counter", reset },
	{ NULL, NULL },
};

int main(int argc, char *argv[])
{
	error_context("counter-service", NULL);
	static const char usage[] = "counter-service PORT THREADS [--timeout MS]";
	long long timeout_ms = 10000;
	struct service_option options[] = { { "--timeout", &timeout_ms }, { NULL, NULL } };
	service_arguments(argc, argv, 2, options, usage);

	counter count = FIRST_COUNT;
	struct http_service service = {
		.name = "counter-service",
		.port = (int)service_number("port", argv[1], 1, 65535),
		.threads = (unsigned)service_number("number of threads", argv[2], 1, THREADS_MAX),
		.timeout_ms = timeout_ms,
		.routes = routes,
		.arg = &count,
	};
	return http_serve(&service);
}
