/*
 * copy_deps - copies programs, and all that they need in order to start, into a root directory
 *
 *     copy_deps PROGRAM... ROOT [-- COMMAND [ARGUMENT]...]
 *     copy_deps --list PROGRAM...
 *
 * What a program needs: itself; the dynamic loader that it names (a script: the interpreter after
 * #!); the shared libraries that this loader finds for it, as with ldd(1); and every symbolic link
 * on the way, such as /lib on a merged-/usr system. All keep their paths below ROOT, which is made
 * if it is missing. The programs are never run, and the loader only if it is this machine's own.
 * What a program opens later on (plugins, name service, locales) nobody can foresee.
 *
 * What it does, in this order: finds everything, so that a missing library stops it before a file
 * is written; copies, and prints each path; with a COMMAND, chroot(2) to ROOT, chdir(2) to "/"
 * there, execve(2). COMMAND is looked for in ROOT. With --list it prints only.
 *
 * Needs no privilege; COMMAND needs CAP_SYS_CHROOT (root, or tests/lab/lab).
 * Leaves ROOT behind. If copying fails nothing new is left in it.
 * Exit status: COMMAND's own, or 126 if it can't be run and 127 if it isn't there; 1 for a failure
 * before that, 2 for a wrong call.
 *
 * See chroot(2), execve(2), elf(5), ld.so(8), ldd(1).
 */
#include "rootfs.h"

#include "common/error.h"
#include "common/syscalls.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

#define USAGE "copy_deps PROGRAM... ROOT [-- COMMAND [ARGUMENT]...] or copy_deps --list PROGRAM..."

struct options {
	bool list;
	char **programs; /* they end where root, or the end, is */
	size_t count;
	const char *root;
	char **command; /* NULL: none */
};

static _Noreturn void wrong_usage(const char *why)
{
	die(EXIT_USAGE, "%s (usage: " USAGE ")", why);
}

static void parse(char **words, struct options *options)
{
	for (; *words && (*words)[0] == '-' && strcmp(*words, "--"); words++) {
		if (!strcmp(*words, "--help")) {
			puts("usage: " USAGE);
			exit(0);
		}
		if (strcmp(*words, "--list"))
			die(EXIT_USAGE, "unknown option %s (usage: " USAGE ")", *words);
		options->list = true;
	}
	options->programs = words;
	for (; *words && strcmp(*words, "--"); words++)
		options->count++;
	if (*words) {
		options->command = words + 1;
		if (options->list || !*options->command)
			wrong_usage(options->list ? "--list runs no command"
						  : "no command after --");
	}
	if (!options->list) {
		if (options->count < 2)
			wrong_usage("a program and a root directory are wanted");
		options->root = options->programs[--options->count];
	}
	if (options->count == 0)
		wrong_usage("which program?");
}

/* Puts what all of the programs need into the list, or ends the process. */
static void find_all(const struct options *options, struct path_list *list)
{
	for (size_t i = 0; i < options->count; i++) {
		char why[PATH_MAX + 100];
		if (find_needed_files(options->programs[i], list, why, sizeof(why)) < 0)
			die(EXIT_OWN_FAILURE, "%s: %s", options->programs[i], why);
	}
}

/* Copies them all, or none and ends the process. */
static void fill(const char *path, const struct path_list *list)
{
	struct rootfs root;
	if (rootfs_open(&root, path) < 0)
		die_errno(EXIT_OWN_FAILURE, "", "%s: cannot open or make the directory", path);
	if (rootfs_fill(&root, list, true) < 0)
		exit(EXIT_OWN_FAILURE);
	rootfs_close(&root);
}

static _Noreturn void run_in(const char *root, char **command)
{
	/* SOLUTION 2a: root becomes "/", and the current directory: chroot(2), chdir(2) */
	/* chroot changes what "/" means, and nothing else: without the chdir the current directory
	 * would still be outside, and "../.." would lead all over the machine. */
	if (chroot(root) < 0)
		die_errno(EXIT_OWN_FAILURE, hint_mount(errno), "%s: cannot chroot", root);
	if (chdir("/") < 0)
		die_errno(EXIT_OWN_FAILURE, "", "%s: cannot chdir", root);
	/* END 2a */
	/* A descriptor of a directory outside would be a way out, too. */
	if (sys_close_range(STDERR_FILENO + 1, UINT_MAX, 0) < 0)
		die_errno(EXIT_OWN_FAILURE, "", "cannot close the descriptors");
	execvp(command[0], command);
	die_errno(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN, "", "%s: cannot run %s", root,
		  command[0]);
}

int main(int argc, char *argv[])
{
	(void)argc;
	error_context("copy_deps", NULL);
	signal(SIGCHLD, SIG_DFL); /* inherited as ignored it would take the loader's status */
	struct options options = { 0 };
	parse(argv + 1, &options);

	struct path_list list = { 0 };
	find_all(&options, &list);
	if (options.list) {
		for (size_t i = 0; i < list.count; i++)
			puts(list.paths[i]);
	} else {
		fill(options.root, &list);
	}
	path_list_free(&list);
	if (fflush(stdout) == EOF || ferror(stdout))
		die_errno(EXIT_OWN_FAILURE, "", "cannot write to standard output");
	if (options.command)
		run_in(options.root, options.command);
	return 0;
}
