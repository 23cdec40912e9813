#include "common/libraries.h"

#include "common/cleanup.h"
#include "common/elf.h"
#include "common/file.h"
#include "common/process.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_LINKS = 40, MAX_INTERPRETERS = 4 }; /* the kernel's own limits are alike */

struct search {
	struct path_list *list;
	char *why;
	size_t why_size;
	int interpreters; /* how deep in scripts that scripts interpret */
};

static int fail(struct search *search, int errnum, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct search *search, int errnum, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(search->why, search->why_size, format, args);
	va_end(args);
	errno = errnum;
	return -1;
}

void path_list_free(struct path_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->paths[i]);
	free(list->paths);
	*list = (struct path_list){ 0 };
}

static int list_add(struct path_list *list, const char *path)
{
	for (size_t i = 0; i < list->count; i++) {
		if (!strcmp(list->paths[i], path))
			return 0;
	}
	char **larger = realloc(list->paths, (list->count + 1) * sizeof(*larger));
	if (!larger)
		return -1;
	list->paths = larger;
	larger[list->count] = strdup(path);
	if (!larger[list->count])
		return -1;
	list->count++;
	return 0;
}

bool is_machine_failure(int errnum)
{
	return errnum == EIO || errnum == ENOMEM || errnum == EMFILE || errnum == ENFILE ||
	       errnum == EAGAIN || errnum == ENOSPC;
}

char *find_on_path(const char *program)
{
	if (strchr(program, '/'))
		return strdup(program);
	const char *path = getenv("PATH");
	if (!path)
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	while (*path) {
		size_t length = strcspn(path, ":");
		char candidate[PATH_MAX];
		/* An empty entry is the current directory. */
		snprintf(candidate, sizeof(candidate), "%.*s/%s", length ? (int)length : 1,
			 length ? path : ".", program);
		struct stat status;
		errno = 0;
		if (stat(candidate, &status) == 0 && S_ISREG(status.st_mode) &&
		    access(candidate, X_OK) == 0)
			return strdup(candidate);
		if (is_machine_failure(errno))
			return NULL;
		path += length + (path[length] == ':');
	}
	errno = ENOENT;
	return NULL;
}

/* Cuts the last component off; "/" stays. */
static void parent_of(char *path)
{
	char *slash = strrchr(path, '/');
	slash[slash == path] = '\0';
}

/*
 * Walks an absolute path component by component, adds every symbolic link met and, at the end, the
 * file. Doing it by hand, instead of by realpath(3), is what finds the links.
 */
static int add_path(struct search *search, const char *path)
{
	char walked[PATH_MAX] = "/";
	char rest[PATH_MAX];
	int links = 0;
	if (snprintf(rest, sizeof(rest), "%s", path) >= (int)sizeof(rest))
		return fail(search, ENAMETOOLONG, "its path is too long");

	char *next = rest;
	while (*(next += strspn(next, "/"))) {
		size_t length = strcspn(next, "/");
		size_t at = strlen(walked);
		if (length == 1 && next[0] == '.') {
			next += length;
			continue;
		}
		if (length == 2 && !memcmp(next, "..", 2)) {
			parent_of(walked);
			next += length;
			continue;
		}
		if (at + length + 2 > sizeof(walked))
			return fail(search, ENAMETOOLONG, "its path is too long");
		snprintf(walked + at, sizeof(walked) - at, "%s%.*s", at > 1 ? "/" : "", (int)length,
			 next);
		next += length;

		char target[PATH_MAX];
		ssize_t size = readlink(walked, target, sizeof(target) - 1);
		if (size < 0 && is_machine_failure(errno))
			return fail(search, errno, "%s: %s", walked, strerror(errno));
		if (size < 0)
			continue; /* no link; stat below tells if it is missing altogether */
		target[size] = '\0';
		if (++links > MAX_LINKS)
			return fail(search, ELOOP, "too many symbolic links at %s", path);
		if (list_add(search->list, walked) < 0)
			return fail(search, errno, "no memory");
		char joined[PATH_MAX];
		if (snprintf(joined, sizeof(joined), "%s%s", target, next) >= (int)sizeof(joined))
			return fail(search, ENAMETOOLONG, "its path is too long");
		snprintf(rest, sizeof(rest), "%s", joined);
		next = rest;
		if (target[0] == '/')
			strcpy(walked, "/");
		else
			parent_of(walked);
	}

	struct stat status;
	if (stat(walked, &status) < 0)
		return fail(search, errno, "%s: %s", walked, strerror(errno));
	if (list_add(search->list, walked) < 0)
		return fail(search, errno, "no memory");
	return 0;
}

