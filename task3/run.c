/*
 * conductor run: a container from its claim to its end. The process that runs this is the
 * container's parent: it watches over it, and takes away what it had on the host. In the foreground
 * that is the command itself, in the background a child of it that says when the container is up.
 */
#include "birth.h"
#include "command.h"
#include "container.h"
#include "limits.h"
#include "mounts.h"
#include "network.h"
#include "program.h"
#include "rootless.h"
#include "watch.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/handshake.h"
#include "common/number.h"
#include "common/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

struct settings {
	const char *image, *name, *hostname;
	char *const *argv;
	bool remove;	 /* --rm */
	bool privileged; /* --privileged */
	int front;	 /* in the background: where to say that it is up, else -1 */
	struct limits limits;
};

static int read_settings(const struct invocation *invocation, struct settings *settings)
{
	const char *cpus = option_value(invocation, "cpus");
	const char *memory = option_value(invocation, "memory");
	const char *pids = option_value(invocation, "pids-limit");
	const char *hostname = option_value(invocation, "hostname");
	*settings = (struct settings){
		.image = invocation->words[0],
		.name = invocation->words[1],
		.hostname = hostname ? hostname : invocation->words[1],
		.argv = invocation->argv,
		.remove = option_given(invocation, "rm"),
		.privileged = option_given(invocation, "privileged"),
		.front = -1,
	};
	if (!valid_name(settings->image))
		return usage_error(invocation, "%s: not a name for an image", settings->image);
	if (!valid_name(settings->name))
		return usage_error(invocation, "%s: not a name for a container", settings->name);
	if (!valid_name(settings->hostname))
		return usage_error(invocation, "--hostname %s: not a hostname", hostname);
	if (cpus && parse_cpus(cpus, &settings->limits.millicores) < 0)
		return usage_error(invocation, "--cpus %s: not a number from 0.01 to 1024", cpus);
	if (memory && parse_size(memory, &settings->limits.memory_bytes) < 0)
		return usage_error(invocation, "--memory %s: not a size such as 64M", memory);
	if (pids && parse_number(pids, 1, 4194304, &settings->limits.pids) < 0)
		return usage_error(invocation, "--pids-limit %s: not a number from 1 to 4194304",
				   pids);
	return 0;
}

/* The command as `ps` shows it, cut where it is too long. */
static void join_words(char *text, size_t size, char *const *argv)
{
	size_t used = 0;
	snprintf(text, size, "%s", argv ? "" : "(shell)");
	for (; argv && *argv && used < size; argv++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " " : "", *argv);
}

/* Under the lock: else `rmi` could take the image away between the look and the claim. */
static int claim(const struct settings *settings, struct container *container)
{
	struct image image;
	char command[256];
	AUTO_CLOSE int lock = state_lock();
	if (lock < 0)
		return -1;
	/* Before we may become root of a namespace, from which others could not be reached. */
	container_sweep();
	if (become_root() < 0 || image_load(settings->image, &image) < 0)
		return -1;
	join_words(command, sizeof(command), settings->argv);
	return container_claim(container, settings->name, &image, command, settings->remove);
}

/* Output of a container in the background goes through a pipe, since only a reader can cap a log.
 */
static int open_output(const struct settings *settings, struct birth *birth, struct watch *watch)
{
	int ends[2];
	if (settings->front < 0)
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) {
		report_errno("", "cannot make a pipe");
		return -1;
	}
	watch->output = ends[0];
	birth->output = ends[1];
	birth->input = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (birth->input < 0)
		report_errno("", "/dev/null");
	return birth->input < 0 ? -1 : 0;
}

/* The parent of a container in the background lets go of the terminal and of the place it was
 * started in. 0, or -1: then the foreground waits for its end. */
static int leave_front(int front)
{
	AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || chdir("/") < 0 || handshake_tell(front, HANDSHAKE_READY, -1) < 0) {
		report_errno("", "cannot go to the background");
		return -1;
	}
	close(front);
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	return 0;
}

/* Lets the child go once it is in its cgroups and its record is written; it mounts meanwhile. */
static int release(struct container *container, const struct newborn *newborn)
{
	if (limits_enter(container, newborn->pid, 0) < 0)
		return -1;
	if (process_identify(newborn->pid, &container->init) < 0) {
		report_errno("", "%s: cannot identify its process", container->name);
		return -1;
	}
	if (container_save(container) < 0)
		return -1;
	return tell_to_go(newborn, container->name);
}

/* The program has begun: others may enter from now on, and the foreground may go. */
static int arrive(const struct settings *settings, struct container *container, int root)
{
	char link[64];
	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)getpid(), root);
	container->up = true;
	if (container_link_rootfs(container, link) < 0 || container_save(container) < 0)
		return -1;
	return settings->front < 0 ? 0 : leave_front(settings->front);
}

/*
 * Did it end for want of memory? The kernel counts whom it kills for that, but doesn't say whom: so
 * the status must be a kill's, PID 1's own or a child's that a shell passes on. And PID 1 may have
 * outlived such a child and been killed later: by us, or by a `stop`, which holds this lock.
 */
static bool ended_out_of_memory(const struct container *container, const struct watch *watching)
{
	return container->exit_status == 128 + SIGKILL && !watching->killed &&
	       limits_oom_kills(container) > 0 && flock(container->dirfd, LOCK_EX | LOCK_NB) == 0;
}

static void report_out_of_memory(const char *name, long long limit)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB" };
	int unit = 0;
	for (; limit && limit % 1024 == 0 && unit < 3; unit++)
		limit /= 1024;
	if (limit)
		report("%s: out of memory: the kernel killed a process of it (its limit: %lld %s)",
		       name, limit, units[unit]);
	else
		report("%s: out of memory: the kernel killed a process of it (the machine's: it "
		       "has no limit)",
		       name);
}

