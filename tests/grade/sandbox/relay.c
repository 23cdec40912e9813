/*
 * Carries bytes between the judge and COMMAND. What COMMAND prints beyond the limit is read and
 * counted, so that it isn't stopped by a full pipe, but goes nowhere. It ends when COMMAND ends,
 * whoever else still holds the other ends.
 */
#include "world.h"

#include "common/cleanup.h"
#include "common/file.h"
#include "common/process.h"
#include "common/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>

enum { BLOCK = 65536, END_OF_INPUT = 4 /* ^D */ };

/* The entries of the poll set. */
enum { CHILD, SIGNALS, OUTPUT, ERRORS, INPUT, COMMAND, ENTRIES };

/* What was read from the judge and COMMAND didn't take yet. */
struct pending {
	char data[BLOCK];
	size_t from, to;
};

static long long left_ms(const struct relay *relay)
{
	struct timespec now;
	if (relay->deadline_ms < 0)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	long long left = relay->deadline_ms - (now.tv_sec * 1000LL + now.tv_nsec / 1000000);
	return left > 0 ? left : 0;
}

/* --- from COMMAND ------------------------------------------------------------------------------- */

/* Reads once. False when there is no more: the end, or nothing now. */
static bool carry_output(struct relay *relay, int stream, long long *written)
{
	char data[BLOCK];
	ssize_t got = read(relay->from_command[stream], data, sizeof(data));
	if (got <= 0)
		return got < 0 && errno == EINTR;
	long long room = relay->limit_bytes - *written;
	long long wanted = got < room ? got : room;
	/* A judge that doesn't listen any more: the rest is discarded as well. */
	if (wanted > 0 &&
	    write_all(stream ? STDERR_FILENO : STDOUT_FILENO, data, (size_t)wanted) < 0)
		wanted = 0;
	*written += wanted;
	relay->discarded[stream] += got - wanted;
	return true;
}

/* COMMAND has ended: what it wrote before is there to be read. A process that it left behind may go
 * on writing for ever; no pipe holds more than a megabyte. */
static void drain(struct relay *relay, long long written[2])
{
	enum { MOST = (1 << 20) / BLOCK + 1 };
	for (int stream = 0; stream < 2; stream++) {
		for (int i = 0; i < MOST && relay->from_command[stream] >= 0; i++) {
			if (!carry_output(relay, stream, &written[stream]))
				break;
		}
	}
}

/* --- to COMMAND --------------------------------------------------------------------------------- */

static void end_input(struct relay *relay)
{
	static const char end = END_OF_INPUT;
	if (relay->terminal && relay->to_command >= 0)
		(void)!write(relay->to_command, &end, 1);
	else
		close_fd(&relay->to_command);
	relay->to_command = -1;
}

static void fetch_input(struct relay *relay, struct pending *pending)
{
	ssize_t got = read(STDIN_FILENO, pending->data, sizeof(pending->data));
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got <= 0) {
		end_input(relay);
		return;
	}
	pending->from = 0;
	pending->to = (size_t)got;
}

static void carry_input(struct relay *relay, struct pending *pending)
{
	ssize_t put = write(relay->to_command, pending->data + pending->from,
			    pending->to - pending->from);
	if (put > 0)
		pending->from += (size_t)put;
	else if (put < 0 && errno != EAGAIN && errno != EINTR) { /* it doesn't read any more */
		pending->from = pending->to;
		relay->terminal = false;
		end_input(relay);
	}
}

/* --- the loop ----------------------------------------------------------------------------------- */

static void set_nonblocking(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static int open_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigaction(SIGPIPE, &ignore, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* COMMAND leads a session and, unless it made others, the only process group in it. */
static void kill_command(const struct relay *relay)
{
	kill(-relay->child, SIGKILL);
	sys_pidfd_send_signal(relay->pidfd, SIGKILL);
}

static void fill(struct pollfd set[ENTRIES], const struct relay *relay,
		 const struct pending *pending)
{
	bool waiting = pending->from < pending->to;
	set[OUTPUT].fd = relay->from_command[0];
	set[ERRORS].fd = relay->from_command[1];
	set[INPUT].fd = relay->to_command >= 0 && !waiting ? STDIN_FILENO : -1;
	set[COMMAND].fd = waiting ? relay->to_command : -1;
}

/* One round. */
static void carry(struct relay *relay, struct pollfd set[ENTRIES], struct pending *pending,
		  long long written[2])
{
	for (int stream = 0; stream < 2; stream++) {
		/* The end of a stream isn't that of COMMAND. */
		if (set[OUTPUT + stream].revents &&
		    !carry_output(relay, stream, &written[stream]) &&
		    set[OUTPUT + stream].revents & (POLLHUP | POLLERR))
			relay->from_command[stream] = -1;
	}
	if (set[INPUT].revents)
		fetch_input(relay, pending);
	if (set[COMMAND].revents)
		carry_input(relay, pending);
}

/* Returns 0 when COMMAND has ended by itself, else the status that its violent end has. */
static int carry_all(struct relay *relay, int signals, long long written[2])
{
	static struct pending pending;
	struct pollfd set[ENTRIES] = {
		[CHILD] = { .fd = relay->pidfd, .events = POLLIN },
		[SIGNALS] = { .fd = signals, .events = POLLIN },
		[OUTPUT] = { .events = POLLIN },
		[ERRORS] = { .events = POLLIN },
		[INPUT] = { .events = POLLIN },
		[COMMAND] = { .events = POLLOUT },
	};
	for (;;) {
		struct signalfd_siginfo info;
		fill(set, relay, &pending);
		long long left = left_ms(relay);
		int ready = poll(set, ENTRIES, left > 1000000 ? 1000000 : (int)left);
		if (ready < 0)
			continue;
		if (set[CHILD].revents)
			return 0;
		if (left_ms(relay) == 0)
			return EXIT_TIME;
		if (set[SIGNALS].revents && read(signals, &info, sizeof(info)) == sizeof(info))
			return 128 + (int)info.ssi_signo;
		carry(relay, set, &pending, written);
	}
}

int relay_run(struct relay *relay)
{
	long long written[2] = { 0 };
	AUTO_CLOSE int signals = open_signals();
	AUTO_CLOSE int pidfd = sys_pidfd_open(relay->child);
	relay->pidfd = pidfd;
	set_nonblocking(relay->to_command);
	set_nonblocking(relay->from_command[0]);
	set_nonblocking(relay->from_command[1]);
	int early = carry_all(relay, signals, written);
	if (early)
		kill_command(relay);
	int status = wait_for(relay->child);
	drain(relay, written);
	return early ? early : status;
}
