/* What /proc says of a process at this moment. proc(5), namespaces(7), cgroups(7) */
#ifndef TESTS_WITNESS_OBSERVE_H
#define TESTS_WITNESS_OBSERVE_H

#include "record.h"

/* Opens /proc and finds where cgroups are mounted. 0, or -1 with errno; ESRCH if /proc is another
 * pid namespace's, whose numbers would be mistaken for ours. */
int observe_begin(void);

/* Fills in all that can be told of a task, by its number; what can't stays 0 or NULL. */
void observe(pid_t tid, struct view *view);

/* The words of its command line, each ended by NUL; at most a few kilobytes. NULL if there is none. */
const char *observe_command_line(pid_t pid, size_t *size);

/* The names in its root directory, as many as fit into a few kilobytes, each ended by NUL; or NULL. */
const char *observe_root_entries(pid_t pid, size_t *size);

/* What a descriptor of the task's is of: "uts:[4026531838]", "pidfd of 4711". NULL if unknown. */
const char *observe_descriptor(pid_t tid, int fd);

/* The process that a task is a thread of, and that process's parent. 0, or -1 if the task is gone. */
int observe_family(pid_t tid, pid_t *process, pid_t *parent);

#endif
