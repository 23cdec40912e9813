#include "common/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *program_name = "?";
static const char *command_name;

void error_context(const char *program, const char *command)
{
	program_name = program;
	command_name = command;
}

/* Builds the line in memory: stdio's own stderr would write it in several pieces. */
static void print_line(const char *format, va_list args, int errnum, const char *hint)
	__attribute__((format(printf, 1, 0)));

static void print_line(const char *format, va_list args, int errnum, const char *hint)
{
	char text[1024];
	char line[1400];
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

const char *hint_namespace(int errnum)
{
	switch (errnum) {
	case EPERM:
	case EACCES:
		return geteuid() ? "needs root: try sudo, or run it inside tests/lab/lab, which "
				   "needs none"
				 : "this root lacks CAP_SYS_ADMIN, or a security policy forbids it";
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
		return geteuid() ? "needs root: try sudo, or run it inside tests/lab/lab, which "
				   "needs none"
				 : "this root may not mount: a security policy, or /proc is masked "
				   "here";
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
