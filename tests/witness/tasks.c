#include "tasks.h"

#include <stdlib.h>

enum { BUCKETS = 1024 };

static struct task *buckets[BUCKETS];

/* Where the task is pointed to, or would be. */
static struct task **place(pid_t tid)
{
	struct task **place = &buckets[(unsigned)tid % BUCKETS];
	while (*place && (*place)->tid != tid)
		place = &(*place)->next;
	return place;
}

struct task *task_find(pid_t tid)
{
	return *place(tid);
}

struct task *task_get(pid_t tid)
{
	struct task **at = place(tid);
	if (!*at) {
		*at = grow(NULL, sizeof(**at));
		**at = (struct task){ .tid = tid };
	}
	return *at;
}

void task_remove(pid_t tid)
{
	struct task **at = place(tid);
	struct task *gone = *at;
	if (gone) {
		*at = gone->next;
		free(gone);
	}
}
