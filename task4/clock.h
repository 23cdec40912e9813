/* Time for deadlines: it never jumps, whatever is done to the machine's clock. clock_gettime(2) */
#ifndef TASK4_CLOCK_H
#define TASK4_CLOCK_H

#include <limits.h>
#include <stdint.h>
#include <time.h>

static inline int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What is left until the deadline, as poll(2) wants it: at least 0. */
static inline int ms_until(int64_t deadline_ms)
{
	int64_t left = deadline_ms - now_ms();
	if (left < 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

#endif
