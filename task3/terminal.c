#include "terminal.h"

#include "process_id.h"

#include "common/cleanup.h"
#include "common/file.h"
#include "common/handshake.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

/* --- the child's side --------------------------------------------------------------------------- */

/* The multiplexer, if it is one: a privileged container may have put anything in its place. */
static int open_multiplexer(void)
{
	struct statfs fs;
	int fd = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && (fstatfs(fd, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC))
		close_fd(&fd);
	return fd;
}

/* The new one is like the caller's: its size, its modes, its way to erase a character. */
static void make_alike(int caller, int own)
{
	struct winsize size;
	struct termios modes;
	if (ioctl(caller, TIOCGWINSZ, &size) == 0)
		ioctl(own, TIOCSWINSZ, &size);
	if (tcgetattr(caller, &modes) == 0)
		tcsetattr(own, TCSANOW, &modes);
}

int terminal_of_its_own(int handshake)
{
	int caller = 0;
	setsid(); /* fails for the leader of a session, whose own it is already */
	while (caller <= STDERR_FILENO && !isatty(caller))
		caller++;
	if (caller > STDERR_FILENO)
		return -1;

	int master = open_multiplexer();
	if (master < 0)
		return -1;
	int unlock = 0;
	AUTO_CLOSE int own = -1;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0 ||
	    (own = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
		handshake_fail(handshake, 125, "cannot make a terminal");
	make_alike(caller, own);
	ioctl(own, TIOCSCTTY, 0);
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (isatty(fd) && dup2(own, fd) < 0)
			handshake_fail(handshake, 125, "cannot set its input and output");
	}
	return master;
}

/* --- the parent's side -------------------------------------------------------------------------- */

void terminal_remember(struct terminal *terminal)
{
	*terminal = (struct terminal){ .screen = -1, .master = -1 };
	/* In the background, to change its modes or read from it would stop us. */
	terminal->input = tcgetpgrp(STDIN_FILENO) == getpgrp() &&
			  tcgetattr(STDIN_FILENO, &terminal->modes) == 0;
	static const int order[] = { STDOUT_FILENO, STDERR_FILENO, STDIN_FILENO };
	for (size_t i = 0; i < sizeof(order) / sizeof(*order) && terminal->screen < 0; i++) {
		if (isatty(order[i]))
			terminal->screen = order[i];
	}
}

void terminal_begin(struct terminal *terminal, int master)
{
	terminal->master = master;
	if (master < 0 || !terminal->input)
		return;
	/* Raw: ^C, too, is for the container's terminal, which makes the signal of it. */
	struct termios raw = terminal->modes;
	cfmakeraw(&raw);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	terminal->raw = true;
}

void terminal_events(const struct terminal *terminal, struct pollfd events[2])
{
	bool open = terminal->master >= 0;
	bool reads = open && terminal->input && terminal->typed_bytes < sizeof(terminal->typed);
	events[0] = (struct pollfd){ .fd = reads ? STDIN_FILENO : -1, .events = POLLIN };
	events[1] = (struct pollfd){ .fd = terminal->master, .events = POLLIN };
	if (terminal->typed_bytes)
		events[1].events |= POLLOUT;
}

/* Has ^C (or ^\) been typed, at a PID 1 that would have to have a handler to notice? */
static bool ends(const struct terminal *terminal, const char *typed, size_t count, pid_t init)
{
	static const struct {
		int key, signal;
	} keys[] = { { VINTR, SIGINT }, { VQUIT, SIGQUIT } };
	struct termios modes;
	if (init <= 0 || tcgetattr(terminal->master, &modes) < 0 || !(modes.c_lflag & ISIG) ||
	    tcgetpgrp(terminal->master) != init)
		return false;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (memchr(typed, modes.c_cc[keys[i].key], count) &&
		    init_is_deaf_to(init, keys[i].signal))
			return true;
	}
	return false;
}

/* Shows what there is: so many bytes, maybe none. -1 once the container's terminal has been closed by
 * all. */
static ssize_t show(const struct terminal *terminal)
{
	char shown[16384];
	ssize_t got = read(terminal->master, shown, sizeof(shown));
	if (got > 0)
		return write_all(terminal->screen, shown, (size_t)got) == 0 ? got : -1;
	return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

bool terminal_pass_on(struct terminal *terminal, const struct pollfd events[2], pid_t init)
{
	bool end = false;
	if (events[0].revents) {
		char *typed = terminal->typed + terminal->typed_bytes;
		ssize_t got =
			read(STDIN_FILENO, typed, sizeof(terminal->typed) - terminal->typed_bytes);
		if (got > 0)
			end = ends(terminal, typed, (size_t)got, init);
		if (got > 0)
			terminal->typed_bytes += (size_t)got;
		else if (got == 0 || errno != EINTR)
			terminal->input = false; /* it has gone */
	}
	if (events[1].revents & POLLOUT) {
		ssize_t put = write(terminal->master, terminal->typed, terminal->typed_bytes);
		if (put > 0) {
			terminal->typed_bytes -= (size_t)put;
			memmove(terminal->typed, terminal->typed + put, terminal->typed_bytes);
		}
	}
	if (events[1].revents & (POLLIN | POLLHUP | POLLERR) && show(terminal) < 0)
		close_fd(&terminal->master);
	return end;
}

void terminal_resize(const struct terminal *terminal)
{
	struct winsize size;
	if (terminal->master >= 0 && ioctl(terminal->screen, TIOCGWINSZ, &size) == 0)
		ioctl(terminal->master, TIOCSWINSZ, &size);
}

void terminal_end(struct terminal *terminal)
{
	/* What was written before the end is less than this; what else comes is of somebody who stays,
	 * and may never stop. */
	ssize_t most = 128 << 10;
	while (terminal->master >= 0) {
		struct pollfd last = { .fd = terminal->master, .events = POLLIN };
		ssize_t shown = poll(&last, 1, 0) == 1 ? show(terminal) : -1;
		most -= shown;
		if (shown < 0 || most < 0)
			close_fd(&terminal->master);
	}
	if (!terminal->raw)
		return;
	/* A shell may have put us in the background meanwhile, where it would stop us. */
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction before;
	sigaction(SIGTTOU, &ignore, &before);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->modes);
	sigaction(SIGTTOU, &before, NULL);
	terminal->raw = false;
}
