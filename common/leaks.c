/*
 * For `make SANITIZE=1` only: says where LeakSanitizer can't work, and would end the program with
 * an error of its own. It looks for leaks at exit, by a helper process that attaches to this one
 * with ptrace(2), which can't be
 *   - where a debugger or strace(1) is attached already;
 *   - without procfs, or with another PID namespace's: it finds the threads there;
 *   - after setns or unshare with CLONE_NEWPID: the helper would be born in the other namespace.
 */
#ifdef SANITIZE
#include "common/cleanup.h"
#include "common/file.h"
#include "common/namespace.h"

#include <fcntl.h>
#include <string.h>
#include <sys/types.h>

int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
	char self[32] = "";
	ino_t ours;
	ino_t childrens;
	AUTO_FREE char *status = read_file(AT_FDCWD, "/proc/self/status", NULL);
	return !status || !strstr(status, "\nTracerPid:\t0\n") ||
	       readlink("/proc/self", self, sizeof(self) - 1) < 0 || atoi(self) != getpid() ||
	       namespace_inode(0, "pid", &ours) < 0 ||
	       namespace_inode(0, "pid_for_children", &childrens) < 0 || ours != childrens;
}
#endif
