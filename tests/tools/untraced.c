/*
 * untraced - starts a command as a process that wants no tracer
 *
 *     untraced clone|clone3 COMMAND [ARGUMENT]...
 *
 * By CLONE_UNTRACED, with which a process under ptrace(2) could have children that its tracer never
 * hears of. Waits for it. Privilege: none.
 * Exit status: COMMAND's, 125 for a failure of its own, 126 if COMMAND can't be run.
 */
#include "common/process.h"

#include <err.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { EXIT_OWN = 125 };

static pid_t start(const char *call)
{
	struct clone_args args = { .flags = CLONE_UNTRACED, .exit_signal = SIGCHLD };
	if (!strcmp(call, "clone3"))
		return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (!strcmp(call, "clone"))
#ifdef __s390x__ /* the stack comes first */
		return (pid_t)syscall(SYS_clone, 0, CLONE_UNTRACED | SIGCHLD, 0, 0, 0);
#else
		return (pid_t)syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);
#endif
	errx(EXIT_OWN, "%s: not clone or clone3", call);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		errx(EXIT_OWN, "usage: untraced clone|clone3 COMMAND [ARGUMENT]...");
	pid_t child = start(argv[1]);
	if (child < 0)
		err(EXIT_OWN, "%s", argv[1]);
	if (child == 0) {
		execvp(argv[2], argv + 2);
		err(126, "%s", argv[2]);
	}
	return wait_for(child);
}
