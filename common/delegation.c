#include "common/delegation.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Our cgroup in the v2 tree, as the last word of "0::/PATH": cgroups(7). NULL if there is none; the
 * caller's to free. */
static char *own_v2_path(void)
{
	AUTO_FREE char *table = read_file(AT_FDCWD, "/proc/self/cgroup", NULL);
	char *rest = table;
	for (char *line; (line = strsep(&rest, "\n"));) {
		/* /.. is outside of our cgroup namespace, where we can't look. */
		if (!strncmp(line, "0::/", 4) && strncmp(line, "0::/..", 6) != 0)
			return strdup(line + 3);
	}
	return NULL;
}

static bool may_write(const char *group, const char *file)
{
	char path[PATH_MAX + 64];
	snprintf(path, sizeof(path), "%s%s", group, file);
	return access(path, W_OK) == 0;
}

static bool is_delegated(const char *group)
{
	return may_write(group, "") && may_write(group, "/cgroup.procs") &&
	       may_write(group, "/cgroup.subtree_control");
}

static bool has_processes(const char *group)
{
	char path[PATH_MAX + 64];
	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	AUTO_FREE char *pids = read_file(AT_FDCWD, path, NULL);
	return !pids || *pids;
}

int cgroup_find_place(const struct cgroup_mount *mount, char place[PATH_MAX])
{
	snprintf(place, PATH_MAX, "%s", mount->path);
	if (access(place, W_OK) == 0)
		return 0;
	int refused = errno;
	AUTO_FREE char *own = mount->version == 2 ? own_v2_path() : NULL;
	bool busy = false;
	/* Downwards, from the tree's root to our own cgroup. */
	for (size_t end = 1; own && end <= strlen(own); end++) {
		char group[PATH_MAX];
		if (own[end] != '/' && own[end] != '\0')
			continue;
		if (snprintf(group, sizeof(group), "%s%.*s", mount->path, (int)end, own) >=
			    (int)sizeof(group) ||
		    !is_delegated(group))
			continue;
		memcpy(place, group, sizeof(group));
		busy = has_processes(group);
		if (!busy)
			return 0;
	}
	errno = busy ? EBUSY : refused;
	return -1;
}

const char *hint_cgroup_place(const struct cgroup_mount *mount, int errnum)
{
	static char text[3 * PATH_MAX + 256];
	char place[PATH_MAX];
	int saved = errno;
	const char *hint = hint_cgroup(errnum);
	if (errnum != EACCES && errnum != EPERM && errnum != EBUSY) {
		/* it is no ordinary user's want of rights */
	} else if (mount->version == 1 && errnum != EBUSY) {
		hint = "cgroups of version 1 are root's: try sudo";
	} else if (cgroup_find_place(mount, place) < 0 && errno == EBUSY) {
		snprintf(text, sizeof(text),
			 "processes are in %s itself, so what is below can't be limited: move this "
			 "shell down: mkdir %s/shell && echo $$ >%s/shell/cgroup.procs",
			 place, place, place);
		hint = text;
	} else if (errnum != EBUSY && access("/run/systemd/system", F_OK) == 0) {
		hint = "needs root, or a cgroup delegated to this user: systemd-run --user --scope "
		       "-p Delegate=yes bash gives a shell in one";
	}
	errno = saved;
	return hint;
}
