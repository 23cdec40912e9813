/*
 * fault: lets one system call of a program fail, or kills the program at it.
 *
 *     fault record FILE FIRST -- PROGRAM [ARGUMENT...]     writes each call to FILE, a line each
 *     fault fail FILE FIRST PROCESS CALL N ERROR -- ...    the N-th CALL of PROCESS fails
 *     fault kill FILE FIRST PROCESS CALL N -- ...          SIGKILL at it, which never happens then
 *
 * PROCESS is 0 for the program itself, 0.1 for its first child, 0.1.2 for the second child of that:
 * names that are the same at each run, as process ids are not. A line of the record is "PROCESS CALL
 * N", the last one "end"; calls count from FIRST on, with which main begins: what loader and libc do before is not the
 * program's. A process that executes another program is left alone from there.
 *
 * strace's own injection counts for each process on its own, so that a fault meant for one would hit
 * all that are born from it; a sweep wants one fault, once.
 *
 * Ends with the program's status (128+N for a signal) when it does; a second process of it stays
 * until the fault was put in place, or until all that it traces has ended. FILE holds "hit" from the
 * moment of the fault on. ERROR is a number. 125: own failure.
 *
 * ptrace(2), PTRACE_GET_SYSCALL_INFO (Linux 5.3)
 */
#include "tracee.h"

#include "common/error.h"
#include "common/number.h"
#include "common/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_CALL = 1024, MAX_PROCESSES = 512, NAME_SIZE = 64, OWN_FAILURE = 125 };

static const char *const call_names[MAX_CALL] = {
#define CALL(name) [SYS_##name] = #name,
#if __has_include("calls.h") /* made by the Makefile from the kernel's own list */
#include "calls.h"
#endif
#undef CALL
};

/* A process that is traced. */
struct process {
	pid_t pid; /* 0: a free place */
	char name[NAME_SIZE];
	int children;
	bool in_main; /* FIRST was seen since it was executed */
	bool known;   /* it has its name; before that it waits, stopped */
	bool failing; /* the call that it is in is to fail */
	int *counts;  /* of each call */
};

enum { RECORD, FAIL, KILL };

struct plan {
	int what; /* one of these */
	int first;
	char process[NAME_SIZE];
	int call;
	long long n;
	int error;
	struct stat file; /* the program's */
	FILE *out;
	bool done;
};

static struct process processes[MAX_PROCESSES];

static struct process *find(pid_t pid)
{
	for (int i = 0; i < MAX_PROCESSES; i++) {
		if (processes[i].pid == pid)
			return &processes[i];
	}
	return NULL;
}

/* A child's first stop may come before its parent's news of it: whichever is first makes it. */
static struct process *find_or_make(pid_t pid)
{
	struct process *process = find(pid);
	if (process)
		return process;
	struct process *place = find(0);
	int *counts = place ? calloc(MAX_CALL, sizeof(*counts)) : NULL;
	if (counts)
		*place = (struct process){ .pid = pid, .counts = counts };
	else
		die(OWN_FAILURE, "no room for more than %d processes", MAX_PROCESSES);
	return place;
}

static void forget(struct process *process)
{
	free(process->counts);
	*process = (struct process){ 0 };
}

static void go_on(pid_t pid, int signal)
{
	tracee_request(PTRACE_SYSCALL, pid, 0, (unsigned)signal);
}

static void leave(struct process *process, int signal)
{
	tracee_request(PTRACE_DETACH, process->pid, 0, (unsigned)signal);
	forget(process);
}

/* Everything but what must still be told its failure may run free after the fault. */
static bool is_needed(const struct plan *plan, const struct process *process)
{
	return !plan->done || process->failing;
}

static void note_hit(struct plan *plan)
{
	plan->done = true;
	fprintf(plan->out, "hit\n");
	fflush(plan->out);
}