/* May this file be run as root though the program that names it is a stranger's? If not, errno says
 * why. */
static bool is_own_loader(const char *path)
{
	char real[PATH_MAX];
	struct stat status;
	struct stat top;
	if (!realpath(path, real) || stat(real, &status) < 0 || stat("/", &top) < 0)
		return false;
	const char *base = strrchr(real, '/') + 1;
	bool at_home = !strncmp(real, "/lib", 4) || !strncmp(real, "/usr/lib", 8);
	bool named = !strncmp(base, "ld-", 3) || !strncmp(base, "ld.so", 5) ||
		     !strncmp(base, "ld64.so", 7) /* s390x, POWER */ ||
		     !strncmp(base, "libc.so", 7) /* musl's, which is both */;
	/* Root's own, as "/" is. Not compared with 0: in a user namespace that doesn't have root's
	 * id, its files are shown as the overflow user's. */
	bool root_owned = status.st_uid == top.st_uid;
	errno = EPERM;
	return at_home && named && root_owned && S_ISREG(status.st_mode) && !(status.st_mode & 022);
}

/* glibc: "P: error while loading shared libraries: libfoo.so.1: cannot open ...". musl: "Error
 * loading shared library libfoo.so.1: No such file ...". Fills in why for such a line. */
static int check_complaint(struct search *search, const char *line)
{
	const char *library = strstr(line, "loading shared librar");
	if (!library)
		return 0;
	library += strcspn(library, ":y"); /* past "libraries:" or "library" */
	library += *library != '\0';
	library += strspn(library, " ");
	return fail(search, ENOENT, "its library %.*s is missing or broken",
		    (int)strcspn(library, ":"), library);
}

/*
 * Adds the libraries that the loader tells of, a line each:
 *     libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f...)
 *     /lib64/ld-linux-x86-64.so.2 (0x00007f...)
 *     linux-vdso.so.1 (0x00007f...)            the kernel's, no file
 */
static int add_libraries(struct search *search, char *loader, char *program)
{
	char *const argv[] = { loader, (char[]){ "--list" }, program, NULL };
	/* LD_PRELOAD and LD_LIBRARY_PATH are ours, not the program's. */
	char *const no_environment[] = { NULL };
	AUTO_FREE char *output = NULL;
	int status = run_and_read(argv, no_environment, 1, &output);
	if (status < 0)
		return fail(search, errno, "cannot run its loader %s", loader);

	char *rest = output;
	for (char *line; (line = strsep(&rest, "\n"));) {
		line += strspn(line, " \t");
		char *arrow = strstr(line, " => ");
		char *path = arrow ? arrow + 4 : line;
		if (check_complaint(search, line) < 0)
			return -1;
		char *address = strstr(path, " (0x");
		if (path[0] != '/' || !address)
			continue;
		*address = '\0';
		if (add_path(search, path) < 0)
			return -1;
	}
	if (status != 0)
		return fail(search, ENOEXEC, "its loader %s cannot load it", loader);
	return 0;
}

static int add_program(struct search *search, const char *program);

static int add_interpreter(struct search *search, const char *path)
{
	char why[PATH_MAX];
	if (add_program(search, path) == 0)
		return 0;
	snprintf(why, sizeof(why), "%s", search->why);
	return fail(search, errno, "its interpreter %s: %s", path, why);
}

