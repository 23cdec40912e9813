/*
 * The orchestrator's own record of what is up, which a kill may have cut short: read_line of
 * task4/state.c. Format: key=value lines; task4/orchestrator.h.
 */
#include "fuzz.h"
#include "task4/state.c" /* NOLINT(bugprone-suspicious-include) */

#include <stdarg.h>

static void check(const struct service *service)
{
	MUST(memchr(service->container, '\0', sizeof(service->container)));
	MUST(memchr(service->address, '\0', sizeof(service->address)));
	/* They are signalled: 0 and below would mean more than one process. */
	MUST(service->run.pid >= 0 && service->serve.pid >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	char *rest = text;
	char *line;
	struct orchestrator *o = calloc(1, sizeof(*o));
	MUST(o);
	while (rest && (line = strsep(&rest, "\n")))
		read_line(o, line);
	MUST(memchr(o->conductor, '\0', sizeof(o->conductor)));
	MUST(memchr(o->host, '\0', sizeof(o->host)));
	check(&o->external);
	check(&o->counter);
	free(o);
	free(text);
	return 0;
}
