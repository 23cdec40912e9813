/* Steps 8 and 9: what the outside sees. Each answer must count one further than the one before. */
#include "orchestrator.h"

#include "clock.h"
#include "common/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 10000 };

int fetch(struct orchestrator *o, const char *address, int timeout_ms, struct http_reply *reply)
{
	struct http_url url;
	const char *why = "";
	reply->body = reply->data;
	if (url_parse(address, &url, &why) < 0)
		return failed(o, "%.300s: %s", address, why);
	if (http_fetch(&url, now_ms() + timeout_ms, reply) < 0)
		return failed(o, "%.300s: %s", address, http_fetch_error(errno));
	if (reply->status != 200)
		return failed(o, "%.300s: status %d: %.200s", address, reply->status, reply->body);
	return 0;
}

/* The number in the sentence: its first digits. 0, or -1 with o->why. */
static int read_count(struct orchestrator *o, const char *from, const char *sentence,
		      unsigned long long *count)
{
	const char *digits = sentence + strcspn(sentence, "0123456789");
	if (!*digits)
		return failed(o, "%.200s: no number in its answer: %.300s", from, sentence);
	*count = strtoull(digits, NULL, 10);
	return 0;
}

static int fetch_count(struct orchestrator *o, const char *host, unsigned long long *count)
{
	char address[300];
	struct http_reply reply;
	snprintf(address, sizeof(address), "http://%s:%d", host, o->port);
	if (fetch(o, address, ANSWER_MS, &reply) < 0)
		return -1;
	return read_count(o, address, reply.body, count);
}

static int must_follow(struct orchestrator *o, const char *from, unsigned long long count)
{
	if (count == o->last_count + 1) {
		o->last_count = count;
		return 0;
	}
	return failed(o,
		      "%.200s: it answered %llu, which does not follow %llu (is somebody else "
		      "fetching?)",
		      from, count, o->last_count);
}

/* On the host: twice by the address that others use, then, as an extra, by localhost. */
static int fetch_on_host(struct orchestrator *o)
{
	unsigned long long second = 0;
	unsigned long long third = 0;
	if (fetch_count(o, o->host, &o->last_count) < 0 || fetch_count(o, o->host, &second) < 0)
		return -1;
	unsigned long long first = o->last_count;
	if (must_follow(o, o->host, second) < 0)
		return -1;
	note(o, "http://%s:%d: %llu, %llu", o->host, o->port, first, second);
	/* Not every conductor publishes there, and the assignment doesn't ask for it. */
	if (fetch_count(o, "localhost", &third) < 0) {
		report("note: not by localhost: %s", o->why);
		return 0;
	}
	note(o, "http://%s:%d: %llu, %llu; http://localhost:%d: %llu", o->host, o->port, first,
	     second, o->port, third);
	return must_follow(o, "localhost", third);
}

/* By a command that fetches a URL from another machine; as git runs such commands, by the shell. */
static int fetch_from_outside(struct orchestrator *o)
{
	char url[300];
	char script[2048];
	if (!o->outside) {
		note(o, "not tried: no --outside COMMAND");
		return 0;
	}
	snprintf(url, sizeof(url), "http://%s:%d", o->host, o->port);
	int size = snprintf(script, sizeof(script), "%s \"$@\"", o->outside);
	if (size < 0 || (size_t)size >= sizeof(script))
		return failed(o, "--outside: the command is too long");
	char *argv[] = { "/bin/sh", "-c", script, "sh", url, NULL };
	AUTO_OUTCOME struct outcome outcome;
	if (run_program(argv, -1, 2 * ANSWER_MS, &outcome) < 0)
		return failed(o, "%.300s: %s", o->outside, strerror(errno));
	if (outcome.status != 0)
		return failed(o, "%.300s %s: status %d: %.300s", o->outside, url, outcome.status,
			      outcome.errors);
	unsigned long long count = 0;
	if (read_count(o, o->outside, outcome.output, &count) < 0 ||
	    must_follow(o, o->outside, count) < 0)
		return -1;
	note(o, "%s: %llu", url, count);
	return 0;
}

const struct step verify_steps[] = {
	{ "fetch on the host", fetch_on_host },
	{ "fetch from another machine", fetch_from_outside },
	{ NULL, NULL },
};
