#include "limits.h"

#include "common/cgroup.h"
#include "common/cleanup.h"
#include "common/delegation.h"
#include "common/error.h"
#include "common/file.h"
#include "common/number.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { GROUP_SIZE = PATH_MAX + 192 };

/* The v2 tree as such comes first. */
enum { TREE_V2, TREE_CPU, TREE_MEMORY, TREE_PIDS, TREES };
static const char *const controllers[TREES] = { NULL, "cpu", "memory", "pids" };

/* The v2 tree where it nearly always is; the table of mounts is long. */
static const struct cgroup_mount *find_usual_tree(void)
{
	static const char *const usual[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	static struct cgroup_mount tree = { .version = 2 };
	struct statfs fs;
	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++) {
		snprintf(tree.path, sizeof(tree.path), "%s", usual[i]);
		if (statfs(tree.path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
			return &tree;
	}
	return NULL;
}

/* The tree that has it, or NULL. Found once: where they are mounted doesn't change under us. */
static const struct cgroup_mount *find_whole_tree(int which)
{
	static struct cgroup_mount trees[TREES];
	static bool found;
	const struct cgroup_mount *usual = which == TREE_V2 ? find_usual_tree() : NULL;
	if (usual)
		return usual;
	if (!found)
		cgroup_find_all(controllers, trees, TREES);
	found = true;
	return trees[which].version ? &trees[which] : NULL;
}

/* The same, as far as the container's own go: below the cgroup that was delegated, that is. */
static const struct cgroup_mount *find_tree(const struct container *container, int which)
{
	static struct cgroup_mount part = { .version = 2 };
	const struct cgroup_mount *tree = find_whole_tree(which);
	if (!tree || tree->version == 1 || !*container->delegated)
		return tree;
	snprintf(part.path, sizeof(part.path), "%s", container->delegated);
	return &part;
}

void limits_find_place(struct container *container)
{
	char place[PATH_MAX];
	const struct cgroup_mount *tree = find_whole_tree(TREE_V2);
	if (tree && cgroup_find_place(tree, place) == 0 && strcmp(place, tree->path) != 0 &&
	    strlen(place) < sizeof(container->delegated))
		memcpy(container->delegated, place, strlen(place) + 1);
}

int parse_size(const char *text, long long *bytes)
{
	static const char units[] = "KMG";
	char digits[24];
	size_t length = strlen(text);
	const char *unit = length ? strchr(units, text[length - 1] & ~0x20) : NULL;
	if (unit && *unit)
		length--;
	if (length == 0 || length >= sizeof(digits)) {
		errno = EINVAL;
		return -1;
	}
	snprintf(digits, sizeof(digits), "%.*s", (int)length, text);
	int shift = unit && *unit ? 10 * (int)(unit - units + 1) : 0;
	if (parse_number(digits, 1, LLONG_MAX >> shift, bytes) < 0)
		return -1;
	*bytes <<= shift;
	return 0;
}

/* In the same tree for every container of this machine, so the parent's pid keeps equal names
 * apart. */
static void group_path(char *path, const struct cgroup_mount *tree,
		       const struct container *container)
{
	snprintf(path, GROUP_SIZE, "%s/conductor/%s-%d", tree->path, container->name,
		 (int)container->parent.pid);
}

static int make_group(const struct cgroup_mount *tree, const struct container *container)
{
	char path[GROUP_SIZE];
	/* Again and again: the last container of another conductor may take the directory above
	 * away meanwhile. */
	for (int tries = 0; tries < 10; tries++) {
		snprintf(path, sizeof(path), "%s/conductor", tree->path);
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -1;
		group_path(path, tree, container);
		if (mkdir(path, 0755) == 0 || errno == EEXIST)
			return 0;
		if (errno != ENOENT)
			return -1;
	}
	return -1;
}

static int write_limit(const char *group, const char *file, const char *text)
{
	char path[GROUP_SIZE + 64];
	snprintf(path, sizeof(path), "%s/%s", group, file);
	if (write_file(AT_FDCWD, path, text) == 0)
		return 0;
	report_errno(hint_cgroup(errno), "cannot write %s to %s", text, path);
	return -1;
}

/*
 * A v2 controller works in a cgroup only where the one above has it switched on for its children.
 * In a tree's root that is a change outside our own directory, so it is told.
 */
static int enable_controller(const struct cgroup_mount *tree, const char *controller)
{
	static const char *const levels[] = { "", "/conductor" };
	for (int i = 0; i < 2; i++) {
		char path[GROUP_SIZE + 64];
		char word[16];
		snprintf(path, sizeof(path), "%s%s/cgroup.subtree_control", tree->path, levels[i]);
		snprintf(word, sizeof(word), "+%s", controller);
		AUTO_FREE char *enabled = read_file(AT_FDCWD, path, NULL);
		if (enabled && cgroup_has_word(enabled, controller))
			continue;
		if (write_file(AT_FDCWD, path, word) < 0) {
			report_errno(errno == ENOENT ? "the cgroup above it doesn't hand that "
						       "controller down"
						     : hint_cgroup(errno),
				     "cannot write %s to %s", word, path);
			return -1;
		}
		if (i == 0)
			report("switched on: %s in %s", word, path);
	}
	return 0;
}

static int limit_cpu(const struct cgroup_mount *tree, const char *group, long millicores)
{
	char text[64];
	if (tree->version == 2) {
		snprintf(text, sizeof(text), "%ld 1000000", millicores * 1000);
		return write_limit(group, "cpu.max", text);
	}
	if (write_limit(group, "cpu.cfs_period_us", "1000000") < 0)
		return -1;
	snprintf(text, sizeof(text), "%ld", millicores * 1000);
	return write_limit(group, "cpu.cfs_quota_us", text);
}

static int limit_one(const struct container *container, int controller, const struct limits *limits)
{
	const struct cgroup_mount *tree = find_tree(container, controller);
	char group[GROUP_SIZE];
	char text[32];
	if (!tree) {
		report("%s: no cgroup here controls %s", container->name, controllers[controller]);
		return -1;
	}
	if (make_group(tree, container) < 0) {
		report_errno(hint_cgroup_place(tree, errno),
			     "%s: cannot limit %s: cannot make a cgroup in %s", container->name,
			     controllers[controller], tree->path);
		return -1;
	}
	if (tree->version == 2 && enable_controller(tree, controllers[controller]) < 0)
		return -1;
	if (tree->version == 1)
		report("%s: cgroup v2 lacks %s here: limited by v1, %s", container->name,
		       controllers[controller], tree->path);

	group_path(group, tree, container);
	if (controller == TREE_CPU)
		return limit_cpu(tree, group, limits->millicores);
	if (controller == TREE_MEMORY) {
		snprintf(text, sizeof(text), "%lld", limits->memory_bytes);
		return write_limit(
			group, tree->version == 2 ? "memory.max" : "memory.limit_in_bytes", text);
	}
	snprintf(text, sizeof(text), "%lld", limits->pids);
	return write_limit(group, "pids.max", text);
}

int limits_create(const struct container *container, const struct limits *limits, int *v2_fd)
{
	const struct cgroup_mount *tree = find_tree(container, TREE_V2);
	*v2_fd = -1;
	int result = 0;
	if (limits->millicores)
		result = limit_one(container, TREE_CPU, limits);
	if (result == 0 && limits->memory_bytes)
		result = limit_one(container, TREE_MEMORY, limits);
	if (result == 0 && limits->pids)
		result = limit_one(container, TREE_PIDS, limits);
	if (result < 0)
		return -1;

	/* Without a limit it is there to be counted and killed by; where it can't be had, go
	 * without. */
	if (tree && make_group(tree, container) == 0) {
		char group[GROUP_SIZE];
		group_path(group, tree, container);
		*v2_fd = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return 0;
}

/* Calls visit with each of the container's groups that exist. Without limits there is one at most,
 * and the others need not be looked for. */
static int each_group(const struct container *container,
		      int (*visit)(const struct cgroup_mount *tree, const char *group, pid_t pid),
		      pid_t pid)
{
	char group[GROUP_SIZE];
	int result = 0;
	for (int i = 0; i < (container->limited ? TREES : TREE_V2 + 1); i++) {
		const struct cgroup_mount *tree = find_tree(container, i);
		if (!tree || (i != TREE_V2 && tree->version == 2))
			continue; /* the v2 tree comes first, once for all of its controllers */
		group_path(group, tree, container);
		if (access(group, F_OK) == 0 && visit(tree, group, pid) < 0)
			result = -1;
	}
	return result;
}

/* echo PID > GROUP/cgroup.procs. *path becomes that file. 0, or -1 with errno. */
static int move_process(const char *group, pid_t pid, char path[GROUP_SIZE])
{
	char text[16];
	snprintf(path, GROUP_SIZE, "%s/cgroup.procs", group);
	snprintf(text, sizeof(text), "%d", (int)pid);
	/* One that has ended meanwhile, having failed, has said why to its parent. */
	return write_file(AT_FDCWD, path, text) == 0 || errno == ESRCH ? 0 : -1;
}

static int enter_any(const struct cgroup_mount *tree, const char *group, pid_t pid)
{
	(void)tree;
	char path[GROUP_SIZE];
	if (move_process(group, pid, path) == 0)
		return 0;
	report_errno(errno == EACCES
			     ? "we are outside of the cgroup that was delegated, where it is"
			     : hint_cgroup(errno),
		     "cannot write %d to %s", (int)pid, path);
	return -1;
}

/* Where no limit is to hold, who may not move a process goes without. */
static int enter_if_allowed(const struct cgroup_mount *tree, const char *group, pid_t pid)
{
	(void)tree;
	char path[GROUP_SIZE];
	move_process(group, pid, path);
	return 0;
}

static int enter_v1(const struct cgroup_mount *tree, const char *group, pid_t pid)
{
	return tree->version == 2 ? 0 : enter_any(tree, group, pid);
}

int limits_enter(const struct container *container, pid_t pid, int all)
{
	if (!all)
		return each_group(container, enter_v1, pid);
	bool must = container->limited || !*container->delegated;
	return each_group(container, must ? enter_any : enter_if_allowed, pid);
}

long long limits_oom_kills(const struct container *container)
{
	static const char key[] = "oom_kill ";
	char group[GROUP_SIZE];
	char path[GROUP_SIZE + 64];
	const struct cgroup_mount *tree = find_tree(container, TREE_MEMORY);
	if (!tree)
		return 0;
	group_path(group, tree, container);
	snprintf(path, sizeof(path), "%s/%s", group,
		 tree->version == 2 ? "memory.events" : "memory.oom_control");
	AUTO_FREE char *text = read_file(AT_FDCWD, path, NULL);
	const char *line = text ? strstr(text, key) : NULL;
	return line ? strtoll(line + strlen(key), NULL, 10) : 0;
}

/* With all that lives in it: exec's, or what was moved there, needn't be in the pid namespace that
 * ended; and of a child whose parent was killed at its birth no record tells. */
static int remove_group(const struct cgroup_mount *tree, const char *group, pid_t pid)
{
	(void)tree;
	(void)pid;
	if (cgroup_remove(AT_FDCWD, group, true) == 0)
		return 0;
	report_errno(hint_cgroup(errno), "cannot remove the cgroup %s", group);
	return -1;
}

int limits_remove(const struct container *container)
{
	char above[GROUP_SIZE];
	int result = each_group(container, remove_group, 0);
	/* The last one takes it away; else it is not empty, and stays. Also where this one has no
	 * group: it may have been killed just before it made one. */
	for (int i = 0; i < (container->limited ? TREES : TREE_V2 + 1); i++) {
		const struct cgroup_mount *tree = find_tree(container, i);
		if (!tree || (i != TREE_V2 && tree->version == 2))
			continue;
		snprintf(above, sizeof(above), "%s/conductor", tree->path);
		rmdir(above);
	}
	return result;
}
