/* Inside: exec's child, on its way from the judge's side to COMMAND. */
#include "world.h"

#include "common/cleanup.h"
#include "common/handshake.h"
#include "common/libraries.h"
#include "common/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <termios.h>

/* What the judge has in its environment stays there. */
static char *const environment[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"HOME=/root",
	"USER=root",
	"LOGNAME=root",
	"SHELL=/bin/bash",
	"TERM=linux",
	"LC_ALL=C.UTF-8",
	NULL,
};

/* The cgroups first, by files that were opened outside: a limit holds for all that follows. */
static void enter(const struct join *join, int outside)
{
	for (int i = 0; i < join->cgroup_count; i++) {
		if (write(join->cgroup_files[i], "0", 1) != 1)
			handshake_fail(outside, EXIT_WORLD, "cannot enter the world's cgroup");
	}
	if (setns(join->pidfd,
		  CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP) < 0)
		handshake_fail(outside, EXIT_WORLD, "cannot enter the world's namespaces");
}

/* setns leads to the mount on top of a namespace's root, which is the machine's as long as nobody
 * has unmounted that: then COMMAND would run on the machine. */
static void check_root(const struct join *join, int outside)
{
	struct stat root;
	if (stat("/", &root) < 0 || root.st_dev != join->root_device ||
	    root.st_ino != join->root_inode) {
		errno = 0;
		handshake_fail(outside, EXIT_WORLD,
			       "this is not the world's root: nothing is run there");
	}
}

/*
 * For a judge that is no terminal itself, the program's text comes as it was written: no echo of
 * what was sent, no carriage returns. The program sees a terminal all the same.
 */
static void quiet_terminal(int terminal)
{
	struct termios settings;
	if (tcgetattr(terminal, &settings) < 0)
		return;
	settings.c_oflag &= ~(tcflag_t)OPOST;
	settings.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	tcsetattr(terminal, TCSANOW, &settings);
}

/* Takes a terminal of the world's as the controlling one, and sends its master out. */
static void take_terminal(const struct join *join, int outside)
{
	AUTO_CLOSE int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	int unlock = 0;
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0)
		handshake_fail(outside, EXIT_CANNOT_RUN, "cannot open a terminal of the world's");
	int terminal = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal < 0 || ioctl(terminal, TIOCSCTTY, 0) < 0)
		handshake_fail(outside, EXIT_CANNOT_RUN, "cannot use a terminal of the world's");
	if (join->quiet)
		quiet_terminal(terminal);
	if (handshake_tell(outside, HANDSHAKE_READY, master) < 0)
		_exit(EXIT_WORLD);
	for (int fd = 0; fd <= 2; fd++)
		dup2(terminal, fd);
	close(terminal);
}

static void connect_standard(const struct join *join, int outside)
{
	for (int fd = 0; fd <= 2; fd++) {
		/* Where the judge had closed one of 0 to 2, a pipe may have its number. */
		if (dup2(join->standard[fd], fd) < 0 || fcntl(fd, F_SETFD, 0) < 0)
			handshake_fail(outside, EXIT_WORLD, "cannot connect descriptor %d", fd);
	}
}

/* Of all that the judge has open only the handshake is left, until execve. */
static int drop_descriptors(int outside)
{
	int kept = 3;
	if (outside != kept && dup3(outside, kept, O_CLOEXEC) < 0)
		_exit(EXIT_WORLD);
	sys_close_range((unsigned)kept + 1, ~0U, 0);
	return kept;
}

_Noreturn static void execute(char *const command[], int outside)
{
	environ = (char **)environment;
	execvpe(command[0], command, environment);
	/* execvp says EACCES of a name that is nowhere, if it may not search one directory. */
	int errnum = errno;
	AUTO_FREE char *found = find_on_path(command[0]);
	errno = found ? errnum : ENOENT;
	handshake_fail(outside, errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN, "cannot run %s",
		       command[0]);
}

void join_main(const struct join *join, int outside)
{
	/* Before it can be seen there: whoever would look at it finds nothing of the judge's. */
	prctl(PR_SET_DUMPABLE, 0);
	enter(join, outside);
	check_root(join, outside);
	setsid();
	if (join->options->pty)
		take_terminal(join, outside);
	else
		connect_standard(join, outside);
	outside = drop_descriptors(outside);
	confine(outside);
	if (chdir("/submission") < 0 && chdir("/") < 0) /* a submission may have removed it */
		handshake_fail(outside, EXIT_WORLD, "cannot go to /submission");
	/* A judge that is killed takes it along. Last, since confine changes credentials. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execute(join->options->command, outside);
}
