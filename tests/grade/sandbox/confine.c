/* Root of the world, less what reaches the machine. capabilities(7) */
#include "world.h"

#include "common/handshake.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The machine's kernel, hardware, clock, log and audit. All others are root's as on a host of one's
 * own: they are needed for namespaces, mounts, links, devices, tracing. */
static const int machines[] = {
	CAP_SYS_MODULE,	   CAP_SYS_RAWIO,      CAP_SYS_BOOT,	    CAP_SYS_TIME,
	CAP_SYS_PACCT,	   CAP_SYS_TTY_CONFIG, CAP_SYSLOG,	    CAP_AUDIT_WRITE,
	CAP_AUDIT_CONTROL, CAP_AUDIT_READ,     CAP_MAC_OVERRIDE,    CAP_MAC_ADMIN,
	CAP_WAKE_ALARM,	   CAP_BLOCK_SUSPEND,  CAP_LINUX_IMMUTABLE, CAP_PERFMON,
};

static void drop_capabilities(int outside)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &header, data) < 0)
		handshake_fail(outside, EXIT_WORLD, "cannot read capabilities");
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		unsigned index = (unsigned)machines[i] / 32;
		unsigned bit = 1U << ((unsigned)machines[i] % 32);
		data[index].permitted &= ~bit;
		data[index].effective &= ~bit;
		/* EINVAL: a kernel older than this one. */
		if (prctl(PR_CAPBSET_DROP, machines[i], 0, 0, 0) < 0 && errno != EINVAL)
			handshake_fail(outside, EXIT_WORLD, "cannot drop capability %d",
				       machines[i]);
	}
	data[0].inheritable = data[1].inheritable = 0;
	if (syscall(SYS_capset, &header, data) < 0)
		handshake_fail(outside, EXIT_WORLD, "cannot drop capabilities");
}

/* What a judge ignores or blocks is no business of a submission's. */
static void reset_signals(void)
{
	sigset_t none;
	for (int signal = 1; signal < NSIG; signal++) {
		struct sigaction by_default = { .sa_handler = SIG_DFL };
		sigaction(signal, &by_default, NULL); /* those that can't be changed needn't be */
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void confine(int outside)
{
	struct rlimit no_core = { 0, 0 };
	setrlimit(RLIMIT_CORE, &no_core);
	umask(022);
	reset_signals();
	drop_capabilities(outside);
}
