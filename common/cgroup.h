/*
 * Where cgroups are mounted. Machines differ: pure v2 (one tree), hybrid (v1 trees that have the
 * controllers, and beside them a v2 tree without), or old v1 only. cgroups(7)
 */
#ifndef COMMON_CGROUP_H
#define COMMON_CGROUP_H

#include <limits.h>
#include <stdbool.h>

struct cgroup_mount {
	int version;	     /* 1 or 2 */
	char path[PATH_MAX]; /* the directory where the tree is mounted */
};

/*
 * Finds the tree whose processes this controller ("cpu", "memory", "pids") can limit: v2 where it
 * has the controller, else the v1 tree that has it. NULL asks for the v2 tree, whatever it
 * controls. 0, or -1 with errno ENOENT where there is none.
 */
int cgroup_find(const char *controller, struct cgroup_mount *mount);

/*
 * The same for several in one reading of the mount table, which is long on some machines. What isn't
 * there has version 0. 0, or -1 with errno where the table can't be read.
 */
int cgroup_find_all(const char *const controllers[], struct cgroup_mount mounts[], int count);

/* Whether word is one of those in text, the content of a cgroup's file or the options of its mount. */
bool cgroup_has_word(const char *text, const char *word);

/*
 * Removes a cgroup, name in the directory dirfd, and those below it. With kill, what lives in them is
 * killed, whoever put it there. Waits for the dead to leave, 10 s at most. 0, also where there is
 * none; -1 with errno, EBUSY where something lives.
 */
int cgroup_remove(int dirfd, const char *name, bool kill);

#endif
