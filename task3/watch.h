/* A parent's watch over its child: signals go on to it, its output to the log, its end is waited
 * for. */
#ifndef CONDUCTOR_WATCH_H
#define CONDUCTOR_WATCH_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

/* How the terminal on standard input was found. */
struct terminal {
	pid_t group;	      /* its foreground group; -1: it is none that is ours to put back */
	struct termios modes; /* raw or cooked, echo, … */
};

struct watch {
	pid_t pid;
	int pidfd;
	bool init;   /* it is its namespace's PID 1, which the kernel shields from signals it has no
			handler for */
	int output;  /* the reading end of its output, or -1 */
	int log_dir; /* where the log is kept: "log", and before it "log.1" */
	struct terminal terminal;
};

/*
 * To be called before the child is made: sets watch to nothing watched yet, blocks the signals that
 * are passed on (the child unblocks them for its program), and remembers the terminal before the
 * program can change it. Who never calls watch() after it need not undo it.
 */
void watch_prepare(struct watch *watch);

/* Waits until the child has ended, and puts the terminal back as watch_prepare found it. The
 * child's exit status as a shell tells it, or -1. */
int watch(const struct watch *watch);

#endif
