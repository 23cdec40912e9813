/* conductor ps and logs: what is there, and what it wrote. */
#include "command.h"
#include "container.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

static void describe_status(const struct container *container, char *text, size_t size)
{
	enum container_status status = container_status(container);
	if (status == CONTAINER_EXITED)
		snprintf(text, size, "exited (%d)", container->exit_status);
	else
		snprintf(text, size, "%s", container_status_names[status]);
}

static void print_json(const struct container *container, const char *status, int count)
{
	printf("%s\n  {\"name\": \"%s\", \"image\": \"%s\", \"status\": \"%s\", \"pid\": %d, "
	       "\"created\": %lld, \"out_of_memory\": %s, "
	       "\"command\": ",
	       count ? "," : "", container->name, container->image, status,
	       container_status(container) == CONTAINER_RUNNING ? (int)container->init.pid : 0,
	       (long long)container->created, container->out_of_memory ? "true" : "false");
	print_json_string(stdout, container->command);
	printf("}");
}

struct listing {
	bool json;
	int count;
};

static int print_container(struct container *container, void *arg)
{
	struct listing *listing = arg;
	char status[32];
	char shown[64];
	char date[32] = "?";
	char pid[16] = "-";
	struct tm local;
	describe_status(container, status, sizeof(status));
	if (listing->json) {
		print_json(container, status, listing->count++);
		return 0;
	}
	snprintf(shown, sizeof(shown), "%s%s", status,
		 container->out_of_memory ? " out of memory" : "");
	if (localtime_r(&container->created, &local))
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &local);
	if (container_status(container) == CONTAINER_RUNNING)
		snprintf(pid, sizeof(pid), "%d", (int)container->init.pid);
	printf("%-16s %-14s %-12s %8s  %-19s  %s\n", container->name, container->image, shown, pid,
	       date, container->command);
	return 0;
}

int command_ps(const struct invocation *invocation)
{
	struct listing listing = { .json = option_given(invocation, "json") };
	if (state_fd() < 0)
		return COMMAND_FAILED;
	if (listing.json)
		printf("[");
	else
		printf("%-16s %-14s %-12s %8s  %-19s  %s\n", "NAME", "IMAGE", "STATUS", "PID",
		       "CREATED", "COMMAND");
	if (container_each(print_container, &listing) < 0)
		return COMMAND_FAILED;
	if (listing.json)
		printf("%s]\n", listing.count ? "\n" : "");
	return 0;
}

/* Prints what came since; when the log began anew (its parent caps it), from there. */
static int print_new(const struct container *container, int *log)
{
	if (*log < 0)
		*log = openat(container->dirfd, "log", O_RDONLY | O_CLOEXEC);
	if (*log < 0 ? errno == ENOENT : copy_data(*log, STDOUT_FILENO) == 0)
		return 0;
	report_errno("", "%s: cannot print its log", container->name);
	return -1;
}

static int follow(struct container *container, int *log)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", container->dirfd);
	AUTO_CLOSE int changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	AUTO_CLOSE int pidfd = process_open(&container->init);
	if (changes < 0 ||
	    inotify_add_watch(changes, path, IN_MODIFY | IN_CREATE | IN_MOVED_FROM) < 0) {
		report_errno("", "%s: cannot watch its log", container->name);
		return -1;
	}
	bool running = pidfd >= 0;
	if (print_new(container, log) < 0) /* what came before the watch began */
		return -1;
	while (running) {
		struct pollfd events[] = { { .fd = changes, .events = POLLIN },
					   { .fd = pidfd, .events = POLLIN } };
		poll(events, 2, -1);
		char block[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
		ssize_t got = read(changes, block, sizeof(block));
		for (ssize_t at = 0; at < got;) {
			const struct inotify_event *event = (const void *)(block + at);
			if (event->mask & IN_MOVED_FROM && event->len &&
			    !strcmp(event->name, "log")) {
				if (print_new(container, log) < 0)
					return -1;
				close_fd(log);
			}
			at += (ssize_t)(sizeof(*event) + event->len);
		}
		running = !events[1].revents;
		if (!running) { /* its parent writes the last of it, then it tidies up and ends */
			AUTO_CLOSE int parent = process_open(&container->parent);
			if (parent >= 0)
				process_ended(parent, 2000);
		}
		if (print_new(container, log) < 0)
			return -1;
	}
	return 0;
}

int command_logs(const struct invocation *invocation)
{
	struct container container;
	if (!valid_name(invocation->words[0]))
		return usage_error(invocation, "%s: not a name for a container",
				   invocation->words[0]);
	if (container_load(&container, invocation->words[0]) < 0)
		return COMMAND_FAILED;
	signal(SIGPIPE, SIG_DFL); /* it only prints: with its reader it may end */
	AUTO_CLOSE int old = openat(container.dirfd, "log.1", O_RDONLY | O_CLOEXEC);
	AUTO_CLOSE int log = -1;
	int result = old < 0 ? 0 : print_new(&container, &old);
	if (result == 0)
		result = print_new(&container, &log);
	if (result == 0 && log < 0)
		report("%s: it runs in the foreground; what it writes goes there", container.name);
	if (result == 0 && option_given(invocation, "follow"))
		result = follow(&container, &log);
	container_close(&container);
	return result < 0 ? COMMAND_FAILED : 0;
}
