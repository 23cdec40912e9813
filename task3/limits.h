/*
 * A container's cgroup: conductor/NAME-PARENT in the v2 tree, and in a v1 tree wherever v2 lacks
 * the controller of a limit that was asked for. An ordinary user's is below a v2 cgroup that was
 * delegated to the user, or there is none. cgroups(7), Documentation/admin-guide/cgroup-v2.rst
 */
#ifndef CONDUCTOR_LIMITS_H
#define CONDUCTOR_LIMITS_H

#include "container.h"

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

/* Finds where its cgroup is to be: container->delegated, which must be in its record before there is
 * one. Never fails: where there is no place, limits_create finds none either. */
void limits_find_place(struct container *container);

/*
 * Makes the cgroups and writes the limits. *v2_fd becomes a descriptor of the one in the v2 tree
 * for CLONE_INTO_CGROUP, or -1 where none can be had and no limit needs it. A limit that can't be
 * held is an error, never ignored. 0, or -1.
 */
int limits_create(const struct container *container, const struct limits *limits, int *v2_fd);

/* Moves a process into those of them that are in v1 trees; with all, also into the v2 one. 0, or -1. */
int limits_enter(const struct container *container, pid_t pid, int all);

/*
 * How many of its processes the kernel has killed for want of memory, at its own limit or the
 * machine's: the kernel counts one before it kills it, so whoever has seen it dead reads it here. 0
 * also where nothing counts them, as in a v1 tree without a limit of memory.
 */
long long limits_oom_kills(const struct container *container);

/* Removes them, and kills what lives in them. 0, or -1. */
int limits_remove(const struct container *container);

#endif
