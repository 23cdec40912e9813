/* Inside: the file system. Everything but these mounts is the machine's own, and read-only. */
#include "lab.h"

#include "common/cleanup.h"
#include "common/file.h"
#include "common/handshake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define RESOLV_CONF   "/etc/resolv.conf"
#define NO_PRIVILEGES (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* What is mounted there already would only be covered, and copied with every container's mount
 * namespace. An ordinary user may not take it away: then it is. */
static void uncover(const char *target)
{
	umount2(target, MNT_DETACH);
}

static void mount_new(int parent, const char *type, const char *target, unsigned long flags,
		      const char *options)
{
	if (mount(type, target, type, flags, options) < 0)
		handshake_fail(parent, EXIT_LAB, "cannot mount %s on %s", type, target);
}

static void bind(int parent, const char *source, const char *target)
{
	if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0)
		handshake_fail(parent, EXIT_LAB, "cannot mount %s on %s", source, target);
}

static void make_directory(int parent, const char *path, mode_t mode)
{
	/* Whatever umask the caller has. */
	if (mkdir(path, mode) < 0 || chmod(path, mode) < 0)
		handshake_fail(parent, EXIT_LAB, "cannot make %s", path);
}

static void make_file(int parent, const char *path, const char *text)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || fchmod(fd, 0644) < 0 || write_all(fd, text, strlen(text)) < 0)
		handshake_fail(parent, EXIT_LAB, "cannot write %s", path);
}

/* A new sysfs shows the lab's network; the cgroup trees of the one that it covers come with it. */
static void mount_sys(int parent, int cgroup_trees)
{
	uncover("/sys");
	mount_new(parent, "sysfs", "/sys", NO_PRIVILEGES, NULL);
	if (cgroup_trees >= 0) /* else a kernel without cgroups */
		tree_put(parent, cgroup_trees, "/sys/fs/cgroup");
}

static void mount_run(int parent)
{
	mount_new(parent, "tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755");
	make_directory(parent, "/run/lock", 01777);
	make_directory(parent, "/run/netns", 0755);
	make_directory(parent, LAB_DIR, 0755);

	/* Containers live here: their programs may be set-user-ID, their roots have devices. */
	make_directory(parent, CONDUCTOR_DIR, 0755);
	mount_new(parent, "tmpfs", CONDUCTOR_DIR, 0, "mode=0755");
	if (access("/var/lib/conductor", F_OK) == 0)
		bind(parent, CONDUCTOR_DIR, "/var/lib/conductor");
}

/* file: the path without links that /etc/resolv.conf had before there was a new /run, or NULL. */
static void provide_resolv_conf(int parent, const char *file)
{
	static const char text[] = "nameserver " INTERNET_ADDRESS "\n";
	if (!file)
		return; /* the machine has none, and making one would make it there */
	if (strncmp(file, "/run/", 5) != 0) {
		make_file(parent, LAB_DIR "/resolv.conf", text);
		bind(parent, LAB_DIR "/resolv.conf", file);
		return;
	}
	char directory[PATH_MAX];
	snprintf(directory, sizeof(directory), "%.*s", (int)(strrchr(file, '/') - file), file);
	if (make_directories(AT_FDCWD, directory, 0755) < 0)
		handshake_fail(parent, EXIT_LAB, "cannot make %s", directory);
	make_file(parent, file, text);
}

static void provide_hosts(int parent)
{
	make_file(parent, LAB_DIR "/hosts",
		  "127.0.0.1 localhost\n"
		  "127.0.1.1 lab\n"
		  "::1 localhost ip6-localhost\n" INTERNET_ADDRESS " internet\n");
	if (access("/etc/hosts", F_OK) == 0)
		bind(parent, LAB_DIR "/hosts", "/etc/hosts");
}

void world_build(int parent)
{
	if (sethostname("lab", strlen("lab")) < 0)
		handshake_fail(parent, EXIT_LAB, "cannot set the hostname");
	/* First: otherwise the mounts below would spread to the machine. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		handshake_fail(parent, EXIT_LAB, "cannot make mounts private");

	AUTO_FREE char *resolv_conf = realpath(RESOLV_CONF, NULL);
	int cgroup_trees = tree_take(parent, "/sys/fs/cgroup");
	protect_machine(parent);
	uncover("/proc");
	mount_new(parent, "proc", "/proc", NO_PRIVILEGES, NULL);
	mount_sys(parent, cgroup_trees);
	mount_run(parent);
	provide_resolv_conf(parent, resolv_conf);
	provide_hosts(parent);
}
