#include "rootless.h"

#include "idmap.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/process.h"
#include "common/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool made_own;

bool is_rootless(void)
{
	return made_own;
}

int become_root(void)
{
	struct id_helper helper;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	if (uid == 0)
		return 0;
	if (id_helper_start(&helper) < 0)
		return -1;
	if (unshare(CLONE_NEWUSER) < 0) {
		report_errno(hint_userns(errno), "cannot make a user namespace");
		id_helper_end(&helper);
		return -1;
	}
	if (map_ids(&helper, uid, gid) < 0) {
		report_errno(hint_userns(errno), "cannot map this user to root");
		return -1;
	}
	made_own = true;
	return 0;
}

/* In a child, since the caller may have processes to end that it could not reach from in there. */
static int remove_as_root(int dirfd, const char *path)
{
	pid_t child = fork();
	if (child < 0)
		return -1;
	if (child == 0) {
		if (become_root() < 0)
			_exit(EPERM);
		_exit(remove_tree(dirfd, path) < 0 ? errno : 0);
	}
	int status = wait_for(child);
	if (status <= 0)
		return status;
	errno = status;
	return -1;
}

int remove_container_tree(int dirfd, const char *path)
{
	if (remove_tree(dirfd, path) == 0)
		return 0;
	if ((errno != EACCES && errno != EPERM) || geteuid() == 0)
		return -1;
	return remove_as_root(dirfd, path);
}

const char *hint_removal(int errnum)
{
	if ((errnum != EACCES && errnum != EPERM) || geteuid() == 0)
		return "";
	return "files of other users of a container: they need newuidmap and the same range in "
	       "/etc/subuid as when they were made";
}

bool has_single_id(void)
{
	/* A line for each range: the first id inside, the first outside, how many. */
	AUTO_FREE char *map = read_file(AT_FDCWD, "/proc/self/uid_map", NULL);
	unsigned long count = 0;
	char *next = map;
	for (int word = 0; next && word < 3; word++)
		count = strtoul(next, &next, 10);
	return next && count == 1 && !strcmp(next, "\n");
}
