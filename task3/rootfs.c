#include "rootfs.h"

#include "mounts.h"
#include "tree.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/handshake.h"
#include "common/syscalls.h"
#include "common/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { OPTIONS_SIZE = 4096 }; /* mount(2) takes one page */

/* In a user namespace overlayfs keeps its marks in user.* attributes, which tmpfs has since
 * Linux 6.6. */
static bool takes_user_attributes(const char *directory)
{
	if (setxattr(directory, "user.overlay.probe", "y", 1, 0) < 0)
		return false;
	removexattr(directory, "user.overlay.probe");
	return true;
}

/*
 * Mounts the overlay: lowerdir names the layers, the uppermost first. The paths are relative to the
 * state directory, where we are: its own path may hold a colon or a comma, and "lowerdir=a:b" would
 * silently mean two layers. -1 with errno.
 */
static int mount_overlay(const struct rootfs *rootfs, const char *target)
{
	char upper[PATH_SIZE];
	char options[OPTIONS_SIZE];
	snprintf(upper, sizeof(upper), "%s/upper", rootfs->directory);
	bool user = in_user_namespace();
	if (user && !takes_user_attributes(upper)) {
		errno = EOPNOTSUPP;
		return -1;
	}

	int used = snprintf(options, sizeof(options),
			    "%supperdir=%s,workdir=%s/work,lowerdir=", user ? "userxattr," : "",
			    upper, rootfs->directory);
	for (int i = rootfs->layers->count; i-- > 0;)
		used += snprintf(options + used, sizeof(options) - (size_t)used, "layers/%s%s",
				 rootfs->layers->id[i], i ? ":" : "");
	/* nodev: a device node in an image, or made inside, opens nothing. */
	return mount("overlay", target, "overlay", MS_NODEV, options);
}

/* Where there is no overlay, the layers are copied over one another. */
static void copy_layers(const struct rootfs *rootfs, int handshake)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof(path), "%s/copy", rootfs->directory);
	if (mkdir(path, 0755) < 0)
		handshake_fail(handshake, 125, "cannot make %s", path);
	AUTO_CLOSE int to = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < rootfs->layers->count; i++) {
		char layer[PATH_SIZE];
		snprintf(layer, sizeof(layer), "layers/%s", rootfs->layers->id[i]);
		AUTO_CLOSE int from = open(layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (from < 0 || copy_tree(from, to, COPY_LAYER) < 0)
			handshake_fail(handshake, 125, "cannot copy the layer %s",
				       rootfs->layers->id[i]);
	}
}

/* Mounts the root, on a directory "root" that we then are in. */
static void mount_root(const struct rootfs *rootfs, int handshake)
{
	char path[PATH_SIZE];
	char copy[PATH_SIZE];
	snprintf(path, sizeof(path), "%s/root", rootfs->directory);
	snprintf(copy, sizeof(copy), "%s/copy", rootfs->directory);

	if (mount_overlay(rootfs, path) < 0) {
		report_errno("", "no overlay here, so the image is copied");
		copy_layers(rootfs, handshake);
		if (mount(copy, path, NULL, MS_BIND, NULL) < 0 ||
		    sys_mount_add_flags(AT_FDCWD, path, 0, MS_NODEV) < 0)
			handshake_fail(handshake, 125, "cannot mount the container's root");
	}
	if (chdir(path) < 0)
		handshake_fail(handshake, 125, "cannot enter the container's root");
}

/*
 * Binds a file of the container's directory, which we are in, over the same one of its /etc. Where
 * the image has a link there (systemd's stub resolver), the container's own copy loses it: a mount
 * would follow it to a file that may not exist.
 */
static void mount_file(const char *name, int handshake)
{
	char target[64];
	struct stat status;
	snprintf(target, sizeof(target), "/etc/%s", name);
	if (lstat(target, &status) == 0 && S_ISLNK(status.st_mode))
		unlink(target);
	AUTO_CLOSE int fd =
		open(target, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
	if (fd < 0 || mount(name, target, NULL, MS_BIND, NULL) < 0)
		handshake_fail(handshake, 125, "cannot mount %s", target);
}

void enter_rootfs(const struct rootfs *rootfs, int handshake)
{
	/* First of all: a mount of ours must not show on the host, whatever it shares. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		handshake_fail(handshake, 125, "cannot make the mounts private");
	if (chdir(state_path()) < 0)
		handshake_fail(handshake, 125, "cannot enter %s", state_path());
	AUTO_CLOSE int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int own = open(rootfs->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* What lies below the root that is about to be mounted there. */
	AUTO_CLOSE int empty = openat(own, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	mount_root(rootfs, handshake);

	/* SOLUTION 3a: the container's root, in which we are, becomes "/": pivot_root(2) */
	/*
	 * The step. From here an absolute path begins at the container's root, and so do the links
	 * that an image may have in any place; a relative one begins on the host, for as long as we
	 * are there.
	 */
	if (host < 0 || own < 0 || sys_pivot_root(".", ".") < 0 || fchdir(host) < 0)
		handshake_fail(handshake, 125, "cannot pivot into the container's root");
	/* END 3a */

	/* SOLUTION 3a: procfs at /proc, sysfs at /sys, and /dev (mounts.h): mount(2), proc(5) */
	static const struct filesystem proc = { "proc", "/proc", NULL,
						MS_NOSUID | MS_NODEV | MS_NOEXEC, false };
	static const struct filesystem sys = { "sysfs", "/sys", NULL,
					       MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
					       false };
	/* proc before the host's own is gone: in a user namespace it may be mounted only where one
	 * is seen. */
	mount_filesystem(&proc, handshake);
	mount_filesystem(&sys, handshake);
	mount_dev(rootfs->confinement->devices, handshake);
	/* END 3a */
	if (!rootfs->confinement->privileged)
		mask_paths(empty, handshake);
	if (rootfs->own_files) {
		if (fchdir(own) < 0)
			handshake_fail(handshake, 125, "cannot enter the container's directory");
		make_directory("/etc", handshake);
		mount_file("hosts", handshake);
		mount_file("resolv.conf", handshake);
	}
	if (fchdir(host) < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		handshake_fail(handshake, 125, "cannot leave the host's root");
}
