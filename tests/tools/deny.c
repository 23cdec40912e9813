/*
 * deny - runs a command for which chosen system calls fail
 *
 *     deny CALL=ERROR... COMMAND [ARGUMENT]...       deny openat2=ENOSYS mount=EACCES conductor ...
 *
 * CALL is a name from the list below, a number, or "newuser": clone and unshare with CLONE_NEWUSER.
 * ERROR is errno's name. It holds for COMMAND and all that descends from it, without a trace of
 * strace, by a filter in the kernel: seccomp(2).
 * Privilege: none; but without CAP_SYS_ADMIN set-user-ID programs get nothing by it any more.
 * Exit status: COMMAND's, 125 for a failure of its own, 126 if COMMAND can't be run.
 */
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_INSTRUCTIONS = 256, MAX_ERROR = 133, EXIT_OWN = 125 };

struct filter {
	struct sock_filter code[MAX_INSTRUCTIONS];
	unsigned short size;
};

static const struct {
	const char *name;
	long number;
} names[] = {
	{ "bpf", SYS_bpf },
	{ "clone", SYS_clone },
	{ "clone3", SYS_clone3 },
	{ "close_range", SYS_close_range },
	{ "copy_file_range", SYS_copy_file_range },
	{ "execve", SYS_execve },
	{ "execveat", SYS_execveat },
	{ "fchmodat", SYS_fchmodat },
	{ "fsopen", SYS_fsopen },
	{ "keyctl", SYS_keyctl },
	{ "memfd_create", SYS_memfd_create },
	{ "mkdirat", SYS_mkdirat },
	{ "mount", SYS_mount },
	{ "mount_setattr", SYS_mount_setattr },
	{ "move_mount", SYS_move_mount },
	{ "open_tree", SYS_open_tree },
	{ "openat2", SYS_openat2 },
	{ "pidfd_open", SYS_pidfd_open },
	{ "pidfd_send_signal", SYS_pidfd_send_signal },
	{ "pivot_root", SYS_pivot_root },
	{ "prctl", SYS_prctl },
	{ "ptrace", SYS_ptrace },
	{ "seccomp", SYS_seccomp },
	{ "sethostname", SYS_sethostname },
	{ "setns", SYS_setns },
	{ "setsid", SYS_setsid },
	{ "setxattr", SYS_setxattr },
	{ "umount2", SYS_umount2 },
	{ "unshare", SYS_unshare },
};

static void add(struct filter *filter, struct sock_filter instruction)
{
	if (filter->size == MAX_INSTRUCTIONS)
		errx(EXIT_OWN, "too many calls");
	filter->code[filter->size++] = instruction;
}

static void fail_with(struct filter *filter, int error)
{
	add(filter,
	    (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
					 SECCOMP_RET_ERRNO | (SECCOMP_RET_DATA & (unsigned)error)));
}

static void load(struct filter *filter, size_t offset)
{
	add(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

static void deny_call(struct filter *filter, long number, int error)
{
	load(filter, offsetof(struct seccomp_data, nr));
	add(filter,
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1));
	fail_with(filter, error);
}

/* clone's flags are its first argument, but on s390x, where the stack is. */
#ifdef __s390x__
enum { CLONE_FLAGS = 1 };
#else
enum { CLONE_FLAGS = 0 };
#endif

/* The flags are in the low half of the argument, whose place depends on the machine's byte order. */
static void deny_new_user(struct filter *filter, long number, int argument, int error)
{
	size_t low = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? sizeof(uint32_t) : 0;
	load(filter, offsetof(struct seccomp_data, nr));
	add(filter,
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 3));
	load(filter,
	     offsetof(struct seccomp_data, args) + (size_t)argument * sizeof(uint64_t) + low);
	add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1));
	fail_with(filter, error);
}

static int error_number(const char *name)
{
	for (int error = 1; error <= MAX_ERROR; error++) {
		const char *its = strerrorname_np(error);
		if (its && !strcmp(its, name))
			return error;
	}
	errx(EXIT_OWN, "%s: no name of an error", name);
}

static long call_number(const char *name)
{
	char *end;
	long number = strtol(name, &end, 10);
	if (end != name && !*end)
		return number;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(names[i].name, name))
			return names[i].number;
	}
	errx(EXIT_OWN, "%s: no call that can be denied", name);
}

/* word is CALL=ERROR, and equals where the sign is in it. */
static void add_word(struct filter *filter, char *word, char *equals)
{
	*equals = '\0';
	int error = error_number(equals + 1);
	if (!strcmp(word, "newuser")) {
		deny_new_user(filter, SYS_clone, CLONE_FLAGS, error);
		deny_new_user(filter, SYS_unshare, 0, error);
	} else {
		deny_call(filter, call_number(word), error);
	}
}

int main(int argc, char **argv)
{
	struct filter filter = { 0 };
	char *equals;
	int i = 1;
	for (; i < argc && (equals = strchr(argv[i], '=')); i++)
		add_word(&filter, argv[i], equals);
	if (i == 1 || i == argc)
		errx(EXIT_OWN, "usage: deny CALL=ERROR... COMMAND [ARGUMENT]...");
	add(&filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	struct sock_fprog program = { .len = filter.size, .filter = filter.code };
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 &&
	    (errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	     syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0))
		err(EXIT_OWN, "cannot install the filter");
	execvp(argv[i], argv + i);
	err(126, "%s", argv[i]);
}
