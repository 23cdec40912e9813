/* Inside: PID 1. It builds the world, starts the internet and COMMAND, and reaps orphans. */
#include "lab.h"

#include "common/cleanup.h"
#include "common/handshake.h"
#include "common/process.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static void start_internet(const struct lab *lab, int parent)
{
	AUTO_CLOSE int netns = -1;
	AUTO_CLOSE int listener = links_build(parent, &netns);
	pid_t pid = fork();
	if (pid < 0)
		handshake_fail(parent, EXIT_LAB, "cannot start the internet");
	if (pid > 0)
		return;
	close(parent);
	prctl(PR_SET_NAME, "lab-internet");
	setsid(); /* the terminal's ^C is for COMMAND */
	setns(netns, CLONE_NEWNET);
	internet_serve(descriptors_drop(listener), lab->token);
}

/* Root's tools lie in directories that an ordinary user's PATH lacks. */
static void extend_path(void)
{
	const char *path = getenv("PATH");
	char longer[32768];
	if (!path || strstr(path, "/usr/sbin"))
		return;
	int length = snprintf(longer, sizeof(longer), "%s:/usr/local/sbin:/usr/sbin:/sbin", path);
	if (length > 0 && (size_t)length < sizeof(longer))
		setenv("PATH", longer, 1);
}

static void set_environment(const struct lab *lab)
{
	static const char *const gone[] = {
		"XDG_RUNTIME_DIR", /* it was below the machine's /run */
		"http_proxy",	   /* and no proxy of the machine's can be reached */
		"HTTP_PROXY",	   "all_proxy", "ALL_PROXY",
	};
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		unsetenv(gone[i]);
	setenv("IN_LAB", "1", 1);
	setenv("LAB_TOKEN", lab->token, 1);
	setenv("CONDUCTOR_ROOT", CONDUCTOR_DIR, 1);
	extend_path();
}

_Noreturn static void become_command(const struct lab *lab, int parent)
{
	set_environment(lab);
	sigaction(SIGCHLD, &lab->sigchld, NULL);
	sigprocmask(SIG_SETMASK, &lab->mask, NULL);
	execvp(lab->command[0], lab->command);
	handshake_fail(parent, exec_status(lab->command[0]), "cannot run %s", lab->command[0]);
}

static pid_t start_command(const struct lab *lab, int parent)
{
	pid_t pid = fork();
	if (pid < 0)
		handshake_fail(parent, EXIT_LAB, "cannot fork");
	if (pid == 0)
		become_command(lab, parent);
	/* COMMAND stays in the process group that the terminal and the shell know; we leave it, so
	 * that each signal reaches COMMAND once. */
	setpgid(0, 0);
	return pid;
}

/* Reaps until COMMAND has ended; passes on what the parent sent. Returns the exit status. */
static int attend(pid_t command)
{
	sigset_t set;
	lab_signals(&set);
	for (;;) {
		siginfo_t info = { 0 };
		int signal = sigwaitinfo(&set, &info);
		/* A process group of 0 is one outside this PID namespace: the caller's, which has
		 * had the terminal's signal. */
		bool had_it = info.si_value.sival_int && getpgid(command) == 0;
		if (signal > 0 && signal != SIGCHLD && !had_it)
			kill(command, signal);
		int status;
		pid_t ended;
		while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
			if (ended == command)
				return exit_status_of(status);
		}
	}
}

void init_main(const struct lab *lab, int parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "lab-init");
	/* End of file: the parent was gone before the first line took effect. */
	if (handshake_hear(parent, NULL, NULL) != HANDSHAKE_GO)
		_exit(EXIT_LAB);

	user_map(lab, parent); /* first: without it nothing below is allowed */
	world_build(parent);
	cgroups_enter(&lab->cgroups, parent);
	start_internet(lab, parent);
	pid_t command = start_command(lab, parent);
	descriptors_drop(-1);	/* parent too: its end of file says that COMMAND runs */
	_exit(attend(command)); /* the kernel kills all that is left in the PID namespace */
}
