/*
 * The seccomp filter that makes a process stop for its tracer at the few calls that the witness
 * records, and nowhere else: all others run at full speed. seccomp(2), ptrace(2)
 */
#ifndef TESTS_WITNESS_FILTER_H
#define TESTS_WITNESS_FILTER_H

/* Puts it on the calling process and all that will descend from it. Without CAP_SYS_ADMIN this takes
 * no_new_privs, under which set-user-ID programs get nothing by it any more. 0, or -1 with errno;
 * ENOSYS on an architecture that the witness can't read. */
int filter_install(void);

#endif
