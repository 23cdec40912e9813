#include "common/file.h"

#include "common/cleanup.h"
#include "common/syscalls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *read_file(int dirfd, const char *path, size_t *size)
{
	AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;

	size_t used = 0;
	size_t room = 4096;
	char *text = malloc(room);
	while (text) {
		ssize_t got = read(fd, text + used, room - used - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			break;
		used += (size_t)got;
		if (got == 0) {
			text[used] = '\0';
			if (size)
				*size = used;
			return text;
		}
		if (used + 1 == room) {
			char *larger = realloc(text, room *= 2);
			if (!larger)
				break;
			text = larger;
		}
	}
	free(text);
	return NULL;
}

int write_all(int fd, const void *data, size_t size)
{
	const char *next = data;
	while (size > 0) {
		ssize_t put = write(fd, next, size);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		next += put;
		size -= (size_t)put;
	}
	return 0;
}

int write_file(int dirfd, const char *path, const char *text)
{
	AUTO_CLOSE int fd = openat(dirfd, path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -1;
	return write_all(fd, text, strlen(text));
}

/* The entries of the directory that path is in. */
static int sync_directory_of(int dirfd, const char *path)
{
	char directory[PATH_MAX] = ".";
	const char *slash = strrchr(path, '/');
	if (slash)
		snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path + 1), path);
	AUTO_CLOSE int fd = openat(dirfd, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : fsync(fd);
}

static int put_file(int dirfd, const char *path, const char *text, mode_t mode, bool durably)
{
	char temporary[PATH_MAX];
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	/* A dot before its name: whoever lists the directory takes it for nothing, should we be
	 * killed. */
	int length = snprintf(temporary, sizeof(temporary), "%.*s.%s.%d.new", (int)(name - path),
			      path, name, (int)getpid());
	if (length < 0 || (size_t)length >= sizeof(temporary)) {
		errno = ENAMETOOLONG;
		return -1;
	}

	AUTO_CLOSE int fd =
		openat(dirfd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return -1;
	if (write_all(fd, text, strlen(text)) == 0 && (!durably || fsync(fd) == 0) &&
	    renameat(dirfd, temporary, dirfd, path) == 0)
		return durably ? sync_directory_of(dirfd, path) : 0;

	int saved = errno;
	unlinkat(dirfd, temporary, 0);
	errno = saved;
	return -1;
}

int replace_file(int dirfd, const char *path, const char *text, mode_t mode)
{
	return put_file(dirfd, path, text, mode, false);
}

int replace_file_durably(int dirfd, const char *path, const char *text, mode_t mode)
{
	return put_file(dirfd, path, text, mode, true);
}

int copy_data(int from, int to)
{
	/* Where the kernel can't copy (another kind of file system), and for procfs, whose files
	 * have no size, read(2) and write(2) go on from where this stopped. */
	while (copy_file_range(from, NULL, to, NULL, 1 << 30, 0) > 0)
		continue;

	char block[65536];
	for (;;) {
		ssize_t got = read(from, block, sizeof(block));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return (int)got;
		if (write_all(to, block, (size_t)got) < 0)
			return -1;
	}
}

int make_directories(int dirfd, const char *path, mode_t mode)
{
	char part[PATH_MAX];
	size_t length = strlen(path);
	if (length >= sizeof(part)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (size_t i = 1; i <= length; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdirat(dirfd, part, mode) < 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

/* A tree that is being removed. */
struct removal {
	int top;	 /* its topmost directory */
	bool moved;	 /* has one been moved up into that? */
	unsigned number; /* the last that was tried as the name of such a one */
};

static int remove_entries(struct removal *removal, int fd, int depth);

/* Opens a directory of the tree; RESOLVE_NO_XDEV refuses what is mounted there, even from the same
 * disk. */
static int open_inside(int dirfd, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
	};
	int fd = sys_openat2(dirfd, name, &how);
	if (fd < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0)
		fd = sys_openat2(dirfd, name, &how); /* overlayfs leaves a directory of mode 000 */
	return fd;
}

/* From some depth on a directory is moved up, to be found there: each level holds a descriptor, and
 * whoever nests them by the thousand must not make us run out of them. */
static int move_up(struct removal *removal, int dirfd, const char *name)
{
	char new_name[16];
	int result;
	do {
		snprintf(new_name, sizeof(new_name), "%u", ++removal->number);
		result = renameat(dirfd, name, removal->top, new_name);
	} while (result < 0 && (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR));
	removal->moved |= result == 0;
	return result;
}

/* known_directory spares the attempt to unlink one, where the kernel has told. */
static int remove_entry(struct removal *removal, int dirfd, const char *name, bool known_directory,
			int depth)
{
	enum { MAX_DEPTH = 100 };
	if (!known_directory) {
		if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
			return 0;
		if (errno != EISDIR && errno != EPERM)
			return -1;
	}
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -1;
	/* One that can't be moved (an overlay's, from a lower layer) is entered all the same. */
	if (depth >= MAX_DEPTH && move_up(removal, dirfd, name) == 0)
		return 0;
	int fd = open_inside(dirfd, name);
	if (depth == 0)
		removal->top = fd;
	if (fd < 0 || remove_entries(removal, fd, depth + 1) < 0)
		return -1;
	return unlinkat(dirfd, name, AT_REMOVEDIR);
}

/* Empties the directory and closes fd. */
static int remove_entries(struct removal *removal, int fd, int depth)
{
	DIR *directory = fdopendir(fd);
	if (!directory) {
		close_fd(&fd);
		return -1;
	}
	int result = 0;
	struct dirent *entry;
	while (result == 0 && (errno = 0, entry = readdir(directory))) {
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			result = remove_entry(removal, dirfd(directory), entry->d_name,
					      entry->d_type == DT_DIR, depth);
	}
	int saved = errno;
	closedir(directory);
	errno = saved;
	return result == 0 && saved ? -1 : result;
}

static int remove_in(int dirfd, const char *name)
{
	struct removal removal = { .top = -1 };
	int result = 0;
	do { /* again, where readdir(3) has passed over what was moved up meanwhile */
		removal.moved = false;
		result = remove_entry(&removal, dirfd, name, false, 0);
	} while (result < 0 && removal.moved);
	return result;
}

int remove_tree(int dirfd, const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return remove_in(dirfd, path);

	/* The way to the tree may lead over mounts (/tmp often is one); only the tree may not. */
	char parent[PATH_MAX];
	int length = slash == path ? 1 : (int)(slash - path);
	if (snprintf(parent, sizeof(parent), "%.*s", length, path) >= (int)sizeof(parent)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	AUTO_CLOSE int fd = openat(dirfd, parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	return remove_in(fd, slash + 1);
}
