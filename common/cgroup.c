#include "common/cgroup.h"

#include "common/cleanup.h"
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

/* A line of mountinfo, as far as it tells of a cgroup tree. */
struct line {
	struct cgroup_mount mount;
	char v1[256]; /* its options, the controllers among them */
	char *v2;     /* the text of cgroup.controllers; NULL for v1 */
};

/* ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS ... - TYPE SOURCE SUPEROPTIONS. proc(5) */
static bool parse_line(const char *text, struct line *line)
{
	char type[32];
	char file[PATH_MAX + 32];
	const char *after = strstr(text, " - cgroup");
	*line = (struct line){ 0 };
	if (!after || sscanf(text, "%*s %*s %*s %*s %4095s", line->mount.path) != 1 ||
	    sscanf(after, " - %31s %*s %255s", type, line->v1) != 2)
		return false;
	line->mount.version = strcmp(type, "cgroup2") ? 1 : 2;
	if (line->mount.version == 2) {
		snprintf(file, sizeof(file), "%s/cgroup.controllers", line->mount.path);
		line->v2 = read_file(AT_FDCWD, file, NULL);
	}
	return true;
}

static bool controls(const struct line *line, const char *controller)
{
	if (line->mount.version == 1)
		return controller && has_word(line->v1, ",", controller);
	return !controller || (line->v2 && has_word(line->v2, " \n", controller));
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
	for (char *text; (text = strsep(&rest, "\n"));) {
		struct line line;
		if (!parse_line(text, &line))
			continue;
		for (int i = 0; i < count; i++) {
			if (controls(&line, controllers[i]))
				mounts[i] = line.mount;
		}
		free(line.v2);
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