/*
 * Bears the container and watches it until it ends. Its exit status; on a failure before its
 * program ran -1, or the status of it.
 */
static int live(const struct settings *settings, struct container *container, struct birth *birth,
		struct watch *watching)
{
	struct newborn newborn = { .pidfd = -1, .handshake = -1 };
	AUTO_CLOSE int root = -1;
	int terminal = -1;
	int status = -1;

	if (open_output(settings, birth, watching) == 0 && give_birth(birth, &newborn) == 0) {
		watching->pid = newborn.pid;
		watching->pidfd = newborn.pidfd;
		close_fd(&birth->output); /* else its output would never end */
		if (release(container, &newborn) < 0 ||
		    await_program(newborn.handshake, container->name, &root, &terminal, &status) <
			    0 ||
		    arrive(settings, container, root) < 0) {
			/* It may be well, and only its word was lost. */
			kill(newborn.pid, SIGKILL);
			wait_for(newborn.pid);
			close_fd(&terminal);
			container->out_of_memory = limits_oom_kills(container) > 0;
		} else {
			status = watch(watching, terminal);
			container->exit_status = status;
			container->out_of_memory = ended_out_of_memory(container, watching);
		}
		if (container->out_of_memory)
			report_out_of_memory(container->name, settings->limits.memory_bytes);
	}
	close_fd(&newborn.pidfd);
	close_fd(&newborn.handshake);
	close_fd(&birth->output);
	close_fd(&birth->input);
	return status;
}

/* What began its program keeps its directory until `stop`; of what didn't, nothing stays. */
static void finish(struct container *container)
{
	AUTO_CLOSE int lock = state_lock();
	if (lock < 0 || container_is_current(container) != 1)
		return;
	bool stays = container->exit_status >= 0 && !container->temporary;
	if (stays)
		container_save(container);
	if (container_take_down(container) == 0 && !stays)
		container_remove(container);
}

static void choose_confinement(const struct settings *settings, int cgroup,
			       struct confinement *confinement)
{
	confinement->privileged = settings->privileged;
	if (settings->privileged)
		confinement->devices = DEVICES_HOST;
	else if (cgroup >= 0 && host_dev_is_closed() && device_filter_attach(cgroup) == 0)
		confinement->devices = DEVICES_FILTERED;
	else
		confinement->devices = DEVICES_OWN;
}

static int run_container(const struct settings *settings)
{
	struct container container;
	char directory[PATH_SIZE];
	if (claim(settings, &container) < 0)
		return COMMAND_FAILED;

	snprintf(directory, sizeof(directory), "containers/%s", container.name);
	struct birth birth = {
		.rootfs = { .layers = &container.layers,
			    .directory = directory,
			    .own_files = true,
			    .confinement = &container.confinement },
		.hostname = settings->hostname,
		.argv = settings->argv,
		.input = -1,
		.output = -1,
		.cgroup = -1,
	};
	int status = COMMAND_FAILED;
	struct watch watching;
	bool ready = watch_prepare(&watching) == 0;
	watching.init = true;
	watching.log_dir = container.dirfd;
	const struct limits *limits = &settings->limits;
	container.limited = limits->millicores || limits->memory_bytes || limits->pids;
	limits_find_place(&container);
	if ((container.limited || *container.delegated) && container_save(&container) < 0)
		ready = false;
	if (ready && network_write_files(&container) == 0 &&
	    limits_create(&container, limits, &birth.cgroup) == 0) {
		choose_confinement(settings, birth.cgroup, &container.confinement);
		status = live(settings, &container, &birth, &watching);
	}
	close_fd(&birth.cgroup);
	watch_end(&watching);
	finish(&container);
	container_close(&container);
	return status;
}

/* The foreground of `run -d`: waits for the word that the container is up, or for its parent's
 * failure. */
static int wait_until_up(pid_t parent, int handshake, const char *name)
{
	int word = handshake_hear(handshake, NULL, NULL);
	if (word == HANDSHAKE_READY) {
		printf("%s\n", name);
		return 0;
	}
	if (word < 0) {
		report_errno("", "%s: cannot hear whether it is up", name);
		kill(parent, SIGTERM); /* it ends the container */
	}
	int status = wait_for(parent); /* it has said why */
	return status > 0 ? status : COMMAND_FAILED;
}

static int run_in_background(struct settings *settings)
{
	AUTO_CLOSE int front = -1;
	AUTO_CLOSE int back = -1;
	if (handshake_pair(&front, &back) < 0) {
		report_errno("", "cannot make a socket pair");
		return COMMAND_FAILED;
	}
	/* The parent itself must be the one that clones: the container dies with whoever made it.
	 */
	pid_t parent = fork();
	if (parent < 0) {
		report_errno("", "cannot fork");
		return COMMAND_FAILED;
	}
	if (parent == 0) {
		close_fd(&front);
		setsid();
		settings->front = back;
		int status = run_container(settings);
		_exit(status < 0 ? 125 : status);
	}
	close_fd(&back);
	return wait_until_up(parent, front, settings->name);
}

int command_run(const struct invocation *invocation)
{
	struct settings settings;
	int result = read_settings(invocation, &settings);
	if (result < 0)
		return result;
	if (become_unwritable(invocation->whole) < 0)
		return COMMAND_FAILED;
	return option_given(invocation, "detach") ? run_in_background(&settings)
						  : run_container(&settings);
}