/* At the entry of a call that counts. */
static void at_call(struct plan *plan, struct process *process, int call)
{
	int n = ++process->counts[call];
	if (plan->what == RECORD) {
		if (call_names[call])
			fprintf(plan->out, "%s %s %d\n", process->name, call_names[call], n);
		return;
	}
	if (plan->done || call != plan->call || n != plan->n ||
	    strcmp(process->name, plan->process) != 0)
		return;
	note_hit(plan);
	if (plan->what == KILL)
		kill(process->pid, SIGKILL);
	else if (tracee_skip_call(process->pid) == 0)
		process->failing = true;
}

/* True when the process may go on being traced. */
static void at_syscall_stop(struct plan *plan, struct process *process)
{
	int call = tracee_call(process->pid);
	if (call >= 0 && call < MAX_CALL) {
		process->in_main |= call == plan->first;
		if (process->in_main)
			at_call(plan, process, call);
	} else if (process->failing) {
		tracee_fail_call(process->pid, plan->error);
		process->failing = false;
	}
}

static void at_birth(struct process *parent)
{
	unsigned long pid;
	if (tracee_request(PTRACE_GETEVENTMSG, parent->pid, 0, (unsigned long)&pid) < 0)
		return;
	struct process *child = find_or_make((pid_t)pid);
	int size = snprintf(child->name, sizeof(child->name), "%s.%d", parent->name,
			    ++parent->children);
	if (size >= (int)sizeof(child->name))
		die(OWN_FAILURE, "too many generations");
	child->in_main = parent->in_main;
	if (child->known) /* it has stopped already, and waits for this */
		go_on(child->pid, 0);
	child->known = true;
}

/* Is it still the program under test, by whatever name, or a copy of it in memory? */
static bool is_program(const struct plan *plan, pid_t pid)
{
	char link[64];
	char path[PATH_MAX];
	struct stat status;
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	ssize_t size = readlink(link, path, sizeof(path) - 1);
	path[size < 0 ? 0 : size] = '\0';
	return strncmp(path, "/memfd:", 7) == 0 ||
	       (stat(link, &status) == 0 && status.st_dev == plan->file.st_dev &&
		status.st_ino == plan->file.st_ino);
}

/* A stop that is ptrace's own news. */
static void at_event(struct plan *plan, struct process *process, int event, int signal)
{
	pid_t pid = process->pid;
	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		at_birth(process);
		break;
	case PTRACE_EVENT_EXEC:
		process->in_main = false;
		if (!is_program(plan, pid)) {
			leave(process, 0);
			return;
		}
		break;
	case PTRACE_EVENT_STOP:
		if (signal != SIGTRAP) { /* it is stopped by a signal: until the next one */
			tracee_request(PTRACE_LISTEN, pid, 0, 0);
			return;
		}
		if (!process->known) {
			process->known = true;
			if (!*process->name)
				return; /* its parent's news is still to come */
		}
		break;
	}
	if (is_needed(plan, process))
		go_on(pid, 0);
	else
		leave(process, 0);
}

static void at_stop(struct plan *plan, pid_t pid, int status)
{
	struct process *process = find_or_make(pid);
	int signal = WSTOPSIG(status);
	if (status >> 16) {
		at_event(plan, process, status >> 16, signal);
		return;
	}
	if (signal == (SIGTRAP | 0x80)) {
		at_syscall_stop(plan, process);
		signal = 0;
	}
	if (is_needed(plan, process))
		go_on(pid, signal);
	else
		leave(process, signal);
}

/* Until nothing is traced any more. The main process's end is told as soon as it comes. */
static void trace(struct plan *plan, pid_t main_pid, int end)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid > 0 && WIFSTOPPED(status)) {
			at_stop(plan, pid, status);
		} else if (pid > 0) {
			struct process *process = find(pid);
			if (process)
				forget(process);
			unsigned char told = (unsigned char)exit_status_of(status);
			if (pid == main_pid && write(end, &told, 1) == 1)
				close(end);
		}
	}
}

