#include "observe.h"

#include "common/cgroup.h"
#include "common/cleanup.h"
#include "hostname.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int proc_fd = -1;

/* Where limits stand: the v2 tree, and the v1 trees of a hybrid machine. Version 0: not there. */
static const char *const controllers[] = { NULL, "cpu", "memory", "pids" };
enum { V2, CPU, MEMORY, PIDS, TREES };
static struct cgroup_mount trees[TREES];

static const struct {
	int tree;
	int version;
	const char *file;
} limit_files[] = {
	{ V2, 2, "cpu.max" },
	{ V2, 2, "memory.max" },
	{ V2, 2, "pids.max" },
	{ CPU, 1, "cpu.cfs_quota_us" },
	{ CPU, 1, "cpu.cfs_period_us" },
	{ MEMORY, 1, "memory.limit_in_bytes" },
	{ PIDS, 1, "pids.max" },
};

int observe_begin(void)
{
	proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char self[32] = "";
	if (proc_fd < 0 || readlinkat(proc_fd, "self", self, sizeof(self) - 1) < 0)
		return -1;
	if (strtol(self, NULL, 10) != getpid()) {
		errno = ESRCH;
		return -1;
	}
	/* Where there are no cgroups, none will be seen. */
	(void)cgroup_find_all(controllers, trees, TREES);
	return hostname_begin(proc_fd);
}

