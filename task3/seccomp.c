/*
 * The filter on system calls: seccomp(2), kernel document userspace-api/seccomp_filter.
 *
 * Capabilities and namespaces already refuse most of what is listed here. The filter takes away the
 * code behind it, where the kernel's own holes have been found: much of it can be reached with the
 * capabilities that a process has in a user namespace of its own, so making one is refused first of
 * all. What it refuses fails with EPERM, as for any ordinary user. What it doesn't know, since it is
 * newer than this list, fails with ENOSYS, as on an older kernel, so that libraries do without it.
 */
#include "confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define OWN_ARCHITECTURE AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__s390x__)
#define OWN_ARCHITECTURE AUDIT_ARCH_S390X
#else
/* cppcheck-suppress preprocessorErrorDirective */
#error "which AUDIT_ARCH_ is this machine's? Add it, and review the list for its calls"
#endif

enum {
	/* mseal(2), of Linux 6.10: calls have had one number on all machines since 424. */
	NEWEST_KNOWN = 462,
	NEW_NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
			 CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | 0x80 /* CLONE_NEWTIME */,
	MAX_INSTRUCTIONS = 256,
};

/* Calls that are refused whatever their arguments. */
static const int refused[] = {
	/* Other code in the kernel, or another kernel. */
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
#ifdef SYS_kexec_file_load
	SYS_kexec_file_load,
#endif
	SYS_reboot,
	/* The machine's clock, swap, accounting and quotas are everybody's. */
	SYS_settimeofday,
#ifdef SYS_stime
	SYS_stime,
#endif
	SYS_clock_settime,
	404, /* clock_settime64, of 32-bit machines */
	SYS_swapon,
	SYS_swapoff,
	SYS_acct,
	SYS_quotactl,
	443, /* quotactl_fd */
	/* The kernel's log tells addresses and what others do. */
	SYS_syslog,
	/* Mounts are made before the program runs. Each of these has been a way out. */
	SYS_mount,
	SYS_umount2,
#ifdef SYS_umount /* the one without flags, of i386 and s390x */
	SYS_umount,
#endif
	SYS_pivot_root,
	428, /* open_tree */
	429, /* move_mount */
	430, /* fsopen */
	431, /* fsconfig */
	432, /* fsmount */
	433, /* fspick */
	442, /* mount_setattr */
	/* Into another namespace. */
	SYS_setns,
	/* Files by handle, past every mount: "shocker". */
	SYS_open_by_handle_at,
	/* Keyrings know users, not containers. */
	SYS_add_key,
	SYS_request_key,
	SYS_keyctl,
	/* Programs in the kernel, and watching it or others at work. */
	SYS_bpf,
	SYS_perf_event_open,
	SYS_fanotify_init,
	SYS_lookup_dcookie,
	/* Stops the kernel in the middle of a copy: what exploits use to win races. */
	SYS_userfaultfd,
	/* A second way to make most calls, which no filter sees; and a long list of holes. */
	425, /* io_uring_setup */
	426, /* io_uring_enter */
	427, /* io_uring_register */
	/* The memory of others, and where it lies. */
	SYS_move_pages,
	SYS_migrate_pages,
#ifdef SYS_iopl
	/* The machine's ports. */
	SYS_iopl,
	SYS_ioperm,
#endif
#ifdef SYS_vm86
	/* i386: 16-bit code. */
	SYS_vm86,
	SYS_vm86old,
#endif
	SYS_vhangup,
};

