/*
 * witness - records what the processes of a command do with namespaces, as the kernel saw it
 *
 *     witness [-o FILE] [--text|--json|--svg] [--linger MS] [--] COMMAND [ARGUMENT]...
 *
 * In order: the files are opened; a child becomes the tracer (tracer.c); its own child waits to be
 * seized by ptrace(2), puts a seccomp filter on itself (filter.c) and executes COMMAND, with the
 * caller's descriptors, terminal, directory and signals. From then on every process that descends
 * from it stops for a moment where it is born, executes a program, calls setns, unshare, sethostname,
 * chroot or pivot_root, and ends; the tracer reads in /proc what it is then (observe.c) and lets it
 * go on. When COMMAND ends, the record is written and the witness ends with COMMAND's exit status.
 *
 * --text is for reading: a timeline, the tree of processes, the table of namespaces. --json has all
 * (README.md says what), --svg is a picture. -o FILE: there, not on standard error; it is opened
 * before COMMAND begins, which gets no descriptor of it. Several formats, with as many -o: the first
 * goes to the first file, and so on.
 * --linger MS: processes that outlive COMMAND are waited for so long (100). Those that live on then
 * are noted as left running, and the tracer stays with them, unseen, until they end: the filter needs
 * one. They are killed if it is.
 *
 * Privilege: none, and sees all that the user may see. Without CAP_SYS_ADMIN set-user-ID programs
 * get nothing by it (no_new_privs). COMMAND can't use ptrace on what is traced already (strace, gdb).
 * Linux 5.10 on x86_64 or arm64, with /proc of the own pid namespace.
 * Exit status: COMMAND's, or 128+n if signal n ended it; 125 for a failure of the witness, 126 or 127
 * if COMMAND can't be run or isn't found, 2 for wrong usage. SIGTERM and SIGHUP are passed on to
 * COMMAND, and end the witness once COMMAND has ended; SIGINT and SIGQUIT, which a terminal sends to
 * COMMAND itself, are ignored.
 */
#include "witness.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/handshake.h"
#include "common/libraries.h"
#include "common/number.h"
#include "common/syscalls.h"
#include "filter.h"
#include "observe.h"
#include "tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_OUTPUTS = 3 };

typedef void writer(FILE *out, const struct record *record);

struct options {
	writer *formats[MAX_OUTPUTS];
	const char *files[MAX_OUTPUTS];
	FILE *outputs[MAX_OUTPUTS];
	int format_count;
	int file_count;
	long linger_ms;
	char **command;
};

/* What COMMAND is to find as the caller left it. */
static const int changed_signals[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
enum { CHANGED_SIGNALS = sizeof(changed_signals) / sizeof(changed_signals[0]) };

struct signals {
	struct sigaction actions[CHANGED_SIGNALS];
	sigset_t mask;
};

static const char usage_text[] =
	"usage: witness [-o FILE] [--text|--json|--svg] [--linger MS] [--] COMMAND [ARGUMENT]...";

/* --- options -------------------------------------------------------------------------------------- */

static void add_format(struct options *options, writer *format)
{
	if (options->format_count == MAX_OUTPUTS)
		die(EXIT_USAGE, "%s", usage_text);
	options->formats[options->format_count++] = format;
}

static void add_file(struct options *options, const char *file)
{
	if (options->file_count == MAX_OUTPUTS)
		die(EXIT_USAGE, "%s", usage_text);
	options->files[options->file_count++] = file;
}

static void read_linger(struct options *options, const char *text)
{
	long long value;
	if (parse_number(text, 0, 3600000, &value) < 0)
		die_errno(EXIT_USAGE, "milliseconds", "--linger: %s", text);
	options->linger_ms = (long)value;
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{ "json", no_argument, NULL, 'j' }, { "linger", required_argument, NULL, 'l' },
		{ "svg", no_argument, NULL, 's' },  { "text", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 }
	};
	for (int option; (option = getopt_long(argc, argv, "+o:", names, NULL)) != -1;) {
		switch (option) {
		case 'j':
			add_format(options, write_json);
			break;
		case 's':
			add_format(options, write_svg);
			break;
		case 't':
			add_format(options, write_text);
			break;
		case 'o':
			add_file(options, optarg);
			break;
		case 'l':
			read_linger(options, optarg);
			break;
		case 'h':
			puts(usage_text);
			exit(0);
		default: /* getopt has said what is wrong */
			die(EXIT_USAGE, "%s", usage_text);
		}
	}
	options->command = argv + optind;
	if (options->format_count == 0)
		add_format(options, write_text);
	if (!options->command[0])
		die(EXIT_USAGE, "%s", usage_text);
	if (options->file_count != options->format_count &&
	    (options->file_count != 0 || options->format_count != 1))
		die(EXIT_USAGE, "%d formats need as many -o FILE", options->format_count);
}

