/*
 * Where in a cgroup tree we may make cgroups. For an ordinary user that is what was delegated to them:
 * cgroup-v2.rst, Delegation and No Internal Process Constraint; systemd does it for each user.
 */
#ifndef COMMON_DELEGATION_H
#define COMMON_DELEGATION_H

#include "common/cgroup.h"

/*
 * The place where cgroups of ours can be made in the tree, and processes of ours be moved to them: the
 * tree's own root, for root. For an ordinary user, in the v2 tree, the highest cgroup above us whose
 * directory, cgroup.procs and cgroup.subtree_control they may write, and which holds no process
 * itself, since only the children of such a one can be limited.
 * 0, or -1 with errno: EACCES or EROFS where there is none, EBUSY where processes are in it, ours
 * for one; place is then what they are in.
 */
int cgroup_find_place(const struct cgroup_mount *mount, char place[PATH_MAX]);

/* What to do where no cgroup could be made in the tree: hint_cgroup (error.h), and for an ordinary
 * user how to get one. The text holds until the next call. Keeps errno. */
const char *hint_cgroup_place(const struct cgroup_mount *mount, int errnum);

#endif
