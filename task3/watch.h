/* A parent's watch over its child: signals go on to it, its output to the log, its end is waited
 * for. */
#ifndef CONDUCTOR_WATCH_H
#define CONDUCTOR_WATCH_H

#include "terminal.h"

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
	int signals; /* where those that are passed on arrive */
	bool killed; /* by us */
	struct terminal terminal;
};

/*
 * To be called before the child is made: sets watch to nothing watched yet, blocks the signals that
 * are passed on (the child unblocks them for its program), and remembers the terminal before the
 * program can change it. watch_end has to follow, also where it failed. 0, or -1.
 */
int watch_prepare(struct watch *watch);
void watch_end(struct watch *watch);

/*
 * Waits until the child has ended. terminal is the master of its terminal, or -1; it is closed, and
 * the caller's terminal is put back as watch_prepare found it. The child's exit status as a shell
 * tells it, or -1.
 */
int watch(struct watch *watch, int terminal);

#endif
