#include "calls.h"

#include "record.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

/* Where the witness can read and change a process's registers. */
#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__)
#define READS_REGISTERS
#endif

#ifdef READS_REGISTERS
static const struct call_number native_calls[] = {
	{ CALL_SETNS, SYS_setns },
	{ CALL_UNSHARE, SYS_unshare },
	{ CALL_SETHOSTNAME, SYS_sethostname },
	{ CALL_CHROOT, SYS_chroot },
	{ CALL_PIVOT_ROOT, SYS_pivot_root },
	{ CALL_CLONE, SYS_clone },
	{ CALL_CLONE3, SYS_clone3 },
	{ CALL_SECCOMP, SYS_seccomp },
	{ CALL_OTHER, 0 },
};
#endif

#if defined(__x86_64__)
/* What a 32-bit program, or int $0x80 in a 64-bit one, asks for: asm/unistd_32.h. */
static const struct call_number i386_calls[] = {
	{ CALL_SETNS, 346 },  { CALL_UNSHARE, 310 },	{ CALL_SETHOSTNAME, 74 },
	{ CALL_CHROOT, 61 },  { CALL_PIVOT_ROOT, 217 }, { CALL_CLONE, 120 },
	{ CALL_CLONE3, 435 }, { CALL_SECCOMP, 354 },	{ CALL_OTHER, 0 },
};
#endif

const struct call_table call_tables[] = {
#if defined(__x86_64__)
	{ AUDIT_ARCH_X86_64, native_calls },
	{ AUDIT_ARCH_I386, i386_calls },
#elif defined(__i386__)
	{ AUDIT_ARCH_I386, native_calls },
#elif defined(__aarch64__)
	{ AUDIT_ARCH_AARCH64, native_calls },
#endif
	{ 0, NULL },
};

long call_ptrace(long request, pid_t tid, unsigned long address, unsigned long data)
{
	return syscall(SYS_ptrace, request, (long)tid, address, data);
}

static enum call find_call(const struct call_table *table, uint64_t number)
{
	for (const struct call_number *call = table->calls; call->call != CALL_OTHER; call++) {
		if (call->number == (number & ~(uint64_t)CALL_X32_BIT))
			return call->call;
	}
	return CALL_OTHER;
}

int call_read(pid_t tid, struct call_seen *seen)
{
	struct __ptrace_syscall_info info;
	*seen = (struct call_seen){ .foreign = true };
	if (call_ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), (unsigned long)&info) < 0)
		return -1;
	if (info.op != PTRACE_SYSCALL_INFO_SECCOMP) {
		errno = ESRCH;
		return -1;
	}
	for (const struct call_table *table = call_tables; table->calls; table++) {
		if (table->architecture != info.arch)
			continue;
		seen->foreign = false;
		seen->compat = table != call_tables;
		seen->call = find_call(table, info.seccomp.nr);
	}
	memcpy(seen->arguments, info.seccomp.args, sizeof(seen->arguments));
	return 0;
}

bool call_result(pid_t tid, long *result)
{
	struct __ptrace_syscall_info info;
	if (call_ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), (unsigned long)&info) < 0 ||
	    info.op != PTRACE_SYSCALL_INFO_EXIT)
		return false;
	*result = (long)info.exit.rval;
	return true;
}

/* --- the machine's own registers ------------------------------------------------------------------ */

#ifdef READS_REGISTERS

struct registers {
	struct user_regs_struct user;
	size_t size; /* smaller for a 32-bit program */
};

static bool get_registers(pid_t tid, struct registers *registers)
{
	struct iovec part = { .iov_base = &registers->user, .iov_len = sizeof(registers->user) };
	if (call_ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, (unsigned long)&part) < 0)
		return false;
	registers->size = part.iov_len;
	return true;
}

#endif

#if defined(__x86_64__)

/* The members that hold a call's number and its first argument. */
#define NUMBER	 orig_rax
#define ARGUMENT rdi

static void set_first_argument(pid_t tid, bool compat, uint64_t value)
{
	size_t offset = compat ? offsetof(struct user_regs_struct, rbx)
			       : offsetof(struct user_regs_struct, rdi);
	call_ptrace(PTRACE_POKEUSER, tid, offset, value);
}

#elif defined(__i386__)

#define NUMBER	 orig_eax
#define ARGUMENT ebx

static void set_first_argument(pid_t tid, bool compat, uint64_t value)
{
	(void)compat;
	call_ptrace(PTRACE_POKEUSER, tid, offsetof(struct user_regs_struct, ebx),
		    (unsigned long)value);
}

#elif defined(__aarch64__)

#define NUMBER	 regs[8]
#define ARGUMENT regs[0]

static void set_first_argument(pid_t tid, bool compat, uint64_t value)
{
	struct registers registers;
	(void)compat;
	if (!get_registers(tid, &registers))
		return;
	registers.user.regs[0] = value;
	struct iovec part = { .iov_base = &registers.user, .iov_len = registers.size };
	call_ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, (unsigned long)&part);
}

#else /* the witness doesn't start here */

static void set_first_argument(pid_t tid, bool compat, uint64_t value)
{
	(void)tid;
	(void)compat;
	(void)value;
}

#endif

/* Number and first argument of the call that a process is in the middle of. */
static bool current_call(pid_t tid, uint64_t *number, uint64_t *argument)
{
#ifdef READS_REGISTERS
	struct registers registers;
	if (!get_registers(tid, &registers) || registers.size != sizeof(registers.user))
		return false;
	*number = (unsigned long)registers.user.NUMBER;
	*argument = (unsigned long)registers.user.ARGUMENT;
	return true;
#else
	(void)tid;
	(void)number;
	(void)argument;
	return false;
#endif
}

