/* Inside: the world's files. All that can be written lies in one tmpfs, whose size is the limit. */
#include "world.h"

#include "common/cleanup.h"
#include "common/file.h"
#include "common/handshake.h"
#include "common/process.h"
#include "common/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define NO_PRIVILEGES (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* Directories of the tmpfs, and where the world has them; "" is not shown. No overlay can have its
 * upper layer on an overlay: so containers' overlays find a place in each of these. */
static const struct {
	const char *name, *target;
	mode_t mode;
} places[] = {
	{ "upper", "", 0755 },
	{ "work", "", 0755 },
	{ "root", "", 0755 },
	{ "submission", "submission", 0755 },
	{ "tmp", "tmp", 01777 },
	{ "run", "run", 0755 },
	{ "var-tmp", "var/tmp", 01777 },
	{ "conductor", "var/lib/conductor", 0755 },
	{ "containers", "var/lib/containers", 0755 },
};
enum { PLACES = sizeof(places) / sizeof(places[0]) };

static void make_directory(const char *path, mode_t mode, int outside)
{
	if ((mkdir(path, mode) < 0 && errno != EEXIST) || chmod(path, mode) < 0)
		handshake_fail(outside, EXIT_WORLD, "cannot make %s", path);
}

static void bind(const char *source, const char *target, unsigned long add_flags, int outside)
{
	if (mount(source, target, NULL, MS_BIND, NULL) < 0 ||
	    (add_flags && sys_mount_add_flags(AT_FDCWD, target, 0, add_flags) < 0))
		handshake_fail(outside, EXIT_WORLD, "cannot mount %s on %s", source, target);
}

static void mount_new(const char *type, const char *target, unsigned long flags,
		      const char *options, int outside)
{
	if (mount(type, target, type, flags, options) < 0)
		handshake_fail(outside, EXIT_WORLD, "cannot mount %s on %s", type, target);
}

/* The machine's own cp, before there is another root. Ownership is not kept: all of it is root's. */
static void copy_submission(const char *submission, const char *base, int outside)
{
	char source[PATH_MAX + 8];
	char target[PATH_MAX + 32];
	char *argv[] = { "cp", "-R",   "-P",   "--preserve=mode,timestamps,links",
			 "--", source, target, NULL };
	snprintf(source, sizeof(source), "%s/.", submission);
	snprintf(target, sizeof(target), "%s/submission", base);
	AUTO_FREE char *output = NULL;
	int status = run_and_read(argv, NULL, 1, &output);
	if (status == 0)
		return;
	if (output)
		output[strcspn(output, "\n")] = '\0';
	errno = status < 0 ? errno : 0;
	handshake_fail(outside, EXIT_WORLD, "cannot copy the submission: %s",
		       output && output[0] ? output : "cp");
}

/* Makes the tmpfs at base, and goes there. */
static void make_places(const struct start_options *options, const char *base, int outside)
{
	char settings[64];
	/* A file costs memory too, and the kernel's own: about a kilobyte. */
	snprintf(settings, sizeof(settings), "mode=755,size=%lld,nr_inodes=200000",
		 options->limits.disk_bytes);
	if (mount("tmpfs", base, "tmpfs", 0, settings) < 0 || chdir(base) < 0)
		handshake_fail(outside, EXIT_WORLD, "cannot mount a tmpfs on %s", base);
	for (size_t i = 0; i < PLACES; i++)
		make_directory(places[i].name, places[i].mode, outside);
}

static void mount_overlay(int lower, int outside)
{
	char settings[128];
	/* By descriptor: a path may hold the colons and commas that mean something here. */
	snprintf(settings, sizeof(settings),
		 "lowerdir=/proc/self/fd/%d,upperdir=upper,workdir=work", lower);
	mount_new("overlay", "root", 0, settings, outside);
}

