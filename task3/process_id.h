/*
 * A process, identified so that it can't be mistaken for a later one with the same number: by its
 * pid and the time it started, proc(5). Used, it is held by a pidfd.
 */
#ifndef CONDUCTOR_PROCESS_ID_H
#define CONDUCTOR_PROCESS_ID_H

#include <stdbool.h>
#include <sys/types.h>

struct process_id {
	pid_t pid;
	unsigned long long start; /* in clock ticks since boot */
};

/* Fills in the id of a process that is alive, or is our own child. 0, or -1 with errno. */
int process_identify(pid_t pid, struct process_id *id);

/*
 * Is it known to be gone? A zombie is. Not so when the kernel just didn't tell, for want of memory
 * or of descriptors: what belongs to a process that may live is not to be taken away.
 */
bool process_gone(const struct process_id *id);

/* A pidfd of it; -1 with errno, ESRCH when it is gone. */
int process_open(const struct process_id *id);

/* Waits until it ends, at most timeout_ms (-1: for ever). Did it? */
bool process_ended(int pidfd, int timeout_ms);

/* Would this signal do nothing, since it is a PID 1 that has no handler for it? pid_namespaces(7)
 */
bool init_is_deaf_to(pid_t pid, int signal);

#endif
