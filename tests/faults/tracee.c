#include "tracee.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

int tracee_call(pid_t pid)
{
	struct __ptrace_syscall_info info;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return -1;
	return (int)info.entry.nr;
}

/* The registers are the machine's own: the number of the call, and where its result goes. */
#if defined(__x86_64__)

static int set_register(pid_t pid, size_t offset, long value)
{
	return ptrace(PTRACE_POKEUSER, pid, (void *)offset, (void *)value) < 0 ? -1 : 0;
}

int tracee_skip_call(pid_t pid)
{
	return set_register(pid, offsetof(struct user_regs_struct, orig_rax), SYS_getpid);
}

int tracee_fail_call(pid_t pid, int error)
{
	return set_register(pid, offsetof(struct user_regs_struct, rax), -(long)error);
}

#elif defined(__aarch64__)

int tracee_skip_call(pid_t pid)
{
	int number = SYS_getpid;
	struct iovec part = { .iov_base = &number, .iov_len = sizeof(number) };
	return ptrace(PTRACE_SETREGSET, pid, (void *)NT_ARM_SYSTEM_CALL, &part) < 0 ? -1 : 0;
}

int tracee_fail_call(pid_t pid, int error)
{
	struct user_regs_struct registers;
	struct iovec part = { .iov_base = &registers, .iov_len = sizeof(registers) };
	if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &part) < 0)
		return -1;
	registers.regs[0] = (unsigned long long)-(long long)error;
	return ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &part) < 0 ? -1 : 0;
}

#else
#error "which registers hold a system call's number and result on this machine?"
#endif