/* Takes the interpreter from a script's first line; for "#!/usr/bin/env NAME" NAME as well. */
static int add_script(struct search *search, int fd)
{
	char line[256]; /* the kernel's BINPRM_BUF_SIZE */
	ssize_t got = pread(fd, line, sizeof(line) - 1, 0);
	line[got > 0 ? got : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	char *rest = line + 2;
	rest += strspn(rest, " \t");
	char *interpreter = strsep(&rest, " \t");
	if (*interpreter != '/')
		return fail(search, ENOEXEC, "its #! line names no absolute path");
	if (++search->interpreters > MAX_INTERPRETERS)
		return fail(search, ELOOP, "its interpreters are scripts of scripts");
	if (add_interpreter(search, interpreter) < 0)
		return -1;
	const char *base = strrchr(interpreter, '/') + 1;
	if (strcmp(base, "env") || !rest)
		return 0;

	char *word;
	while ((word = strsep(&rest, " \t")) &&
	       (*word == '-' || *word == '\0' || strchr(word, '=')))
		continue; /* env's own options and assignments */
	AUTO_FREE char *found = word ? find_on_path(word) : NULL;
	if (!found)
		return fail(search, ENOENT, "its interpreter %s is missing",
			    word ? word : "(none)");
	return add_interpreter(search, found);
}

static int add_program(struct search *search, const char *program)
{
	/* The list wants absolute paths, but with the links that the caller's path goes through. */
	char absolute[PATH_MAX];
	char here[PATH_MAX];
	if (program[0] != '/' && !getcwd(here, sizeof(here)))
		return fail(search, errno, "the current directory is gone");
	if (snprintf(absolute, sizeof(absolute), "%s%s%s", program[0] == '/' ? "" : here,
		     program[0] == '/' ? "" : "/", program) >= (int)sizeof(absolute))
		return fail(search, ENAMETOOLONG, "its path is too long");

	AUTO_CLOSE int fd = open(absolute, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	if (fd < 0 || fstat(fd, &status) < 0)
		return fail(search, errno, "%s", strerror(errno));
	if (S_ISDIR(status.st_mode))
		return fail(search, EISDIR, "is a directory");
	if (!S_ISREG(status.st_mode))
		return fail(search, ENOEXEC, "is not a regular file");
	if (!(status.st_mode & 0111))
		return fail(search, EACCES, "is not executable");

	char magic[SELFMAG] = { 0 };
	ssize_t got = pread(fd, magic, sizeof(magic), 0);
	if (got < 0)
		return fail(search, errno, "%s", strerror(errno));
	if (got >= 2 && !memcmp(magic, "#!", 2)) {
		if (add_path(search, absolute) < 0)
			return -1;
		return add_script(search, fd);
	}
	if (got < SELFMAG || memcmp(magic, ELFMAG, SELFMAG))
		return fail(search, ENOEXEC, "is neither an ELF program nor a script with #!");

	const char *why;
	struct elf_start start;
	if (elf_read_start(fd, &start, &why) < 0)
		return fail(search, errno, "%s", why);
	/* Such a program has code of its choice run by the loader, even if that is only to list. */
	if (start.audited)
		return fail(search, EPERM, "it asks for an audit library (DT_AUDIT)");
	if (add_path(search, absolute) < 0)
		return -1;
	if (!*start.interpreter)
		return 0;
	if (!is_own_loader(start.interpreter))
		return fail(search, is_machine_failure(errno) ? errno : EPERM,
			    "its loader %s is not one of this machine's own", start.interpreter);
	if (add_path(search, start.interpreter) < 0)
		return -1;
	/* For $ORIGIN the loader takes the path as it is said, the kernel the file's own. */
	char real[PATH_MAX];
	if (!realpath(absolute, real))
		return fail(search, errno, "%s", strerror(errno));
	return add_libraries(search, start.interpreter, real);
}

int find_needed_files(const char *program, struct path_list *list, char *why, size_t why_size)
{
	struct search search = { .list = list, .why = why, .why_size = why_size };
	*why = '\0';
	AUTO_FREE char *path = find_on_path(program);
	if (!path)
		return fail(&search, errno, "%s",
			    errno == ENOENT ? "no such program on PATH" : strerror(errno));
	return add_program(&search, path);
}