static void open_outputs(struct options *options)
{
	for (int i = 0; i < options->format_count; i++) {
		const char *file = options->files[i];
		int fd =
			file ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666)
			     : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
		options->outputs[i] = fd < 0 ? NULL : fdopen(fd, "w");
		if (!options->outputs[i])
			die_errno(EXIT_WITNESS, "", "cannot write to %s", file ? file : "stderr");
	}
}

/* False when one could not be written. */
static bool write_outputs(const struct options *options, const struct record *record)
{
	bool written = true;
	for (int i = 0; i < options->format_count; i++) {
		options->formats[i](options->outputs[i], record);
		bool failed = ferror(options->outputs[i]);
		if (fclose(options->outputs[i]) == 0 && !failed)
			continue;
		report_errno("", "cannot write to %s",
			     options->files[i] ? options->files[i] : "stderr");
		written = false;
	}
	return written;
}

/* --- the command ---------------------------------------------------------------------------------- */

static void signals_take(struct signals *signals)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGHUP);
	sigprocmask(SIG_BLOCK, &blocked, &signals->mask);
	for (int i = 0; i < CHANGED_SIGNALS; i++) {
		bool passed_on = changed_signals[i] == SIGTERM || changed_signals[i] == SIGHUP;
		sigaction(changed_signals[i], passed_on ? NULL : &ignore, &signals->actions[i]);
	}
}

static void signals_give_back(const struct signals *signals)
{
	for (int i = 0; i < CHANGED_SIGNALS; i++)
		sigaction(changed_signals[i], &signals->actions[i], NULL);
	sigprocmask(SIG_SETMASK, &signals->mask, NULL);
}

_Noreturn static void run_command(const struct options *options, const struct signals *signals,
				  int to_tracer)
{
	if (handshake_hear(to_tracer, NULL, NULL) != HANDSHAKE_GO)
		_exit(EXIT_WITNESS);
	if (filter_install() < 0)
		handshake_fail(to_tracer, EXIT_WITNESS, "cannot install the seccomp filter");
	signals_give_back(signals);
	execvp(options->command[0], options->command);
	/* execvp says EACCES of a name that is nowhere, if it may not search one directory. */
	int error = errno;
	AUTO_FREE char *found = find_on_path(options->command[0]);
	errno = found ? error : ENOENT;
	handshake_fail(to_tracer, errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN,
		       "cannot run %s", options->command[0]);
}

/* --- the tracer, the witness's child -------------------------------------------------------------- */

/* Starts COMMAND and returns when it has been let go; the front gets a pidfd of it, as its number is
 * another's once we have waited for it. */
static pid_t start(const struct options *options, const struct signals *signals, int *from_command,
		   int to_front)
{
	int command_end;
	if (handshake_pair(from_command, &command_end) < 0)
		die_errno(EXIT_WITNESS, "", "cannot make a socket pair");
	pid_t command = fork();
	if (command < 0)
		die_errno(EXIT_WITNESS, "", "cannot fork");
	if (command == 0) {
		close(*from_command);
		run_command(options, signals, command_end);
	}
	close(command_end);
	if (tracer_seize(command) < 0)
		die_errno(EXIT_WITNESS,
			  errno == EPERM
				  ? "it is traced already, or /proc/sys/kernel/yama/ptrace_scope "
				    "forbids it"
				  : "",
			  "cannot trace %s", options->command[0]);
	AUTO_CLOSE int pidfd = sys_pidfd_open(command);
	if (pidfd < 0 || handshake_tell(to_front, HANDSHAKE_GO, pidfd) < 0)
		die_errno(EXIT_WITNESS, "", "cannot open %s", options->command[0]);
	handshake_tell(*from_command, HANDSHAKE_GO, -1);
	return command;
}

