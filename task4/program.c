#include "program.h"

#include "clock.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "common/handshake.h"
#include "common/process.h"
#include "common/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GRACE_MS = 5000 }; /* between SIGTERM and SIGKILL, for a program that is to end early */

static volatile sig_atomic_t interrupted;
static sigset_t waiting_mask; /* the signals that are blocked during a wait */

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static void set_handlers(void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	interrupted = 0;
}

/* Blocked but while ppoll(2) waits: so none is missed that comes just before a wait. */
void catch_interrupts(void)
{
	sigset_t interrupts;
	sigemptyset(&interrupts);
	sigaddset(&interrupts, SIGINT);
	sigaddset(&interrupts, SIGTERM);
	sigprocmask(SIG_BLOCK, &interrupts, &waiting_mask);
	sigdelset(&waiting_mask, SIGINT);
	sigdelset(&waiting_mask, SIGTERM);
	set_handlers(interrupt);
}

void ignore_interrupts(void)
{
	set_handlers(SIG_IGN);
}

bool is_interrupted(void)
{
	sigset_t pending;
	sigpending(&pending);
	return interrupted || sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM);
}

void outcome_free(struct outcome *outcome)
{
	free(outcome->output);
	free(outcome->errors);
	*outcome = (struct outcome){ 0 };
}

/*
 * Starts the program with these descriptors and no others, in a session of its own: a Ctrl-C is for
 * the orchestrator, which knows what must be undone. Our signal handling is not passed on.
 */
static int start(char *const argv[], int input, int output, int errors, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	if (input >= 0)
		posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	else
		posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
	posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);

	posix_spawnattr_t attributes;
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF |
						      POSIX_SPAWN_SETSIGMASK);
	sigset_t defaults;
	sigset_t none;
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attributes, &none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGINT);
	sigaddset(&defaults, SIGTERM);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_setsigdefault(&attributes, &defaults);

	int error = posix_spawn(pid, argv[0], &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	errno = error;
	return error ? -1 : 0;
}

/* Has it ended by the deadline? On an interrupt the wait is over too, if so wanted. */
static bool ends_by(int pidfd, int64_t deadline_ms, bool until_interrupt)
{
	struct pollfd end = { pidfd, POLLIN, 0 };
	int ready = 0;
	do {
		int left_ms = ms_until(deadline_ms);
		struct timespec left = { left_ms / 1000, left_ms % 1000 * 1000000L };
		ready = ppoll(&end, 1, &left, until_interrupt ? &waiting_mask : NULL);
	} while (ready < 0 && errno == EINTR && !(until_interrupt && interrupted));
	return ready > 0;
}

/* Waits for the program's end, or brings it about. 0, or -1 with errno why it had to. */
static int wait_or_end(int pidfd, int timeout_ms)
{
	if (ends_by(pidfd, now_ms() + timeout_ms, true))
		return 0;
	int error = interrupted ? EINTR : ETIMEDOUT;
	sys_pidfd_send_signal(pidfd, SIGTERM);
	if (!ends_by(pidfd, now_ms() + GRACE_MS, false))
		sys_pidfd_send_signal(pidfd, SIGKILL);
	errno = error;
	return -1;
}

static char *read_memory(int memory)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
	return read_file(AT_FDCWD, path, NULL);
}

int run_program(char *const argv[], int input, int timeout_ms, struct outcome *outcome)
{
	*outcome = (struct outcome){ 0 };
	/* Files, not pipes: nothing has to be read while the program runs, and what it leaves
	 * running in the background can't keep us waiting for the end of a pipe. */
	AUTO_CLOSE int output = memfd_create("output", MFD_CLOEXEC);
	AUTO_CLOSE int errors = memfd_create("errors", MFD_CLOEXEC);
	pid_t pid = 0;
	if (output < 0 || errors < 0 || start(argv, input, output, errors, &pid) < 0)
		return -1;
	AUTO_CLOSE int pidfd = sys_pidfd_open(pid);
	int result = pidfd < 0 ? -1 : wait_or_end(pidfd, timeout_ms);
	int error = errno;
	outcome->status = wait_for(pid);
	outcome->output = read_memory(output);
	outcome->errors = read_memory(errors);
	if (result == 0 && outcome->output && outcome->errors)
		return 0;
	if (result < 0)
		errno = error;
	return -1;
}

