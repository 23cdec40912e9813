/* conductor stop: ends a container's processes and removes all that it had. */
#include "command.h"
#include "container.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/number.h"
#include "common/syscalls.h"

#include <errno.h>
#include <signal.h>
#include <sys/file.h>

enum { DEFAULT_SECONDS = 10, PARENT_TIMEOUT_MS = 10000, POLL_MS = 5 };

/* PID 1's end is the end of all in its pid namespace. pid_namespaces(7) */
static int end_processes(const struct container *container, int timeout_ms)
{
	AUTO_CLOSE int pidfd = process_open(&container->init);
	if (pidfd < 0 && errno != ESRCH) {
		report_errno("", "%s: cannot hold its process", container->name);
		return -1;
	}
	if (pidfd < 0)
		return 0;
	/* A PID 1 without a handler for SIGTERM never gets it: to wait would be in vain. */
	if (!init_is_deaf_to(container->init.pid, SIGTERM)) {
		if (sys_pidfd_send_signal(pidfd, SIGTERM) == 0 && process_ended(pidfd, timeout_ms))
			return 0;
	}
	/* Held from now on: by this lock its parent, which sees it die, knows that it was us. */
	flock(container->dirfd, LOCK_SH | LOCK_NB);
	if (sys_pidfd_send_signal(pidfd, SIGKILL) < 0 && errno != ESRCH) {
		report_errno("", "%s: cannot kill it", container->name);
		return -1;
	}
	if (process_ended(pidfd, PARENT_TIMEOUT_MS))
		return 0;
	report("%s: it was killed but does not end", container->name);
	return -1;
}

/* Its parent tidies up and goes; one that is stuck is ended, so that it can't act on a later
 * container. */
static void end_parent(const struct container *container)
{
	AUTO_CLOSE int pidfd = process_open(&container->parent);
	if (pidfd < 0 || process_ended(pidfd, PARENT_TIMEOUT_MS))
		return;
	sys_pidfd_send_signal(pidfd, SIGKILL);
	process_ended(pidfd, PARENT_TIMEOUT_MS);
}

/*
 * Loads it, and waits while it is still being made: that takes some milliseconds. Under the lock a
 * claim is either whole or not begun, so the container is never taken for one without a parent.
 */
static int load_settled(struct container *container, const char *name)
{
	for (int waited_ms = 0;; waited_ms += POLL_MS) {
		AUTO_CLOSE int lock = state_lock();
		if (lock < 0 || container_load(container, name) < 0)
			return -1;
		if (container_status(container) != CONTAINER_STARTING ||
		    waited_ms >= PARENT_TIMEOUT_MS)
			return 0; /* one that is never ready ends with its parent, below */
		close_fd(&lock);
		AUTO_CLOSE int parent = process_open(&container->parent);
		container_close(container);
		if (parent >= 0)
			process_ended(parent, POLL_MS);
	}
}

int command_stop(const struct invocation *invocation)
{
	const char *name = invocation->words[0];
	const char *time_text = option_value(invocation, "time");
	long long seconds = DEFAULT_SECONDS;
	if (!valid_name(name))
		return usage_error(invocation, "%s: not a name for a container", name);
	if (time_text && parse_number(time_text, 0, 86400, &seconds) < 0)
		return usage_error(invocation, "-t %s: not a number of seconds", time_text);

	struct container container;
	if (load_settled(&container, name) < 0)
		return COMMAND_FAILED;
	int result = -1;
	/* Without the lock: the parent needs it to tidy up. */
	if (end_processes(&container, (int)seconds * 1000) == 0) {
		end_parent(&container);
		AUTO_CLOSE int lock = state_lock();
		if (lock >= 0) {
			container_sweep();
			int current = container_is_current(&container);
			result = current < 0 ? -1 : 0;
			/* One of `run --rm` has been removed by its parent, or just now by the
			 * sweep. */
			if (current == 1) {
				result = container_take_down(&container);
				if (result == 0)
					result = container_remove(&container);
			}
		}
	}
	container_close(&container);
	return result < 0 ? COMMAND_FAILED : 0;
}
