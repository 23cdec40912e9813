#include "userns.h"

#include "common/error.h"
#include "common/file.h"
#include "common/namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

/* The machine's own has this number on every Linux: PROC_USER_INIT_INO. */
static const ino_t initial_user_namespace = 0xEFFFFFFD;

bool in_user_namespace(void)
{
	ino_t own;
	return namespace_inode(0, "user", &own) == 0 && own != initial_user_namespace;
}

static bool made_own;

bool is_rootless(void)
{
	return made_own;
}

int become_root(void)
{
	char uid_map[32];
	char gid_map[32];
	if (geteuid() == 0)
		return 0;
	snprintf(uid_map, sizeof(uid_map), "0 %u 1", (unsigned)geteuid());
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", (unsigned)getegid());
	if (unshare(CLONE_NEWUSER) < 0) {
		report_errno("sudo, or allow user namespaces: "
			     "kernel.apparmor_restrict_unprivileged_userns, "
			     "user.max_user_namespaces",
			     "cannot make a user namespace");
		return -1;
	}
	/* setgroups must be denied first: else one could shed a group that a file's mode denies
	 * access to. */
	if (write_file(AT_FDCWD, "/proc/self/setgroups", "deny") < 0 ||
	    write_file(AT_FDCWD, "/proc/self/uid_map", uid_map) < 0 ||
	    write_file(AT_FDCWD, "/proc/self/gid_map", gid_map) < 0) {
		report_errno("", "cannot map this user to root");
		return -1;
	}
	made_own = true;
	return 0;
}
