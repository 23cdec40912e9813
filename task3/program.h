/* The last steps of a container's process, for run and exec alike: it becomes the user's program. And
 * its parent's wait for that. */
#ifndef CONDUCTOR_PROGRAM_H
#define CONDUCTOR_PROGRAM_H

#include "confine.h"

/*
 * Gives the process a session and a terminal of its own and a clean environment, confines it, tells
 * the parent READY (with a descriptor of the root; again, with that of a terminal) and executes argv,
 * or with NULL a shell. Called inside the container's root; never returns.
 */
_Noreturn void become_program(char *const argv[], const struct confinement *confinement,
			      int handshake);

/*
 * The parent's side: waits until the child, which was told to go, executes its program. *root
 * becomes a descriptor of its root, *terminal the master of its terminal or -1: both the caller's to
 * close. Returns 0; -1 when it failed, which has been reported as name's failure, and *status then
 * is what to exit with: 125, or 126 and 127 for a program that can't be run or isn't there.
 */
int await_program(int handshake, const char *name, int *root, int *terminal, int *status);

#endif
