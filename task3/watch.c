#include "watch.h"

#include "process_id.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* The log never grows past twice this: the newest half at least is kept, and the writer never
 * waits. */
enum { LOG_BYTES = 8 << 20 };

static sigset_t passed_on(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGWINCH);
	return set;
}

int watch_prepare(struct watch *watch)
{
	sigset_t set = passed_on();
	sigprocmask(SIG_BLOCK, &set, NULL);
	*watch = (struct watch){ .pid = -1, .pidfd = -1, .output = -1, .log_dir = -1 };
	terminal_remember(&watch->terminal);
	watch->signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (watch->signals < 0)
		report_errno("", "cannot wait for signals");
	return watch->signals < 0 ? -1 : 0;
}

void watch_end(struct watch *watch)
{
	close_fd(&watch->output);
	close_fd(&watch->signals);
}

static void kill_child(struct watch *watch)
{
	watch->killed = true;
	kill(watch->pid, SIGKILL);
}

/*
 * The child is in a session of its own, so it gets no signal but from us. Where a PID 1 is deaf to
 * one that would have ended any other program, end it. By its number: that of a child is nobody
 * else's until it is waited for.
 */
static void pass_on(struct watch *watch, int signal_number)
{
	bool deadly = signal_number != SIGUSR1 && signal_number != SIGUSR2;
	if (signal_number == SIGWINCH)
		terminal_resize(&watch->terminal);
	else if (watch->init && deadly && init_is_deaf_to(watch->pid, signal_number))
		kill_child(watch);
	else
		kill(watch->pid, signal_number);
}

static int open_log(int directory)
{
	return openat(directory, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Appends what there is to read. False at the end of the output. */
static bool keep_output(const struct watch *watch, int *log)
{
	char block[65536];
	ssize_t got = read(watch->output, block, sizeof(block));
	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR);

	struct stat status;
	if (*log >= 0 && fstat(*log, &status) == 0 && status.st_size > LOG_BYTES) {
		renameat(watch->log_dir, "log", watch->log_dir, "log.1");
		close_fd(log);
	}
	if (*log < 0)
		*log = open_log(watch->log_dir);
	/* On a full disk lines are lost, but the container goes on. */
	if (*log >= 0 && write_all(*log, block, (size_t)got) < 0)
		return true;
	return true;
}

int watch(struct watch *watch, int terminal)
{
	AUTO_CLOSE int log = watch->output >= 0 ? open_log(watch->log_dir) : -1;
	terminal_begin(&watch->terminal, terminal);
	struct pollfd events[] = {
		{ .fd = watch->pidfd, .events = POLLIN },
		{ .fd = watch->signals, .events = POLLIN },
		{ .fd = watch->output, .events = POLLIN },
		{ .fd = -1 }, /* the terminals */
		{ .fd = -1 },
	};
	while (!events[0].revents) {
		struct signalfd_siginfo info;
		terminal_events(&watch->terminal, &events[3]);
		if (poll(events, 5, -1) < 0 && errno != EINTR)
			break;
		if (events[1].revents && read(watch->signals, &info, sizeof(info)) == sizeof(info))
			pass_on(watch, (int)info.ssi_signo);
		if (events[2].revents && !keep_output(watch, &log))
			events[2].fd = -1;
		if (terminal_pass_on(&watch->terminal, &events[3], watch->init ? watch->pid : 0))
			kill_child(watch);
	}
	int status = wait_for(watch->pid);
	/* What it wrote last is still in the pipe, which is non-blocking. */
	while (watch->output >= 0 && poll(&events[2], 1, 0) == 1 && keep_output(watch, &log))
		continue;
	terminal_end(&watch->terminal);
	return status;
}
