/*
 * For `make SANITIZE=1` only: what the sanitizers' run-time library must know about programs that
 * make namespaces. It calls these functions, or is called instead of them, by their names.
 */
#ifdef SANITIZE
#include "common/cleanup.h"
#include "common/file.h"
#include "common/namespace.h"

#include <fcntl.h>
#include <string.h>
#include <sys/types.h>

int __lsan_is_turned_off(void);

/*
 * LeakSanitizer asks this at exit. It then looks for leaks by a helper process that attaches to
 * this one with ptrace(2), and where that can't be it would end the program with an error:
 *   - where a debugger or strace(1) is attached already;
 *   - without procfs, or with another PID namespace's: it finds the threads there;
 *   - after setns or unshare with CLONE_NEWPID: the helper would be born in the other namespace.
 */
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

#ifndef __clang__
void __asan_handle_no_return(void);

/*
 * Instead of AddressSanitizer's own, called before every _exit and execve. That one forgets the
 * stack's variables, for the sake of a longjmp, which nobody here does, and complains on stderr
 * when the stack is not the main one but one that clone(2) was given.
 */
void __asan_handle_no_return(void)
{
}
#endif
#endif