/* The program waits at a pipe until it is traced. */
static pid_t start(char *const argv[], int *go)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		die_errno(OWN_FAILURE, "", "cannot make a pipe");
	pid_t pid = fork();
	if (pid < 0)
		die_errno(OWN_FAILURE, "", "cannot fork");
	if (pid == 0) {
		char word;
		close(ends[1]);
		if (read(ends[0], &word, 1) == 1)
			execv(argv[0], argv);
		die_errno(OWN_FAILURE, "", "%s", argv[0]);
	}
	close(ends[0]);
	*go = ends[1];
	return pid;
}

_Noreturn static void be_tracer(struct plan *plan, char *const argv[], int end)
{
	int go;
	pid_t pid = start(argv, &go);
	struct process *process = find_or_make(pid);
	snprintf(process->name, sizeof(process->name), "0");
	process->known = true;
	unsigned long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
				PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
	if (tracee_request(PTRACE_SEIZE, pid, 0, options) < 0)
		die_errno(OWN_FAILURE, "", "cannot trace");
	/* Stopped once, so that it can be told to stop at each call. */
	if (tracee_request(PTRACE_INTERRUPT, pid, 0, 0) < 0 || write(go, "g", 1) != 1)
		die_errno(OWN_FAILURE, "", "cannot begin");
	close(go);
	/* Its output is the program's only: whoever reads it waits for no tracer. */
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	setsid();
	trace(plan, pid, end);
	fprintf(plan->out, "end\n");
	fclose(plan->out);
	_exit(0);
}

static int find_call(const char *name)
{
	for (int i = 0; i < MAX_CALL; i++) {
		if (call_names[i] && strcmp(call_names[i], name) == 0)
			return i;
	}
	die(2, "%s: no such system call", name);
}

_Noreturn static void usage(void)
{
	die(2, "usage: fault record FILE FIRST -- PROGRAM..., fault fail FILE FIRST PROCESS CALL N "
	       "ERROR -- PROGRAM..., fault kill FILE FIRST PROCESS CALL N -- PROGRAM...");
}

/* Returns where the program's own words begin. */
static char **parse(char *argv[], struct plan *plan)
{
	static const char *const words[] = { "record", "fail", "kill" };
	static const int counts[] = { 3, 7, 6 };
	long long error = 0;
	int what = 0;
	while (what < 3 && argv[1] && strcmp(argv[1], words[what]) != 0)
		what++;
	int given = 0;
	while (argv[given + 1] && strcmp(argv[given + 1], "--") != 0)
		given++;
	if (what == 3 || given != counts[what] || !argv[given + 1] || !argv[given + 2])
		usage();
	*plan = (struct plan){ .what = what, .first = find_call(argv[3]) };
	if (what != RECORD) {
		snprintf(plan->process, sizeof(plan->process), "%s", argv[4]);
		plan->call = find_call(argv[5]);
		if (parse_number(argv[6], 1, INT_MAX, &plan->n) < 0 ||
		    (what == FAIL && parse_number(argv[7], 1, 4095, &error) < 0))
			usage();
	}
	plan->error = (int)error;
	char **program = argv + given + 2;
	if (stat(program[0], &plan->file) < 0)
		die_errno(OWN_FAILURE, "", "%s", program[0]);
	plan->out = fopen(argv[2], "we");
	if (!plan->out)
		die_errno(OWN_FAILURE, "", "%s", argv[2]);
	return program;
}

int main(int argc, char *argv[])
{
	struct plan plan;
	int end[2];
	unsigned char status = OWN_FAILURE;
	error_context("fault", NULL);
	if (argc < 2)
		usage();
	char **program = parse(argv, &plan);
	if (pipe2(end, O_CLOEXEC) < 0)
		die_errno(OWN_FAILURE, "", "cannot make a pipe");
	pid_t tracer = fork();
	if (tracer < 0)
		die_errno(OWN_FAILURE, "", "cannot fork");
	if (tracer == 0) {
		close(end[0]);
		be_tracer(&plan, program, end[1]);
	}
	close(end[1]);
	if (read(end[0], &status, 1) != 1)
		status = OWN_FAILURE; /* it has said why */
	_exit(status);
}
