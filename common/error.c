#include "common/error.h"

#include "common/userns.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { FLOOR_MAJOR = 5, FLOOR_MINOR = 15 }; /* the oldest Linux that this is written for */

static const char *program_name = "?";
static const char *command_name;

void error_context(const char *program, const char *command)
{
	program_name = program;
	command_name = command;
}

/* What a kernel answers that doesn't know a call, a flag or a longer argument. */
static bool may_be_unknown(int errnum)
{
	return errnum == ENOSYS || errnum == EINVAL || errnum == E2BIG;
}

const char *hint_kernel(int errnum)
{
	static char text[128];
	struct utsname kernel;
	if (!may_be_unknown(errnum) || uname(&kernel) < 0)
		return "";
	char *rest;
	long major = strtol(kernel.release, &rest, 10);
	long minor = *rest == '.' ? strtol(rest + 1, NULL, 10) : 0;
	if (major < FLOOR_MAJOR || (major == FLOOR_MAJOR && minor < FLOOR_MINOR)) {
		snprintf(text, sizeof(text), "needs Linux %d.%d or newer, this is %.64s",
			 FLOOR_MAJOR, FLOOR_MINOR, kernel.release);
		return text;
	}
	if (errnum == ENOSYS && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER)
		return "a seccomp filter holds here, as in a container, and hides the call";
	return "";
}

/* Builds the line in memory: stdio's own stderr would write it in several pieces. */
static void print_line(const char *format, va_list args, int errnum, const char *hint)
	__attribute__((format(printf, 1, 0)));

static void print_line(const char *format, va_list args, int errnum, const char *hint)
{
	char text[1024];
	char line[1400];
	const char *unknown = hint_kernel(errnum);
	if (*unknown)
		hint = unknown;
	vsnprintf(text, sizeof(text), format, args);

	int length =
		snprintf(line, sizeof(line) - 1, "%s: %s%s%s%s%s%s%s%s", program_name,
			 command_name ? command_name : "", command_name ? ": " : "", text,
			 errnum ? ": " : "", errnum ? strerror(errnum) : "",
			 hint && *hint ? " (" : "", hint ? hint : "", hint && *hint ? ")" : "");
	if (length < 0)
		return;
	size_t size = (size_t)length < sizeof(line) - 1 ? (size_t)length : sizeof(line) - 2;
	line[size++] = '\n';
	if (write(STDERR_FILENO, line, size) < 0)
		return; /* there is nowhere left to complain to */
}

void report(const char *format, ...)
{
	int saved = errno;
	va_list args;
	va_start(args, format);
	print_line(format, args, 0, NULL);
	va_end(args);
	errno = saved;
}

void report_errno(const char *hint, const char *format, ...)
{
	int saved = errno;
	va_list args;
	va_start(args, format);
	print_line(format, args, saved, hint);
	va_end(args);
	errno = saved;
}

void die(int status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	print_line(format, args, 0, NULL);
	va_end(args);
	exit(status);
}

void die_errno(int status, const char *hint, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	print_line(format, args, errno, hint);
	va_end(args);
	exit(status);
}

/* Of an ordinary user. The lab is no way out where it may make no user namespace either. */
static const char *hint_needs_root(void)
{
	static char text[256];
	const char *remedy = userns_remedy();
	if (!remedy)
		return "needs root: try sudo, or run it inside tests/lab/lab, which needs none";
	snprintf(
		text, sizeof(text),
		"needs root: try sudo, or run it inside tests/lab/lab, which needs: sudo sysctl %s",
		remedy);
	return text;
}

/* Of root, who is refused something all the same: text, unless they are root by a user namespace
 * that is restricted. */
static const char *hint_lacks(const char *text, int errnum)
{
	return in_user_namespace() && userns_remedy() ? hint_userns(errnum) : text;
}

const char *hint_namespace(int errnum)
{
	switch (errnum) {
	case EPERM:
	case EACCES:
		return geteuid() ? hint_needs_root()
				 : hint_lacks("this root lacks CAP_SYS_ADMIN, or a security policy "
					      "forbids it",
					      errnum);
	case ENOSPC:
		return "a limit below /proc/sys/user/max_*_namespaces is reached";
	case EINVAL:
		return "this kernel lacks one of these namespaces";
	default:
		return "";
	}
}

const char *hint_mount(int errnum)
{
	switch (errnum) {
	case EPERM:
	case EACCES:
		return geteuid() ? hint_needs_root()
				 : hint_lacks("this root may not mount: a security policy, or "
					      "/proc is masked here",
					      errnum);
	case ENODEV:
		return "this kernel lacks the file system";
	default:
		return "";
	}
}

const char *hint_cgroup(int errnum)
{
	switch (errnum) {
	case EPERM:
	case EACCES:
		return "needs root, or a cgroup delegated to this user";
	case EROFS:
		return "cgroups are mounted read-only here";
	case EBUSY:
		return "processes remain in it";
	default:
		return "";
	}
}
