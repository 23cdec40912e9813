/* Inside: a /dev with nodes that can be copied and bound, and none of the machine's disks. */
#include "world.h"

#include "common/handshake.h"

#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* As on any host. The console is there to be copied, but filters.c lets nobody open it. */
static const struct {
	const char *path;
	unsigned major, minor;
	mode_t mode;
} nodes[] = {
	{ "dev/null", 1, 3, 0666 },    { "dev/zero", 1, 5, 0666 },
	{ "dev/full", 1, 7, 0666 },    { "dev/random", 1, 8, 0666 },
	{ "dev/urandom", 1, 9, 0666 }, { "dev/tty", 5, 0, 0666 },
	{ "dev/console", 5, 1, 0600 }, { "dev/ptmx", 5, 2, 0666 },
	{ "dev/fuse", 10, 229, 0666 }, { "dev/net/tun", 10, 200, 0666 },
};

static const struct {
	const char *target, *path;
} links[] = {
	{ "/proc/self/fd", "dev/fd" },
	{ "/proc/self/fd/0", "dev/stdin" },
	{ "/proc/self/fd/1", "dev/stdout" },
	{ "/proc/self/fd/2", "dev/stderr" },
};

static const struct {
	const char *type, *target, *options;
	unsigned long flags;
} parts[] = {
	{ "devpts", "dev/pts", "newinstance,gid=5,mode=620,ptmxmode=666", MS_NOSUID | MS_NOEXEC },
	{ "tmpfs", "dev/shm", "mode=1777,size=64m", MS_NOSUID | MS_NODEV },
	{ "mqueue", "dev/mqueue", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
};

void dev_build(int outside)
{
	if (mount("udev", "dev", "tmpfs", MS_NOSUID, "mode=755,size=4m") < 0 ||
	    mkdir("dev/net", 0755) < 0)
		handshake_fail(outside, EXIT_WORLD, "cannot mount /dev");
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		if (mknod(nodes[i].path, S_IFCHR | nodes[i].mode,
			  makedev(nodes[i].major, nodes[i].minor)) < 0 ||
		    chmod(nodes[i].path, nodes[i].mode) < 0) /* whatever the umask is */
			handshake_fail(outside, EXIT_WORLD, "cannot make %s", nodes[i].path);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (symlink(links[i].target, links[i].path) < 0)
			handshake_fail(outside, EXIT_WORLD, "cannot make %s", links[i].path);
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (mkdir(parts[i].target, 0755) < 0 ||
		    mount(parts[i].type, parts[i].target, parts[i].type, parts[i].flags,
			  parts[i].options) < 0)
			handshake_fail(outside, EXIT_WORLD, "cannot mount %s", parts[i].target);
	}
}
