/*
 * Devices: which there are in a container's /dev, and which of them open. The kernel's document is
 * admin-guide/cgroup-v1/devices; v2 has a BPF program in its place, bpf(2).
 */
#include "mounts.h"

#include "common/cleanup.h"
#include "common/handshake.h"
#include "common/syscalls.h"
#include "common/userns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The harmless ones, all of them character devices. Their numbers are Linux's for good: kernel
 * document admin-guide/devices. */
enum { PTS_MAJOR = 136 }; /* pts/N: any terminal of the container's own devpts */
static const struct {
	int major, minor;
	const char *name; /* NULL: it isn't a node of a /dev of its own */
} harmless[] = {
	{ 1, 3, "null" },    { 1, 5, "zero" }, { 1, 7, "full" }, { 1, 8, "random" },
	{ 1, 9, "urandom" }, { 5, 0, "tty" },  { 5, 2, NULL }, /* ptmx, which comes with devpts */
	{ 10, 200, NULL },				       /* net/tun */
};
enum { HARMLESS = sizeof(harmless) / sizeof(*harmless), MINOR_BITS = 20 };

/* --- the filter --------------------------------------------------------------------------------- */

enum { MAX_INSTRUCTIONS = 16 + HARMLESS };

/* A BPF program, as it is written. */
struct program {
	struct bpf_insn code[MAX_INSTRUCTIONS];
	uint32_t length;
};

/* A macro, since the registers are bit-fields, which take constants without a doubt. */
#define ADD(PROGRAM, CODE, DST, SRC, OFFSET, IMMEDIATE)                                            \
	((PROGRAM)->code[(PROGRAM)->length++] = (struct bpf_insn){ .code = (CODE),                 \
								   .dst_reg = (DST),               \
								   .src_reg = (SRC),               \
								   .off = (int16_t)(OFFSET),       \
								   .imm = (IMMEDIATE) })

/* Loads a member of the struct bpf_cgroup_dev_ctx that R1 points to. */
#define LOAD(PROGRAM, REGISTER, MEMBER)                                                            \
	ADD(PROGRAM, BPF_LDX | BPF_MEM | BPF_W, REGISTER, BPF_REG_1,                               \
	    offsetof(struct bpf_cgroup_dev_ctx, MEMBER), 0)

