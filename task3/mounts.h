/*
 * The mounts in a container's root besides the root itself. All of it is called in the container's
 * child, after the step into the root: an absolute path is the container's, a relative one the
 * host's, where we still are. What fails goes to the parent over handshake.
 */
#ifndef CONDUCTOR_MOUNTS_H
#define CONDUCTOR_MOUNTS_H

#include "confine.h"

struct filesystem {
	const char *type, *target, *options;
	unsigned long flags;
	bool may_be_missing; /* the target: it is in the host's /dev, where we make nothing */
};

/*
 * mounts.c. Makes sure that there is a directory of this name, not a link: absolute links stay within
 * the container's root, but one to /proc/self/cwd would lead to the host's. Nobody else is in the
 * root yet, so it stays what it was found to be.
 */
void make_directory(const char *path, int handshake);
/* mounts.c. Makes the target, unless it may be missing, and mounts a new one on it. */
void mount_filesystem(const struct filesystem *fs, int handshake);
/* mounts.c. Of /proc and /sys: hides what tells about the machine, and makes read-only what changes
 * it. empty is an empty directory. */
void mask_paths(int empty, int handshake);

/* devices.c. */
void mount_dev(enum devices devices, int handshake);
/* In the parent: whether the host's /dev is one that a container may see, given the filter. */
bool host_dev_is_closed(void);
/* In the parent: lets the processes of this v2 cgroup open the harmless devices only. 0, or -1 with
 * errno where that can't be had. It goes with the cgroup. */
int device_filter_attach(int cgroup);

#endif
