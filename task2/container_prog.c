/*
 * container_prog - the probe that runs inside a container and tells what it sees there
 *
 *     container_prog subtask1    its PID, a child's PID, the root directory
 *     container_prog subtask2    the same; then sets the hostname, and runs the benchmark
 *     container_prog subtask3    the benchmark alone
 *
 * The benchmark uses a fixed amount of *CPU* time, BENCHMARK_CPU_MS, and prints how much *real*
 * time went by meanwhile: on a free core as much, under a limit of half a core twice as much.
 *
 * subtask2 needs CAP_SYS_ADMIN in its UTS namespace, and names the machine if it isn't given one of
 * its own: run it by simple_container. Needs nothing else.
 * Leaves nothing behind. Exit status: 0, 1 when something failed, 2 for a wrong call.
 * It is a single file that includes nothing of ours: `gcc container_prog.c -o container_prog` makes
 * it anywhere, and what it prints is its own word, not that of the code under test.
 *
 * See fork(2), sethostname(2), scandir(3), clock_gettime(2).
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * Long enough to measure a limit of half a core over three whole periods of a second: of such a
 * period the benchmark gets 500 ms, and up to 500 ms more in the part of a period that it begins
 * in, which makes 2000 ms at most. Sized by time and not by rounds, since a machine may be ten
 * times slower than this one (an emulated one is).
 */
enum { BENCHMARK_CPU_MS = 2250 };

/* Forks a child that prints its PID. 0 or -1. */
static int print_pids(void)
{
	printf("Process PID: %d\n", (int)getpid());
	pid_t pid = fork();
	if (pid < 0) {
		warn("cannot fork");
		return -1;
	}
	if (pid == 0) {
		printf("Child Process PID: %d\n", (int)getpid());
		_exit(ferror(stdout) ? EXIT_FAILURE : 0);
	}
	int status;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return status == 0 ? 0 : -1;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* What `ls /` prints, without an ls: in here there is no program but this one. 0 or -1. */
static int print_root_directory(void)
{
	struct dirent **entries;
	int count = scandir("/", &entries, is_visible, alphasort);
	if (count < 0) {
		warn("cannot read the root directory");
		return -1;
	}
	printf("Files in the root directory:\n");
	for (int i = 0; i < count; i++) {
		printf("  %s\n", entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

/* Sets the hostname, and prints what the kernel then says it is. 0 or -1. */
static int change_hostname(void)
{
	const char *name = "new_hostname";
	char seen[HOST_NAME_MAX + 1];
	if (sethostname(name, strlen(name)) < 0 || gethostname(seen, sizeof(seen)) < 0) {
		warnx("cannot set the hostname: %s%s", strerror(errno),
		      errno == EPERM ? " (needs root: run it by simple_container)" : "");
		return -1;
	}
	printf("Hostname within container: %s\n", seen);
	return 0;
}

static int64_t milliseconds(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One round of work for the CPU, a millisecond or so: FNV-1a over a counter. The same seed gives
 * the same result everywhere. */
static uint32_t one_round(uint32_t seed)
{
	uint32_t hash = seed;
	for (uint32_t i = 0; i < 1000000; i++)
		hash = (hash ^ (i & 0xff)) * 16777619u;
	return hash;
}

/* Rounds until the CPU time is used. Every round must come to the same checksum. 0 or -1. */
static int benchmark(void)
{
	int64_t started = milliseconds(CLOCK_MONOTONIC);
	int64_t used = milliseconds(CLOCK_PROCESS_CPUTIME_ID);
	uint32_t checksum = one_round(2166136261u);
	while (milliseconds(CLOCK_PROCESS_CPUTIME_ID) - used < BENCHMARK_CPU_MS) {
		uint32_t seed = 2166136261u;
		__asm__ volatile("" : "+r"(seed)); /* or the compiler would do one round for all */
		if (one_round(seed) != checksum) {
			warnx("the benchmark's checksum changed: this CPU cannot be trusted");
			return -1;
		}
	}
	printf("Time Taken: %" PRId64 " ms\n", milliseconds(CLOCK_MONOTONIC) - started);
	printf("Checksum: %08" PRIx32 "\n", checksum);
	return 0;
}

int main(int argc, char *argv[])
{
	int subtask = 0;
	for (int i = 1; argc == 2 && i <= 3; i++) {
		char name[16];
		snprintf(name, sizeof(name), "subtask%d", i);
		if (!strcmp(argv[1], name))
			subtask = i;
	}
	if (!subtask)
		errx(2, "usage: container_prog subtask1|subtask2|subtask3");

	/* Line by line even into a pipe: fork would copy what waits in a buffer (see task 1). */
	setvbuf(stdout, NULL, _IOLBF, 0);
	int result = 0;
	if (subtask <= 2)
		result = print_pids() < 0 ? -1 : print_root_directory();
	if (result == 0 && subtask == 2)
		result = change_hostname();
	if (result == 0 && subtask >= 2)
		result = benchmark();
	if (ferror(stdout))
		err(EXIT_FAILURE, "cannot write to standard output");
	return result < 0 ? EXIT_FAILURE : 0;
}
