#include "notes.h"

#include "common/process.h"
#include "observe.h"

#include <limits.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static struct record *record; /* NULL: no longer recording */
static pid_t command;
static bool command_began;
static int unclaimed; /* processes that ended before their maker's stop was heard of */

void notes_begin(struct record *its_record, pid_t its_command)
{
	record = its_record;
	command = its_command;
}

bool notes_end(void)
{
	record = NULL;
	return command_began;
}

static unsigned long event_message(pid_t tid)
{
	unsigned long message = 0;
	call_ptrace(PTRACE_GETEVENTMSG, tid, 0, (unsigned long)&message);
	return message;
}

/* --- what is recorded ----------------------------------------------------------------------------- */

/* A new state of the task's process, with what /proc says now; NULL when it isn't recorded. */
static struct state *note(struct task *task, enum event event)
{
	if (!record || !task->process)
		return NULL;
	struct state *state = record_state(record, task->process, event);
	if (state) {
		state->tid = task->tid;
		observe(task->tid, &state->view);
	}
	return state;
}

static void add_process(struct task *task, struct process *parent)
{
	task->process = record ? record_process(record, task->tid, parent) : NULL;
	if (task->process) {
		task->process->threads = 1;
		note(task, EVENT_BIRTH);
	}
}

struct task *notes_meet(pid_t tid, struct task *maker)
{
	pid_t process;
	pid_t parent;
	struct task *task = task_find(tid);
	if (task || observe_family(tid, &process, &parent) < 0)
		return task;
	task = task_get(tid);
	if (process == tid) {
		struct task *above = maker ? maker : task_find(parent);
		add_process(task, above ? above->process : NULL);
		return task;
	}
	struct task *leader = task_find(process);
	task->process = leader ? leader->process : NULL;
	if (task->process)
		task->process->threads++;
	return task;
}

/* One of the unclaimed. (It may still be in /proc: only its parent can take a zombie away.) */
static struct process *claim_ended(pid_t pid)
{
	for (size_t i = record && unclaimed ? record->process_count : 0; i > 0; i--) {
		struct process *process = record->processes[i - 1];
		if (process->pid == pid && !process->parent_told &&
		    process->ending != STILL_RUNNING) {
			unclaimed--;
			return process;
		}
	}
	return NULL;
}

/* A process that was killed before anything could be read of it. */
static struct process *add_unseen(pid_t pid, struct process *parent)
{
	struct process *process = record_process(record, pid, parent);
	if (process)
		record_state(record, process, EVENT_BIRTH);
	return process;
}

