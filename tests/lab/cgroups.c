/* The lab's own cgroups: one directory in each tree, which looks like the tree's root inside. */
#include "lab.h"

#include "common/cleanup.h"
#include "common/delegation.h"
#include "common/error.h"
#include "common/file.h"
#include "common/handshake.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const controllers[] = { "cpu", "memory", "pids" };
enum { CONTROLLERS = sizeof(controllers) / sizeof(controllers[0]) };

static void add_tree(struct cgroups *cgroups, const char *controller)
{
	struct cgroup_mount mount;
	char *place = cgroups->places[cgroups->count];
	/* An ordinary user, and root of a user namespace, may write none of them, unless one was
	 * delegated. */
	if (cgroup_find(controller, &mount) < 0 || cgroup_find_place(&mount, place) < 0)
		return;
	for (size_t i = 0; i < cgroups->count; i++) {
		if (!strcmp(cgroups->trees[i].path, mount.path))
			return;
	}
	cgroups->trees[cgroups->count++] = mount;
}

void cgroups_find(struct cgroups *cgroups)
{
	snprintf(cgroups->name, sizeof(cgroups->name), "lab-%d", (int)getpid());
	for (size_t i = 0; i < CONTROLLERS; i++)
		add_tree(cgroups, controllers[i]);
	add_tree(cgroups, "cpuacct"); /* v1 only; often in one tree with cpu */
	add_tree(cgroups, NULL);
}

/* Is the word among those in the file? */
static bool lists(int directory, const char *file, const char *word)
{
	AUTO_FREE char *text = read_file(directory, file, NULL);
	return text && cgroup_has_word(text, word);
}

/*
 * cgroup v2: lets the children of this cgroup be limited. Writes to enabled, which has room, what
 * it had to switch on: "+cpu +pids", or "". 0, or -1 with errno.
 */
static int enable_controllers(int directory, char *enabled, size_t size)
{
	size_t used = 0;
	enabled[0] = '\0';
	for (size_t i = 0; i < CONTROLLERS; i++) {
		if (lists(directory, "cgroup.controllers", controllers[i]) &&
		    !lists(directory, "cgroup.subtree_control", controllers[i]))
			used += (size_t)snprintf(enabled + used, size - used, "%s+%s",
						 used ? " " : "", controllers[i]);
	}
	return used ? write_file(directory, "cgroup.subtree_control", enabled) : 0;
}

/* Pure v2 may have an empty subtree_control after boot. This changes the machine: so it is said. */
static void enable_in_tree(const char *path)
{
	char enabled[64];
	AUTO_CLOSE int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (enable_controllers(directory, enabled, sizeof(enabled)) < 0)
		report_errno("the lab goes on without",
			     "cannot write %s to %s/cgroup.subtree_control", enabled, path);
	else if (enabled[0])
		report("wrote %s to %s/cgroup.subtree_control, so that cgroups can be limited",
		       enabled, path);
}

int cgroups_make(const struct cgroups *cgroups, pid_t init)
{
	char pid[16];
	snprintf(pid, sizeof(pid), "%d", (int)init);
	for (size_t i = 0; i < cgroups->count; i++) {
		const char *place = cgroups->places[i];
		char path[PATH_MAX + 64];
		if (cgroups->trees[i].version == 2)
			enable_in_tree(place);
		snprintf(path, sizeof(path), "%s/%s", place, cgroups->name);
		AUTO_CLOSE int directory = -1;
		if (mkdir(path, 0755) == 0 || errno == EEXIST)
			directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (directory < 0 || write_file(directory, "cgroup.procs", pid) < 0) {
			report_errno(hint_cgroup(errno), "cannot make cgroup %s", path);
			return -1;
		}
	}
	return 0;
}

/* Where v2 has controllers, a cgroup that has processes can't limit its children: so init, and all
 * that it starts, leaves the lab's root for a leaf. */
static int make_leaf(const char *root)
{
	char enabled[64];
	AUTO_CLOSE int directory = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char *available = read_file(directory, "cgroup.controllers", NULL);
	if (!available)
		return -1;
	if (!strcmp(available, "\n") || !available[0])
		return 0;
	if (mkdirat(directory, "init", 0755) < 0 ||
	    write_file(directory, "init/cgroup.procs", "0") < 0)
		return -1;
	return enable_controllers(directory, enabled, sizeof(enabled));
}

void cgroups_enter(const struct cgroups *cgroups, int parent)
{
	/* After the parent's move: the new namespace's root is where we are now. */
	if (cgroups->count && unshare(CLONE_NEWCGROUP) < 0)
		handshake_fail(parent, EXIT_LAB, "cannot make a cgroup namespace");
	for (size_t i = 0; i < cgroups->count; i++) {
		const char *tree = cgroups->trees[i].path;
		char own[PATH_MAX + 64];
		snprintf(own, sizeof(own), "%s/%s", cgroups->places[i], cgroups->name);
		if (mount(own, tree, NULL, MS_BIND, NULL) < 0)
			handshake_fail(parent, EXIT_LAB, "cannot mount %s on %s", own, tree);
		if (cgroups->trees[i].version == 2 && make_leaf(tree) < 0)
			handshake_fail(parent, EXIT_LAB, "cannot set up the lab's cgroup in %s",
				       tree);
	}
}

int cgroups_remove(const struct cgroups *cgroups)
{
	int result = 0;
	for (size_t i = 0; i < cgroups->count; i++) {
		AUTO_CLOSE int tree = open(cgroups->places[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (cgroup_remove(tree, cgroups->name, false) < 0)
			result = -1;
	}
	return result;
}
