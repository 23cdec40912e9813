#include "birth.h"

#include "program.h"
#include "rtnl.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/handshake.h"
#include "common/syscalls.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* Its work in the place of a program: so the parent is told what execve would tell it, and from then
 * on passes signals on, which the child must not block. */
_Noreturn static void work(const struct birth *birth, int handshake)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (handshake_tell(handshake, HANDSHAKE_READY, -1) < 0)
		_exit(125); /* the parent died */
	close(handshake);
	_exit(birth->work(birth->work_arg) < 0 ? 1 : 0);
}

/* The container's child, from its first instruction to its program. */
_Noreturn static void be_born(const struct birth *birth, int handshake)
{
	/* SOLUTION 3a: its own hostname, lo and root: sethostname(2), rtnl.h, rootfs.h */
	/* In namespaces of its own, and meanwhile the parent does its part. */
	if (sethostname(birth->hostname, strlen(birth->hostname)) < 0)
		handshake_fail(handshake, 125, "cannot set the hostname");
	if (rtnl_loopback_up() < 0)
		handshake_fail(handshake, 125, "cannot bring its loopback interface up");
	enter_rootfs(&birth->rootfs, handshake);
	/* END 3a */
	/* End of file instead of GO: the parent died, and with us goes all that was made. */
	if (handshake_hear(handshake, NULL, NULL) != HANDSHAKE_GO)
		_exit(125);
	/* Not in clone3: on a hybrid machine the v1 cgroups come only now, and the view begins at
	 * them. */
	if (unshare(CLONE_NEWCGROUP) < 0)
		handshake_fail(handshake, 125, "cannot make a cgroup namespace");
	if ((birth->input >= 0 && dup2(birth->input, STDIN_FILENO) < 0) ||
	    (birth->output >= 0 &&
	     (dup2(birth->output, STDOUT_FILENO) < 0 || dup2(birth->output, STDERR_FILENO) < 0)))
		handshake_fail(handshake, 125, "cannot set its input and output");
	if (birth->work)
		work(birth, handshake);
	become_program(birth->argv, birth->rootfs.confinement, handshake);
}

int tell_to_go(const struct newborn *newborn, const char *name)
{
	if (handshake_tell(newborn->handshake, HANDSHAKE_GO, -1) == 0 || errno == EPIPE ||
	    errno == ECONNRESET)
		return 0;
	report_errno("", "%s: cannot tell it to go", name);
	return -1;
}

int give_birth(const struct birth *birth, struct newborn *newborn)
{
	int child_end;
	if (handshake_pair(&newborn->handshake, &child_end) < 0) {
		report_errno("", "cannot make a socket pair");
		return -1;
	}
	newborn->pidfd = -1;
	newborn->pid = -1;
	/* SOLUTION 3a: a child in five new namespaces, and in birth->cgroup: clone(2) */
	struct clone_args args = {
		.flags = CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET |
			 CLONE_PIDFD,
		.pidfd = (uintptr_t)&newborn->pidfd,
		.exit_signal = SIGCHLD,
	};
	if (birth->cgroup >= 0) {
		/* Born in its cgroup: not one instruction outside the limits. */
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (unsigned)birth->cgroup;
	}
	newborn->pid = sys_clone3(&args);
	/* END 3a */
	if (newborn->pid == 0) {
		close(newborn->handshake);
		be_born(birth, child_end);
	}
	close(child_end);
	if (newborn->pid < 0) {
		report_errno(hint_namespace(errno), "cannot make the namespaces");
		close_fd(&newborn->handshake);
		return -1;
	}
	return 0;
}