/* Field 22 of /proc/PID/stat, counted behind the name, which may hold anything. proc(5) */
static int read_start(pid_t pid, unsigned long long *ticks)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	AUTO_FREE char *text = read_file(AT_FDCWD, path, NULL);
	char *rest = text ? strrchr(text, ')') : NULL;
	for (int field = 2; rest && field < 22; field++)
		rest = strchr(rest + 1, ' ');
	if (!rest)
		return -1;
	*ticks = strtoull(rest + 1, NULL, 10);
	return 0;
}

_Noreturn static void become(char *const argv[], int log, int handshake)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (handshake_hear(handshake, NULL, NULL) != HANDSHAKE_GO)
		_exit(EXIT_FAILURE);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
	    dup2(log, STDERR_FILENO) < 0 ||
	    sys_close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
		handshake_fail(handshake, EXIT_FAILURE, "cannot set its descriptors");
	execv(argv[0], argv);
	handshake_fail(handshake, EXIT_FAILURE, "cannot be run");
}

int background_start(char *const argv[], int log, struct background *background, int *handshake)
{
	AUTO_CLOSE int own_end = -1;
	AUTO_CLOSE int child_end = -1;
	*background = (struct background){ 0 };
	if (handshake_pair(&own_end, &child_end) < 0)
		return -1;
	pid_t pid = fork();
	if (pid < 0)
		return -1;
	if (pid == 0) {
		close_fd(&own_end);
		become(argv, log, child_end);
	}
	background->pid = pid;
	if (read_start(pid, &background->start_ticks) < 0)
		return -1;
	*handshake = own_end;
	own_end = -1; /* it stays open */
	return 0;
}

int background_go(int handshake)
{
	struct handshake_failure failure = { .errnum = EPIPE };
	if (handshake_tell(handshake, HANDSHAKE_GO, -1) == 0 &&
	    handshake_hear(handshake, &failure, NULL) == HANDSHAKE_CLOSED)
		return 0;
	errno = failure.errnum;
	return -1;
}

/* A descriptor of it, or -1 if it is gone. Only when the start is looked at after the open is it
 * sure that both are of the same process. */
static int open_background(const struct background *background)
{
	if (background->pid <= 0)
		return -1;
	AUTO_CLOSE int pidfd = sys_pidfd_open(background->pid);
	unsigned long long start_ticks;
	if (pidfd < 0 || read_start(background->pid, &start_ticks) < 0 ||
	    start_ticks != background->start_ticks)
		return -1;
	int opened = pidfd;
	pidfd = -1; /* it stays open */
	return opened;
}

bool background_ended(const struct background *background, int timeout_ms, int *status)
{
	AUTO_CLOSE int pidfd = open_background(background);
	if (status)
		*status = -1;
	if (pidfd >= 0 && !ends_by(pidfd, now_ms() + timeout_ms, true))
		return false;
	int wait_status;
	if (pidfd >= 0 && waitpid(background->pid, &wait_status, WNOHANG) == background->pid &&
	    status)
		*status = exit_status_of(wait_status);
	return true;
}

int background_end(const struct background *background, int timeout_ms)
{
	AUTO_CLOSE int pidfd = open_background(background);
	if (pidfd < 0)
		return 0;
	sys_pidfd_send_signal(pidfd, SIGTERM);
	if (!ends_by(pidfd, now_ms() + timeout_ms, false))
		sys_pidfd_send_signal(pidfd, SIGKILL);
	if (!ends_by(pidfd, now_ms() + timeout_ms, false)) {
		errno = ETIMEDOUT;
		return -1;
	}
	waitpid(background->pid, NULL, WNOHANG);
	return 0;
}
