#include "service_arguments.h"

#include "common/error.h"
#include "common/number.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOUR_MS = 3600 * 1000 };

long long service_number(const char *what, const char *text, long long min, long long max)
{
	long long value = 0;
	if (parse_number(text, min, max, &value) < 0) {
		if (errno == ERANGE)
			die(EXIT_USAGE, "%s %s: not from %lld to %lld", what, text, min, max);
		die(EXIT_USAGE, "%s '%s': not a number", what, text);
	}
	return value;
}

static const struct service_option *find_option(const struct service_option options[],
						const char *name)
{
	while (options->name && strcmp(options->name, name) != 0)
		options++;
	return options->name ? options : NULL;
}

void service_arguments(int argc, char *argv[], int words, const struct service_option options[],
		       const char *usage)
{
	int count = 0;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			printf("usage: %s\n", usage);
			exit(EXIT_SUCCESS);
		}
		if (strncmp(argv[i], "--", 2) != 0) {
			argv[++count] = argv[i];
			continue;
		}
		const struct service_option *option = find_option(options, argv[i]);
		if (!option)
			die(EXIT_USAGE, "unknown option %s (usage: %s)", argv[i], usage);
		if (++i == argc)
			die(EXIT_USAGE, "%s needs a number of milliseconds", option->name);
		*option->value_ms = service_number(option->name, argv[i], 1, HOUR_MS);
	}
	if (count != words)
		die(EXIT_USAGE, "needs %d words, not %d (usage: %s)", words, count, usage);
}
