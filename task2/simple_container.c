/*
 * simple_container - a container in three steps: its own root, its own names, its share of the CPU
 *
 *     simple_container [2a|2b|2c] [--cpus N] [ROOT] [-- COMMAND [ARGUMENT]...]
 *
 * What it does, in this order:
 *   - an empty root directory is filled with the command and all that it needs (see copy_deps);
 *   - 2a: fork, chroot(2) to it, execve(2): another root, and everything else as before;
 *   - 2b: the same from clone(2) with CLONE_NEWPID | CLONE_NEWUTS: it is PID 1 and has a hostname
 *     of its own;
 *   - 2c: the same in a new cgroup that allows N of one core (0.5): cgroup v2, cpu.max; where v2
 *     has no cpu controller, cgroup v1. Prints the share that the kernel counted.
 * Without 2a, 2b or 2c: all three. COMMAND is container_prog, from beside this program, unless
 * given. ROOT is made if it is missing, must be empty, and is kept; without ROOT it is a temporary
 * directory, which is removed.
 *
 * Needs CAP_SYS_ADMIN and CAP_SYS_CHROOT: root, or tests/lab/lab; 2c also a cgroup tree that it may
 * write, or a cgroup that was delegated to its user. Without that 2c is skipped, which makes
 * `simple_container 2c` fail. Linux 5.11.
 * Leaves ROOT behind, if given. The cgroup goes in any case (but kill -9).
 * Exit status: COMMAND's own, or 128 + the number of the signal that ended it or us, 126 or 127 if
 * it can't be run in its root; 1 for a failure before that, 2 for a wrong call.
 *
 * See chroot(2), clone(2), pid_namespaces(7), uts_namespaces(7), cgroups(7).
 */
#include "container.h"
#include "cpu_cgroup.h"
#include "rootfs.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/libraries.h"
#include "common/number.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define USAGE "usage: simple_container [2a|2b|2c] [--cpus N] [ROOT] [-- COMMAND [ARGUMENT]...]"

static const struct subtask {
	const char *name;
	bool namespaces; /* of its own */
	bool limited;
	char *probe[3]; /* container_prog's arguments */
} subtasks[] = {
	{ "2a", false, false, { "container_prog", "subtask1", NULL } },
	{ "2b", true, false, { "container_prog", "subtask2", NULL } },
	{ "2c", true, true, { "container_prog", "subtask3", NULL } },
};
enum { SUBTASKS = sizeof(subtasks) / sizeof(subtasks[0]) };

struct options {
	const struct subtask *only; /* NULL: all of them */
	long millicores;
	const char *root; /* NULL: a temporary one */
	char **command;	  /* NULL: container_prog */
};

static _Noreturn void wrong_usage(const char *why, const char *word)
{
	die(EXIT_USAGE, "%s%s (" USAGE ")", why, word);
}

static const struct subtask *find_subtask(const char *name)
{
	for (size_t i = 0; i < SUBTASKS; i++) {
		if (!strcmp(subtasks[i].name, name))
			return &subtasks[i];
	}
	return NULL;
}

static void parse(char **words, struct options *options)
{
	for (; *words && strcmp(*words, "--"); words++) {
		if (!strcmp(*words, "--help")) {
			puts(USAGE);
			exit(0);
		} else if (!strcmp(*words, "--cpus")) {
			const char *number = words[1] ? *++words : "";
			if (parse_cpus(number, &options->millicores) < 0)
				wrong_usage("--cpus: not a number of cores from 0.01 to 1024: ",
					    number);
		} else if (**words == '-') {
			wrong_usage("unknown option ", *words);
		} else if (!options->only && !options->root && find_subtask(*words)) {
			options->only = find_subtask(*words);
		} else if (!options->root) {
			options->root = *words;
		} else {
			wrong_usage("one root directory too many: ", *words);
		}
	}
	if (*words && !*(options->command = words + 1))
		wrong_usage("no command after --", "");
}

/* The path, without links, of the program to run; it is the same below the root. The caller's to
 * free. NULL after having printed why. */
static char *find_program(const struct options *options)
{
	if (options->command) {
		AUTO_FREE char *found = find_on_path(options->command[0]);
		char *program = found ? realpath(found, NULL) : NULL;
		if (!program)
			report_errno("", "%s: cannot find it", options->command[0]);
		return program;
	}
	char self[PATH_MAX] = "";
	char path[PATH_MAX + 32];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash = size > 0 ? strrchr(self, '/') : NULL;
	if (!slash) {
		report_errno("", "cannot find out where this program is");
		return NULL;
	}
	snprintf(path, sizeof(path), "%.*s/container_prog", (int)(slash - self), self);
	char *program = realpath(path, NULL);
	if (!program)
		report_errno("it is built by: make -C task2", "%s", path);
	return program;
}

/* Opens ROOT, which must be empty, or a new temporary directory. 0, or -1 after having printed why.
 */
