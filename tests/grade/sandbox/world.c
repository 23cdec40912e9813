/*
 * world - the sandbox of trusted submissions: real root, in namespaces of its own
 *
 *     world start [OPTION]... STATE                      make a world
 *     world exec [OPTION]... STATE -- COMMAND...         run COMMAND in it
 *     world stop STATE                                   end it, with all that runs in it
 *
 * A submission starts namespaces, mounts and links as root of a machine would. In a user namespace
 * right programs fail, so this is the machine's own root, in (start.c, in this order):
 *   1. cgroups with the limits, in every tree that matters, and the kernel's filters for devices and
 *      sysctls on them (cgroups.c, filters.c);
 *   2. clone3: new mount, PID, UTS and IPC namespaces; the network namespace stays the caller's, who
 *      starts it in a lab of its own; then a cgroup namespace;
 *   3. files (files.c): one tmpfs of --disk bytes holds whatever the world will write: the upper layer
 *      of an overlay on --root, /submission with a copy of --submission, /tmp, /var/tmp, /run and
 *      /var/lib/conductor, where overlays can be mounted in turn; a /dev of its own (dev.c), /proc
 *      and /sys of which only what is the world's can be written; pivot_root into it;
 *   4. capabilities that reach the machine are gone for good (confine.c);
 *   5. process 1, which reaps orphans, executes a sealed copy of this program (init.c).
 * exec joins all of that: see exec.c and join.c. The judge stays outside.
 *
 * It protects the machine from accidents, not from malice: rm -rf /, kill -9 -1, iptables -F, a fork
 * bomb or a full disk end at its walls. But root with CAP_SYS_ADMIN can mount a fresh /proc or a
 * devtmpfs, and write to /proc/sysrq-trigger there or remove nodes of the machine's /dev. Strangers'
 * submissions belong in the virtual machine.
 *
 * Privilege: the machine's own root. Linux 5.15, a cgroup v2 tree (its controllers may be v1's).
 * Exit status: 0, 1 own failure, 2 usage; of exec COMMAND's, or 128+n if signal n ended it; 124 when
 * --seconds were over; 125 own failure or wrong usage, 126 or 127 if COMMAND can't be run or isn't
 * found.
 * Leaves behind: nothing after stop; what start can't finish it takes away.
 *
 * See namespaces(7), setns(2), pivot_root(2), cgroups(7), capabilities(7), pty(7).
 */
#include "world.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/number.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char usage_text[] =
	"Usage: world start [OPTION]... STATE\n"
	"         makes a world; STATE, a directory that it makes, is its name for the judge\n"
	"         --root DIR         the Debian root (default: $GRADE_ROOT)\n"
	"         --submission DIR   what lies in /submission, as a copy\n"
	"         --hostname NAME    (host)\n"
	"         --memory BYTES     (1G)      with files in memory; K, M and G are known\n"
	"         --processes N      (512)\n"
	"         --disk BYTES       (512M)\n"
	"       world exec [OPTION]... STATE -- COMMAND [ARGUMENT]...\n"
	"         runs COMMAND there, as root, in /submission\n"
	"         --pty              on a terminal of the world's\n"
	"         --seconds N        kill it after N seconds, and exit with 124\n"
	"         --output BYTES     (16M) discard what it prints after that, on each stream\n"
	"       world stop STATE\n"
	"         ends it, with all that runs in it\n";

/* A number of bytes: 4096, 64K, 512M, 2G. Dies of another. */
static long long parse_bytes(int status, const char *text)
{
	static const char units[] = "KMG";
	char digits[24];
	size_t length = strlen(text);
	const char *unit = length ? strchr(units, text[length - 1]) : NULL;
	int shift = unit && *unit ? 10 * (int)(unit - units + 1) : 0;
	long long number;
	snprintf(digits, sizeof(digits), "%.*s", (int)length - (shift > 0), text);
	if (length >= sizeof(digits) || parse_number(digits, 1, LLONG_MAX >> 40, &number) < 0)
		die(status, "%s: no number of bytes (such as 4096, 64K, 512M or 2G)", text);
	return number << shift;
}

static long long parse_count(int status, const char *text)
{
	long long number;
	if (parse_number(text, 1, 1000000, &number) < 0)
		die(status, "%s: no number from 1 to 1000000", text);
	return number;
}