/* Calls that are refused if their argument has, under the mask, this value. */
static const struct {
	int call, argument;
	uint32_t mask, value;
	int otherwise; /* refuse if it is anything else */
} conditions[] = {
	/* What a terminal's reader then finds as if typed: CVE-2017-5226. Only the low 32 bits
	 * count, for the kernel too: CVE-2019-10063. */
	{ SYS_ioctl, 1, UINT32_MAX, TIOCSTI, 0 },
	{ SYS_ioctl, 1, UINT32_MAX, 0x541C /* TIOCLINUX: paste, for a console */, 0 },
	/* Sockets to the hypervisor, and to the kernel's ciphers. On i386 and s390x programs make
	 * sockets by socketcall, too, whose arguments no filter can read: there these stay open. */
	{ SYS_socket, 0, UINT32_MAX, AF_VSOCK, 0 },
	{ SYS_socket, 0, UINT32_MAX, AF_ALG, 0 },
	/* New namespaces: a process would have all capabilities in a user namespace. The filter
	 * can't read clone3's arguments, which are in memory: below. */
	{ SYS_unshare, 0, NEW_NAMESPACES, 0, 1 },
#ifdef __s390x__
	{ SYS_clone, 1, NEW_NAMESPACES & ~0x80, 0, 1 },
#else
	{ SYS_clone, 0, NEW_NAMESPACES & ~0x80, 0, 1 }, /* 0x80 is part of its exit signal */
#endif
};

/* A program of the filter machine, as it is written. */
struct program {
	struct sock_filter code[MAX_INSTRUCTIONS];
	unsigned short length;
};

static void add(struct program *program, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	program->code[program->length++] =
		(struct sock_filter){ .code = code, .jt = yes, .jf = no, .k = k };
}

static void load(struct program *program, size_t offset)
{
	add(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void load_number(struct program *program)
{
	load(program, offsetof(struct seccomp_data, nr));
}

/* An argument has 64 bits; its low half's place depends on the machine's byte order. */
static void load_argument(struct program *program, int argument)
{
	size_t offset = offsetof(struct seccomp_data, args) + 8 * (size_t)argument;
	load(program, offset + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0));
}

static void fail_with(struct program *program, int errnum)
{
	add(program, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)errnum, 0, 0);
}

/* A program may ask for the kind of Linux that its like are built for, or which it has (all bits); but
 * its addresses stay random, and its data no code. */
static void refuse_personalities(struct program *program)
{
	add(program, BPF_JMP | BPF_JEQ | BPF_K, SYS_personality, 0, 6);
	load_argument(program, 0);
	add(program, BPF_JMP | BPF_JEQ | BPF_K, UINT32_MAX, 3, 0);
	add(program, BPF_ALU | BPF_AND | BPF_K, ~(uint32_t)(PER_LINUX32 | UNAME26), 0, 0);
	add(program, BPF_JMP | BPF_JEQ | BPF_K, PER_LINUX, 1, 0);
	fail_with(program, EPERM);
	load_number(program);
}

static void write_filter(struct program *program)
{
	/* First: under another architecture a number means another call. */
	load(program, offsetof(struct seccomp_data, arch));
	add(program, BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0);
	fail_with(program, ENOSYS);
	load_number(program);
	/* The numbers of x32, x86-64's second set of calls, all have bit 30: they are past it, too. */
	add(program, BPF_JMP | BPF_JGT | BPF_K, NEWEST_KNOWN, 0, 1);
	fail_with(program, ENOSYS);
	/* ENOSYS: libraries then use clone, whose flags can be read. */
	add(program, BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1);
	fail_with(program, ENOSYS);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		add(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)refused[i], 0, 1);
		fail_with(program, EPERM);
	}
	for (size_t i = 0; i < sizeof(conditions) / sizeof(*conditions); i++) {
		uint8_t otherwise = conditions[i].otherwise ? 1 : 0;
		add(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)conditions[i].call, 0, 5);
		load_argument(program, conditions[i].argument);
		add(program, BPF_ALU | BPF_AND | BPF_K, conditions[i].mask, 0, 0);
		add(program, BPF_JMP | BPF_JEQ | BPF_K, conditions[i].value, otherwise, !otherwise);
		fail_with(program, EPERM);
		load_number(program);
	}
	refuse_personalities(program);
	add(program, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

int system_calls_filter(void)
{
	struct program program = { .length = 0 };
	write_filter(&program);
	struct sock_fprog filter = { .len = program.length, .filter = program.code };
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}
