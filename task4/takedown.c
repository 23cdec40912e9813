/*
 * Undoing, of as much as was made: containers first, since with them all that runs inside ends;
 * then the programs in the background, which now have ended by themselves; the state last. What
 * fails is reported, and the rest goes on.
 */
#include "orchestrator.h"

#include "common/error.h"

#include <errno.h>
#include <string.h>

enum { END_MS = 5000 };

static int stop_container(struct orchestrator *o, struct service *service)
{
	if (!service->claimed)
		return 0;
	if (conduct(o, -1, NULL, WORDS("stop", service->container)) == 0) {
		service->claimed = 0;
		return 0;
	}
	char why[sizeof(o->why)];
	memcpy(why, o->why, sizeof(why));
	/* Somebody else may have stopped it, or it was never made. */
	if (conduct_lists(o, "ps", service->container) == 0) {
		service->claimed = 0;
		return 0;
	}
	report("cannot stop %s: %s", service->container, why);
	return -1;
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
