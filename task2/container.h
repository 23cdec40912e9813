/*
 * A process in a root directory of its own, and in new namespaces if wanted.
 *
 *     start   fork or clone: the child exists, in its namespaces, and waits
 *             (the caller puts it into a cgroup)
 *     go      the child changes its root and executes the program
 *     wait    until it ends, or until a signal asks us to end it
 */
#ifndef CONTAINER_H
#define CONTAINER_H

#include "cpu_cgroup.h"

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

enum { EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

struct container {
	const char *rootfs;
	bool namespaces;     /* a PID and a UTS namespace of its own */
	const char *program; /* its path below rootfs */
	char *const *argv;
	sigset_t signal_mask; /* what the program is to begin with */
	pid_t pid;
	int channel; /* the parent's end of the handshake */
	bool ran;    /* the program was executed */
};

/*
 * Blocks the signals that ask a program to end (Ctrl-C and others), so that container_wait gets
 * them and nothing is left behind. *old: the mask before.
 */
void container_block_signals(sigset_t *old);

/* 0, or -1 after having printed why. */
int container_start(struct container *container);

/* 0 when the program runs. Otherwise what to exit with, after having printed why. */
int container_go(struct container *container);

/*
 * Waits for the end. With a cgroup it measures meanwhile. Returns the exit status, or 128 + the
 * number of the signal that ended it, or of one that asked us to end: then it is killed.
 */
int container_wait(struct container *container, const struct cpu_cgroup *cgroup,
		   struct cpu_measurement *measurement);

/* Kills it before it ran, after a failure. */
void container_kill(struct container *container);

#endif
