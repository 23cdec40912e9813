/*
 * conductor exec: a further process in a container that runs. setns(2) joins the namespaces of its
 * PID 1; a pid namespace is joined by children only, so the parent joins that one and clones.
 */
#include "command.h"
#include "container.h"
#include "limits.h"
#include "program.h"
#include "watch.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/handshake.h"
#include "common/namespace.h"
#include "common/process.h"
#include "common/syscalls.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The child: joins the rest, which also makes the container's root its own, and becomes the
 * program. */
_Noreturn static void join(const struct container *container, int pidfd, char *const argv[],
			   int handshake)
{
	if (handshake_hear(handshake, NULL, NULL) != HANDSHAKE_GO)
		_exit(125);
	/* SOLUTION 3b: joins pidfd's other namespaces, and so its root: setns(2) */
	if (setns(pidfd,
		  CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP) < 0)
		handshake_fail(handshake, 125, "cannot join its namespaces");
	/* END 3b */
	close(pidfd);
	become_program(argv, &container->confinement, handshake);
}

/* SOLUTION 3b: flags_before_birth: its PID namespace, and its user's where it has one: setns(2) */
/* What the parent joins. A container of an ordinary user is in a user namespace: it comes first,
 * since it gives the right to the rest. */
static int flags_before_birth(const struct container *container)
{
	ino_t own;
	ino_t its;
	int flags = CLONE_NEWPID;
	if (namespace_inode(0, "user", &own) == 0 &&
	    namespace_inode(container->init.pid, "user", &its) == 0 && own != its)
		flags |= CLONE_NEWUSER;
	return flags;
}
/* END 3b */

static int exec_in(struct container *container, int pidfd, char *const argv[])
{
	AUTO_CLOSE int own_end = -1;
	AUTO_CLOSE int child_pidfd = -1;
	AUTO_CLOSE int root = -1;
	int terminal;
	int child_end;
	/* SOLUTION 3b: our next child is to be born in pidfd's PID namespace: setns(2) */
	if (setns(pidfd, flags_before_birth(container)) < 0) {
		report_errno(hint_namespace(errno), "%s: cannot join its pid namespace",
			     container->name);
		return COMMAND_FAILED;
	}
	/* END 3b */
	if (handshake_pair(&own_end, &child_end) < 0) {
		report_errno("", "cannot make a socket pair");
		return COMMAND_FAILED;
	}
	struct watch watching;
	if (watch_prepare(&watching) < 0)
		return COMMAND_FAILED; /* and with this process all that is open ends */
	/* In the container's pid namespace the child can be seen at once, before its root and its
	 * rights are the container's: nobody there may look at it. execve ends it. CVE-2016-9962 */
	prctl(PR_SET_DUMPABLE, 0);
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uintptr_t)&child_pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t child = sys_clone3(&args);
	if (child == 0) {
		close(own_end);
		join(container, pidfd, argv, child_end);
	}
	close(child_end);
	if (child < 0) {
		report_errno(errno == ENOMEM ? "the container is ending" : "", "%s: cannot clone",
			     container->name);
		return COMMAND_FAILED;
	}

	int status = COMMAND_FAILED;
	bool ready = limits_enter(container, child, 1) == 0;
	if (ready && handshake_tell(own_end, HANDSHAKE_GO, -1) < 0) {
		report_errno("", "%s: it was killed before it began", container->name);
		ready = false;
	}
	if (ready && await_program(own_end, container->name, &root, &terminal, &status) == 0) {
		watching.pid = child;
		watching.pidfd = child_pidfd;
		return watch(&watching, terminal);
	}
	kill(child, SIGKILL);
	wait_for(child);
	return status;
}

int command_exec(const struct invocation *invocation)
{
	struct container container;
	if (!valid_name(invocation->words[0]))
		return usage_error(invocation, "%s: not a name for a container",
				   invocation->words[0]);
	if (become_unwritable(invocation->whole) < 0)
		return COMMAND_FAILED;
	AUTO_CLOSE int pidfd = container_open_running(&container, invocation->words[0]);
	if (pidfd < 0)
		return COMMAND_FAILED;
	int status = exec_in(&container, pidfd, invocation->argv);
	container_close(&container);
	return status;
}
