/*
 * measure - how long commands take, one against the other
 *
 *     measure RUNS -- COMMAND [ARGUMENT]... [-- COMMAND [ARGUMENT]...]...
 *     measure once -- COMMAND ...
 *
 * Runs the commands in turn, RUNS rounds of each once, so that whatever else the machine does hits
 * all of them alike; after one round that isn't counted (with "once" there is none: for commands
 * that work only once). Prints a line a command, in their order:
 * the lower quartile, the median and the upper quartile of the wall-clock time, in microseconds.
 * A command can't hold a "--" of its own. Standard input, output and errors of the commands go to
 * /dev/null. A command that fails is named on stderr, and its line is "failed STATUS". Exit status:
 * 0; 1 if a command failed; 2 wrong usage.
 */
#include "common/error.h"
#include "common/number.h"
#include "common/process.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_COMMANDS = 64 };

struct command {
	char **argv;
	long *times_us;
	int failed; /* the first status that wasn't 0 */
};

static long now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

/* posix_spawn shares our memory until the exec: the time is the command's, not our fork's. */
static int run(char **argv, posix_spawn_file_actions_t *to_null)
{
	pid_t pid;
	int error = posix_spawnp(&pid, argv[0], to_null, NULL, argv, environ);
	if (error) {
		errno = error;
		report_errno("", "%s", argv[0]);
		return 127;
	}
	return wait_for(pid);
}

static int compare(const void *a, const void *b)
{
	long difference = *(const long *)a - *(const long *)b;
	return difference > 0 ? 1 : difference < 0 ? -1 : 0;
}

static void print(const struct command *command, size_t runs)
{
	if (command->failed) {
		printf("failed %d\n", command->failed);
		return;
	}
	qsort(command->times_us, runs, sizeof(long), compare);
	printf("%ld %ld %ld\n", command->times_us[runs / 4], command->times_us[runs / 2],
	       command->times_us[runs * 3 / 4]);
}

/* Cuts the arguments at each "--". Their number, or -1. */
static int split(char **arguments, struct command *commands, size_t runs)
{
	int count = 0;
	for (; *arguments; arguments++) {
		if (strcmp(*arguments, "--") != 0)
			continue;
		*arguments = NULL;
		if (count == MAX_COMMANDS || !arguments[1] || !strcmp(arguments[1], "--"))
			return -1;
		commands[count].argv = arguments + 1;
		commands[count].times_us = calloc(runs, sizeof(long));
		if (!commands[count++].times_us)
			return -1;
	}
	return count;
}

int main(int argc, char **argv)
{
	struct command commands[MAX_COMMANDS] = { 0 };
	posix_spawn_file_actions_t to_null;
	long long runs = 0;
	error_context("measure", NULL);
	bool once = argc > 1 && !strcmp(argv[1], "once");
	if (argc < 4 || (!once && parse_number(argv[1], 1, 100000, &runs) < 0))
		die(EXIT_USAGE, "usage: measure RUNS|once -- COMMAND... [-- COMMAND...]");
	if (once)
		runs = 1;
	int count = split(argv + 2, commands, (size_t)runs);
	if (count <= 0)
		die(EXIT_USAGE, "usage: measure RUNS|once -- COMMAND... [-- COMMAND...]");

	posix_spawn_file_actions_init(&to_null);
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		posix_spawn_file_actions_addopen(&to_null, fd, "/dev/null", O_RDWR, 0);

	int failed = 0;
	for (long long round = once ? 0 : -1; round < runs; round++) {
		for (int i = 0; i < count; i++) {
			if (commands[i].failed || !commands[i].argv || !*commands[i].argv)
				continue;
			long begin = now_us();
			int status = run(commands[i].argv, &to_null);
			if (round >= 0)
				commands[i].times_us[round] = now_us() - begin;
			commands[i].failed = status;
			failed |= status != 0;
		}
	}
	for (int i = 0; i < count; i++) {
		print(&commands[i], (size_t)runs);
		free(commands[i].times_us);
	}
	return failed ? EXIT_OWN_FAILURE : 0;
}
