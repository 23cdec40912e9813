/*
 * Error messages: one line on stderr, written at once, so that lines of several processes never
 * mix.
 *
 *     program: command: object: what failed: strerror (hint)
 *
 * A hint is chosen by the operation that failed and its errno, and says what to do next. Where the
 * kernel is older than Linux 5.15, or somebody hides a system call from us, it says that instead.
 */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

/* What a program exits with when it was called wrongly, and when it failed itself. */
enum { EXIT_OWN_FAILURE = 1, EXIT_USAGE = 2 };

/* The words that begin every message; command may be NULL. The strings are kept, not copied. */
void error_context(const char *program, const char *command);

/* Prints "program: command: TEXT". Keeps errno. */
void report(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints "program: command: TEXT: strerror(errno)" and, where not empty, " (HINT)". Keeps errno. */
void report_errno(const char *hint, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, then exits with status. */
_Noreturn void die(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void die_errno(int status, const char *hint, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Hints by errno, "" where there is none. Never NULL. */
const char *hint_namespace(int errnum); /* clone, unshare and setns: namespaces(7) */
const char *hint_mount(int errnum);	/* mount, pivot_root and chroot: mount(2) */
const char *hint_kernel(int errnum); /* what an older kernel lacks; report_errno adds it itself */
const char *hint_cgroup(int errnum); /* mkdir, rmdir and writes below /sys/fs/cgroup: cgroups(7) */

#endif
