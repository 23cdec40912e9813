/*
 * The world's cgroups. In every tree:
 *
 *     world-XXXXXXXX/        the limits, which the world doesn't see
 *     world-XXXXXXXX/root/   the root of its cgroup namespace; where v2 has controllers, its children
 *                            may be limited, as on a host that systemd runs
 *     .../root/session/      there, all processes that nobody put elsewhere: in a cgroup whose
 *                            children are limited there may be none. cgroups(7)
 */
#include "world.h"

#include "common/cgroup.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/handshake.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LONGER = PATH_MAX + 128 };

/* --- making ------------------------------------------------------------------------------------- */

static int write_below(const char *directory, const char *file, const char *text)
{
	char path[LONGER];
	snprintf(path, sizeof(path), "%s/%s", directory, file);
	return write_file(AT_FDCWD, path, text);
}

/* Lets the children of this cgroup be limited, by what there is. One a write: the kernel takes all
 * or none of a line. */
static void enable_controllers(const char *directory)
{
	static const char *const controllers[] = { "+cpu", "+memory", "+pids", "+cpuset" };
	for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++)
		write_below(directory, "cgroup.subtree_control", controllers[i]);
}

static void find_trees(struct world *world)
{
	static const char *const controllers[] = { NULL, "cpu", "cpuacct", "memory", "pids" };
	enum { COUNT = sizeof(controllers) / sizeof(controllers[0]) };
	static struct cgroup_mount mounts[COUNT];
	cgroup_find_all(controllers, mounts, COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		bool known = mounts[i].version == 0;
		for (size_t j = 0; j < world->cgroup_count; j++)
			known = known || !strcmp(world->cgroups[j].tree, mounts[i].path);
		if (known)
			continue;
		struct world_cgroup *cgroup = &world->cgroups[world->cgroup_count++];
		cgroup->version = mounts[i].version;
		memcpy(cgroup->tree, mounts[i].path, sizeof(cgroup->tree));
	}
}

/* Does this v2 tree have controllers, or has it only the processes? */
static bool tree_has_controllers(const char *tree)
{
	char path[LONGER];
	snprintf(path, sizeof(path), "%s/cgroup.controllers", tree);
	AUTO_FREE char *text = read_file(AT_FDCWD, path, NULL);
	return text && strspn(text, " \n") < strlen(text);
}

/* Files that aren't there belong to a controller that is in another tree. */
static int set_limits(const struct world_cgroup *cgroup, const struct limits *limits)
{
	struct {
		int version;
		const char *file;
		long long limit;
	} files[] = {
		{ 2, "memory.max", limits->memory_bytes },
		{ 2, "memory.swap.max", 0 },
		{ 2, "pids.max", limits->processes },
		{ 1, "memory.limit_in_bytes", limits->memory_bytes },
		{ 1, "pids.max", limits->processes },
	};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char text[24];
		snprintf(text, sizeof(text), "%lld", files[i].limit);
		if (files[i].version == cgroup->version &&
		    write_below(cgroup->path, files[i].file, text) < 0 && errno != ENOENT)
			return -1;
	}
	return 0;
}

static int set_filters(const char *path)
{
	AUTO_CLOSE int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0 || filter_devices(directory) < 0 || filter_sysctl(directory) < 0)
		return -1;
	return 0;
}

static int make_one(struct world_cgroup *cgroup, const char *name, const struct limits *limits)
{
	char root[PATH_MAX + 16];
	snprintf(cgroup->path, sizeof(cgroup->path), "%.*s/%s", PATH_MAX - 32, cgroup->tree, name);
	snprintf(root, sizeof(root), "%s/root", cgroup->path);
	if (cgroup->version == 2) {
		cgroup->has_controllers = tree_has_controllers(cgroup->tree);
		enable_controllers(cgroup->tree);
	}
	if (mkdir(cgroup->path, 0755) < 0)
		return -1;
	if (cgroup->has_controllers)
		enable_controllers(cgroup->path);
	if (mkdir(root, 0755) < 0 || set_limits(cgroup, limits) < 0)
		return -1;
	return cgroup->version == 2 ? set_filters(cgroup->path) : 0;
}

