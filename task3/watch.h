/* A parent's watch over its child: signals go on to it, its output to the log, its end is waited
 * for. */
#ifndef CONDUCTOR_WATCH_H
#define CONDUCTOR_WATCH_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct watch {
	pid_t pid;
	int pidfd;
	bool init;   /* it is its namespace's PID 1, which the kernel shields from signals it has no
			handler for */
	int output;  /* the reading end of its output, or -1 */
	int log_dir; /* where the log is kept: "log", and before it "log.1" */
};

/* Blocks the signals that are passed on, before the child is made (it unblocks them for its
 * program). */
void watch_block_signals(void);

/* Waits until the child has ended. Its exit status as a shell tells it, or -1. */
int watch(const struct watch *watch);

#endif
