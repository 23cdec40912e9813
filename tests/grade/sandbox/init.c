/* Inside: process 1. It does nothing but live, and reap orphans. */
#include "world.h"

#include "common/handshake.h"
#include "common/syscalls.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>

void init_exec(int own_file, int outside)
{
	static char name[] = "init";
	static char *const argv[] = { name, NULL };
	static char *const envp[] = { NULL };
	/* A new program has nothing of the judge's in its memory or arguments. */
	syscall(SYS_execveat, own_file, "", argv, envp, AT_EMPTY_PATH);
	handshake_fail(outside, EXIT_WORLD, "cannot execute process 1");
}

void init_main(void)
{
	prctl(PR_SET_NAME, "init");
	/* Ignored, the kernel itself reaps whoever ends without a parent. */
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigaction(SIGCHLD, &ignore, NULL);
	for (;;)
		pause();
}
