/*
 * measure - how long commands take, one against the other
 *
 *     measure RUNS|once -- COMMAND [ARGUMENT]... [-- COMMAND [ARGUMENT]...]...
 *
 * Runs the commands in turn, RUNS rounds of each once, so that whatever else the machine does hits
 * all of them alike; after one round that isn't counted. With "once" there is only one round, and
 * it counts: for commands that work only once. A command can't hold a "--" of its own.
 *
 * Prints a line a command, in their order, in microseconds: the lower quartile, the median and the
 * upper quartile of the wall-clock time, and the median of the CPU time that it and the processes
 * that it waited for took (getrusage(2)), which a busy machine changes little. A command that fails
 * is not run again; its line is "failed STATUS". Standard input and output of the commands are
 * /dev/null. Exit status: 0; 1 if a command failed; 2 for a wrong call.
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
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { MAX_COMMANDS = 64, MAX_RUNS = 100000 };

struct command {
	char **argv;
	long long *wall_us; /* one a run */
	long long *cpu_us;
	int status; /* of the first run that failed, else 0 */
};

static long long now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static long long children_cpu_us(void)
{
	struct rusage usage;
	getrusage(RUSAGE_CHILDREN, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
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

/* One run of each command; where index is negative it isn't counted. */
static void run_round(struct command *commands, int count, long long index,
		      posix_spawn_file_actions_t *to_null)
{
	for (struct command *command = commands; command < commands + count; command++) {
		if (command->status || !*command->argv)
			continue;
		long long wall_us = now_us();
		long long cpu_us = children_cpu_us();
		command->status = run(command->argv, to_null);
		if (index >= 0) {
			command->wall_us[index] = now_us() - wall_us;
			command->cpu_us[index] = children_cpu_us() - cpu_us;
		}
	}
}

static int compare(const void *a, const void *b)
{
	long long left = *(const long long *)a;
	long long right = *(const long long *)b;
	return (left > right) - (left < right);
}

static void print(const struct command *command, size_t runs)
{
	if (command->status) {
		printf("failed %d\n", command->status);
		return;
	}
	qsort(command->wall_us, runs, sizeof(long long), compare);
	qsort(command->cpu_us, runs, sizeof(long long), compare);
	printf("%lld %lld %lld %lld\n", command->wall_us[runs / 4], command->wall_us[runs / 2],
	       command->wall_us[runs * 3 / 4], command->cpu_us[runs / 2]);
}

static long long *new_samples(size_t runs)
{
	long long *samples = calloc(runs, sizeof(*samples));
	if (!samples)
		die_errno(EXIT_OWN_FAILURE, "", "cannot keep %zu numbers", runs);
	return samples;
}

/* Cuts the arguments at each "--", which the first must be. The number of commands, or -1. */
static int split(char **arguments, struct command *commands, size_t runs)
{
	int count = 0;
	if (!*arguments || strcmp(*arguments, "--") != 0)
		return -1;
	for (; *arguments; arguments++) {
		if (strcmp(*arguments, "--") != 0)
			continue;
		*arguments = NULL; /* ends the command before */
		if (count == MAX_COMMANDS || !arguments[1] || !strcmp(arguments[1], "--"))
			return -1;
		commands[count++] = (struct command){ .argv = arguments + 1,
						      .wall_us = new_samples(runs),
						      .cpu_us = new_samples(runs) };
	}
	return count;
}

int main(int argc, char **argv)
{
	static struct command commands[MAX_COMMANDS];
	posix_spawn_file_actions_t to_null;
	long long runs = 1;
	error_context("measure", NULL);
	bool once = argc > 1 && !strcmp(argv[1], "once");
	if (argc < 4 || (!once && parse_number(argv[1], 1, MAX_RUNS, &runs) < 0))
		die(EXIT_USAGE, "usage: measure RUNS|once -- COMMAND... [-- COMMAND...]");
	int count = split(argv + 2, commands, (size_t)runs);
	if (count < 0)
		die(EXIT_USAGE, "usage: measure RUNS|once -- COMMAND... [-- COMMAND...]");

	posix_spawn_file_actions_init(&to_null);
	for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++)
		posix_spawn_file_actions_addopen(&to_null, fd, "/dev/null", O_RDWR, 0);
	for (long long index = once ? 0 : -1; index < runs; index++)
		run_round(commands, count, index, &to_null);

	int failed = 0;
	for (struct command *command = commands; command < commands + count; command++) {
		print(command, (size_t)runs);
		failed |= command->status != 0;
		free(command->wall_us);
		free(command->cpu_us);
	}
	return failed ? EXIT_OWN_FAILURE : 0;
}
