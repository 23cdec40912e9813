/* What becomes of a task's stops in the record. After notes_end nothing is recorded any more, but tasks
 * are still known by their numbers. */
#ifndef TESTS_WITNESS_NOTES_H
#define TESTS_WITNESS_NOTES_H

#include "tasks.h"

void notes_begin(struct record *record, pid_t command);

/* True if the command was ever executed. */
bool notes_end(void);

/* A task seen for the first time, by its own stop or by its maker's, whichever comes first. maker is
 * NULL while that isn't known: then the parent is a guess. NULL if the task is gone. */
struct task *notes_meet(pid_t tid, struct task *maker);

/* At PTRACE_EVENT_FORK, VFORK or CLONE. */
void notes_birth(struct task *maker, int event);

/* At PTRACE_EVENT_EXEC. */
void notes_exec(struct task *task);

/* At PTRACE_EVENT_EXIT: the last moment at which it can be looked at. */
void notes_exit_begun(struct task *task);

/* At the entry of a call that the filter names. Where its result is wanted, in_call is set. */
void notes_call(struct task *task);

/* And at its end. */
void notes_result(struct task *task);

/* The task is no more; status as wait(2) gave it. */
void notes_ended(pid_t tid, int status);

#endif
