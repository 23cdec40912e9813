/* The threads that are being traced, by their numbers. */
#ifndef TESTS_WITNESS_TASKS_H
#define TESTS_WITNESS_TASKS_H

#include "calls.h"
#include "record.h"

struct task {
	struct task *next;
	pid_t tid;
	struct process *process;  /* NULL: not recorded */
	bool exiting;		  /* its end has begun */
	enum call in_call;	  /* whose result it will stop for, or CALL_OTHER */
	struct state *call_state; /* where that result goes, or NULL */
	bool made_one;		  /* it made a child or a thread since that call began */
};

struct task *task_find(pid_t tid);

/* Finds it or adds it. */
struct task *task_get(pid_t tid);

void task_remove(pid_t tid);

#endif