/* --- memory --------------------------------------------------------------------------------------- */

static bool read_memory(pid_t tid, uint64_t address, void *data, size_t size)
{
	struct iovec here = { .iov_base = data, .iov_len = size };
	struct iovec there = { .iov_len = size };
	uintptr_t place = (uintptr_t)address; /* in another process: no pointer of ours */
	memcpy(&there.iov_base, &place, sizeof(place));
	return process_vm_readv(tid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

/* Up to the end of a page at a time: the next may not be there. */
const char *call_text(pid_t tid, uint64_t address, size_t size)
{
	char text[PATH_MAX];
	size_t length = 0;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	if (size > sizeof(text))
		size = sizeof(text);
	while (length < size) {
		size_t part = page - (size_t)((address + length) % page);
		if (part > size - length)
			part = size - length;
		if (!read_memory(tid, address + length, text + length, part))
			return NULL;
		size_t found = strnlen(text + length, part);
		length += found;
		if (found < part)
			break;
	}
	return keep_bytes(text, length);
}

/* --- clone's flags -------------------------------------------------------------------------------- */

bool call_clone_flags(pid_t tid, uint64_t *flags)
{
	uint64_t number;
	uint64_t argument;
	if (!current_call(tid, &number, &argument))
		return false;
	switch (find_call(call_tables, number)) {
	case CALL_CLONE:
		*flags = argument;
		return true;
	case CALL_CLONE3: {
		struct clone_args arguments;
		if (!read_memory(tid, argument, &arguments, CLONE_ARGS_SIZE_VER0))
			return false;
		*flags = arguments.flags | arguments.exit_signal;
		return true;
	}
	default:
		return false;
	}
}

void call_strip_untraced(pid_t tid, const struct call_seen *seen)
{
	uint64_t flags = seen->arguments[0];
	uint64_t address = seen->arguments[0];
	if (seen->call == CALL_CLONE) {
		set_first_argument(tid, seen->compat, flags & ~(uint64_t)CLONE_UNTRACED);
		return;
	}
	/* The flags come first in struct clone_args; of their 64 bits a 32-bit machine, which is a
	 * little-endian one here, pokes the low half. */
	if (read_memory(tid, address, &flags, sizeof(flags)) && (flags & CLONE_UNTRACED))
		call_ptrace(PTRACE_POKEDATA, tid, (unsigned long)address,
			    (unsigned long)(flags & ~(uint64_t)CLONE_UNTRACED));
}

static const struct {
	uint64_t flag;
	const char *name;
} flag_names[] = {
	{ 0x00000080,
	  "CLONE_NEWTIME" }, /* of unshare and setns; to clone it is part of the signal */
	{ CLONE_VM, "CLONE_VM" },
	{ CLONE_FS, "CLONE_FS" },
	{ CLONE_FILES, "CLONE_FILES" },
	{ CLONE_SIGHAND, "CLONE_SIGHAND" },
	{ CLONE_PIDFD, "CLONE_PIDFD" },
	{ CLONE_PTRACE, "CLONE_PTRACE" },
	{ CLONE_VFORK, "CLONE_VFORK" },
	{ CLONE_PARENT, "CLONE_PARENT" },
	{ CLONE_THREAD, "CLONE_THREAD" },
	{ CLONE_NEWNS, "CLONE_NEWNS" },
	{ CLONE_SYSVSEM, "CLONE_SYSVSEM" },
	{ CLONE_SETTLS, "CLONE_SETTLS" },
	{ CLONE_PARENT_SETTID, "CLONE_PARENT_SETTID" },
	{ CLONE_CHILD_CLEARTID, "CLONE_CHILD_CLEARTID" },
	{ CLONE_UNTRACED, "CLONE_UNTRACED" },
	{ CLONE_CHILD_SETTID, "CLONE_CHILD_SETTID" },
	{ CLONE_NEWCGROUP, "CLONE_NEWCGROUP" },
	{ CLONE_NEWUTS, "CLONE_NEWUTS" },
	{ CLONE_NEWIPC, "CLONE_NEWIPC" },
	{ CLONE_NEWUSER, "CLONE_NEWUSER" },
	{ CLONE_NEWPID, "CLONE_NEWPID" },
	{ CLONE_NEWNET, "CLONE_NEWNET" },
	{ CLONE_IO, "CLONE_IO" },
	{ 0x100000000, "CLONE_CLEAR_SIGHAND" },
	{ 0x200000000, "CLONE_INTO_CGROUP" },
};

const char *call_flag_names(uint64_t flags)
{
	char text[512] = "";
	size_t length = 0;
	for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++) {
		if (!(flags & flag_names[i].flag))
			continue;
		flags &= ~flag_names[i].flag;
		length += (size_t)snprintf(text + length, sizeof(text) - length, "|%s",
					   flag_names[i].name);
	}
	const char *signal = flags && flags < 0x80 ? sigabbrev_np((int)flags) : NULL;
	if (signal)
		snprintf(text + length, sizeof(text) - length, "|SIG%s", signal);
	else if (flags)
		snprintf(text + length, sizeof(text) - length, "|0x%llx",
			 (unsigned long long)flags);
	return keep_text(*text ? text + 1 : "0");
}
