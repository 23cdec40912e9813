#include "common/cgroup.h"

#include "common/cleanup.h"
#include "common/file.h"
#include "common/number.h"
#include "common/syscalls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cgroup_has_word(const char *text, const char *word)
{
	static const char separators[] = " ,\n";
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
		return controller && cgroup_has_word(line->v1, controller);
	return !controller || (line->v2 && cgroup_has_word(line->v2, controller));
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

static bool has_process(int group, pid_t pid)
{
	char text[16];
	AUTO_FREE char *pids = read_file(group, "cgroup.procs", NULL);
	snprintf(text, sizeof(text), "%d", (int)pid);
	return pids && cgroup_has_word(pids, text);
}

/*
 * cgroup.kill (Linux 5.14) kills all at once, also in the cgroups below, and what is just being
 * forked. A v1 tree hasn't got it. There it goes one by one, and again if need be; each is held by a
 * pidfd and looked for once more, since its number may be a stranger's by then.
 */
static void kill_processes(int group)
{
	if (write_file(group, "cgroup.kill", "1") == 0)
		return;
	AUTO_FREE char *pids = read_file(group, "cgroup.procs", NULL);
	char *rest = pids;
	for (char *text; (text = strsep(&rest, "\n"));) {
		long long pid;
		/* 0 is one that our pid namespace doesn't know. */
		if (parse_number(text, 1, INT_MAX, &pid) < 0)
			continue;
		AUTO_CLOSE int pidfd = sys_pidfd_open((pid_t)pid);
		if (pidfd >= 0 && has_process(group, (pid_t)pid))
			sys_pidfd_send_signal(pidfd, SIGKILL);
	}
}

/* One try. The files in a cgroup are the kernel's and go with it; the directories are cgroups. */
static int remove_once(int parent, const char *name, bool kill)
{
	if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		close_fd(&fd);
		return errno == ENOENT ? 0 : -1;
	}
	if (kill)
		kill_processes(fd);
	struct dirent *entry;
	while ((entry = readdir(directory))) {
		if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") &&
		    strcmp(entry->d_name, ".."))
			remove_once(fd, entry->d_name, kill);
	}
	closedir(directory);
	return unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -1 : 0;
}

int cgroup_remove(int dirfd, const char *name, bool kill)
{
	enum { PAUSE_MS = 2, BOUND_MS = 10000 };
	int removed = remove_once(dirfd, name, kill);
	/* EBUSY: the dead are on their way out; for v1 the kernel has no event to wait for. */
	for (int ms = 0; removed < 0 && errno == EBUSY && ms < BOUND_MS; ms += PAUSE_MS) {
		poll(NULL, 0, PAUSE_MS);
		removed = remove_once(dirfd, name, kill);
	}
	return removed;
}