static int say_why_not(int from_command)
{
	struct handshake_failure failure = { .status = EXIT_WITNESS };
	if (handshake_hear(from_command, &failure, NULL) != HANDSHAKE_FAILED) {
		report("COMMAND was killed before it began");
		return EXIT_WITNESS;
	}
	errno = failure.errnum;
	report_errno(errno == ENOSYS ? "this machine's calls are not known to the witness" : "",
		     "%s", failure.text);
	return failure.status;
}

/* Tells the end, and holds nothing of the caller's any longer: neither its pipes nor its directory. */
static void let_go(int to_front, int status)
{
	prctl(PR_SET_PDEATHSIG, 0);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	if (chdir("/") < 0)
		report_errno("", "cannot change to /");
	ssize_t told = write(to_front, &status, sizeof(status));
	(void)told; /* without a front the tracer has been killed */
	sys_close_range(STDERR_FILENO + 1, ~0U, 0);
}

_Noreturn static void trace(const struct options *options, const struct signals *signals,
			    int to_front)
{
	struct record record;
	int from_command;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (observe_begin() < 0)
		die_errno(EXIT_WITNESS, errno == ESRCH ? "/proc is another pid namespace's" : "",
			  "cannot read /proc");
	record_begin(&record, options->command);
	pid_t command = start(options, signals, &from_command, to_front);
	if (!tracer_follow(&record, command, options->linger_ms))
		record.status = say_why_not(from_command);
	else if (!write_outputs(options, &record))
		record.status = EXIT_WITNESS;
	let_go(to_front, record.status);
	tracer_stay();
	_exit(0);
}

/* --- the front: what the caller sees -------------------------------------------------------------- */

static int command_pidfd;

/* To COMMAND; once that has ended, to whoever waits for the rest: us. */
static void pass_on(int number)
{
	if (sys_pidfd_send_signal(command_pidfd, number) == 0)
		return;
	signal(number, SIG_DFL);
	raise(number);
}

/* Waits for the tracer's word of how COMMAND ended. */
static int await(int from_tracer, const struct signals *signals)
{
	struct sigaction passing = { .sa_handler = pass_on };
	int status;
	ssize_t got;
	if (handshake_hear(from_tracer, NULL, &command_pidfd) != HANDSHAKE_GO)
		return EXIT_WITNESS; /* the tracer has said why */
	for (int i = 0; i < CHANGED_SIGNALS; i++) {
		if (changed_signals[i] == SIGTERM || changed_signals[i] == SIGHUP)
			sigaction(changed_signals[i], &passing, NULL);
	}
	sigprocmask(SIG_SETMASK, &signals->mask, NULL);
	do {
		got = read(from_tracer, &status, sizeof(status));
	} while (got < 0 && errno == EINTR);
	if (got != sizeof(status)) {
		report("the tracer was killed");
		return EXIT_WITNESS;
	}
	return status;
}

int main(int argc, char **argv)
{
	struct options options = { .linger_ms = 100 };
	struct signals signals;
	int from_tracer;
	int to_front;
	error_context("witness", NULL);
	parse(argc, argv, &options);
	open_outputs(&options);
	signals_take(&signals);
	if (handshake_pair(&from_tracer, &to_front) < 0)
		die_errno(EXIT_WITNESS, "", "cannot make a socket pair");
	pid_t tracer = fork();
	if (tracer < 0)
		die_errno(EXIT_WITNESS, "", "cannot fork");
	if (tracer == 0) {
		close(from_tracer);
		trace(&options, &signals, to_front);
	}
	close(to_front);
	return await(from_tracer, &signals);
}