/* Reads a small file into text, cut to its size; ends it in NUL. Its length, or -1. */
static ssize_t read_small(int dirfd, const char *path, char *text, size_t size)
{
	AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	size_t length = 0;
	ssize_t got = 0;
	while (length < size - 1 && (got = read(fd, text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	return got < 0 ? -1 : (ssize_t)length;
}

static const char *keep_link(int dirfd, const char *name)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(dirfd, name, target, sizeof(target));
	return length < 0 ? NULL : keep_bytes(target, (size_t)length);
}

/* The links read "uts:[4026531838]". */
static void see_spaces(int task_fd, struct view *view)
{
	for (int kind = 0; kind < SPACE_KINDS; kind++) {
		char path[64];
		char target[64];
		snprintf(path, sizeof(path), "ns/%s", space_names[kind]);
		ssize_t length = readlinkat(task_fd, path, target, sizeof(target) - 1);
		if (length < 0)
			continue; /* no such kind here, or no pid_for_children yet */
		target[length] = '\0';
		const char *number = strchr(target, '[');
		view->spaces[kind] = number ? strtoul(number + 1, NULL, 10) : 0;
	}
}

static void see_pids(int task_fd, struct view *view)
{
	char text[4096];
	if (read_small(task_fd, "status", text, sizeof(text)) < 0)
		return;
	/* A process may have "NSpid:" in its name, but not a new line. */
	char *next = strstr(text, "\nNStgid:");
	if (!next)
		return;
	next += strlen("\nNStgid:");
	for (; *next == '\t' && view->pid_count < MAX_PID_LEVELS; view->pid_count++)
		view->pids[view->pid_count] = (pid_t)strtol(next + 1, &next, 10);
}

static void see_root(int task_fd, struct view *view)
{
	struct statx status;
	view->root = keep_link(task_fd, "root");
	if (statx(task_fd, "root", 0, STATX_INO | STATX_MNT_ID, &status) < 0)
		return;
	view->root_major = status.stx_dev_major;
	view->root_minor = status.stx_dev_minor;
	view->root_inode = status.stx_ino;
	view->root_mount = status.stx_mask & STATX_MNT_ID ? status.stx_mnt_id : 0;
}

/* Does the list "cpu,cpuacct", which ends at a colon, have this controller? */
static bool has_controller(const char *list, const char *controller)
{
	size_t size = strlen(controller);
	for (; *list && *list != ':'; list++) {
		if (!strncmp(list, controller, size) && (list[size] == ',' || list[size] == ':'))
			return true;
		list += strcspn(list, ",:");
		if (*list != ',')
			return false;
	}
	return false;
}

/* The path in one tree from the lines of /proc/PID/cgroup, "4:memory:/path". False: it has none. */
static bool cgroup_path(const char *lines, const char *controller, char *path, size_t size)
{
	for (const char *line = lines; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *list = strchr(line, ':');
		const char *its = list ? strchr(list + 1, ':') : NULL;
		if (!its)
			return false;
		if (controller ? !has_controller(list + 1, controller) : its != list + 1)
			continue;
		int length = (int)strcspn(its + 1, "\n");
		int needed = snprintf(path, size, "%.*s", length, its + 1);
		return needed > 0 && (size_t)needed < size;
	}
	return false;
}

static void see_limits(struct view *view)
{
	for (size_t i = 0; i < sizeof(limit_files) / sizeof(limit_files[0]); i++) {
		const struct cgroup_mount *tree = &trees[limit_files[i].tree];
		char path[PATH_MAX];
		char file[2 * PATH_MAX + 64];
		char value[128];
		if (tree->version != limit_files[i].version ||
		    !cgroup_path(view->cgroup, controllers[limit_files[i].tree], path,
				 sizeof(path)))
			continue;
		snprintf(file, sizeof(file), "%s%s/%s", tree->path, path, limit_files[i].file);
		if (read_small(AT_FDCWD, file, value, sizeof(value)) <= 0)
			continue; /* the root of a tree has no limits */
		value[strcspn(value, "\n")] = '\0';
		view->limits[view->limit_count++] =
			(struct limit){ limit_files[i].file, keep_text(value) };
	}
}

/* A number from cpu.stat, or -1. */
static long long stat_number(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	return at ? strtoll(at + strlen(name), NULL, 10) : -1;
}

/* Every v2 cgroup counts the time that it used; the waiting only where v2 has the cpu controller. */
static void see_use(struct view *view)
{
	char path[PATH_MAX];
	char file[2 * PATH_MAX + 64];
	char text[2048];
	view->cpu_us = view->throttled = -1;
	if (trees[V2].version != 2 || !cgroup_path(view->cgroup, NULL, path, sizeof(path)))
		return;
	snprintf(file, sizeof(file), "%s%s/cpu.stat", trees[V2].path, path);
	if (read_small(AT_FDCWD, file, text, sizeof(text)) <= 0)
		return;
	view->cpu_us = stat_number(text, "usage_usec ");
	view->throttled = stat_number(text, "nr_throttled ");
}

static void see_cgroup(int task_fd, struct view *view)
{
	char lines[8192];
	ssize_t length = read_small(task_fd, "cgroup", lines, sizeof(lines));
	if (length < 0)
		return;
	while (length > 0 && lines[length - 1] == '\n')
		lines[--length] = '\0';
	view->cgroup = keep_text(lines);
	see_limits(view);
	see_use(view);
}

static int open_task(pid_t tid)
{
	char name[16];
	snprintf(name, sizeof(name), "%d", (int)tid);
	return openat(proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void observe(pid_t tid, struct view *view)
{
	AUTO_CLOSE int task_fd = open_task(tid);
	if (task_fd < 0)
		return;
	see_spaces(task_fd, view);
	see_pids(task_fd, view);
	see_root(task_fd, view);
	see_cgroup(task_fd, view);
	view->exe = keep_link(task_fd, "exe");
	view->cwd = keep_link(task_fd, "cwd");
	view->hostname = hostname_seen_by(task_fd, view->spaces[SPACE_UTS]);
}

const char *observe_command_line(pid_t pid, size_t *size)
{
	char text[4096];
	AUTO_CLOSE int task_fd = open_task(pid);
	ssize_t length = task_fd < 0 ? -1 : read_small(task_fd, "cmdline", text, sizeof(text));
	if (length <= 0)
		return NULL;
	/* Cut off in the middle of a word: the NUL that keep_bytes adds ends it. */
	*size = text[length - 1] ? (size_t)length + 1 : (size_t)length;
	return keep_bytes(text, (size_t)length);
}

const char *observe_root_entries(pid_t pid, size_t *size)
{
	char names[4096];
	size_t used = 0;
	AUTO_CLOSE int task_fd = open_task(pid);
	int root_fd =
		task_fd < 0 ? -1 : openat(task_fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *root = root_fd < 0 ? NULL : fdopendir(root_fd);
	if (!root) {
		close_fd(&root_fd);
		return NULL;
	}
	for (struct dirent *entry; (entry = readdir(root));) {
		size_t length = strlen(entry->d_name) + 1;
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (used + length > sizeof(names))
			break;
		memcpy(names + used, entry->d_name, length);
		used += length;
	}
	closedir(root);
	*size = used;
	return used ? keep_bytes(names, used) : NULL;
}

const char *observe_descriptor(pid_t tid, int fd)
{
	char path[32];
	char text[1024];
	AUTO_CLOSE int task_fd = open_task(tid);
	snprintf(path, sizeof(path), "fd/%d", fd);
	ssize_t length = task_fd < 0 ? -1 : readlinkat(task_fd, path, text, sizeof(text) - 1);
	if (length < 0)
		return NULL;
	text[length] = '\0';
	if (strcmp(text, "anon_inode:[pidfd]") != 0 && strncmp(text, "pidfd:", 6) != 0)
		return keep_text(text);
	snprintf(path, sizeof(path), "fdinfo/%d", fd);
	if (read_small(task_fd, path, text, sizeof(text)) < 0)
		return NULL;
	const char *pid = strstr(text, "\nPid:\t");
	if (!pid)
		return "pidfd";
	snprintf(text, sizeof(text), "pidfd of %ld", strtol(pid + 6, NULL, 10));
	return keep_text(text);
}

int observe_family(pid_t tid, pid_t *process, pid_t *parent)
{
	char text[4096];
	AUTO_CLOSE int task_fd = open_task(tid);
	if (task_fd < 0 || read_small(task_fd, "status", text, sizeof(text)) < 0)
		return -1;
	const char *group = strstr(text, "\nTgid:\t");
	const char *above = strstr(text, "\nPPid:\t");
	if (!group || !above)
		return -1;
	*process = (pid_t)strtol(group + 7, NULL, 10);
	*parent = (pid_t)strtol(above + 7, NULL, 10);
	return 0;
}
