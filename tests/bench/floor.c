/*
 * floor - the least that a container of conductor's kind can cost
 *
 *     floor LAYER DIRECTORY COMMAND [ARGUMENT]...
 *
 * It asks the kernel for the namespaces and mounts that `conductor run` asks for, in the same
 * order, and for nothing else: no state, no cgroup, no checks, no handshake, no message that says
 * what failed. DIRECTORY holds the empty directories upper, work and root of an overlay on LAYER;
 * both paths are absolute. As root, of the machine or of a user namespace. Exit status: COMMAND's,
 * or 125.
 */
#include "common/process.h"
#include "common/syscalls.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>

/* As task3/mounts.c has them; what this kernel lacks isn't mounted. */
static void mask(const char *directory)
{
	static const char *const hidden[] = {
		"/proc/kcore",
		"/proc/keys",
		"/proc/timer_list",
		"/proc/sched_debug",
		"/proc/latency_stats",
		"/proc/interrupts",
		"/proc/acpi",
		"/proc/scsi",
		"/proc/asound",
		"/sys/firmware",
		"/sys/devices/virtual/powercap",
	};
	static const char *const protected[] = { "/proc/sys", "/proc/sysrq-trigger", "/proc/irq",
						 "/proc/bus", "/proc/fs" };
	char empty[4096];
	snprintf(empty, sizeof(empty), "%s/root", directory + 1);
	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++) {
		if (mount("dev/null", hidden[i], NULL, MS_BIND, NULL) < 0 &&
		    mount(empty, hidden[i], NULL, MS_BIND, NULL) == 0)
			sys_mount_add_flags(AT_FDCWD, hidden[i], 0, MS_RDONLY);
	}
	for (size_t i = 0; i < sizeof(protected) / sizeof(*protected); i++) {
		if (mount(protected[i], protected[i], NULL, MS_BIND, NULL) == 0)
			sys_mount_add_flags(AT_FDCWD, protected[i], 0, MS_RDONLY);
	}
}

static int mount_all(const char *layer, const char *directory)
{
	char options[4096];
	unsigned long safe = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=upper,workdir=work", layer);
	int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || chdir(directory) < 0 ||
	    mount("overlay", "root", "overlay", MS_NODEV, options) < 0 || chdir("root") < 0 ||
	    sys_pivot_root(".", ".") < 0 || fchdir(host) < 0 ||
	    mount("proc", "/proc", "proc", safe, NULL) < 0 ||
	    mount("sysfs", "/sys", "sysfs", safe | MS_RDONLY, NULL) < 0 ||
	    /* in a user namespace the host's mounts below /dev come along or nothing does */
	    (mount("dev", "/dev", NULL, MS_BIND, NULL) < 0 &&
	     mount("dev", "/dev", NULL, MS_BIND | MS_REC, NULL) < 0) ||
	    mount(NULL, "/dev", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC,
		  NULL) < 0)
		return -1;
	/* Not every host's /dev has a place for these; conductor takes that as it is, too. */
	mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
	      "newinstance,ptmxmode=0666,mode=0620");
	mount("tmpfs", "/dev/shm", "tmpfs", safe, "mode=1777,size=64m");
	mount("mqueue", "/dev/mqueue", "mqueue", safe, NULL);
	mask(directory);
	return umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 125;
	struct clone_args args = {
		.flags = CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = sys_clone3(&args);
	if (pid == 0) {
		if (unshare(CLONE_NEWCGROUP) == 0 && mount_all(argv[1], argv[2]) == 0)
			execv(argv[3], argv + 3);
		_exit(125);
	}
	return pid < 0 ? 125 : wait_for(pid);
}