void notes_birth(struct task *maker, int event)
{
	static const char *const names[] = { [PTRACE_EVENT_FORK] = "fork",
					     [PTRACE_EVENT_VFORK] = "vfork",
					     [PTRACE_EVENT_CLONE] = "clone" };
	pid_t tid = (pid_t)event_message(maker->tid);
	uint64_t flags = 0;
	bool told = call_clone_flags(maker->tid, &flags);
	maker->made_one = true;
	struct process *child = task_find(tid) ? NULL : claim_ended(tid);
	struct task *task = child ? NULL : notes_meet(tid, maker);
	if (!record || !maker->process || (flags & CLONE_THREAD))
		return;
	if (task)
		child = task->process;
	if (!child && !task)
		child = add_unseen(tid, maker->process);
	if (!child || child->pid != tid || child->parent_told)
		return; /* a thread */
	child->parent = maker->process;
	child->parent_told = true;
	if (child->first)
		child->first->detail = told ? call_flag_names(flags) : names[event];
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

/* By its file; where that has no name (deleted, in memory, the root of a mount), as it was called. */
static const char *program_name(const struct state *state)
{
	const char *exe = state->view.exe;
	if (exe && strcmp(exe, "/") != 0 && !strstr(exe, " (deleted)"))
		return base_name(exe);
	return state->argv ? base_name(state->argv) : "?";
}

/* Threads are gone by now, and whichever made the call has the process's number. */
void notes_exec(struct task *task)
{
	pid_t former = (pid_t)event_message(task->tid);
	struct task *thread = former == task->tid ? NULL : task_find(former);
	if (thread)
		task_remove(former);
	task->exiting = false;
	task->in_call = CALL_OTHER;
	if (task->process)
		task->process->threads = 1;
	if (task->tid == command && !command_began) {
		command_began = true;
		add_process(task, NULL);
	}
	struct state *state = note(task, EVENT_EXEC);
	if (!state)
		return;
	state->detail = state->view.exe;
	state->argv = observe_command_line(task->tid, &state->argv_size);
	state->root_entries = observe_root_entries(task->tid, &state->root_entries_size);
	state->program = program_name(state);
	if (state->previous && !state->previous->previous && !task->process->parent)
		state->previous->program = state->program; /* the command begins as what it is */
}

void notes_exit_begun(struct task *task)
{
	if (task->exiting)
		return;
	task->exiting = true;
	if (task->process && --task->process->threads <= 0)
		note(task, EVENT_EXIT);
}

/* --- calls ---------------------------------------------------------------------------------------- */

/* A number for the descriptor, as the flags alone may be 0. */
static void note_setns(struct task *task, const struct call_seen *seen)
{
	struct state *state = note(task, EVENT_SETNS);
	if (!state)
		return;
	state->detail = call_flag_names((uint32_t)seen->arguments[1]);
	state->target = observe_descriptor(task->tid, (int)seen->arguments[0]);
	task->call_state = state;
}

static void note_text(struct task *task, enum event event, uint64_t address, size_t size)
{
	struct state *state = note(task, event);
	if (!state)
		return;
	state->detail = call_text(task->tid, address, size);
	task->call_state = state;
}

static void note_call(struct task *task, const struct call_seen *seen)
{
	struct state *state;
	switch (seen->call) {
	case CALL_SETNS:
		note_setns(task, seen);
		break;
	case CALL_UNSHARE:
		state = note(task, EVENT_UNSHARE);
		if (state)
			state->detail = call_flag_names((uint32_t)seen->arguments[0]);
		task->call_state = state;
		break;
	case CALL_SETHOSTNAME:
		note_text(task, EVENT_SETHOSTNAME, seen->arguments[0],
			  seen->arguments[1] < 256 ? (size_t)seen->arguments[1] : 256);
		break;
	case CALL_CHROOT:
		note_text(task, EVENT_CHROOT, seen->arguments[0], PATH_MAX);
		break;
	case CALL_PIVOT_ROOT:
		note_text(task, EVENT_PIVOT_ROOT, seen->arguments[0], PATH_MAX);
		break;
	default:
		break;
	}
}

static int number_of(const struct task *task)
{
	return task->process ? task->process->n : 0;
}

/* At the entry of a call. It is noted before, and looked at again after: a call that never returns
 * was made all the same. */
void notes_call(struct task *task)
{
	struct call_seen seen;
	if (call_read(task->tid, &seen) < 0)
		return;
	if (seen.foreign && record)
		record_warning(record,
			       "process %d made calls of a kind of machine that the witness "
			       "can't read",
			       number_of(task));
	if (seen.call == CALL_SECCOMP && record)
		record_warning(record,
			       "process %d has its calls answered by another process "
			       "(seccomp's user notification), which may hide some",
			       number_of(task));
	if (seen.foreign || seen.call == CALL_OTHER || seen.call == CALL_SECCOMP)
		return;
	if (seen.call == CALL_CLONE || seen.call == CALL_CLONE3)
		call_strip_untraced(task->tid, &seen);
	task->call_state = NULL;
	note_call(task, &seen);
	task->made_one = false;
	task->in_call = seen.call;
}

void notes_result(struct task *task)
{
	long result;
	enum call call = task->in_call;
	struct state *state = task->call_state;
	task->in_call = CALL_OTHER;
	task->call_state = NULL;
	if (!record || !call_result(task->tid, &result))
		return;
	if ((call == CALL_CLONE || call == CALL_CLONE3) && result > 0 && !task->made_one)
		record_warning(record, "process %d made one that escaped the witness",
			       number_of(task));
	if (!state)
		return;
	state->returned = true;
	state->result = (int)result;
	state->us = record_now(record);
	if (result == 0) {
		state->view = (struct view){ 0 };
		observe(task->tid, &state->view);
	}
}

/* --- ends ---------------------------------------------------------------------------------------- */

void notes_ended(pid_t tid, int status)
{
	struct task *task = task_find(tid);
	struct process *process = task ? task->process : NULL;
	if (task && process && !task->exiting)
		process->threads--;
	if (record && tid == command)
		record->status = exit_status_of(status);
	if (record && process && process->pid == tid) {
		struct state *last = process->last;
		if (last && last->event != EVENT_EXIT) { /* killed at once: it is as it was */
			struct state *state = record_state(record, process, EVENT_EXIT);
			if (state)
				state->view = last->view;
		}
		process->ended_us = record_now(record);
		unclaimed += !process->parent_told && tid != command;
		process->ending = WIFSIGNALED(status) ? ENDED_BY_SIGNAL : ENDED_BY_EXIT;
		process->code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	}
	task_remove(tid);
}
