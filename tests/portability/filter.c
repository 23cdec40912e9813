/*
 * filter - what conductor's filter on system calls answers, call by call
 *
 * Runs the program that task3/seccomp.c hands to the kernel in an interpreter of its own, as the
 * kernel would: a word of struct seccomp_data is loaded in the machine's byte order. Prints a line a
 * call, the same on every machine, though numbers, order of arguments and of bytes are not.
 * seccomp(2), bpf(4); Documentation/networking/filter.rst.
 */
#include "tests/fuzz/fuzz.h"

#include <sys/prctl.h>

struct sock_fprog;
static int keep_filter(const struct sock_fprog *filter);

#define prctl(option, mode, filter, a, b) keep_filter(filter)
#include "task3/seccomp.c" /* NOLINT(bugprone-suspicious-include) */
#undef prctl

static struct program kept;

static int keep_filter(const struct sock_fprog *filter)
{
	MUST(filter->len <= MAX_INSTRUCTIONS);
	memcpy(kept.code, filter->filter, filter->len * sizeof(*filter->filter));
	kept.length = filter->len;
	return 0;
}

static bool holds(const struct sock_filter *jump, uint32_t accumulator)
{
	switch (BPF_OP(jump->code)) {
	case BPF_JEQ:
		return accumulator == jump->k;
	case BPF_JGT:
		return accumulator > jump->k;
	default:
		MUST(BPF_OP(jump->code) == BPF_JSET);
		return accumulator & jump->k;
	}
}

/* What the filter returns for a call. */
static uint32_t judge(const struct seccomp_data *data)
{
	uint32_t accumulator = 0;
	for (unsigned at = 0;; at++) {
		MUST(at < kept.length); /* every way through it ends in a BPF_RET */
		const struct sock_filter *step = &kept.code[at];
		switch (BPF_CLASS(step->code)) {
		case BPF_LD:
			MUST(step->code == (BPF_LD | BPF_W | BPF_ABS));
			MUST(step->k % 4 == 0 && step->k < sizeof(*data));
			memcpy(&accumulator, (const char *)data + step->k, sizeof(accumulator));
			break;
		case BPF_ALU:
			MUST(step->code == (BPF_ALU | BPF_AND | BPF_K));
			accumulator &= step->k;
			break;
		case BPF_JMP:
			at += holds(step, accumulator) ? step->jt : step->jf;
			break;
		default:
			MUST(step->code == (BPF_RET | BPF_K));
			return step->k;
		}
	}
}

static const char *name_of(uint32_t verdict)
{
	switch (verdict) {
	case SECCOMP_RET_ALLOW:
		return "allowed";
	case SECCOMP_RET_ERRNO | EPERM:
		return "EPERM";
	case SECCOMP_RET_ERRNO | ENOSYS:
		return "ENOSYS";
	default:
		return "?";
	}
}

#ifdef __s390x__
enum { CLONE_FLAGS = 1 };
#else
enum { CLONE_FLAGS = 0 };
#endif
#define HIGH 0x300000000ULL /* what stands above the 32 bits that count */

static const struct {
	const char *name;
	int number;
	uint64_t arguments[6];
} calls[] = {
	{ "read", SYS_read, { 0 } },
	{ "execve", SYS_execve, { 0 } },
	{ "mount", SYS_mount, { 0 } },
	{ "umount2", SYS_umount2, { 0 } },
#ifdef SYS_umount
	{ "the other umount", SYS_umount, { 0 } },
#else
	{ "the other umount", SYS_umount2, { 0 } },
#endif
	{ "setns", SYS_setns, { 0 } },
	{ "bpf", SYS_bpf, { 0 } },
	{ "keyctl", SYS_keyctl, { 0 } },
	{ "io_uring_setup", 425, { 0 } },
	{ "clone3", SYS_clone3, { 0 } },
	{ "mseal", 462, { 0 } },
	{ "number 463", 463, { 0 } },
	{ "number 39 of x32", 0x40000000 + 39, { 0 } },
	{ "clone, a thread", SYS_clone, { [CLONE_FLAGS] = CLONE_VM | CLONE_THREAD } },
	{ "clone, user", SYS_clone, { [CLONE_FLAGS] = CLONE_NEWUSER | 17 } },
	{ "clone, user where it doesn't belong", SYS_clone, { [!CLONE_FLAGS] = CLONE_NEWUSER } },
	{ "unshare, files", SYS_unshare, { CLONE_FILES } },
	{ "unshare, network", SYS_unshare, { CLONE_NEWNET } },
	{ "unshare, time", SYS_unshare, { 0x80 } },
	{ "unshare, network, high half", SYS_unshare, { HIGH | CLONE_NEWNET } },
	{ "ioctl TIOCSTI", SYS_ioctl, { 0, TIOCSTI } },
	{ "ioctl TIOCSTI, high half", SYS_ioctl, { 0, HIGH | TIOCSTI } },
	{ "ioctl TIOCLINUX", SYS_ioctl, { 0, 0x541C } },
	{ "ioctl FIONREAD", SYS_ioctl, { 0, FIONREAD } },
	{ "ioctl TIOCSTI where it doesn't belong", SYS_ioctl, { TIOCSTI } },
	{ "socket AF_INET", SYS_socket, { AF_INET } },
	{ "socket AF_VSOCK", SYS_socket, { AF_VSOCK } },
	{ "socket AF_ALG", SYS_socket, { AF_ALG } },
	{ "personality 0", SYS_personality, { PER_LINUX } },
	{ "personality -1", SYS_personality, { UINT32_MAX } },
	{ "personality linux32", SYS_personality, { PER_LINUX32 } },
	{ "personality without random addresses", SYS_personality, { ADDR_NO_RANDOMIZE } },
	{ "personality READ_IMPLIES_EXEC", SYS_personality, { READ_IMPLIES_EXEC } },
};

/* The kernel's own numbers for the machines: linux/audit.h builds them of ELF's. */
static bool is_own_architecture(void)
{
#if defined(__x86_64__)
	return OWN_ARCHITECTURE == 0xC000003E;
#elif defined(__i386__)
	return OWN_ARCHITECTURE == 0x40000003;
#elif defined(__aarch64__)
	return OWN_ARCHITECTURE == 0xC00000B7;
#elif defined(__s390x__)
	return OWN_ARCHITECTURE == 0x80000016;
#else
	return false;
#endif
}

int main(void)
{
	struct seccomp_data data = { .nr = SYS_read };
	MUST(system_calls_filter() == 0 && kept.length > 0);
	MUST(is_own_architecture());
	printf("of another machine: %s\n", name_of(judge(&data)));
	data.arch = OWN_ARCHITECTURE;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		data.nr = calls[i].number;
		memcpy(data.args, calls[i].arguments, sizeof(data.args));
		printf("%s: %s\n", calls[i].name, name_of(judge(&data)));
	}
	return 0;
}