static void answer(struct program *program, int allowed)
{
	ADD(program, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, allowed);
	ADD(program, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/*
 * Making a node is allowed, of whatever device: it opens nothing that the filter doesn't let open,
 * and package managers do it. Few instructions, since the kernel verifies them at each start.
 */
static void write_program(struct program *program)
{
	enum { TO_ALLOWED = HARMLESS + 2 }; /* from the test before them, over "no" */
	LOAD(program, BPF_REG_2, access_type);
	LOAD(program, BPF_REG_3, major);
	LOAD(program, BPF_REG_4, minor);
	/* access_type: what is asked for in the upper half, the kind of device in the lower. */
	ADD(program, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_5, BPF_REG_2, 0, 0);
	ADD(program, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_5, 0, 0, 16);
	ADD(program, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_5, 0, TO_ALLOWED + 5, BPF_DEVCG_ACC_MKNOD);
	ADD(program, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xFFFF);
	ADD(program, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, HARMLESS + 3, BPF_DEVCG_DEV_CHAR);
	ADD(program, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_3, 0, TO_ALLOWED + 2, PTS_MAJOR);
	ADD(program, BPF_ALU64 | BPF_LSH | BPF_K, BPF_REG_3, 0, 0, MINOR_BITS);
	ADD(program, BPF_ALU64 | BPF_OR | BPF_X, BPF_REG_3, BPF_REG_4, 0, 0);
	for (int i = 0; i < HARMLESS; i++)
		ADD(program, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_3, 0, TO_ALLOWED - 1 - i,
		    harmless[i].major << MINOR_BITS | harmless[i].minor);
	answer(program, 0);
	answer(program, 1);
}

int device_filter_attach(int cgroup)
{
	struct program program = { .length = 0 };
	write_program(&program);
	union bpf_attr attributes = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uintptr_t)program.code,
		.insn_cnt = program.length,
		.license = (uintptr_t) "MIT",
	};
	AUTO_CLOSE int loaded =
		(int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
	if (loaded < 0)
		return -1;
	attributes = (union bpf_attr){
		.target_fd = (uint32_t)cgroup,
		.attach_bpf_fd = (uint32_t)loaded,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI, /* beside those of the cgroups above */
	};
	return (int)syscall(SYS_bpf, BPF_PROG_ATTACH, &attributes, sizeof(attributes));
}

/* --- /dev --------------------------------------------------------------------------------------- */

/* Terminals, shared memory and queues of the container's own; never a directory for them in the
 * host's /dev. */
static void mount_own_parts(int handshake)
{
	static const struct filesystem parts[] = {
		{ "devpts", "/dev/pts", "newinstance,ptmxmode=0666,mode=0620",
		  MS_NOSUID | MS_NOEXEC, true },
		{ "tmpfs", "/dev/shm", "mode=1777,size=64m", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  true },
		{ "mqueue", "/dev/mqueue", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, true },
	};
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		mount_filesystem(&parts[i], handshake);
}

/*
 * A socket or pipe there leads to a program of the host's, such as its log or its init, and is written
 * to whatever the mount and the filter say. What of these is made later is in sight, too.
 */
bool host_dev_is_closed(void)
{
	DIR *dev = opendir("/dev");
	bool closed = dev;
	struct dirent *entry;
	while (closed && (entry = readdir(dev)))
		closed = entry->d_type != DT_SOCK && entry->d_type != DT_FIFO &&
			 entry->d_type != DT_UNKNOWN;
	if (dev)
		closedir(dev);
	return closed;
}

/*
 * The host's /dev, as it is, but read-only: nothing can be made or removed there. In a user
 * namespace the host's mounts come as one piece (mount_namespaces(7), locked mounts), so the bind
 * is recursive there; what that brings along is covered by our own parts.
 */
static void mount_host_dev(int handshake)
{
	unsigned long recursive = in_user_namespace() ? MS_REC : 0;
	if (mount("dev", "/dev", NULL, MS_BIND | recursive, NULL) < 0 ||
	    sys_mount_add_flags(AT_FDCWD, "/dev", 0, MS_RDONLY | MS_NOSUID | MS_NOEXEC) < 0)
		handshake_fail(handshake, 125, "cannot mount the host's /dev");
}

static void bind_node(const char *name, int handshake)
{
	char host[32];
	char own[32];
	snprintf(host, sizeof(host), "dev/%s", name);
	snprintf(own, sizeof(own), "/dev/%s", name);
	AUTO_CLOSE int fd = open(own, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 || mount(host, own, NULL, MS_BIND, NULL) < 0)
		handshake_fail(handshake, 125, "cannot mount %s", own);
}

static void make_own_dev(int handshake)
{
	static const struct filesystem dev = { "tmpfs", "/dev", "mode=755,size=64k",
					       MS_NOSUID | MS_NOEXEC, false };
	static const struct {
		const char *name, *target;
	} links[] = {
		{ "/dev/ptmx", "pts/ptmx" },	      { "/dev/fd", "/proc/self/fd" },
		{ "/dev/stdin", "/proc/self/fd/0" },  { "/dev/stdout", "/proc/self/fd/1" },
		{ "/dev/stderr", "/proc/self/fd/2" },
	};
	mount_filesystem(&dev, handshake);
	for (int i = 0; i < HARMLESS; i++) {
		if (harmless[i].name)
			bind_node(harmless[i].name, handshake);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		if (symlink(links[i].target, links[i].name) < 0)
			handshake_fail(handshake, 125, "cannot make %s", links[i].name);
	}
	if (mkdir("/dev/pts", 0755) < 0 || mkdir("/dev/shm", 0755) < 0 ||
	    mkdir("/dev/mqueue", 0755) < 0)
		handshake_fail(handshake, 125, "cannot make /dev");
}

void mount_dev(enum devices devices, int handshake)
{
	make_directory("/dev", handshake);
	if (devices == DEVICES_OWN)
		make_own_dev(handshake);
	else
		mount_host_dev(handshake);
	mount_own_parts(handshake);
	if (devices == DEVICES_OWN &&
	    sys_mount_add_flags(AT_FDCWD, "/dev", 0, MS_RDONLY | MS_NOSUID | MS_NOEXEC) < 0)
		handshake_fail(handshake, 125, "cannot make /dev read-only");
}
