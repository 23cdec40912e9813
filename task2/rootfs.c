#include "rootfs.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int rootfs_open(struct rootfs *root, const char *path)
{
	*root = (struct rootfs){ .fd = -1 };
	if (snprintf(root->path, sizeof(root->path), "%s", path) >= (int)sizeof(root->path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	root->made = mkdir(path, 0755) == 0;
	if (!root->made && errno != EEXIST)
		return -1;
	root->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root->fd < 0 ? -1 : 0;
}

int rootfs_is_empty(const struct rootfs *root)
{
	int fd = openat(root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		close_fd(&fd);
		return -1;
	}
	int entries = 0;
	while (entries <= 2 && readdir(directory))
		entries++;
	closedir(directory);
	return entries <= 2; /* "." and ".." */
}

/* Remembers that this path was not there before. */
static int remember(struct rootfs *root, const char *path, size_t length)
{
	struct path_list *added = &root->added;
	char **larger = realloc(added->paths, (added->count + 1) * sizeof(*larger));
	if (!larger)
		return -1;
	added->paths = larger;
	larger[added->count] = strndup(path, length);
	if (!larger[added->count])
		return -1;
	added->count++;
	return 0;
}

/*
 * Makes and opens the directory that is to hold the file; path is relative to the root. One
 * component at a time, and never through a link: /lib -> /usr/lib in there would lead out to the
 * machine's own. The descriptor, or -1 with errno.
 */
static int open_parent(struct rootfs *root, const char *path)
{
	int directory = fcntl(root->fd, F_DUPFD_CLOEXEC, 0);
	const char *name = path;
	for (const char *slash; directory >= 0 && (slash = strchr(name, '/')); name = slash + 1) {
		char component[NAME_MAX + 1];
		int length = (int)(slash - name);
		snprintf(component, sizeof(component), "%.*s", length, name);
		if (mkdirat(directory, component, 0755) == 0) {
			if (remember(root, path, (size_t)(slash - path)) < 0) {
				close_fd(&directory);
				return -1;
			}
		} else if (errno != EEXIST) {
			close_fd(&directory);
			return -1;
		}
		int next = openat(directory, component,
				  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close_fd(&directory);
		directory = next;
	}
	return directory;
}

/* SOLUTION 2a: copy_link, copy_file: one, its mode kept: readlink(2), symlinkat(2), openat(2) */
static int copy_link(const char *path, int directory, const char *name)
{
	char target[PATH_MAX];
	ssize_t size = readlink(path, target, sizeof(target) - 1);
	if (size < 0)
		return -1;
	target[size] = '\0';
	return symlinkat(target, directory, name);
}

static int copy_file(const char *path, int directory, const char *name, mode_t mode)
{
	AUTO_CLOSE int from = open(path, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return -1;
	AUTO_CLOSE int to = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0 || copy_data(from, to) < 0)
		return -1;
	return fchmod(to, mode & 0777);
}
/* END 2a */

/* Copies one. 0, or -1 with errno: EEXIST if source and copy are the same file. */
static int copy(struct rootfs *root, const char *path)
{
	struct stat source;
	struct stat present;
	const char *relative = path + 1;
	const char *name = strrchr(path, '/') + 1;
	AUTO_CLOSE int directory = open_parent(root, relative);
	if (directory < 0 || lstat(path, &source) < 0)
		return -1;

	bool is_present = fstatat(directory, name, &present, AT_SYMLINK_NOFOLLOW) == 0;
	if (is_present && present.st_dev == source.st_dev && present.st_ino == source.st_ino) {
		errno = EEXIST;
		return -1;
	}
	/* The copy grows under a name that is nobody else's, and takes its own when it is whole. */
	char unfinished[32];
	snprintf(unfinished, sizeof(unfinished), ".unfinished-%d", (int)getpid());
	unlinkat(directory, unfinished, 0); /* of a process with our PID that was killed */
	int copied = -1;
	/* SOLUTION 2a: path's copy, a link or a file, as `unfinished` in directory: inode(7) */
	if (S_ISLNK(source.st_mode))
		copied = copy_link(path, directory, unfinished);
	else
		copied = copy_file(path, directory, unfinished, source.st_mode);
	/* END 2a */
	if (copied == 0 && renameat(directory, unfinished, directory, name) == 0)
		return is_present ? 0 : remember(root, relative, strlen(relative));

	int saved = errno;
	unlinkat(directory, unfinished, 0);
	errno = saved;
	return -1;
}

static void undo(struct rootfs *root)
{
	for (size_t i = root->added.count; i-- > 0;) {
		if (unlinkat(root->fd, root->added.paths[i], 0) < 0)
			unlinkat(root->fd, root->added.paths[i], AT_REMOVEDIR);
	}
	path_list_free(&root->added);
	if (root->made)
		rmdir(root->path);
	root->made = false;
}

int rootfs_fill(struct rootfs *root, const struct path_list *list, bool print)
{
	for (size_t i = 0; i < list->count; i++) {
		if (copy(root, list->paths[i]) < 0) {
			report_errno(errno == EEXIST ? "it is the file itself" : "",
				     "%s: cannot copy %s", root->path, list->paths[i]);
			undo(root);
			return -1;
		}
		if (print)
			puts(list->paths[i]);
	}
	return 0;
}

void rootfs_close(struct rootfs *root)
{
	close_fd(&root->fd);
	path_list_free(&root->added);
}
