/*
 * world exec: a child of the judge's becomes a process of the world, and what goes in and out of it
 * goes through here. Only the child joins: this process stays outside, where nobody in the world can
 * see, trace or kill it.
 */
#include "world.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/handshake.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

/* The judge's ends of what will be the command's 0 to 2. */
struct ends {
	int in, out, error;
};

static int make_pipe(int *read_end, int *write_end)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	*read_end = ends[0];
	*write_end = ends[1];
	return 0;
}

static int make_pipes(struct join *join, struct ends *ends)
{
	if (make_pipe(&join->standard[0], &ends->in) < 0 ||
	    make_pipe(&ends->out, &join->standard[1]) < 0 ||
	    make_pipe(&ends->error, &join->standard[2]) < 0) {
		report_errno("", "cannot make a pipe");
		return -1;
	}
	return 0;
}

/* Joins the PID namespace, which only a child is then in; forks it. */
static pid_t fork_into(const struct join *join, int parent_end, int child_end)
{
	if (setns(join->pidfd, CLONE_NEWPID) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		close(parent_end);
		join_main(join, child_end);
	}
	return pid;
}

/* Waits until COMMAND runs; *terminal is the master of its terminal, or -1. 0, or what to exit with. */
static int hear_child(int handshake, int *terminal)
{
	struct handshake_failure failure;
	int heard = handshake_hear(handshake, &failure, terminal);
	if (heard == HANDSHAKE_READY)
		heard = handshake_hear(handshake, &failure, NULL);
	if (heard == HANDSHAKE_CLOSED)
		return 0;
	if (heard != HANDSHAKE_FAILED) {
		report_errno("", "cannot talk to the child");
		return EXIT_WORLD;
	}
	errno = failure.errnum;
	report_errno("", "%s", failure.text);
	return failure.status;
}

static long long now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* A judge at a terminal sees the world's as it is: every key goes there. */
static bool raw_terminal(struct termios *before, int terminal)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
	ioctl(terminal, TIOCSWINSZ, &size);
	if (tcgetattr(STDIN_FILENO, before) < 0)
		return false;
	struct termios raw = *before;
	cfmakeraw(&raw);
	return tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

/* The child was reaped by relay_run, unless something else ended it. */
static int run_relay(struct relay *relay)
{
	struct termios before;
	bool raw = relay->terminal && raw_terminal(&before, relay->to_command);
	int status = relay_run(relay);
	if (raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	static const char *const names[] = { "standard output", "standard error" };
	for (int i = 0; i < 2; i++) {
		if (relay->discarded[i] > 0)
			report("%s: %lld bytes more than %lld were discarded", names[i],
			       relay->discarded[i], relay->limit_bytes);
	}
	return status;
}

static int run_child(struct join *join, struct ends *ends)
{
	AUTO_CLOSE int parent_end = -1;
	AUTO_CLOSE int child_end = -1;
	AUTO_CLOSE int terminal = -1;
	const struct exec_options *options = join->options;
	if (handshake_pair(&parent_end, &child_end) < 0) {
		report_errno("", "cannot make a socket pair");
		return EXIT_WORLD;
	}
	/* Before the fork: the child's first steps count too. */
	long long deadline_ms = options->seconds ? now_ms() + options->seconds * 1000 : -1;
	pid_t child = fork_into(join, parent_end, child_end);
	if (child < 0) {
		report_errno(errno == ENOMEM || errno == ESRCH ? "the world has ended" : "",
			     "cannot enter the world");
		return EXIT_WORLD;
	}
	close_fd(&child_end);
	for (int i = 0; i < 3; i++)
		close_fd(&join->standard[i]);
	int failed = hear_child(parent_end, &terminal);
	if (failed) {
		waitpid(child, NULL, 0);
		return failed;
	}
	struct relay relay = {
		.child = child,
		.to_command = terminal >= 0 ? terminal : ends->in,
		.from_command = { terminal >= 0 ? terminal : ends->out, ends->error },
		.terminal = terminal >= 0,
		.limit_bytes = options->output_bytes,
		.deadline_ms = deadline_ms,
	};
	return run_relay(&relay);
}

/*
 * Notes which directory is the world's root. One that is the judge's own is no world's: COMMAND may
 * be made to delete all that it finds, and must never find the machine.
 */
static int find_root(struct join *join, const struct world *world)
{
	char path[32];
	struct stat inside;
	struct stat own;
	snprintf(path, sizeof(path), "/proc/%d/root/.", (int)world->init);
	if (stat(path, &inside) < 0 || stat("/", &own) < 0) {
		report_errno("", "cannot find the world's root");
		return -1;
	}
	if (inside.st_dev == own.st_dev && inside.st_ino == own.st_ino) {
		report("the world's root is the machine's: nothing is run there");
		return -1;
	}
	join->root_device = inside.st_dev;
	join->root_inode = inside.st_ino;
	return 0;
}

int world_exec(const struct exec_options *options)
{
	static struct world world;
	if (state_read(options->state, &world) < 0) {
		report_errno("", "%s: no world", options->state);
		return EXIT_WORLD;
	}
	struct sigaction by_default = { .sa_handler = SIG_DFL };
	sigaction(SIGCHLD, &by_default, NULL); /* ignored, it would hide the child's status */
	struct join join = { .standard = { -1, -1, -1 }, .options = options };
	struct ends ends = { -1, -1, -1 };
	join.quiet = !isatty(STDIN_FILENO);
	join.pidfd = state_open_init(&world);
	if (join.pidfd < 0) {
		report_errno("", "%s: the world has ended", options->state);
		return EXIT_WORLD;
	}
	if (find_root(&join, &world) < 0)
		return EXIT_WORLD;
	join.cgroup_count = cgroups_open(&world, join.cgroup_files);
	if (join.cgroup_count < 0) {
		report_errno("", "cannot use the world's cgroups");
		return EXIT_WORLD;
	}
	if (!options->pty && make_pipes(&join, &ends) < 0)
		return EXIT_WORLD;
	return run_child(&join, &ends);
}
