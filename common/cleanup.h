/* Variables that clean up after themselves when their scope ends: GCC's cleanup attribute. */
#ifndef COMMON_CLEANUP_H
#define COMMON_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* close is never retried: on Linux the descriptor is gone even after EINTR. Keeps errno. */
static inline void close_fd(int *fd)
{
	int saved = errno;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static inline void free_pointer(void *pointer)
{
	free(*(void **)pointer);
}

/* AUTO_CLOSE int fd = -1;   closes fd at the end of the scope. */
#define AUTO_CLOSE __attribute__((cleanup(close_fd)))
/* AUTO_FREE char *text = NULL;   frees text at the end of the scope. */
#define AUTO_FREE __attribute__((cleanup(free_pointer)))

#endif
