/*
 * boot - the first process of the grader's virtual machine
 *
 *     boot             as process 1: see below
 *     boot reseed      stirs standard input into the kernel's random numbers
 *
 * All machines of one snapshot would have the same random numbers, tokens too: hence reseed.
 *
 * The kernel starts it from the initramfs, in which there is nothing but this program and the
 * modules for what comes next. It makes an ordinary machine of it, in this order:
 *   1. loads the modules of /modules in the order of their names;
 *   2. mounts the disks: the first one, the Debian root of submissions, on /debian, the second, the
 *      judge's part, on /judge; both read-only;
 *   3. mounts an overlay of the Debian root and a tmpfs, in which the disks move to the same places;
 *   4. makes that the root, as switch_root(8) does: pivot_root(2) refuses an initramfs;
 *   5. executes /judge/tests/grade/sandbox/guest, as process 1 still.
 *
 * What fails is said on the console, and the machine stops: process 1 ends, the kernel panics.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Noreturn static void fail(const char *what, const char *object)
{
	fprintf(stderr, "boot: %s: %s: %s\n", object, what, strerror(errno));
	_exit(1);
}

static void mount_new(const char *source, const char *target, const char *type, unsigned long flags,
		      const char *options)
{
	if (mkdir(target, 0755) < 0 && errno != EEXIST)
		fail("cannot make", target);
	if (mount(source, target, type, flags, options) < 0)
		fail("cannot mount", target);
}

static int is_module(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The names begin with numbers, so that what a module needs comes before it. */
static void load_modules(void)
{
	struct dirent **entries;
	int count = scandir("/modules", &entries, is_module, alphasort);
	int directory = open("/modules", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
			fail("cannot load", name);
		close(fd);
	}
}

/* The driver finds its disks a moment after it was loaded. */
static void mount_disk(const char *device, const char *target)
{
	enum { TRIES = 3000, PAUSE_MS = 10 };
	for (int i = 0; i < TRIES && access(device, F_OK) < 0; i++) {
		struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
		nanosleep(&pause, NULL);
	}
	mount_new(device, target, "squashfs", MS_RDONLY | MS_NODEV, NULL);
}

static void move(const char *source, const char *target)
{
	if (mkdir(target, 0755) < 0 && errno != EEXIST)
		fail("cannot make", target);
	if (mount(source, target, NULL, MS_MOVE, NULL) < 0)
		fail("cannot move", source);
}

static void build_root(void)
{
	mount_new("tmpfs", "/changes", "tmpfs", 0, "mode=755,size=50%");
	if (mkdir("/changes/upper", 0755) < 0 || mkdir("/changes/work", 0755) < 0)
		fail("cannot make", "/changes/upper");
	mount_new("overlay", "/root", "overlay", 0,
		  "lowerdir=/debian,upperdir=/changes/upper,workdir=/changes/work");
	move("/debian", "/root/debian");
	move("/judge", "/root/judge");
	move("/dev", "/root/dev");
	if (chdir("/root") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
	    chdir("/") < 0)
		fail("cannot make it the root", "/root");
}

/* 0, or the exit status. random(4) */
static int reseed(void)
{
	char bytes[256];
	ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));
	int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
	if (got <= 0 || fd < 0 || write(fd, bytes, (size_t)got) != got ||
	    ioctl(fd, RNDRESEEDCRNG) < 0) {
		perror("boot: reseed");
		return 1;
	}
	return 0;
}

int main(int argc, char **arguments)
{
	static char program[] = "/judge/tests/grade/sandbox/guest";
	static char *const argv[] = { program, NULL };
	static char *const envp[] = { NULL };
	if (argc == 2 && !strcmp(arguments[1], "reseed"))
		return reseed();
	mount_new("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, NULL);
	load_modules();
	mount_disk("/dev/vda", "/debian");
	mount_disk("/dev/vdb", "/judge");
	build_root();
	execve(program, argv, envp);
	fail("cannot execute", program);
}
