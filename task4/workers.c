#include "workers.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void append(struct work_list *list, struct work *work)
{
	work->next = NULL;
	if (list->last)
		list->last->next = work;
	else
		list->first = work;
	list->last = work;
}

static struct work *take_first(struct work_list *list)
{
	struct work *work = list->first;
	list->first = work->next;
	if (!list->first)
		list->last = NULL;
	return work;
}

/* Waits for work and takes it; NULL when it is time to stop. */
static struct work *wait_for_work(struct workers *workers)
{
	pthread_mutex_lock(&workers->lock);
	while (!workers->queue.first && !workers->stopping)
		pthread_cond_wait(&workers->wake, &workers->lock);
	struct work *work = workers->stopping ? NULL : take_first(&workers->queue);
	pthread_mutex_unlock(&workers->lock);
	return work;
}

static void hand_back(struct workers *workers, struct work *work)
{
	pthread_mutex_lock(&workers->lock);
	append(&workers->done, work);
	pthread_mutex_unlock(&workers->lock);
	/* After the list: the owner empties the counter first and the list then, so it can't miss
	 * this one. Adding 1 to a counter of 64 bits doesn't fail. */
	uint64_t one = 1;
	while (write(workers->done_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}

static void *worker(void *arg)
{
	struct workers *workers = arg;
	struct work *work;
	while ((work = wait_for_work(workers))) {
		workers->run(work, workers->arg);
		hand_back(workers, work);
	}
	return NULL;
}

int workers_start(struct workers *workers, unsigned threads, work_function *run, void *arg)
{
	*workers = (struct workers){ .run = run, .arg = arg, .done_fd = -1 };
	workers->threads = calloc(threads, sizeof(*workers->threads));
	if (!workers->threads)
		return -1;
	pthread_mutex_init(&workers->lock, NULL);
	pthread_cond_init(&workers->wake, NULL);
	workers->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int error = workers->done_fd < 0 ? errno : 0;
	while (!error && workers->thread_count < threads) {
		error = pthread_create(&workers->threads[workers->thread_count], NULL, worker,
				       workers);
		if (!error)
			workers->thread_count++;
	}
	if (!error)
		return 0;
	workers_stop(workers);
	errno = error;
	return -1;
}

void workers_give(struct workers *workers, struct work *work)
{
	pthread_mutex_lock(&workers->lock);
	append(&workers->queue, work);
	pthread_cond_signal(&workers->wake);
	pthread_mutex_unlock(&workers->lock);
}

struct work *workers_collect(struct workers *workers)
{
	uint64_t count;
	if (read(workers->done_fd, &count, sizeof(count)) < 0)
		return NULL; /* EAGAIN: nothing was handed back since the last time */
	pthread_mutex_lock(&workers->lock);
	struct work *first = workers->done.first;
	workers->done = (struct work_list){ 0 };
	pthread_mutex_unlock(&workers->lock);
	return first;
}

void workers_stop(struct workers *workers)
{
	pthread_mutex_lock(&workers->lock);
	workers->stopping = true;
	pthread_cond_broadcast(&workers->wake);
	pthread_mutex_unlock(&workers->lock);
	for (unsigned i = 0; i < workers->thread_count; i++)
		pthread_join(workers->threads[i], NULL);
	free(workers->threads);
	close_fd(&workers->done_fd);
	pthread_cond_destroy(&workers->wake);
	pthread_mutex_destroy(&workers->lock);
}
