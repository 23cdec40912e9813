/*
 * conductor: a small docker.
 *
 *     conductor build IMAGE [CONDUCTORFILE]       conductor exec NAME [-- COMMAND [ARGUMENTS]]
 *     conductor run IMAGE NAME [-- COMMAND ...]   conductor addnetwork NAME [-i] [-e INNER-OUTER]
 *     conductor ps, logs, inspect, stop NAME      conductor peer A B
 *     conductor images, rmi IMAGE, rmcache
 *
 * This file is the table of its commands. Where to read on:
 *     run.c        a container's birth and its parent's watch over it
 *     rootfs.c     its root; mounts.c, devices.c  what is mounted on it
 *     confine.c    what it may not do: capabilities.c, seccomp.c, terminal.c, self.c (SECURITY.md)
 *     exec.c       joining it          stop.c  ending it          limits.c  its cgroup
 *     network.c    addresses, publishing and peers; by means of rtnl.c (links) and nft.c (firewall)
 *     build.c      Conductorfiles      image.c  the store of images and layers
 *     container.c  what is known of a container; inspect.c tells it, state.c keeps it
 *     rootless.c   the user namespace of an ordinary user's; idmap.c  the ids in it
 *
 * Privilege: root, or any user where user namespaces are allowed (then without networks, unless in
 * tests/lab/lab). Kernel: 5.15 or newer. Leaves behind: the state directory; nothing else once the
 * last container is stopped. See namespaces(7), cgroups(7), rtnetlink(7), pivot_root(2).
 */
#include "command.h"
#include "state.h"

#include "common/error.h"
#include "common/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JSON_OPTION                                                                                \
	{                                                                                          \
		0, "json", NULL, "print JSON"                                                      \
	}
#define END                                                                                        \
	{                                                                                          \
		0, NULL, NULL, NULL                                                                \
	}

static const struct option no_options[] = { END };
static const struct option list_options[] = { JSON_OPTION, END };
static const struct option run_options[] = {
	{ 'd', "detach", NULL, "run in the background, print the name once it is up" },
	{ 0, "rm", NULL, "remove the container when it exits" },
	{ 0, "hostname", "NAME", "its hostname (the container's name)" },
	{ 0, "privileged", NULL, "confine nothing: root with all that root may do, all devices" },
	{ 0, "cpus", "NUMBER", "at most so many cores of CPU time, such as 0.5" },
	{ 0, "memory", "SIZE", "at most so many bytes of memory: 64M, 1G" },
	{ 0, "pids-limit", "NUMBER", "at most so many processes and threads" },
	END,
};
static const struct option stop_options[] = {
	{ 't', "time", "SECONDS", "between SIGTERM and SIGKILL (10)" },
	END,
};
static const struct option logs_options[] = {
	{ 'f', "follow", NULL, "go on printing until the container exits" },
	END,
};
static const struct option addnetwork_options[] = {
	{ 'i', "internet", NULL, "reach the internet: a default route and NAT" },
	{ 'e', "expose", "INNER-OUTER",
	  "TCP port INNER of the container on port OUTER of the host" },
	{ 0, "subnet", "POOL", "take the address from this pool: 10.66.0.0/16 or 10.66.0.0/16:28" },
	END,
};

static const struct command commands[] = {
	{ "build", command_build, "IMAGE [CONDUCTORFILE]", 1, 2, false, no_options,
	  "Make an image, from a Conductorfile or (without one) from this host's shell and tools" },
	{ "images", command_images, "", 0, 0, false, list_options, "List the images" },
	{ "rmi", command_rmi, "IMAGE", 1, 1, false, no_options, "Delete an image" },
	{ "rmcache", command_rmcache, "", 0, 0, false, no_options,
	  "Delete the layers that no image uses" },
	{ "run", command_run, "IMAGE NAME", 2, 2, true, run_options,
	  "Start a command (a shell) in a new container" },
	{ "ps", command_ps, "", 0, 0, false, list_options, "List the containers" },
	{ "exec", command_exec, "NAME", 1, 1, true, no_options,
	  "Run a command (a shell) in a running container" },
	{ "stop", command_stop, "NAME", 1, 1, false, stop_options,
	  "End a container and remove all that it had" },
	{ "logs", command_logs, "NAME", 1, 1, false, logs_options,
	  "Print what a container in the background wrote" },
	{ "inspect", command_inspect, "NAME", 1, 1, false, list_options,
	  "Tell all that is known of a container, and what confines it" },
	{ "addnetwork", command_addnetwork, "NAME", 1, 1, false, addnetwork_options,
	  "Link a container to the host, and on request to the internet" },
	{ "peer", command_peer, "A B", 2, 2, false, no_options,
	  "Let two containers talk to each other" },
	{ 0 },
};

/* Inherited descriptors would lead out of the container, and hold the caller's pipes open. */
static void close_inherited(void)
{
	sys_close_range(3, UINT_MAX, 0);
	while (fcntl(STDERR_FILENO, F_GETFD) < 0) {
		if (open("/dev/null", O_RDWR) <
		    0) /* 0 to 2 must be taken, or a file of ours would be stdout */
			exit(EXIT_OWN_FAILURE);
	}
}

static const struct command *find_command(const char *name)
{
	for (const struct command *command = commands; command->name; command++) {
		if (!strcmp(command->name, name))
			return command;
	}
	return NULL;
}

/* What couldn't be written must not pass for a success: a full disk shows at the last flush only.
 * A reader who has gone knows it. */
static int flush(int status, int own_failure)
{
	if (fflush(stdout) != EOF && !ferror(stdout))
		return status;
	if (errno != EPIPE)
		report_errno("", "cannot write to standard output");
	return own_failure;
}

/* argv: what is behind the command's name; whole: all of it. */
static int run_command(const struct command *command, char *const argv[], char *const whole[])
{
	if (argv[0] && !strcmp(argv[0], "--help")) {
		print_help(command);
		return flush(0, EXIT_OWN_FAILURE);
	}
	error_context("conductor", command->name);
	struct invocation invocation;
	int result = parse_invocation(command, argv, &invocation);
	invocation.whole = whole;
	if (result == 0)
		result = command->run(&invocation);

	/* A command's own status may be any: where one is passed on, ours is 125, as docker's is. */
	int own_failure = command->takes_command ? 125 : EXIT_OWN_FAILURE;
	if (result == COMMAND_USAGE && !command->takes_command)
		return EXIT_USAGE;
	return flush(result < 0 ? own_failure : result, own_failure);
}

int main(int argc, char **argv)
{
	error_context("conductor", NULL);
	close_inherited();
	signal(SIGCHLD, SIG_DFL); /* inherited as ignored it would take our children's status */
	signal(SIGPIPE, SIG_IGN); /* `| head` must not end us half-way */
	umask(022);
	int next = 1;
	if (argc > 2 && !strcmp(argv[1], "--root")) {
		setenv("CONDUCTOR_ROOT", argv[2], 1);
		next = 3;
	}
	if (!argv[next])
		die(EXIT_USAGE, "which command? `conductor help` lists them");
	if (!strcmp(argv[next], "help") || !strcmp(argv[next], "--help") ||
	    !strcmp(argv[next], "-h")) {
		const struct command *command =
			argv[next + 1] ? find_command(argv[next + 1]) : NULL;
		if (command)
			print_help(command);
		else
			print_commands(commands);
		return flush(0, EXIT_OWN_FAILURE);
	}
	const struct command *command = find_command(argv[next]);
	if (!command)
		die(EXIT_USAGE, "%s: no such command: `conductor help` lists them", argv[next]);
	return run_command(command, argv + next + 1, argv);
}
