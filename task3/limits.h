/*
 * A container's cgroup: conductor/NAME-PARENT in the v2 tree, and in a v1 tree wherever v2 lacks
 * the controller of a limit that was asked for. cgroups(7), Documentation/admin-guide/cgroup-v2.rst
 */
#ifndef CONDUCTOR_LIMITS_H
#define CONDUCTOR_LIMITS_H

#include <stdbool.h>
#include <sys/types.h>

/* 0 where there is no limit. */
struct limits {
	long millicores; /* thousandths of one core */
	long long memory_bytes;
	long long pids;
};

/* Reads "64M": bytes, or with K, M, G. 0, or -1 with errno EINVAL or ERANGE and nothing reported.
 */
int parse_size(const char *text, long long *bytes);

/*
 * Makes the cgroups and writes the limits. *v2_fd becomes a descriptor of the one in the v2 tree
 * for CLONE_INTO_CGROUP, or -1 where none can be had and no limit needs it. A limit that can't be
 * held is an error, never ignored. 0, or -1.
 */
int limits_create(const char *name, pid_t parent, const struct limits *limits, int *v2_fd);

/* Moves a process into those of them that are in v1 trees; with all, also into the v2 one. limited:
 * whether the container has any limit. 0, or -1. */
int limits_enter(const char *name, pid_t parent, bool limited, pid_t pid, int all);

/*
 * How many of its processes the kernel has killed for want of memory, at its own limit or the
 * machine's: the kernel counts one before it kills it, so whoever has seen it dead reads it here. 0
 * also where nothing counts them, as in a v1 tree without a limit of memory.
 */
long long limits_oom_kills(const char *name, pid_t parent);

/* Removes them, and kills what lives in them. 0, or -1. */
int limits_remove(const char *name, pid_t parent, bool limited);

#endif