static void show_places(int outside)
{
	char source[64];
	for (size_t i = 0; i < PLACES; i++) {
		if (!places[i].target[0])
			continue;
		if (make_directories(AT_FDCWD, places[i].target, 0755) < 0)
			handshake_fail(outside, EXIT_WORLD, "cannot make %s", places[i].target);
		snprintf(source, sizeof(source), "../%s", places[i].name);
		bind(source, places[i].target, 0, outside);
	}
	make_directory("run/lock", 01777, outside);
}

/*
 * What is below /proc/sys is the machine's, but for what the world's own namespaces have. A fresh
 * proc, as containers mount it, has none of these mounts; filters.c holds there too.
 */
static void mount_proc(int outside)
{
	static const char *const read_only[] = { "proc/sys", "proc/sysrq-trigger", "proc/irq",
						 "proc/bus" };
	static const char *const own[] = { "proc/sys/net", "proc/sys/kernel/hostname",
					   "proc/sys/kernel/domainname" };
	mount_new("proc", "proc", NO_PRIVILEGES, NULL, outside);
	for (size_t i = 0; i < sizeof(read_only) / sizeof(read_only[0]); i++) {
		if (access(read_only[i], F_OK) == 0)
			bind(read_only[i], read_only[i], MS_RDONLY, outside);
	}
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (mount(own[i], own[i], NULL, MS_BIND, NULL) < 0 ||
		    mount(NULL, own[i], NULL, MS_REMOUNT | MS_BIND | NO_PRIVILEGES, NULL) < 0)
			handshake_fail(outside, EXIT_WORLD, "cannot mount %s", own[i]);
	}
}

/* Read-only is this mount, not the file system: that is the caller's too, with the network
 * namespace. */
static void mount_sys(int outside)
{
	mount_new("sysfs", "sys", NO_PRIVILEGES, NULL, outside);
	if (sys_mount_add_flags(AT_FDCWD, "sys", 0, MS_RDONLY) < 0)
		handshake_fail(outside, EXIT_WORLD, "cannot make /sys read-only");
}

static void write_text(const char *path, const char *text, int outside)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write_all(fd, text, strlen(text)) < 0)
		handshake_fail(outside, EXIT_WORLD, "cannot write %s", path);
}

static void name_host(const char *hostname, int outside)
{
	char text[256];
	if (sethostname(hostname, strlen(hostname)) < 0)
		handshake_fail(outside, EXIT_WORLD, "cannot set the hostname");
	snprintf(text, sizeof(text), "%s\n", hostname);
	write_text("etc/hostname", text, outside);
	snprintf(text, sizeof(text),
		 "127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost\n", hostname);
	write_text("etc/hosts", text, outside);
}

/* Puts the current directory in the place of the root, and what was there out of reach. */
static void change_root(int outside)
{
	if (sys_pivot_root(".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		handshake_fail(outside, EXIT_WORLD, "cannot change the root");
	/* As on a host that systemd runs: a program that forgets to make its mounts private is seen to
	 * have forgotten it. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0)
		handshake_fail(outside, EXIT_WORLD, "cannot make mounts shared");
}

void files_build(const struct start_options *options, const struct world *world, int outside)
{
	char base[PATH_MAX];
	umask(022);
	/* First: otherwise the mounts below would spread to the machine. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		handshake_fail(outside, EXIT_WORLD, "cannot make mounts private");
	AUTO_CLOSE int lower = open(options->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(base, sizeof(base), "%s/mnt", options->state);
	AUTO_CLOSE int start = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	make_places(options, base, outside);
	mount_overlay(lower, outside);
	if (options->submission) {
		/* Relative paths are the caller's. */
		if (fchdir(start) < 0)
			handshake_fail(outside, EXIT_WORLD, "cannot go back");
		copy_submission(options->submission, base, outside);
		if (chdir(base) < 0)
			handshake_fail(outside, EXIT_WORLD, "cannot go to %s", base);
	}
	if (chdir("root") < 0)
		handshake_fail(outside, EXIT_WORLD, "cannot go to the new root");
	show_places(outside);
	mount_proc(outside);
	mount_sys(outside);
	cgroups_mount(world, outside);
	dev_build(outside);
	name_host(options->hostname, outside);
	change_root(outside);
}
