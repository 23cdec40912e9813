/*
 * lab - runs a command in a throw-away world
 *
 *     lab [--] COMMAND [ARGUMENT]...            run COMMAND in a lab of its own
 *     lab internet [--] COMMAND [ARGUMENT]...   inside a lab: run COMMAND on the internet's side
 *
 * The world, in the order in which the kernel is asked for it:
 *   1. a keeper is forked (keeper.c): it removes the lab's cgroups however the lab ends;
 *   2. clone3: new mount, PID, UTS, IPC and network namespaces; for an ordinary user a user
 *      namespace around them, in which the caller is root (user.c). The child is PID 1, init.c;
 *   3. as root: a cgroup for the lab in every tree that matters, and a cgroup namespace that makes
 *      it the tree's root (cgroups.c). So for an ordinary user where a cgroup was delegated to them;
 *      else they keep the machine's cgroups, which they may not write;
 *   4. mounts (world.c): all propagation is cut; the machine's own files become read-only
 *      (protect.c); a new /proc, /sys, /run; /etc/resolv.conf and /etc/hosts are the lab's; the
 *      hostname is "lab";
 *   5. a second network namespace, named "internet", and a veth pair (links.c): `uplink`
 *      203.0.113.2/24 here, with the default route; 203.0.113.1/24 and 198.51.100.7 there, where
 *      a process answers HTTP on port 80 (internet.c): GET / with a random token, GET /source
 *      with the client's address as the internet sees it;
 *   6. COMMAND is executed, in the caller's directory, with the caller's descriptors and terminal.
 *
 * COMMAND finds in its environment: IN_LAB=1; LAB_TOKEN, the token; CONDUCTOR_ROOT=/run/conductor,
 * a file system in memory (also bound over /var/lib/conductor where the machine has one, which is
 * never made); a PATH that has the administrator's directories; no XDG_RUNTIME_DIR and no HTTP
 * proxy. The rest of the file system is the machine's own and can't be written, but for /tmp,
 * /var/tmp, /dev/shm and the current directory (unless that is /): what is wrong in a conductor
 * under test harms none of the machine's files. It is no wall: root inside could undo it.
 *
 * Privilege: root, or a machine that allows unprivileged user namespaces. Linux 5.15.
 * Exit status: COMMAND's, or 128+n if signal n ended it; 125 for a failure of the lab itself or
 * wrong usage, 126 or 127 if COMMAND can't be run or isn't found. SIGHUP, SIGINT, SIGQUIT, SIGTERM,
 * SIGUSR1 and SIGUSR2 are passed on to COMMAND.
 * Leaves behind: nothing. When COMMAND ends, or lab is killed, every process inside is killed.
 *
 * See namespaces(7), user_namespaces(7), pid_namespaces(7), cgroup_namespaces(7), veth(4).
 */
#include "lab.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/libraries.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static const char usage_text[] =
	"Usage: lab [--] COMMAND [ARGUMENT]...\n"
	"         runs COMMAND in a throw-away world with a network of its own\n"
	"       lab internet [--] COMMAND [ARGUMENT]...\n"
	"         inside a lab: runs COMMAND on the side that plays the internet\n";

/* Skips "--"; COMMAND's name is anything else that doesn't look like an option. */
static char **parse_command(char **arguments)
{
	if (arguments[0] && !strcmp(arguments[0], "--"))
		arguments++;
	else if (arguments[0] && arguments[0][0] == '-')
		die(EXIT_LAB, "%s: unknown option (try: lab --help)", arguments[0]);
	if (!arguments[0])
		die(EXIT_LAB, "which command? (try: lab --help)");
	return arguments;
}

static void make_token(char *token, size_t size)
{
	unsigned char bytes[16];
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		die_errno(EXIT_LAB, "", "cannot make a random token");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(token + 2 * i, size - 2 * i, "%02x", bytes[i]);
}

int exec_status(const char *program)
{
	/* execvp says EACCES of a name that is nowhere, if it may not search one directory. */
	AUTO_FREE char *found = find_on_path(program);
	if (!found)
		errno = ENOENT;
	return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}

_Noreturn static void run_on_internet(char **arguments)
{
	error_context("lab", "internet");
	char **command = parse_command(arguments);
	/* A machine may have a namespace of this name too: that one is not ours to enter. */
	AUTO_CLOSE int netns =
		access(LAB_DIR, F_OK) == 0 ? open(INTERNET_NS, O_RDONLY | O_CLOEXEC) : -1;
	if (netns < 0)
		die(EXIT_LAB, "there is no internet's side here (run it inside: lab COMMAND)");
	if (setns(netns, CLONE_NEWNET) < 0)
		die_errno(EXIT_LAB, "only the lab's root may", "cannot enter " INTERNET_NS);
	execvp(command[0], command);
	die_errno(exec_status(command[0]), "", "cannot run %s", command[0]);
}

int main(int argc, char **argv)
{
	(void)argc;
	descriptors_open_standard();
	error_context("lab", NULL);
	if (argv[1] && !strcmp(argv[1], "--help")) {
		fputs(usage_text, stdout);
		return 0;
	}
	if (argv[1] && !strcmp(argv[1], "internet"))
		run_on_internet(argv + 2);

	static struct lab lab;
	lab.command = parse_command(argv + 1);
	lab.uid = geteuid();
	lab.gid = getegid();
	lab.new_user = lab.uid != 0;
	make_token(lab.token, sizeof(lab.token));
	cgroups_find(&lab.cgroups);
	return lab_run(&lab);
}
