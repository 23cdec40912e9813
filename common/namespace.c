#include "common/namespace.h"

#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

const struct namespace_kind namespace_kinds[] = {
	{ "cgroup", CLONE_NEWCGROUP },
	{ "ipc", CLONE_NEWIPC },
	{ "mnt", CLONE_NEWNS },
	{ "net", CLONE_NEWNET },
	{ "pid", CLONE_NEWPID },
	{ "time", 0x80 /* CLONE_NEWTIME */ },
	{ "user", CLONE_NEWUSER },
	{ "uts", CLONE_NEWUTS },
	{ NULL, 0 },
};

int namespace_inode(pid_t pid, const char *name, ino_t *inode)
{
	char path[64];
	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
	else
		snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	struct stat status;
	if (stat(path, &status) < 0)
		return -1;
	*inode = status.st_ino;
	return 0;
}