int cgroups_make(struct world *world, const struct limits *limits)
{
	uint32_t number;
	char name[32];
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number = (uint32_t)getpid();
	snprintf(name, sizeof(name), "world-%08x", number);
	find_trees(world);
	if (world->cgroup_count == 0 || world->cgroups[0].version != 2) {
		errno = ENOENT;
		report_errno("", "this machine has no cgroup v2 tree");
		return -1;
	}
	for (size_t i = 0; i < world->cgroup_count; i++) {
		if (make_one(&world->cgroups[i], name, limits) < 0) {
			report_errno(hint_cgroup(errno), "cannot make cgroup %s",
				     world->cgroups[i].path);
			return -1;
		}
	}
	return 0;
}

/* --- processes ---------------------------------------------------------------------------------- */

int cgroups_put(const struct world *world, pid_t pid)
{
	char text[16];
	snprintf(text, sizeof(text), "%d", (int)pid);
	for (size_t i = 0; i < world->cgroup_count; i++) {
		if (write_below(world->cgroups[i].path, "root/cgroup.procs", text) < 0) {
			report_errno(hint_cgroup(errno), "cannot use cgroup %s",
				     world->cgroups[i].path);
			return -1;
		}
	}
	return 0;
}

int cgroups_open(const struct world *world, int files[MAX_TREES])
{
	for (size_t i = 0; i < world->cgroup_count; i++) {
		const struct world_cgroup *cgroup = &world->cgroups[i];
		char path[LONGER];
		snprintf(path, sizeof(path), "%s/root%s/cgroup.procs", cgroup->path,
			 cgroup->has_controllers ? "/session" : "");
		files[i] = open(path, O_WRONLY | O_CLOEXEC);
		if (files[i] < 0)
			return -1;
	}
	return (int)world->cgroup_count;
}

void cgroups_enter(const struct world *world, int outside)
{
	/* The new namespace's root is where we are now. */
	if (unshare(CLONE_NEWCGROUP) < 0)
		handshake_fail(outside, EXIT_WORLD, "cannot make a cgroup namespace");
	for (size_t i = 0; i < world->cgroup_count; i++) {
		char root[PATH_MAX + 16];
		char session[PATH_MAX + 32];
		snprintf(root, sizeof(root), "%s/root", world->cgroups[i].path);
		snprintf(session, sizeof(session), "%s/session", root);
		if (!world->cgroups[i].has_controllers)
			continue;
		if (mkdir(session, 0755) < 0 || write_below(session, "cgroup.procs", "0") < 0)
			handshake_fail(outside, EXIT_WORLD, "cannot make cgroup %s", session);
		enable_controllers(root);
	}
}

static void bind_tree(const char *path, const char *target, int outside)
{
	char root[PATH_MAX + 16];
	snprintf(root, sizeof(root), "%s/root", path);
	if (mount(root, target, NULL, MS_BIND, NULL) < 0)
		handshake_fail(outside, EXIT_WORLD, "cannot mount %s on %s", root, target);
}

/* Pure v2 lies at /sys/fs/cgroup itself; several trees lie in directories of a tmpfs, which can't be
 * written: a script for v2 must not succeed there with files that limit nothing. */
void cgroups_mount(const struct world *world, int outside)
{
	static const char base[] = "sys/fs/cgroup";
	if (world->cgroup_count == 1) {
		bind_tree(world->cgroups[0].path, base, outside);
		return;
	}
	if (mount("tmpfs", base, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755,size=64k") <
	    0)
		handshake_fail(outside, EXIT_WORLD, "cannot mount /sys/fs/cgroup");
	for (size_t i = 0; i < world->cgroup_count; i++) {
		char target[LONGER];
		const char *name = strrchr(world->cgroups[i].tree, '/');
		/* A v2 tree beside others that lies at the usual place of a pure one. */
		if (!name || !strcmp(name, "/cgroup"))
			name = "/unified";
		snprintf(target, sizeof(target), "%s%s", base, name);
		if (mkdir(target, 0755) < 0)
			handshake_fail(outside, EXIT_WORLD, "cannot make %s", target);
		bind_tree(world->cgroups[i].path, target, outside);
	}
	if (mount(NULL, base, NULL,
		  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		handshake_fail(outside, EXIT_WORLD, "cannot make /sys/fs/cgroup read-only");
}

/* --- removing ----------------------------------------------------------------------------------- */

int cgroups_remove(const struct world *world)
{
	int result = 0;
	for (size_t i = 0; i < world->cgroup_count; i++) {
		const char *path = world->cgroups[i].path;
		/* It is empty where start never came so far. */
		if (path[0] && cgroup_remove(AT_FDCWD, path, true) < 0) {
			report_errno(hint_cgroup(errno), "cannot remove cgroup %s", path);
			result = -1;
		}
	}
	return result;
}
