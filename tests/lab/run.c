/* The parent: `lab` itself, outside. It builds, waits, passes signals on, and undoes. */
#include "lab.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/handshake.h"
#include "common/process.h"
#include "common/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <sys/wait.h>
#include <termios.h>

void lab_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGQUIT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGUSR1);
	sigaddset(set, SIGUSR2);
	sigaddset(set, SIGCHLD);
}

/* The terminal, if we are in its foreground, else -1. A shell inside makes itself the foreground
 * and, not seeing our process group from its PID namespace, can't give it back. */
static int open_terminal(void)
{
	int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal >= 0 && tcgetpgrp(terminal) != getpgrp())
		close_fd(&terminal);
	return terminal;
}

static void take_terminal_back(int terminal)
{
	sigset_t ttou;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU); /* else it would stop us, who are in the background now */
	sigprocmask(SIG_BLOCK, &ttou, NULL);
	if (terminal >= 0)
		tcsetpgrp(terminal, getpgrp());
}

static pid_t clone_init(struct lab *lab, int parent_end, int child_end, int *pidfd)
{
	struct clone_args args = {
		.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET |
			 CLONE_PIDFD | (lab->new_user ? CLONE_NEWUSER : 0),
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t init = sys_clone3(&args);
	if (init == 0) {
		close(parent_end);
		init_main(lab, child_end);
	}
	return init;
}

/* Lets init go on and waits until COMMAND runs. 0, or what to exit with. */
static int release(struct lab *lab, pid_t init, int handshake)
{
	if (cgroups_make(&lab->cgroups, init) < 0)
		return EXIT_LAB;
	struct handshake_failure failure;
	handshake_tell(handshake, HANDSHAKE_GO, -1);
	int heard = handshake_hear(handshake, &failure, NULL);
	if (heard == HANDSHAKE_CLOSED)
		return 0; /* it runs; or somebody has killed init, which its exit status tells */
	if (heard != HANDSHAKE_FAILED) {
		report_errno("", "cannot talk to init");
		return EXIT_LAB;
	}
	errno = failure.errnum;
	report_errno(failure.status == EXIT_LAB ? user_hint(lab, errno) : "", "%s", failure.text);
	return failure.status;
}

/* Waits for init to end; meanwhile passes signals on. Returns the exit status. */
static int attend(pid_t init)
{
	sigset_t set;
	lab_signals(&set);
	for (;;) {
		siginfo_t info;
		int status;
		int signal = sigwaitinfo(&set, &info);
		if (signal == SIGCHLD && waitpid(init, &status, WNOHANG) == init)
			return exit_status_of(status);
		/* What the terminal sends, COMMAND may have got too: init can tell. */
		union sigval from_terminal = { .sival_int = info.si_code == SI_KERNEL };
		if (signal > 0 && signal != SIGCHLD)
			sigqueue(init, signal, from_terminal);
	}
}

static int run_between(struct lab *lab, int keeper)
{
	AUTO_CLOSE int parent_end = -1;
	AUTO_CLOSE int child_end = -1;
	AUTO_CLOSE int pidfd = -1;
	if (handshake_pair(&parent_end, &child_end) < 0) {
		report_errno("", "cannot make a socket pair");
		return EXIT_LAB;
	}
	pid_t init = clone_init(lab, parent_end, child_end, &pidfd);
	if (init < 0) {
		report_errno(user_hint(lab, errno), "cannot make the lab's namespaces");
		return EXIT_LAB;
	}
	close_fd(&child_end);
	/* Before any cgroup is made, so that from then on the keeper knows when to remove it. A
	 * keeper that is gone already can't be told; then we remove all ourselves. */
	if (keeper >= 0)
		handshake_tell(keeper, HANDSHAKE_GO, pidfd);

	int failed = release(lab, init, parent_end);
	if (failed)
		kill(init, SIGKILL);
	int status = attend(init);
	return failed ? failed : status;
}

int lab_run(struct lab *lab)
{
	sigset_t set;
	lab_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &lab->mask);
	struct sigaction by_default = { .sa_handler = SIG_DFL };
	sigaction(SIGCHLD, &by_default, &lab->sigchld); /* ignored, it would hide init's status */

	AUTO_CLOSE int terminal = open_terminal();
	AUTO_CLOSE int keeper = -1;
	pid_t keeper_pid = keeper_start(&lab->cgroups, &keeper);
	if (keeper_pid < 0)
		die_errno(EXIT_LAB, "", "cannot start the keeper");

	int status = run_between(lab, keeper);

	take_terminal_back(terminal);
	close_fd(&keeper);
	if (keeper_pid > 0)
		wait_for(keeper_pid);
	/* It found nothing to do unless somebody killed the keeper. */
	if (cgroups_remove(&lab->cgroups) < 0)
		report_errno(hint_cgroup(errno), "cannot remove cgroup %s", lab->cgroups.name);
	return status;
}
