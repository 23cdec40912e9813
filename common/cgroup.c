#include "common/cgroup.h"

#include "common/cleanup.h"
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Is word one of the words in text, which any of the separators divide? */
static bool has_word(const char *text, const char *separators, const char *word)
{
	size_t length = strlen(word);
	while (*(text += strspn(text, separators))) {
		size_t span = strcspn(text, separators);
		if (span == length && !memcmp(text, word, length))
			return true;
		text += span;
	}
	return false;
}

static bool v2_controls(const char *path, const char *controller)
{
	char file[PATH_MAX + 32];
	snprintf(file, sizeof(file), "%s/cgroup.controllers", path);
	AUTO_FREE char *controllers = read_file(AT_FDCWD, file, NULL);
	return controllers && has_word(controllers, " \n", controller);
}

/* A line of mountinfo: ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS ... - TYPE SOURCE
 * SUPEROPTIONS. proc(5) */
static bool matches(const char *line, const char *controller, struct cgroup_mount *mount)
{
	char type[32];
	char options[256];
	const char *after = strstr(line, " - ");
	if (!after || sscanf(line, "%*s %*s %*s %*s %4095s", mount->path) != 1 ||
	    sscanf(after, " - %31s %*s %255s", type, options) != 2)
		return false;
	mount->version = strcmp(type, "cgroup2") ? 1 : 2;
	if (mount->version == 2)
		return !controller || v2_controls(mount->path, controller);
	return controller && !strcmp(type, "cgroup") && has_word(options, ",", controller);
}

int cgroup_find_all(const char *const controllers[], struct cgroup_mount mounts[], int count)
{
	for (int i = 0; i < count; i++)
		mounts[i].version = 0;
	AUTO_FREE char *table = read_file(AT_FDCWD, "/proc/self/mountinfo", NULL);
	if (!table)
		return -1;

	/* A controller is in one tree only; of several mounts of it the last one lies on top. */
	char *rest = table;
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (!strstr(line, " - cgroup"))
			continue;
		for (int i = 0; i < count; i++) {
			struct cgroup_mount candidate;
			if (matches(line, controllers[i], &candidate))
				mounts[i] = candidate;
		}
	}
	return 0;
}

int cgroup_find(const char *controller, struct cgroup_mount *mount)
{
	if (cgroup_find_all(&controller, mount, 1) < 0)
		return -1;
	errno = mount->version ? 0 : ENOENT;
	return mount->version ? 0 : -1;
}
