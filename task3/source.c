#include "source.h"

#include "rootless.h"
#include "tree.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/libraries.h"
#include "common/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum source_kind source_kind(const char *argument)
{
	if (!strcmp(argument, "host"))
		return SOURCE_HOST;
	if (!strcmp(argument, "scratch"))
		return SOURCE_SCRATCH;
	if (strchr(argument, '/'))
		return SOURCE_PATH;
	return strchr(argument, ':') ? SOURCE_SUITE : SOURCE_IMAGE;
}

/* --- FROM host: a shell and the everyday tools of this very machine --- */

/* What a newcomer types; those that the host lacks are named, and left out. */
static const char *const expected[] = { "bash", "sh",	 "ps",	 "top", "ip",  "hostname", "grep",
					"sed",	"sleep", "tail", "cat", "tar", NULL };
/* The rest of coreutils and other small tools: taken where they are. */
static const char *const welcome[] = {
	"[",	   "awk",      "base64",   "basename", "chgrp",	   "chmod", "chown",	"cmp",
	"comm",	   "cp",       "cut",	   "date",     "dd",	   "df",    "diff",	"dirname",
	"du",	   "echo",     "env",	   "expr",     "false",	   "find",  "free",	"getent",
	"gzip",	   "head",     "id",	   "install",  "join",	   "kill",  "ln",	"ls",
	"md5sum",  "mkdir",    "mkfifo",   "mknod",    "mktemp",   "mount", "mv",	"nice",
	"nohup",   "nproc",    "od",	   "paste",    "pgrep",	   "ping",  "printenv", "printf",
	"pwd",	   "readlink", "realpath", "rm",       "rmdir",	   "seq",   "setpriv",	"sha256sum",
	"sort",	   "split",    "stat",	   "stty",     "sync",	   "tac",   "tee",	"test",
	"timeout", "touch",    "tr",	   "true",     "truncate", "tty",   "umount",	"uname",
	"uniq",	   "unshare",  "wc",	   "which",    "whoami",   "xargs", "yes",	NULL,
};

static const char tool_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* Terminal descriptions, which top and clear need; only the common ones, where a host has them. */
static const char *const terminfo[] = {
	"l/linux",	     "x/xterm", "x/xterm-256color", "s/screen",
	"s/screen-256color", "t/tmux",	"t/tmux-256color",  "v/vt100",
	"v/vt220",	     "a/ansi",	"d/dumb",	    NULL
};

static void each_tool(void (*visit)(const char *name, bool needed, void *arg), void *arg)
{
	/* The image must not depend on whose PATH it was built with. */
	setenv("PATH", tool_path, 1);
	for (const char *const *name = expected; *name; name++)
		visit(*name, true, arg);
	for (const char *const *name = welcome; *name; name++)
		visit(*name, false, arg);
}

/* A tool or library gets a new time of change with its content, mode, owner or capabilities; ldconfig
 * rewrites its cache when a library comes or goes. */
static void hash_file_facts(struct sha256 *hash, const char *path)
{
	struct stat status;
	char facts[512];
	if (stat(path, &status) < 0)
		return;
	snprintf(facts, sizeof(facts), "%.300s %llu %lld %lld.%09ld", path,
		 (unsigned long long)status.st_ino, (long long)status.st_size,
		 (long long)status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
	sha256_add_text(hash, facts);
}

static void hash_tool(const char *name, bool needed, void *arg)
{
	(void)needed;
	AUTO_FREE char *path = find_on_path(name);
	if (path)
		hash_file_facts(arg, path);
}

struct tool_search {
	struct path_list list;
	char missing[256];
	bool failed;
};

static void find_tool(const char *name, bool needed, void *arg)
{
	struct tool_search *search = arg;
	char why[256];
	size_t used = strlen(search->missing);
	AUTO_FREE char *path = find_on_path(name);
	if (search->failed ||
	    (path && find_needed_files(path, &search->list, why, sizeof(why)) == 0))
		return;
	if (is_machine_failure(errno)) { /* else the image would lack a tool that is there */
		report_errno("", "cannot look at %s", path ? path : name);
		search->failed = true;
	} else if (path)
		report("%s is left out of the image: %s", path, why);
	else if (needed)
		snprintf(search->missing + used, sizeof(search->missing) - used, "%s%s",
			 used ? ", " : "", name);
}

static int copy_to_same_path(int host, int to, const char *path)
{
	char parent[4096];
	snprintf(parent, sizeof(parent), "%s", path);
	char *slash = strrchr(parent, '/');
	if (slash) {
		*slash = '\0';
		if (make_directories(to, parent, 0755) < 0) {
			report_errno("", "cannot make %s in the image", parent);
			return -1;
		}
	}
	return copy_entry(host, path, to, path, COPY_PLAIN);
}

static int copy_terminfo(int host, int to)
{
	static const char *const places[] = { "lib/terminfo", "usr/lib/terminfo",
					      "usr/share/terminfo" };
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct stat status;
		char real[64];
		snprintf(real, sizeof(real), "%s", places[i]);
		/* On a merged-/usr host lib is a link, which the image has already from the tools'
		 * libraries. */
		if (i == 0 && (lstat("/lib", &status) < 0 || S_ISLNK(status.st_mode)))
			continue;
		for (const char *const *name = terminfo; *name; name++) {
			char path[128];
			snprintf(path, sizeof(path), "%s/%s", real, *name);
			if (fstatat(host, path, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
			    copy_to_same_path(host, to, path) < 0)
				return -1;
		}
	}
	return 0;
}

/* The files without which tools complain, and the directories that every program expects. */
static int make_skeleton(int to)
{
	static const struct {
		const char *path;
		mode_t mode;
	} directories[] = { { "dev", 0755 },	  { "etc", 0755 },    { "home", 0755 },
			    { "proc", 0755 },	  { "root", 0700 },   { "run", 0755 },
			    { "sys", 0755 },	  { "tmp", 01777 },   { "var", 0755 },
			    { "var/tmp", 01777 }, { "var/log", 0755 } };
	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
		if ((mkdirat(to, directories[i].path, 0755) < 0 && errno != EEXIST) ||
		    fchmodat(to, directories[i].path, directories[i].mode, 0) < 0) {
			report_errno("", "cannot make %s in the image", directories[i].path);
			return -1;
		}
	}
	if (replace_file(
		    to, "etc/passwd",
		    "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
		    0644) < 0 ||
	    /* Empty, to be mounted over: made only then, they would be a layer of their own. */
	    replace_file(to, "etc/hosts", "", 0644) < 0 ||
	    replace_file(to, "etc/resolv.conf", "", 0644) < 0 ||
	    replace_file(to, "etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n", 0644) < 0 ||
	    replace_file(to, "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n",
			 0644) < 0) {
		report_errno("", "cannot write /etc of the image");
		return -1;
	}
	return 0;
}

