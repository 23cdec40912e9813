/*
 * A pool of threads. One thread, the owner, gives work and collects it when it is done; whoever has
 * the work, owner or worker, has it alone, so the work itself needs no lock.
 *
 *     owner:  workers_give  ->  [queue]  ->  a worker runs it  ->  [done]  ->  workers_collect
 *
 * The descriptor done_fd becomes readable when there is something to collect, so that the owner can
 * wait for it in poll(2) together with its sockets. pthreads(7), eventfd(2)
 */
#ifndef TASK4_WORKERS_H
#define TASK4_WORKERS_H

#include <pthread.h>
#include <stdbool.h>

/* Stands first in the structure that is worked on. */
struct work {
	struct work *next;
};

typedef void work_function(struct work *work, void *arg);

struct work_list {
	struct work *first;
	struct work *last;
};

struct workers {
	work_function *run;
	void *arg;
	pthread_t *threads;
	unsigned thread_count;
	pthread_mutex_t lock;	/* guards what follows */
	pthread_cond_t wake;	/* there is something in the queue, or it is time to stop */
	struct work_list queue; /* first in, first out */
	struct work_list done;
	bool stopping;
	int done_fd;
};

/* Starts so many threads, which call run(work, arg). 0, or -1 with errno and none running. */
int workers_start(struct workers *workers, unsigned threads, work_function *run, void *arg);

void workers_give(struct workers *workers, struct work *work);

/* All that is done, linked by next, or NULL. Never waits. */
struct work *workers_collect(struct workers *workers);

/* Lets every thread finish what it is at, waits for that, and frees everything. */
void workers_stop(struct workers *workers);

#endif
