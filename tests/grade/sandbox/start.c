/* world start: parse, check, build, and leave process 1 behind. */
#include "world.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/handshake.h"
#include "common/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Not the machine's root, but of some user namespace? There not all ids are themselves:
 * user_namespaces(7) */
static bool in_user_namespace(void)
{
	char outside[16];
	char count[16];
	AUTO_FREE char *map = read_file(AT_FDCWD, "/proc/self/uid_map", NULL);
	return !map || sscanf(map, "%*s %15s %15s", outside, count) != 2 ||
	       strcmp(outside, "0") != 0 || strcmp(count, "4294967295") != 0;
}

static int make_state(const char *state)
{
	char path[PATH_MAX];
	if (strlen(state) > PATH_MAX - 32) {
		errno = ENAMETOOLONG;
		report_errno("", "%s", state);
		return -1;
	}
	if (mkdir(state, 0700) < 0) {
		report_errno(errno == EEXIST ? "a world of that name may be running: world stop"
					     : "",
			     "cannot make %s", state);
		return -1;
	}
	snprintf(path, sizeof(path), "%s/mnt", state);
	if (mkdir(path, 0700) < 0) {
		report_errno("", "cannot make %s", path);
		return -1;
	}
	return 0;
}

static int check(const struct start_options *options)
{
	struct stat root, submission;
	if (geteuid() != 0 || in_user_namespace()) {
		report("only the machine's own root can make a world (try: sudo; or grade in the "
		       "vm)");
		return -1;
	}
	if (stat(options->root, &root) < 0 || !S_ISDIR(root.st_mode)) {
		report_errno("try: tests/grade/sandbox/root", "%s: no root directory",
			     options->root);
		return -1;
	}
	if (options->submission &&
	    (stat(options->submission, &submission) < 0 || !S_ISDIR(submission.st_mode))) {
		report_errno("", "%s: no directory", options->submission);
		return -1;
	}
	return 0;
}

/* Away from the judge: no terminal, no session, and no descriptor but what ends with execve. */
static int detach(int *own_file, int *outside)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	*own_file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (null < 0 || *own_file < 0)
		return -1;
	setsid();
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	/* The two that are needed become 3 and 4, by way of numbers that are neither. */
	int high[2] = { fcntl(*own_file, F_DUPFD, 10), fcntl(*outside, F_DUPFD, 10) };
	if (high[0] < 0 || high[1] < 0 || dup3(high[0], 3, O_CLOEXEC) < 0 ||
	    dup3(high[1], 4, O_CLOEXEC) < 0)
		return -1;
	*own_file = 3;
	*outside = 4;
	return sys_close_range(5, ~0U, 0);
}

_Noreturn static void child_main(const struct start_options *options, const struct world *world,
				 int outside)
{
	int own_file = -1;
	/* End of file: the parent is gone, and this child never goes on alone. */
	if (handshake_hear(outside, NULL, NULL) != HANDSHAKE_GO)
		_exit(EXIT_WORLD);
	if (detach(&own_file, &outside) < 0)
		handshake_fail(outside, EXIT_WORLD, "cannot let go of the caller's descriptors");
	cgroups_enter(world, outside);
	files_build(options, world, outside);
	confine(outside);
	init_exec(own_file, outside);
}

/* Waits until process 1 runs. 0, or -1 with the error reported. */
static int hear_child(int handshake)
{
	struct handshake_failure failure;
	int heard = handshake_hear(handshake, &failure, NULL);
	if (heard == HANDSHAKE_CLOSED)
		return 0;
	if (heard == HANDSHAKE_FAILED) {
		errno = failure.errnum;
		if (errno)
			report_errno(hint_mount(errno), "%s", failure.text);
		else
			report("%s", failure.text);
	} else {
		report_errno("", "cannot talk to the world's first process");
	}
	return -1;
}

static int start_between(const struct start_options *options, struct world *world)
{
	AUTO_CLOSE int parent_end = -1;
	AUTO_CLOSE int child_end = -1;
	if (cgroups_make(world, &options->limits) < 0)
		return -1;
	if (handshake_pair(&parent_end, &child_end) < 0) {
		report_errno("", "cannot make a socket pair");
		return -1;
	}
	struct clone_args args = {
		.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC,
		.exit_signal = SIGCHLD,
	};
	world->init = sys_clone3(&args);
	if (world->init < 0) {
		report_errno(hint_namespace(errno), "cannot make the world's namespaces");
		return -1;
	}
	if (world->init == 0) {
		close(parent_end);
		child_main(options, world, child_end);
	}
	close_fd(&child_end);
	world->start_time = process_start_time(world->init);
	/* The state is there before the child goes on: whatever happens to us, stop finds it. */
	if (cgroups_put(world, world->init) < 0)
		return -1;
	if (state_write(options->state, world) < 0) {
		report_errno("", "cannot write to %s", options->state);
		return -1;
	}
	handshake_tell(parent_end, HANDSHAKE_GO, -1);
	if (hear_child(parent_end) < 0)
		return -1;
	if (waitpid(world->init, NULL, WNOHANG) != 0) { /* it closed the handshake by ending */
		report("process 1 was killed while the world was made");
		return -1;
	}
	return 0;
}

int world_start(const struct start_options *options)
{
	static struct world world;
	if (check(options) < 0)
		return EXIT_OWN_FAILURE;
	struct sigaction by_default = { .sa_handler = SIG_DFL };
	sigaction(SIGCHLD, &by_default, NULL); /* ignored, it would hide the child's end */
	if (make_state(options->state) < 0)
		return EXIT_OWN_FAILURE;
	if (start_between(options, &world) == 0)
		return 0;
	if (world.init > 0) {
		kill(world.init, SIGKILL);
		waitpid(world.init, NULL, 0);
	}
	cgroups_remove(&world);
	state_remove(options->state);
	return EXIT_OWN_FAILURE;
}
