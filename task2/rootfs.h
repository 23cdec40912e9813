/*
 * A container's root directory, filled with copies of the machine's files under the same paths, as
 * `cp --parents` does. Nothing is ever written outside of it: a symbolic link that lies in it
 * already is never followed.
 */
#ifndef ROOTFS_H
#define ROOTFS_H

#include "common/libraries.h"

#include <limits.h>
#include <stdbool.h>

struct rootfs {
	char path[PATH_MAX];
	int fd;			/* the directory, -1 before rootfs_open and after rootfs_close */
	bool made;		/* it was not there before */
	struct path_list added; /* what was not there before, relative to it, in order of birth */
};

/* Opens the directory, and makes it if it is missing. 0, or -1 with errno. */
int rootfs_open(struct rootfs *root, const char *path);

/* Has it no entries? 1 or 0, or -1 with errno. */
int rootfs_is_empty(const struct rootfs *root);

/*
 * Copies files and symbolic links, of which no directory in a path is a link (the list of
 * find_needed_files). What has such a path in the root already is replaced in one step, unless it
 * is the very same file, or a directory. Permissions are kept, but not set-user-ID. With print each
 * path is printed. 0; or -1, after having printed why and removed what rootfs_open and this made.
 */
int rootfs_fill(struct rootfs *root, const struct path_list *list, bool print);

void rootfs_close(struct rootfs *root);

#endif
