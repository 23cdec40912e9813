#include "mounts.h"

#include "common/cleanup.h"
#include "common/handshake.h"
#include "common/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

void make_directory(const char *path, int handshake)
{
	struct stat status;
	if (lstat(path, &status) < 0 &&
	    (errno != ENOENT || mkdir(path, 0755) < 0 || lstat(path, &status) < 0))
		handshake_fail(handshake, 125, "cannot make %s in the image", path);
	errno = ENOTDIR;
	if (!S_ISDIR(status.st_mode))
		handshake_fail(handshake, 125, "cannot use the image's %s", path);
}

void mount_filesystem(const struct filesystem *fs, int handshake)
{
	if (!fs->may_be_missing)
		make_directory(fs->target, handshake);
	if (mount(fs->type, fs->target, fs->type, fs->flags, fs->options) < 0 &&
	    !(fs->may_be_missing && (errno == ENOENT || errno == ENODEV)))
		handshake_fail(handshake, 125, "cannot mount %s", fs->target);
}

/* A mask for files is the null device: the host's own, looked at first. What an image calls
 * /dev/null may be a link to anything (CVE-2025-31133). */
static int open_null(int handshake)
{
	struct stat status;
	int null = open("dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (null < 0 || fstat(null, &status) < 0)
		handshake_fail(handshake, 125, "cannot open the host's /dev/null");
	if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)) {
		errno = 0;
		handshake_fail(handshake, 125, "the host's /dev/null is no null device");
	}
	return null;
}

/* A file is covered by the null device, a directory by the empty one. */
static void hide(const char *path, const char *null, const char *empty, int handshake)
{
	int result = mount(null, path, NULL, MS_BIND, NULL);
	if (result < 0 && errno == ENOENT)
		return; /* this kernel has none */
	if (result < 0 && errno == ENOTDIR) {
		result = mount(empty, path, NULL, MS_BIND, NULL);
		if (result == 0)
			result = sys_mount_add_flags(AT_FDCWD, path, 0, MS_RDONLY);
	}
	if (result < 0)
		handshake_fail(handshake, 125, "cannot hide %s", path);
}

static void protect(const char *path, int handshake)
{
	int result = mount(path, path, NULL, MS_BIND | MS_REC, NULL);
	if (result < 0 && errno == ENOENT)
		return;
	if (result < 0 || sys_mount_add_flags(AT_FDCWD, path, 0, MS_RDONLY) < 0)
		handshake_fail(handshake, 125, "cannot make %s read-only", path);
}

void mask_paths(int empty, int handshake)
{
	static const char *const hidden[] = {
		"/proc/kcore",			 /* the machine's memory */
		"/proc/keys",			 /* others' keys: their names, sizes and owners */
		"/proc/timer_list",		 /* the kernel's addresses, others' timers */
		"/proc/sched_debug",		 /* every process of the machine */
		"/proc/latency_stats",		 /* the same */
		"/proc/interrupts",		 /* how fast others type: it times keystrokes */
		"/proc/acpi",			 /* hardware, which can be switched off there */
		"/proc/scsi",			 /* ... or taken away */
		"/proc/asound",			 /* whether sound is playing */
		"/sys/firmware",		 /* hardware */
		"/sys/devices/virtual/powercap", /* power, which tells keys: PLATYPUS */
	};
	static const char *const protected[] = {
		"/proc/sys",	       /* settings of the machine's: core_pattern is a program of
					   the host's */
		"/proc/sysrq-trigger", /* crashes it */
		"/proc/irq",	       /* moves its interrupts */
		"/proc/bus",	       /* hardware */
		"/proc/fs",	       /* file systems' settings */
	};
	char null_path[64];
	char empty_path[64];
	AUTO_CLOSE int null = open_null(handshake);
	snprintf(null_path, sizeof(null_path), "/proc/self/fd/%d", null);
	snprintf(empty_path, sizeof(empty_path), "/proc/self/fd/%d", empty);
	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
		hide(hidden[i], null_path, empty_path, handshake);
	for (size_t i = 0; i < sizeof(protected) / sizeof(*protected); i++)
		protect(protected[i], handshake);
}
