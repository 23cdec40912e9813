/*
 * Follows a command and all that descends from it, by ptrace(2), and records what they do with
 * namespaces. A process stops where it is born, executes a program, ends, or makes one of the calls
 * that filter.c names; in between it runs untouched.
 */
#ifndef TESTS_WITNESS_TRACER_H
#define TESTS_WITNESS_TRACER_H

#include "record.h"

/* Starts following: the process waits until then, and its program has not begun. From now on it, and
 * all that it makes, is killed when the caller ends. 0, or -1 with errno. */
int tracer_seize(pid_t pid);

/*
 * Follows the command, which was seized and let go, until it has ended and everything else has, too,
 * or linger_ms more have passed. True if it ever executed its program; then record->status is what it
 * ended with, as a shell would say it. SIGCHLD must be blocked.
 */
bool tracer_follow(struct record *record, pid_t command, long linger_ms);

/* Goes on without recording until the last one has ended: the filter on them needs a tracer, or their
 * calls would fail. */
void tracer_stay(void);

#endif
