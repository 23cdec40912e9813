#include "container.h"

#include "limits.h"
#include "network.h"
#include "rootless.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/syscalls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void container_path(const char *name, char *path)
{
	snprintf(path, PATH_SIZE, "containers/%s", name);
}

static int open_container(const char *name)
{
	char path[PATH_SIZE];
	container_path(name, path);
	return openat(state_fd(), path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* It identifies this boot of the machine: random(4). NULL with errno. */
static const char *boot_id(void)
{
	static char id[BOOT_ID_SIZE];
	if (!*id) {
		AUTO_FREE char *text = read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", NULL);
		if (!text)
			return NULL;
		snprintf(id, sizeof(id), "%.36s", text);
	}
	return id;
}

bool is_this_boot(const char *noted_boot_id)
{
	const char *boot = boot_id(); /* it was read when the container was */
	return !boot || strcmp(boot, noted_boot_id) == 0;
}

void container_close(struct container *container)
{
	close_fd(&container->dirfd);
}

static int make_files(const struct container *container)
{
	/* The mode of upper is the mode of the container's / . */
	return mkdirat(container->dirfd, "upper", 0755) < 0 ||
			       mkdirat(container->dirfd, "work", 0700) < 0 ||
			       mkdirat(container->dirfd, "root", 0755) < 0
		       ? -1
		       : 0;
}

/* One line, since the state has a line a value. */
static void describe_command(char *text, size_t size, const char *command)
{
	snprintf(text, size, "%s", command);
	for (char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ')
			*c = ' ';
	}
}

int container_claim(struct container *container, const char *name, const struct image *image,
		    const char *command, bool temporary)
{
	char path[PATH_SIZE];
	*container = (struct container){
		.dirfd = -1, .exit_status = -1, .created = time(NULL), .temporary = temporary
	};
	snprintf(container->name, sizeof(container->name), "%s", name);
	snprintf(container->image, sizeof(container->image), "%s", image->name);
	container->layers = image->layers;
	describe_command(container->command, sizeof(container->command), command);
	if (!boot_id()) {
		report_errno("", "%s: cannot read the boot's id", name);
		return -1;
	}
	snprintf(container->boot_id, sizeof(container->boot_id), "%s", boot_id());
	container_path(name, path);

	/* mkdir is what claims the name: of many that try, the kernel lets one. */
	if (mkdirat(state_fd(), path, 0755) < 0) {
		if (errno == EEXIST)
			report("%s: the name is in use (conductor stop %s frees it)", name, name);
		else
			report_errno("", "%s", name);
		return -1;
	}
	container->dirfd = open_container(name);
	if (container->dirfd < 0 || process_identify(getpid(), &container->parent) < 0 ||
	    make_files(container) < 0)
		report_errno("", "%s: cannot make the container's directory", name);
	else if (container_save(container) == 0)
		return 0;
	remove_tree(state_fd(), path);
	container_close(container);
	return -1;
}

const char *const devices_names[] = { "own", "filtered", "host" };

/* Of a word that is none of these, the one that allows least. */
static enum devices devices_named(const char *word)
{
	for (int i = DEVICES_HOST; i > DEVICES_OWN; i--) {
		if (word && !strcmp(word, devices_names[i]))
			return (enum devices)i;
	}
	return DEVICES_OWN;
}

int container_save(const struct container *container)
{
	struct record_writer writer;
	if (record_begin(&writer) < 0)
		return -1;
	fprintf(writer.out, "image=%s\ncommand=%s\ncreated=%lld\nboot=%s\n", container->image,
		container->command, (long long)container->created, container->boot_id);
	fprintf(writer.out, "parent=%d\nparent_start=%llu\n", (int)container->parent.pid,
		container->parent.start);
	if (container->init.pid)
		fprintf(writer.out, "pid=%d\nstart=%llu\n", (int)container->init.pid,
			container->init.start);
	if (container->exit_status >= 0)
		fprintf(writer.out, "exit=%d\n", container->exit_status);
	if (container->out_of_memory)
		fprintf(writer.out, "out_of_memory=1\n");
	if (container->up)
		fprintf(writer.out, "up=1\n");
	if (container->temporary)
		fprintf(writer.out, "temporary=1\n");
	if (container->limited)
		fprintf(writer.out, "limited=1\n");
	if (*container->delegated)
		fprintf(writer.out, "delegated=%s\n", container->delegated);
	if (container->confinement.privileged)
		fprintf(writer.out, "privileged=1\n");
	fprintf(writer.out, "devices=%s\n", devices_names[container->confinement.devices]);
	layers_write(writer.out, &container->layers);
	return record_commit(&writer, container->dirfd, "state");
}

static void copy_value(const struct record *record, const char *key, char *to, size_t size)
{
	const char *value = record_value(record, key, NULL);
	snprintf(to, size, "%s", value ? value : "");
}

/* A number from the record that is none unless it lies between these. */
static int read_int(const struct record *record, const char *key, int low, int high)
{
	long long value = record_number(record, key, low);
	return value < low || value > high ? low : (int)value;
}

int container_look(struct container *container, const char *name)
{
	struct record record;
	*container = (struct container){ .dirfd = -1, .exit_status = -1 };
	snprintf(container->name, sizeof(container->name), "%s", name);
	container->dirfd = open_container(name);
	if (container->dirfd < 0 || !boot_id())
		return -1;
	if (record_read(container->dirfd, "state", &record) < 0)
		return errno == ENOENT ? 0 : -1;

	copy_value(&record, "image", container->image, sizeof(container->image));
	if (!valid_name(container->image))
		*container->image = '\0';
	copy_value(&record, "command", container->command, sizeof(container->command));
	copy_value(&record, "boot", container->boot_id, sizeof(container->boot_id));
	container->created = (time_t)record_number(&record, "created", 0);
	container->parent.pid = read_int(&record, "parent", 0, INT_MAX);
	container->parent.start = (unsigned long long)record_number(&record, "parent_start", 0);
	container->init.pid = read_int(&record, "pid", 0, INT_MAX);
	container->init.start = (unsigned long long)record_number(&record, "start", 0);
	container->exit_status = read_int(&record, "exit", -1, 255);
	container->out_of_memory = record_number(&record, "out_of_memory", 0) == 1;
	container->up = record_number(&record, "up", 0) == 1;
	container->temporary = record_number(&record, "temporary", 0) == 1;
	container->limited = record_number(&record, "limited", 0) == 1;
	copy_value(&record, "delegated", container->delegated, sizeof(container->delegated));
	container->confinement.privileged = record_number(&record, "privileged", 0) == 1;
	container->confinement.devices = devices_named(record_value(&record, "devices", NULL));
	layers_read(&record, &container->layers);
	record_free(&record);
	if (!is_this_boot(container->boot_id)) {
		/* Whoever has these numbers now is a stranger. */
		container->init.pid = 0;
		container->parent.start = ULLONG_MAX;
	}
	return 0;
}

int container_load(struct container *container, const char *name)
{
	*container = (struct container){ .dirfd = -1 };
	if (!valid_name(name)) {
		report("%s: not a name for a container", name);
		return -1;
	}
	if (state_fd() < 0)
		return -1;
	if (container_look(container, name) == 0)
		return 0;
	if (errno == ENOENT)
		report("%s: no such container", name);
	else
		report_errno("", "%s: cannot read its state", name);
	container_close(container);
	return -1;
}

const char *const container_status_names[] = { "starting", "running", "ending", "exited", "dead" };

enum container_status container_status(const struct container *container)
{
	if (container->exit_status >= 0)
		return CONTAINER_EXITED;
	if (!is_this_boot(container->boot_id))
		return CONTAINER_DEAD;
	/* Its own parent must live too: an init that outlived it is about to be swept. */
	if (process_gone(&container->parent))
		return CONTAINER_DEAD;
	if (!container->up)
		return CONTAINER_STARTING;
	return process_gone(&container->init) ? CONTAINER_ENDING : CONTAINER_RUNNING;
}

int container_open_running(struct container *container, const char *name)
{
	if (container_load(container, name) < 0)
		return -1;
	enum container_status status = container_status(container);
	int pidfd = status == CONTAINER_RUNNING ? process_open(&container->init) : -1;
	if (pidfd >= 0)
		return pidfd;
	if (status == CONTAINER_EXITED)
		report("%s: it has exited (status %d)", name, container->exit_status);
	else if (status == CONTAINER_RUNNING && errno != ESRCH)
		report_errno("", "%s: cannot hold its process", name);
	else
		report("%s: it is not running", name);
	container_close(container);
	return -1;
}

int container_each(int (*visit)(struct container *container, void *arg), void *arg)
{
	struct dirent **entries;
	int count = state_fd() < 0 ? -1
				   : scandirat(state_fd(), "containers", &entries, NULL, alphasort);
	if (count < 0) {
		if (state_fd() >= 0)
			report_errno("", "cannot read containers");
		return -1;
	}
	int result = 0;
	int unread = 0;
	for (int i = 0; i < count; i++) {
		struct container container;
		const char *name = entries[i]->d_name;
		if (result == 0 && valid_name(name)) {
			/* One that has just gone is no container any more. */
			if (container_look(&container, name) == 0)
				result = visit(&container, arg);
			else if (errno != ENOENT) {
				report_errno("", "%s: cannot read its state", name);
				unread = 1;
			}
			container_close(&container);
		}
		free(entries[i]);
	}
	free(entries);
	return result < 0 ? -1 : unread;
}

int container_is_current(const struct container *container)
{
	struct stat own;
	struct stat named;
	char path[PATH_SIZE];
	container_path(container->name, path);
	if (fstat(container->dirfd, &own) == 0 &&
	    fstatat(state_fd(), path, &named, AT_SYMLINK_NOFOLLOW) == 0)
		return own.st_ino == named.st_ino && own.st_dev == named.st_dev;
	if (errno == ENOENT)
		return 0;
	report_errno("", "%s", path);
	return -1;
}

int container_link_rootfs(const struct container *container, const char *target)
{
	int result = symlinkat(target, container->dirfd, "rootfs.new");
	if (result < 0 && errno == EEXIST && unlinkat(container->dirfd, "rootfs.new", 0) == 0)
		result = symlinkat(target, container->dirfd, "rootfs.new");
	if (result < 0 ||
	    renameat(container->dirfd, "rootfs.new", container->dirfd, "rootfs") < 0) {
		report_errno("", "%s: cannot make the link rootfs", container->name);
		return -1;
	}
	return 0;
}

int container_take_down(struct container *container)
{
	int result = network_take_down(container);
	bool copied = faccessat(container->dirfd, "copy", F_OK, 0) == 0;
	if (limits_remove(container) < 0)
		result = -1;
	container_link_rootfs(container,
			      copied ? "copy" : "upper"); /* also on a full disk, go on */
	return result;
}

int container_remove(struct container *container)
{
	char path[PATH_SIZE];
	/* The state goes last: until then `conductor stop` can be said again. */
	static const char *const parts[] = { "upper", "work",  "copy",	      "root",	 "log",
					     "log.1", "hosts", "resolv.conf", "network", "rootfs" };
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (remove_container_tree(container->dirfd, parts[i]) < 0) {
			report_errno(errno == EXDEV || errno == EBUSY
					     ? "something is mounted inside"
					     : hint_removal(errno),
				     "%s: cannot remove %s", container->name, parts[i]);
			return -1;
		}
	}
	container_path(container->name, path);
	if (remove_container_tree(state_fd(), path) < 0) {
		report_errno("", "%s: cannot remove its directory", container->name);
		return -1;
	}
	return 0;
}

static int sweep_one(struct container *container, void *networks)
{
	if (container_status(container) != CONTAINER_DEAD || !container->parent.pid) {
		network_mend(container, networks);
		return 0;
	}
	/* Nobody watches over it any more: what is left of it ends here. */
	AUTO_CLOSE int pidfd = process_open(&container->init);
	if (pidfd < 0 && errno != ESRCH)
		return 0; /* the next command's turn */
	/* EPERM: it has become another user of an ordinary user's container, and we are root of
	 * another one. */
	if (pidfd >= 0 && sys_pidfd_send_signal(pidfd, SIGKILL) < 0 && errno != ESRCH)
		return 0;
	if (pidfd >= 0 && !process_ended(pidfd, 5000))
		return 0;
	if (container_take_down(container) == 0 && container->temporary)
		container_remove(container);
	return 0;
}

void container_sweep(void)
{
	int networks = 0;
	container_each(sweep_one, &networks);
	if (networks > 0) /* somebody may have flushed the ruleset: nft(8) */
		network_ensure_table();
}
