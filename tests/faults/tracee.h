/* One process under ptrace(2): what it is about to call, and how to change that. */
#ifndef TESTS_FAULTS_TRACEE_H
#define TESTS_FAULTS_TRACEE_H

#include <sys/types.h>

/* ptrace(2) as the kernel has it: address and data are numbers, which glibc's wants as pointers. Not
 * for the requests that peek. */
long tracee_request(long request, pid_t pid, unsigned long address, unsigned long data);

/* What the stopped process is about to ask the kernel for, or -1 where it stands elsewhere. */
int tracee_call(pid_t pid);

/* At the entry of a call: the kernel is asked for its process id instead, which does no harm. 0, or
 * -1 with errno. */
int tracee_skip_call(pid_t pid);

/* At the exit of a call: it gets this error as its result. 0, or -1 with errno. */
int tracee_fail_call(pid_t pid, int error);

#endif