/* Letters, digits and hyphens, as hostname(7) has it. */
static bool is_hostname(const char *name)
{
	static const char known[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
	size_t length = strlen(name);
	return length > 0 && length <= 63 && strspn(name, known) == length && name[0] != '-' &&
	       name[0] != '.';
}

static int command_start(int argc, char **argv)
{
	static const struct option known[] = {
		{ "root", required_argument, NULL, 'r' },
		{ "submission", required_argument, NULL, 's' },
		{ "hostname", required_argument, NULL, 'h' },
		{ "memory", required_argument, NULL, 'm' },
		{ "processes", required_argument, NULL, 'p' },
		{ "disk", required_argument, NULL, 'd' },
		{ 0 },
	};
	struct start_options options = {
		.root = getenv("GRADE_ROOT"),
		.hostname = "host",
		.limits = { .memory_bytes = 1LL << 30,
			    .processes = 512,
			    .disk_bytes = 512LL << 20 },
	};
	for (int option; (option = getopt_long(argc, argv, "+", known, NULL)) != -1;) {
		switch (option) {
		case 'r':
			options.root = optarg;
			break;
		case 's':
			options.submission = optarg;
			break;
		case 'h':
			options.hostname = optarg;
			break;
		case 'm':
			options.limits.memory_bytes = parse_bytes(EXIT_USAGE, optarg);
			break;
		case 'p':
			options.limits.processes = parse_count(EXIT_USAGE, optarg);
			break;
		case 'd':
			options.limits.disk_bytes = parse_bytes(EXIT_USAGE, optarg);
			break;
		default:
			die(EXIT_USAGE,
			    "unknown option, or one without its value (try: world --help)");
		}
	}
	if (argc - optind != 1)
		die(EXIT_USAGE, "which state directory? (try: world --help)");
	if (!options.root)
		die(EXIT_USAGE, "which root? (try: --root \"$(tests/grade/sandbox/root)\")");
	if (!is_hostname(options.hostname))
		die(EXIT_USAGE, "%s: no hostname", options.hostname);
	options.state = argv[optind];
	return world_start(&options);
}

static int command_exec(int argc, char **argv)
{
	static const struct option known[] = {
		{ "pty", no_argument, NULL, 'p' },
		{ "seconds", required_argument, NULL, 's' },
		{ "output", required_argument, NULL, 'o' },
		{ 0 },
	};
	struct exec_options options = { .output_bytes = 16LL << 20 };
	for (int option; (option = getopt_long(argc, argv, "+", known, NULL)) != -1;) {
		switch (option) {
		case 'p':
			options.pty = true;
			break;
		case 's':
			options.seconds = parse_count(EXIT_WORLD, optarg);
			break;
		case 'o':
			options.output_bytes = parse_bytes(EXIT_WORLD, optarg);
			break;
		default:
			die(EXIT_WORLD,
			    "unknown option, or one without its value (try: world --help)");
		}
	}
	options.state = argv[optind];
	options.command = argv + optind + (options.state != NULL);
	if (options.command[0] && !strcmp(options.command[0], "--"))
		options.command++;
	if (!options.state || !options.command[0])
		die(EXIT_WORLD, "which world, and which command? (try: world --help)");
	return world_exec(&options);
}

static int command_stop(int argc, char **argv)
{
	if (argc != 2 || argv[1][0] == '-')
		die(EXIT_USAGE, "which state directory? (try: world --help)");
	return world_stop(argv[1]);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int own_failure;
		int (*run)(int argc, char **argv);
	} commands[] = {
		{ "start", EXIT_OWN_FAILURE, command_start },
		{ "exec", EXIT_WORLD, command_exec },
		{ "stop", EXIT_OWN_FAILURE, command_stop },
	};
	if (argc == 1 && !strcmp(argv[0], "init") && getpid() == 1)
		init_main();
	if (argv[1] && !strcmp(argv[1], "--help")) {
		fputs(usage_text, stdout);
		return 0;
	}
	opterr = 0; /* the messages are ours */
	for (size_t i = 0; argv[1] && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		error_context("world", commands[i].name);
		if (become_unwritable(argv) < 0)
			return commands[i].own_failure;
		return commands[i].run(argc - 1, argv + 1);
	}
	error_context("world", NULL);
	die(EXIT_USAGE, "start, exec or stop? (try: world --help)");
}
