/* The state directory: on the judge's side, and never seen in the world. */
#include "world.h"

#include "common/cleanup.h"
#include "common/file.h"
#include "common/number.h"
#include "common/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define STATE_FILE "world"

static void path_below(char *path, size_t size, const char *directory, const char *name)
{
	snprintf(path, size, "%s/%s", directory, name);
}

int state_write(const char *directory, const struct world *world)
{
	enum { LINE = 2 * PATH_MAX + 64 };
	static char text[MAX_TREES * LINE];
	char path[PATH_MAX + 16];
	size_t used = (size_t)snprintf(text, sizeof(text), "init %d %llu\n", (int)world->init,
				       world->start_time);
	for (size_t i = 0; i < world->cgroup_count; i++) {
		const struct world_cgroup *cgroup = &world->cgroups[i];
		used += (size_t)snprintf(text + used, sizeof(text) - used, "cgroup %d %d %s\n",
					 cgroup->version, cgroup->has_controllers, cgroup->path);
	}
	path_below(path, sizeof(path), directory, STATE_FILE);
	return replace_file(AT_FDCWD, path, text, 0600);
}

/* The next word, a number, of what is left of a line; -1 where it is none. */
static int next_number(char **rest, long long *number)
{
	char *word = strsep(rest, " ");
	return word ? parse_number(word, 0, LLONG_MAX, number) : -1;
}

static int parse_cgroup(struct world *world, char *rest)
{
	long long version, has_controllers;
	if (world->cgroup_count == MAX_TREES || next_number(&rest, &version) < 0 ||
	    next_number(&rest, &has_controllers) < 0 || !rest || strlen(rest) >= PATH_MAX)
		return -1;
	struct world_cgroup *cgroup = &world->cgroups[world->cgroup_count++];
	cgroup->version = (int)version;
	cgroup->has_controllers = has_controllers;
	memcpy(cgroup->path, rest, strlen(rest) + 1);
	return 0;
}

static int parse_line(struct world *world, char *line)
{
	char *word = strsep(&line, " ");
	long long pid, time;
	if (!strcmp(word, "cgroup"))
		return parse_cgroup(world, line);
	if (strcmp(word, "init") != 0 || next_number(&line, &pid) < 0 ||
	    next_number(&line, &time) < 0)
		return -1;
	world->init = (pid_t)pid;
	world->start_time = (unsigned long long)time;
	return 0;
}

int state_read(const char *directory, struct world *world)
{
	char path[PATH_MAX + 16];
	*world = (struct world){ 0 };
	path_below(path, sizeof(path), directory, STATE_FILE);
	AUTO_FREE char *text = read_file(AT_FDCWD, path, NULL);
	if (!text)
		return -1;
	char *rest = text;
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (*line && parse_line(world, line) < 0) {
			errno = EINVAL;
			return -1;
		}
	}
	return 0;
}

unsigned long long process_start_time(pid_t pid)
{
	enum { FIELD = 22 };
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	AUTO_FREE char *text = read_file(AT_FDCWD, path, NULL);
	/* The second field, the command's name, may hold blanks and parentheses. */
	char *rest = text ? strrchr(text, ')') : NULL;
	if (!rest)
		return 0;
	rest += 2;
	char *word = NULL;
	for (int field = 3; field <= FIELD; field++)
		word = strsep(&rest, " ");
	long long time = 0;
	if (!word || parse_number(word, 0, LLONG_MAX, &time) < 0)
		return 0;
	return (unsigned long long)time;
}

int state_open_init(const struct world *world)
{
	int pidfd = world->init > 0 ? sys_pidfd_open(world->init) : -1;
	if (pidfd >= 0 && process_start_time(world->init) == world->start_time)
		return pidfd;
	close_fd(&pidfd);
	errno = ESRCH;
	return -1;
}

void state_remove(const char *directory)
{
	char path[PATH_MAX + 16];
	path_below(path, sizeof(path), directory, STATE_FILE);
	unlink(path);
	path_below(path, sizeof(path), directory, "mnt");
	rmdir(path);
	rmdir(directory);
}
