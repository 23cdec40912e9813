#include "confine.h"

#include "common/handshake.h"
#include "common/syscalls.h"
#include "common/userns.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/keyctl.h>
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

/* The caller may be root by its effective id only, and in groups that are none of the container's.
 * A user namespace that denies setgroups keeps them: shedding one could open a file to its user. */
static void become_user(int handshake)
{
	if (setgroups(0, NULL) < 0 && !in_user_namespace())
		handshake_fail(handshake, 125, "cannot leave the caller's groups");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		handshake_fail(handshake, 125, "cannot become the container's root");
}

/* In this order: joining a keyring is one of the calls that the filter refuses, to lower the
 * bounding set takes a capability, and without no_new_privs only a mighty process may filter. */
static void restrict_rights(bool mknod, int handshake)
{
	/* The caller's keys, such as those of an encrypted home, hang on its session keyring. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		handshake_fail(handshake, 125, "cannot make a session keyring");
	if (capabilities_limit(mknod) < 0)
		handshake_fail(handshake, 125, "cannot give up capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		handshake_fail(handshake, 125, "cannot set no_new_privs");
}

void confine(const struct confinement *confinement, int handshake)
{
	umask(022);
	reset_signals();
	/* Not closed but marked: the parent is still to get some of them, then they are closed. */
	if (sys_close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
		handshake_fail(handshake, 125, "cannot close the descriptors");
	become_user(handshake);
	if (!confinement->privileged)
		restrict_rights(confinement->devices == DEVICES_FILTERED, handshake);
	/* After all changes of credentials, which would clear it. For a PID 1 only SIGKILL serves.
	 * prctl(2) */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		handshake_fail(handshake, 125, "cannot bind its life to its parent's");
	if (!confinement->privileged && system_calls_filter() < 0)
		handshake_fail(handshake, 125, "cannot filter system calls");
}
