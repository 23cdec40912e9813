#include "process_id.h"

#include "common/cleanup.h"
#include "common/file.h"
#include "common/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_STATE = 3, FIELD_START = 22 }; /* of /proc/PID/stat, proc(5) */

static int read_stat(pid_t pid, char *process_state, unsigned long long *start)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	AUTO_FREE char *text = read_file(AT_FDCWD, path, NULL);
	if (!text) {
		if (errno == ENOENT)
			errno = ESRCH;
		return -1;
	}
	/* The second field, the name in parentheses, may hold anything: count from its end. */
	char *field = strrchr(text, ')');
	for (int number = 2; field && number < FIELD_START; number++) {
		field = strchr(field + 1, ' ');
		if (field && number + 1 == FIELD_STATE)
			*process_state = field[1];
	}
	if (!field) {
		errno = ESRCH;
		return -1;
	}
	*start = strtoull(field, NULL, 10);
	return 0;
}

int process_identify(pid_t pid, struct process_id *id)
{
	char process_state;
	id->pid = pid;
	return read_stat(pid, &process_state, &id->start);
}

/* 0 it is alive; -1 with errno, ESRCH when it is gone. */
static int look_at(const struct process_id *id)
{
	char process_state;
	unsigned long long start;
	errno = ESRCH;
	if (id->pid <= 0 || read_stat(id->pid, &process_state, &start) < 0)
		return -1;
	errno = ESRCH;
	return start == id->start && process_state != 'Z' && process_state != 'X' ? 0 : -1;
}

bool process_gone(const struct process_id *id)
{
	return look_at(id) < 0 && errno == ESRCH;
}

int process_open(const struct process_id *id)
{
	errno = ESRCH;
	int pidfd = id->pid > 0 ? sys_pidfd_open(id->pid) : -1;
	if (pidfd < 0 && (errno == EINVAL || errno == ENOENT))
		errno = ESRCH; /* the number is now that of a thread of another process */
	if (pidfd >= 0 && look_at(id) < 0)
		close_fd(&pidfd);
	return pidfd; /* alive after the open: so it is this one that we hold */
}

bool process_ended(int pidfd, int timeout_ms)
{
	struct pollfd wait = { .fd = pidfd, .events = POLLIN };
	return poll(&wait, 1, timeout_ms) == 1;
}

static bool mask_has(const char *status, const char *key, int signal)
{
	const char *line = strstr(status, key);
	unsigned long long mask = line ? strtoull(line + strlen(key), NULL, 16) : 0;
	return mask >> (signal - 1) & 1;
}

bool init_is_deaf_to(pid_t pid, int signal)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	AUTO_FREE char *status = read_file(AT_FDCWD, path, NULL);
	/* A blocked signal may be waited for: signalfd(2). */
	return status && !mask_has(status, "\nSigCgt:", signal) &&
	       !mask_has(status, "\nSigBlk:", signal);
}
