/* The system calls that the witness stops at, and how a stopped process is asked about them. */
#ifndef TESTS_WITNESS_CALLS_H
#define TESTS_WITNESS_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum call {
	CALL_OTHER,
	CALL_SETNS,
	CALL_UNSHARE,
	CALL_SETHOSTNAME,
	CALL_CHROOT,
	CALL_PIVOT_ROOT,
	CALL_CLONE,
	CALL_CLONE3,
	CALL_SECCOMP
};

#define CALL_X32_BIT 0x40000000U

struct call_number {
	enum call call;
	unsigned number;
};

struct call_table {
	unsigned architecture;		 /* AUDIT_ARCH_... */
	const struct call_number *calls; /* up to CALL_OTHER */
};

/* Ends with a table without calls. Empty on a machine that the witness can't read. */
extern const struct call_table call_tables[];

/* A call as its process makes it. */
struct call_seen {
	enum call call;
	bool foreign; /* of an architecture without a table */
	bool compat;  /* by the table of the machine's 32-bit programs */
	uint64_t arguments[6];
};

/* At a seccomp stop: which call is it? 0, or -1 with errno (the process is gone). */
int call_read(pid_t tid, struct call_seen *seen);

/* At the end of a call: its result. False if the process stands elsewhere or is gone. */
bool call_result(pid_t tid, long *result);

/* In the middle of clone or clone3: the flags that it was given, if they can be read. */
bool call_clone_flags(pid_t tid, uint64_t *flags);

/* At a seccomp stop of clone or clone3: takes CLONE_UNTRACED out of its flags, so that what it makes
 * is traced as all others are. */
void call_strip_untraced(pid_t tid, const struct call_seen *seen);

/* Text out of a process's memory, up to its NUL or size bytes of it; kept. NULL if it can't be read. */
const char *call_text(pid_t tid, uint64_t address, size_t size);

/* Flags of clone, unshare or setns by name: "CLONE_NEWUTS|CLONE_NEWPID|SIGCHLD"; kept. */
const char *call_flag_names(uint64_t flags);

/* ptrace(2) as the kernel has it: address and data are numbers, which glibc's wants as pointers. */
long call_ptrace(long request, pid_t tid, unsigned long address, unsigned long data);

#endif
