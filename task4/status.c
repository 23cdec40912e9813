/* What is up: asked of the conductor, and of the services themselves, by questions that count
 * nothing. */
#include "orchestrator.h"

#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ANSWER_MS = 2000 };

static bool print_container(struct orchestrator *o, const struct service *service)
{
	bool running = conduct(o, -1, NULL, WORDS("exec", service->container, "--", "true")) == 0;
	printf("container %s: %s%s%s\n", service->container, running ? "running" : "not running",
	       running ? "" : ": ", running ? "" : o->why);
	return running;
}

static bool print_counter(struct orchestrator *o)
{
	char url[128];
	struct http_reply reply;
	const struct service *service = &o->counter;
	if (!*service->address) {
		printf("%s in %s: not started\n", service->name, service->container);
		return false;
	}
	snprintf(url, sizeof(url), "http://%s:%d/get_counter", service->address, INNER_PORT);
	bool answers = fetch(o, url, ANSWER_MS, &reply) == 0;
	printf("%s in %s: %s %.500s\n", service->name, service->container,
	       answers ? "answers; the next number is" : "does not answer:",
	       answers ? reply.body : o->why);
	return answers;
}

static bool print_external(struct orchestrator *o)
{
	struct http_url url = { .port = o->port, .path = "/ready" };
	struct http_reply reply;
	snprintf(url.host, sizeof(url.host), "%s", o->host);
	bool answers = http_fetch(&url, now_ms() + ANSWER_MS, &reply) == 0;
	printf("%s in %s: %s http://%s:%d%s%s\n", o->external.name, o->external.container,
	       answers ? "answers at" : "does not answer at", o->host, o->port, answers ? "" : ": ",
	       answers ? "" : http_fetch_error(errno));
	return answers;
}

int print_status(struct orchestrator *o)
{
	bool all = print_container(o, &o->external);
	all &= print_external(o);
	all &= print_container(o, &o->counter);
	all &= print_counter(o);
	return all ? 0 : -1;
}
