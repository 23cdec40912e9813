#include "container.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/handshake.h"
#include "common/process.h"
#include "common/syscalls.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct child {
	const struct container *container;
	int parent_end;
	int channel; /* the child's end */
};

/* The child's whole life until the program takes its place. */
static int child_main(void *arg)
{
	struct child *child = arg;
	const struct container *container = child->container;
	close(child->parent_end);

	/* When the parent is killed, so is the child. (As PID 1 it could be ended by no other
	 * signal than this one.) Had the parent died before, the handshake would tell. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (handshake_hear(child->channel, NULL, NULL) != HANDSHAKE_GO)
		_exit(EXIT_OWN_FAILURE);

	/* SOLUTION 2a: rootfs becomes "/", and the current directory: chroot(2), chdir(2) */
	/* chroot changes what "/" means and nothing else: without the chdir, the current directory
	 * would still be outside, and "../.." would lead all over the machine. */
	if (chroot(container->rootfs) < 0)
		handshake_fail(child->channel, EXIT_OWN_FAILURE, "cannot chroot to %s",
			       container->rootfs);
	if (chdir("/") < 0)
		handshake_fail(child->channel, EXIT_OWN_FAILURE, "cannot chdir to /");
	/* END 2a */
	/* So would an open directory. The channel too closes by itself when the program runs. */
	if (sys_close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
		handshake_fail(child->channel, EXIT_OWN_FAILURE, "cannot close the descriptors");
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &container->signal_mask, NULL);
	execv(container->program, container->argv);
	handshake_fail(child->channel, errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN,
		       "cannot run %s", container->program);
}

/* The signals that ask us to end, but for those that our caller wants ignored (nohup), and SIGCHLD.
 */
static void wanted_signals(sigset_t *set)
{
	const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction action;
		if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(set, signals[i]);
	}
}

void container_block_signals(sigset_t *old)
{
	sigset_t set;
	wanted_signals(&set);
	sigprocmask(SIG_BLOCK, &set, old);
	signal(SIGCHLD, SIG_DFL); /* inherited as ignored it would take our children's status */
	signal(SIGPIPE, SIG_IGN); /* `| head` must not end us before all is undone */
}

/* fork, but for the namespaces: the child runs child_main. Its PID; -1 with errno. */
static pid_t start_child(struct child *child)
{
	pid_t pid = -1;
	if (!child->container->namespaces) {
		pid = fork();
		if (pid == 0)
			child_main(child);
		return pid;
	}
	/* SOLUTION 2b: child_main(child) in a new PID and a new UTS namespace: clone(2) */
	/* As in task 1: the child starts in a function, on a stack of its own. */
	static char stack[256 * 1024] __attribute__((aligned(16)));
	int flags = CLONE_NEWPID | CLONE_NEWUTS | SIGCHLD;
	pid = clone(child_main, stack + sizeof(stack), flags, child);
	/* END 2b */
	return pid;
}

int container_start(struct container *container)
{
	struct child child = { .container = container };
	container->ran = false;
	/* So that it comes before what the container prints. */
	if (fflush(stdout) == EOF) {
		report_errno("", "cannot write to standard output");
		return -1;
	}
	if (handshake_pair(&child.parent_end, &child.channel) < 0) {
		report_errno("", "cannot make a socket pair");
		return -1;
	}
	container->pid = start_child(&child);
	int saved = errno;
	close(child.channel); /* so that its end of file is the child's end */
	container->channel = child.parent_end;
	errno = saved;
	if (container->pid >= 0)
		return 0;
	report_errno(hint_namespace(errno), "cannot clone");
	close_fd(&container->channel);
	return -1;
}

static const char *hint_for(const struct handshake_failure *failure)
{
	if (failure->status == EXIT_OWN_FAILURE)
		return hint_mount(failure->errnum); /* chroot */
	if (failure->errnum == EACCES)
		return "is it on a file system mounted noexec? then name another ROOT";
	return "";
}

int container_go(struct container *container)
{
	struct handshake_failure failure;
	handshake_tell(container->channel, HANDSHAKE_GO, -1);
	int heard = handshake_hear(container->channel, &failure, NULL);
	/* Closed by execve; or by the child's end, of which the wait will tell. */
	container->ran = heard == HANDSHAKE_CLOSED;
	if (container->ran) {
		close_fd(&container->channel);
		return 0;
	}

	container_kill(container);
	if (heard != HANDSHAKE_FAILED) {
		report("cannot understand the container's process");
		return EXIT_OWN_FAILURE;
	}
	errno = failure.errnum;
	report_errno(hint_for(&failure), "%s", failure.text);
	return failure.status;
}

int container_wait(struct container *container, const struct cpu_cgroup *cgroup,
		   struct cpu_measurement *measurement)
{
	sigset_t set;
	wanted_signals(&set);
	/* Often enough to see the end of each period, a second, within half a per cent. */
	const struct timespec pause = { .tv_nsec = 5000000 };
	int interrupted = 0;
	for (;;) {
		int status;
		pid_t ended = waitpid(container->pid, &status, WNOHANG);
		if (ended < 0)
			return EXIT_OWN_FAILURE;
		if (ended > 0)
			return interrupted ? 128 + interrupted : exit_status_of(status);

		if (cgroup)
			cpu_cgroup_measure(cgroup, measurement);
		int signal = cgroup ? sigtimedwait(&set, NULL, &pause) : sigwaitinfo(&set, NULL);
		if (signal > 0 && signal != SIGCHLD) {
			/* With PID 1 its whole namespace goes. The next round waits for it. */
			kill(container->pid, SIGKILL);
			if (!interrupted)
				interrupted = signal;
		}
	}
}

void container_kill(struct container *container)
{
	close_fd(&container->channel);
	kill(container->pid, SIGKILL);
	wait_for(container->pid);
}
