#include "tracer.h"

#include "calls.h"
#include "notes.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

/* A stop with PTRACE_O_TRACESYSGOOD at the end of a call. */
enum { CALL_STOP = SIGTRAP | 0x80 };

static pid_t command;
static bool command_ended;

/* --- going on ------------------------------------------------------------------------------------- */

/* Lets a task go on, with a signal or 0. It may have been killed meanwhile: then its end comes next. */
static void go_on(struct task *task, int signal)
{
	long request = task->in_call == CALL_OTHER ? PTRACE_CONT : PTRACE_SYSCALL;
	call_ptrace(request, task->tid, 0, (unsigned long)signal);
}

/* --- stops ---------------------------------------------------------------------------------------- */

static bool stops_jobs(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static void on_stop(pid_t tid, int status)
{
	int event = status >> 16;
	int signal = WSTOPSIG(status);
	struct task *task = notes_meet(tid, NULL);
	if (!task)
		task = task_get(tid); /* being killed: it will not be recorded */
	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		notes_birth(task, event);
		break;
	case PTRACE_EVENT_EXEC:
		notes_exec(task);
		break;
	case PTRACE_EVENT_EXIT:
		notes_exit_begun(task);
		break;
	case PTRACE_EVENT_SECCOMP:
		notes_call(task);
		break;
	case PTRACE_EVENT_STOP:
		if (stops_jobs(signal)) { /* it stays stopped, and SIGCONT can wake it */
			call_ptrace(PTRACE_LISTEN, tid, 0, 0);
			return;
		}
		break;
	default:
		if (signal != CALL_STOP) {
			go_on(task, signal);
			return;
		}
		notes_result(task);
	}
	go_on(task, 0);
}

/* --- the loop ------------------------------------------------------------------------------------- */

int tracer_seize(pid_t pid)
{
	unsigned long options = PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
				PTRACE_O_TRACEEXIT | PTRACE_O_TRACEFORK | PTRACE_O_TRACESECCOMP |
				PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEVFORK;
	if (call_ptrace(PTRACE_SEIZE, pid, 0, options) < 0)
		return -1;
	task_get(pid); /* no process of the record before its program is executed */
	return 0;
}

/* Handles one event. False when there is none yet (WNOHANG), or nobody left: errno is ECHILD. */
static bool handle_next(int options)
{
	int status;
	errno = 0;
	pid_t tid = waitpid(-1, &status, __WALL | options);
	if (tid <= 0)
		return tid < 0 && errno == EINTR;
	if (WIFSTOPPED(status))
		on_stop(tid, status);
	else
		notes_ended(tid, status);
	command_ended = command_ended || (tid == command && !WIFSTOPPED(status));
	return true;
}

/* What is about to end with the command is let end, so that the record has it. */
static void linger(const struct record *record, long linger_ms)
{
	sigset_t child;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	long deadline = record_now(record) + linger_ms * 1000;
	for (long left; (left = deadline - record_now(record)) > 0;) {
		struct timespec rest = { left / 1000000, left % 1000000 * 1000 };
		while (handle_next(WNOHANG))
			continue;
		if (errno == ECHILD)
			return;
		sigtimedwait(&child, NULL, &rest);
	}
}

bool tracer_follow(struct record *record, pid_t its_command, long linger_ms)
{
	command = its_command;
	notes_begin(record, command);
	while (!command_ended && handle_next(0))
		continue;
	record->duration_us = record_now(record);
	linger(record, linger_ms);
	return notes_end();
}

void tracer_stay(void)
{
	while (handle_next(0))
		continue;
}
