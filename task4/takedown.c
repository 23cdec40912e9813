/*
 * Undoing, of as much as was made: containers first, since with them all that runs inside ends;
 * then the programs in the background, which now have ended by themselves; the state last. What
 * fails is reported, and the rest goes on.
 */
#include "orchestrator.h"

#include "clock.h"
#include "common/error.h"

#include <errno.h>
#include <string.h>

enum { END_MS = 5000, PAUSE_MS = 20 };

/* 1 stopped, 0 there is none and none can come any more, -1 with o->why. */
static int try_to_stop(struct orchestrator *o, const struct service *service, int64_t deadline_ms)
{
	char why[sizeof(o->why)];
	for (bool seen = false;;) {
		if (conduct(o, -1, NULL, WORDS("stop", service->container)) == 0)
			return 1;
		memcpy(why, o->why, sizeof(why));
		int there = conduct_lists(o, "ps", service->container);
		if (there < 0 || (there && seen))
			return failed(o, "%s", why);
		seen = there; /* it may have come just after `stop` */
		if (there)
			continue;
		/* Not yet there, or no more: somebody else may have stopped it, or it was never
		 * made. As long as `run` is at work, it may still come. */
		if (background_ended(&service->run, PAUSE_MS, NULL))
			return 0;
		if (now_ms() >= deadline_ms && background_end(&service->run, PAUSE_MS) < 0)
			return failed(o, "`run` does not end");
	}
}

static int stop_container(struct orchestrator *o, struct service *service)
{
	if (!service->claimed)
		return 0;
	if (try_to_stop(o, service, now_ms() + END_MS) < 0) {
		report("cannot stop %s: %s", service->container, o->why);
		return -1;
	}
	service->claimed = 0;
	return 0;
}

static int end_program(const struct background *program, const char *what, const char *name)
{
	if (background_ended(program, END_MS, NULL) || background_end(program, END_MS) == 0)
		return 0;
	report_errno("", "cannot end `%s` of %s, process %d", what, name, (int)program->pid);
	return -1;
}

int take_down(struct orchestrator *o)
{
	struct service *services[] = { &o->external, &o->counter };
	int result = 0;
	for (size_t i = 0; i < 2; i++) {
		if (stop_container(o, services[i]) < 0)
			result = -1;
	}
	for (size_t i = 0; i < 2 && result == 0; i++) {
		if (end_program(&services[i]->serve, "exec", services[i]->name) < 0 ||
		    end_program(&services[i]->run, "run", services[i]->container) < 0)
			result = -1;
	}
	if (result == 0 && state_remove(o) < 0) {
		report("%s", o->why);
		result = -1;
	}
	return result;
}
