#include "tracee.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

long tracee_request(long request, pid_t pid, unsigned long address, unsigned long data)
{
	return syscall(SYS_ptrace, request, (long)pid, address, data);
}

int tracee_call(pid_t pid)
{
	struct __ptrace_syscall_info info;
	if (tracee_request(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), (unsigned long)&info) < 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return -1;
	return (int)info.entry.nr;
}

/* The registers are the machine's own: the number of the call, and where its result goes. */
#if defined(__x86_64__) || defined(__i386__)

#ifdef __x86_64__
enum {
	CALL_REGISTER = offsetof(struct user_regs_struct, orig_rax),
	RESULT_REGISTER = offsetof(struct user_regs_struct, rax),
};
#else
enum {
	CALL_REGISTER = offsetof(struct user_regs_struct, orig_eax),
	RESULT_REGISTER = offsetof(struct user_regs_struct, eax),
};
#endif

static int set_register(pid_t pid, size_t offset, long value)
{
	return tracee_request(PTRACE_POKEUSER, pid, offset, (unsigned long)value) < 0 ? -1 : 0;
}

int tracee_skip_call(pid_t pid)
{
	return set_register(pid, CALL_REGISTER, SYS_getpid);
}

int tracee_fail_call(pid_t pid, int error)
{
	return set_register(pid, RESULT_REGISTER, -(long)error);
}

#elif defined(__aarch64__)

int tracee_skip_call(pid_t pid)
{
	int number = SYS_getpid;
	struct iovec part = { .iov_base = &number, .iov_len = sizeof(number) };
	return tracee_request(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, (unsigned long)&part) < 0
		       ? -1
		       : 0;
}

int tracee_fail_call(pid_t pid, int error)
{
	struct user_regs_struct registers;
	struct iovec part = { .iov_base = &registers, .iov_len = sizeof(registers) };
	if (tracee_request(PTRACE_GETREGSET, pid, NT_PRSTATUS, (unsigned long)&part) < 0)
		return -1;
	registers.regs[0] = (unsigned long long)-(long long)error;
	return tracee_request(PTRACE_SETREGSET, pid, NT_PRSTATUS, (unsigned long)&part) < 0 ? -1
											    : 0;
}

#else /* another machine: only kills */

int tracee_skip_call(pid_t pid)
{
	(void)pid;
	errno = ENOSYS;
	return -1;
}

int tracee_fail_call(pid_t pid, int error)
{
	(void)error;
	return tracee_skip_call(pid);
}

#endif