static int fill_from_host(int to)
{
	struct tool_search search = { 0 };
	each_tool(find_tool, &search);
	if (search.failed) {
		path_list_free(&search.list);
		return -1;
	}
	if (*search.missing)
		report("this host has no %s: the image goes without", search.missing);

	AUTO_CLOSE int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int result = host < 0 ? -1 : 0;
	for (size_t i = 0; result == 0 && i < search.list.count; i++)
		result = copy_to_same_path(host, to, search.list.paths[i] + 1);
	path_list_free(&search.list);
	if (result == 0)
		result = copy_terminfo(host, to);
	return result < 0 ? -1 : make_skeleton(to);
}

/* --- the others --- */

/* Runs a helper program that fills the directory; its errors go to stderr. */
static int run_helper(char *const argv[])
{
	AUTO_FREE char *output = NULL;
	int status = run_and_read(argv, NULL, 0, &output);
	if (status == 0)
		return 0;
	if (status < 0)
		report_errno(errno == ENOENT ? "it is needed for this FROM: apt-get install it"
					     : "",
			     "%s", argv[0]);
	else
		report("%s failed with status %d%s%.300s", argv[0], status, *output ? ": " : "",
		       output);
	return -1;
}

/* debian:bookworm: debootstrap knows the suites of both. */
static int fill_from_suite(int to, const char *argument)
{
	char target[64];
	char suite[64];
	snprintf(suite, sizeof(suite), "%s", strchr(argument, ':') + 1);
	snprintf(target, sizeof(target), "/proc/%d/fd/%d", (int)getpid(), to);
	char real[4096];
	ssize_t length = readlink(target, real, sizeof(real) - 1);
	if ((strncmp(argument, "debian:", 7) != 0 && strncmp(argument, "ubuntu:", 7) != 0) ||
	    !*suite || strspn(suite, "abcdefghijklmnopqrstuvwxyz") != strlen(suite)) {
		report("FROM %s: neither debian:SUITE nor ubuntu:SUITE", argument);
		return -1;
	}
	if (length < 0) {
		report_errno("", "FROM %s", argument);
		return -1;
	}
	real[length] = '\0';
	char *const argv[] = { (char[]){ "debootstrap" }, (char[]){ "--variant=minbase" }, suite,
			       real, NULL };
	return run_helper(argv);
}

/* A tar, compressed or not: tar(1) sees for itself. */
static int fill_from_tar(int to, const char *argument, int context)
{
	char file[64];
	char target[64];
	AUTO_CLOSE int fd = openat(context, argument, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		report_errno("", "FROM %s", argument);
		return -1;
	}
	snprintf(file, sizeof(file), "/proc/%d/fd/%d", (int)getpid(), fd);
	snprintf(target, sizeof(target), "--directory=/proc/%d/fd/%d", (int)getpid(), to);
	char own[] = "--no-same-owner";
	char same[] = "--same-owner";
	char *const argv[] = { (char[]){ "tar" },
			       (char[]){ "--extract" },
			       (char[]){ "--numeric-owner" },
			       (char[]){ "--preserve-permissions" },
			       has_single_id() ? own : same,
			       (char[]){ "--file" },
			       file,
			       target,
			       NULL };
	return run_helper(argv);
}

int source_hash(struct sha256 *hash, enum source_kind kind, const char *argument, int context)
{
	sha256_add_text(hash, argument);
	if (kind == SOURCE_HOST) {
		each_tool(hash_tool, hash);
		hash_file_facts(hash, "/etc/ld.so.cache");
	}
	if (kind != SOURCE_PATH)
		return 0;
	/* Where it is a link, what that leads to, as source_fill has it. */
	AUTO_CLOSE int fd = openat(context, argument, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return hash_open_file(hash, fd, argument);
}

int source_fill(int to, enum source_kind kind, const char *argument, int context)
{
	struct stat status;
	switch (kind) {
	case SOURCE_HOST:
		return fill_from_host(to);
	case SOURCE_SUITE:
		return fill_from_suite(to, argument);
	case SOURCE_PATH:
		if (fstatat(context, argument, &status, 0) == 0 && S_ISDIR(status.st_mode)) {
			AUTO_CLOSE int from =
				openat(context, argument, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			return from < 0 ? -1 : copy_tree(from, to, COPY_PLAIN);
		}
		return fill_from_tar(to, argument, context);
	case SOURCE_SCRATCH:
	case SOURCE_IMAGE:
		return 0;
	}
	return -1;
}
