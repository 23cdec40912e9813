#include "confine.h"

#include "common/handshake.h"
#include "common/syscalls.h"

#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIGNALS = 64 };

/*
 * What an ancestor ignored or blocked would stay so in the program: nohup, or a shell's background
 * job. By the bare system call, since signal(3) refuses the two that glibc keeps for itself.
 */
static void reset_signals(void)
{
	static const unsigned long by_default[8]; /* the kernel's struct sigaction: SIG_DFL is 0 */
	sigset_t none;
	sigemptyset(&none);
	for (int number = 1; number <= SIGNALS; number++)
		syscall(SYS_rt_sigaction, number, by_default, NULL,
			SIGNALS / 8); /* SIGKILL refuses */
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void confine(int handshake)
{
	umask(022);
	reset_signals();
	/* Not closed but marked: the handshake must live until execve has succeeded. */
	if (sys_close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
		handshake_fail(handshake, 125, "cannot close the descriptors");
	/* Last: other changes of credentials would clear it. For a PID 1 only SIGKILL serves.
	 * prctl(2) */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		handshake_fail(handshake, 125, "cannot bind its life to its parent's");
}
