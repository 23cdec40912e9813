/*
 * Two programs that the kernel runs for the processes of a cgroup: one when a device is opened or
 * made, one when a file of /proc/sys is read or written. They hold whatever is mounted, and where.
 * bpf(2), and the kernel's documents bpf/prog_cgroup_sysctl and admin-guide/cgroup-v1/devices.
 */
#include "world.h"

#include "common/cleanup.h"

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_INSTRUCTIONS = 128 };

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

/* The last of a program's answers: 1 allows, 0 is EPERM. */
static void answer(struct program *program, int allowed)
{
	ADD(program, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, allowed);
	ADD(program, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int attach(struct program *program, uint32_t program_type, uint32_t attach_type, int cgroup)
{
	union bpf_attr attributes = {
		.prog_type = program_type,
		.insns = (uintptr_t)program->code,
		.insn_cnt = program->length,
		.license = (uintptr_t) "MIT",
		.expected_attach_type = attach_type,
	};
	AUTO_CLOSE int loaded =
		(int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
	if (loaded < 0)
		return -1;
	attributes = (union bpf_attr){
		.target_fd = (uint32_t)cgroup,
		.attach_bpf_fd = (uint32_t)loaded,
		.attach_type = attach_type,
		.attach_flags = BPF_F_ALLOW_MULTI, /* beside those of cgroups above and below */
	};
	return (int)syscall(SYS_bpf, BPF_PROG_ATTACH, &attributes, sizeof(attributes));
}

/* --- devices ------------------------------------------------------------------------------------ */

enum { MINOR_BITS = 20, PTS_MAJOR = 136 }; /* pts/N: any terminal of a devpts */
static const struct {
	int major, minor;
} harmless[] = {
	{ 1, 3 },    { 1, 5 },	  { 1, 7 }, /* null, zero, full */
	{ 1, 8 },    { 1, 9 },		    /* random, urandom */
	{ 5, 0 },    { 5, 2 },		    /* tty, ptmx */
	{ 10, 200 }, { 10, 229 },	    /* net/tun, fuse: each opener's own */
};
enum { HARMLESS = sizeof(harmless) / sizeof(harmless[0]) };

#define LOAD_DEVICE(PROGRAM, REGISTER, MEMBER)                                                     \
	ADD(PROGRAM, BPF_LDX | BPF_MEM | BPF_W, REGISTER, BPF_REG_1,                               \
	    offsetof(struct bpf_cgroup_dev_ctx, MEMBER), 0)

/* Any node can be made, since scripts copy /dev; what it leads to opens only if it is harmless. */
int filter_devices(int cgroup)
{
	enum { TO_ALLOWED = HARMLESS + 2 }; /* from the test before them, over "no" */
	struct program program = { .length = 0 };
	LOAD_DEVICE(&program, BPF_REG_2, access_type);
	LOAD_DEVICE(&program, BPF_REG_3, major);
	LOAD_DEVICE(&program, BPF_REG_4, minor);
	/* access_type: what is asked for in the upper half, the kind of device in the lower. */
	ADD(&program, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_5, BPF_REG_2, 0, 0);
	ADD(&program, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_5, 0, 0, 16);
	ADD(&program, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_5, 0, TO_ALLOWED + 5, BPF_DEVCG_ACC_MKNOD);
	ADD(&program, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xFFFF);
	ADD(&program, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, HARMLESS + 3, BPF_DEVCG_DEV_CHAR);
	ADD(&program, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_3, 0, TO_ALLOWED + 2, PTS_MAJOR);
	ADD(&program, BPF_ALU64 | BPF_LSH | BPF_K, BPF_REG_3, 0, 0, MINOR_BITS);
	ADD(&program, BPF_ALU64 | BPF_OR | BPF_X, BPF_REG_3, BPF_REG_4, 0, 0);
	for (int i = 0; i < HARMLESS; i++)
		ADD(&program, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_3, 0, TO_ALLOWED - 1 - i,
		    harmless[i].major << MINOR_BITS | harmless[i].minor);
	answer(&program, 0);
	answer(&program, 1);
	return attach(&program, BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE, cgroup);
}

/* --- sysctls ------------------------------------------------------------------------------------ */

/* Those of the world's own namespaces can be written: all that begins so. The kernel's name for
 * /proc/sys/net/ipv4/ip_forward is net/ipv4/ip_forward. Eight bytes a line, as they are compared. */
static const char own_sysctls[][8] = { "net/", "kernel/h", "kernel/d", "fs/mqueu" };
enum { OWN_SYSCTLS = sizeof(own_sysctls) / sizeof(own_sysctls[0]), NAME_BYTES = 64 };

/* Two comparisons of four bytes, the name lying below the frame's end: jumps to "yes" where both
 * are equal. next is the number of instructions that a failed one skips. */
static void compare(struct program *program, const char *prefix)
{
	int32_t words[2];
	memcpy(words, prefix, sizeof(words));
	ADD(program, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_10, -NAME_BYTES, 0);
	ADD(program, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_2, 0, words[1] ? 4 : 2, words[0]);
	if (words[1]) {
		ADD(program, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_10, -NAME_BYTES + 4, 0);
		ADD(program, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_2, 0, 2, words[1]);
	}
	answer(program, 1);
}

int filter_sysctl(int cgroup)
{
	struct program program = { .length = 0 };
	ADD(&program, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
	    offsetof(struct bpf_sysctl, write), 0);
	ADD(&program, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 2, 0);
	answer(&program, 1);
	/* bpf_sysctl_get_name(context, buffer, size, 0 = with directories) */
	ADD(&program, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0);
	ADD(&program, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -NAME_BYTES);
	ADD(&program, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, NAME_BYTES);
	ADD(&program, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_4, 0, 0, 0);
	ADD(&program, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_sysctl_get_name);
	for (int i = 0; i < OWN_SYSCTLS; i++)
		compare(&program, own_sysctls[i]);
	answer(&program, 0);
	return attach(&program, BPF_PROG_TYPE_CGROUP_SYSCTL, BPF_CGROUP_SYSCTL, cgroup);
}