static int open_root(const struct options *options, struct rootfs *root)
{
	char path[PATH_MAX];
	const char *parent = getenv("TMPDIR");
	snprintf(path, sizeof(path), "%s/container_root.XXXXXX",
		 parent && *parent ? parent : "/tmp");
	if (!options->root && (!mkdtemp(path) || chmod(path, 0755) < 0)) {
		report_errno("", "cannot make a temporary directory %s", path);
		return -1;
	}
	const char *name = options->root ? options->root : path;
	if (rootfs_open(root, name) < 0) {
		report_errno("", "%s: cannot open or make the directory", name);
		return -1;
	}
	if (rootfs_is_empty(root) != 1) {
		report("%s: is not empty (give a new or an empty directory)", name);
		return -1;
	}
	return 0;
}

/* Makes the root with the program and all that it needs. 0, or -1 after having printed why. */
static int make_root(const struct options *options, const char *program, struct rootfs *root)
{
	char why[PATH_MAX + 100];
	struct path_list needed = { 0 };
	int result = find_needed_files(program, &needed, why, sizeof(why));
	if (result < 0)
		report("%s: %s", program, why);
	else
		result = open_root(options, root);
	if (result == 0)
		result = rootfs_fill(root, &needed, false);
	if (result == 0)
		printf("Container root: %s (%zu files and links copied)\n", root->path,
		       needed.count);
	path_list_free(&needed);
	return result;
}

/* Runs the container to its end. Its exit status; EXIT_OWN_FAILURE after having printed why. */
static int run(struct container *container, const struct cpu_cgroup *cgroup,
	       struct cpu_measurement *measurement)
{
	if (container_start(container) < 0)
		return EXIT_OWN_FAILURE;
	/* Before it does anything: what it forks is born in the cgroup then. */
	if (cgroup && cpu_cgroup_add(cgroup, container->pid) < 0) {
		report_errno(hint_cgroup(errno), "cannot put the container into its cgroup");
		container_kill(container);
		return EXIT_OWN_FAILURE;
	}
	int status = container_go(container);
	return status ? status : container_wait(container, cgroup, measurement);
}

/* 2c: the same around a cgroup, which is gone afterwards in any case. */
static int run_limited(struct container *container, const struct options *options)
{
	char why[PATH_MAX + 200];
	struct cpu_cgroup cgroup;
	struct cpu_measurement measurement = { 0 };
	if (cpu_cgroup_make(&cgroup, options->millicores, why, sizeof(why)) < 0) {
		if (!options->only) {
			printf("Skipped: %s\n", why);
			return 0;
		}
		report("%s", why);
		return EXIT_OWN_FAILURE;
	}
	cpu_cgroup_print_limit(&cgroup);
	int status = run(container, &cgroup, &measurement);
	if (container->ran)
		cpu_cgroup_print(&cgroup, &measurement);
	cpu_cgroup_remove(&cgroup);
	return status;
}

static int run_subtask(const struct subtask *subtask, const struct options *options,
		       struct container *container)
{
	container->argv = options->command ? options->command : subtask->probe;
	container->namespaces = subtask->namespaces;
	error_context("simple_container", subtask->name);

	printf("\nOutput Subtask %s\n", subtask->name);
	int status =
		subtask->limited ? run_limited(container, options) : run(container, NULL, NULL);
	char hostname[HOST_NAME_MAX + 1];
	/* What the probe did to its hostname, it did to its namespace's. */
	if (status == 0 && !options->command && !strcmp(subtask->name, "2b") &&
	    gethostname(hostname, sizeof(hostname)) == 0)
		printf("Hostname of the host: %s\n", hostname);
	return status;
}

int main(int argc, char *argv[])
{
	(void)argc;
	error_context("simple_container", NULL);
	struct options options = { .millicores = 500 };
	parse(argv + 1, &options);

	/* From here on Ctrl-C ends the container first, and then us, after all is undone. */
	struct container container = { 0 };
	container_block_signals(&container.signal_mask);
	struct rootfs root = { .fd = -1 };
	AUTO_FREE char *program = find_program(&options);
	int status = program && make_root(&options, program, &root) == 0 ? 0 : EXIT_OWN_FAILURE;
	container.rootfs = root.path;
	container.program = program;

	for (size_t i = 0; i < SUBTASKS && status == 0; i++) {
		if (!options.only || options.only == &subtasks[i])
			status = run_subtask(&subtasks[i], &options, &container);
	}

	error_context("simple_container", NULL);
	rootfs_close(&root);
	if (!options.root && *root.path && remove_tree(AT_FDCWD, root.path) < 0)
		report_errno("", "cannot remove %s", root.path);
	if (status == 0 && (fflush(stdout) == EOF || ferror(stdout)))
		die_errno(EXIT_OWN_FAILURE, "", "cannot write to standard output");
	return status;
}
