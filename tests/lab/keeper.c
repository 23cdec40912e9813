/*
 * The keeper: a process outside that waits for the end of the lab's init and removes its cgroups.
 * kill -9 of `lab` ends init (PR_SET_PDEATHSIG), and with it all processes inside, and with them
 * mounts and links; only cgroups have no process that they die with.
 */
#include "lab.h"

#include "common/cleanup.h"
#include "common/handshake.h"

#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Away from the caller: no terminal, no directory, no signal, and no descriptor that would keep
 * somebody waiting for the end of a pipe. Returns where fd is now. */
static int detach(int fd)
{
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "lab-keeper");
	if (chdir("/") < 0)
		return -1;
	return descriptors_drop(fd);
}

_Noreturn static void keep(const struct cgroups *cgroups, int lab)
{
	int pidfd;
	if (handshake_hear(lab, NULL, &pidfd) == HANDSHAKE_GO && pidfd >= 0) {
		struct pollfd init = { .fd = pidfd, .events = POLLIN };
		while (poll(&init, 1, -1) < 0)
			continue;
	}
	_exit(cgroups_remove(cgroups) < 0);
}

pid_t keeper_start(const struct cgroups *cgroups, int *keeper)
{
	if (cgroups->count == 0)
		return 0; /* an ordinary user's lab makes nothing that outlives it */
	AUTO_CLOSE int parent_end = -1;
	AUTO_CLOSE int child_end = -1;
	if (handshake_pair(&parent_end, &child_end) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0)
		keep(cgroups, detach(child_end));
	if (pid > 0) {
		*keeper = parent_end;
		parent_end = -1;
	}
	return pid;
}
