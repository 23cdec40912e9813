/*
 * A cgroup of our own that limits the CPU time of the processes in it, and counts what they used.
 * cgroups(7); the kernel's Documentation/admin-guide/cgroup-v2.rst, Documentation/scheduler/
 * sched-bwc.rst
 */
#ifndef CPU_CGROUP_H
#define CPU_CGROUP_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Within each period of a second the processes together may run for quota_us. */
enum { CPU_PERIOD_US = 1000000 };

struct cpu_cgroup {
	long quota_us;			/* what all its processes may run for in a period */
	int version;			/* of cgroups: 2, or 1 where v2 has no cpu controller */
	char limiting[PATH_MAX + 64];	/* the directory with the limit; "" if there is none */
	char accounting[PATH_MAX + 64]; /* the one that counts; v1 may have it in another tree */
};

/* What the cgroup's own statistics say at one moment. */
struct cpu_sample {
	int64_t time_us;   /* the moment, CLOCK_MONOTONIC */
	int64_t used_us;   /* CPU time used so far */
	int64_t periods;   /* periods that have ended so far ... */
	int64_t throttled; /* ... and in how many of them the quota was used up */
};

/* From the first end of a period to the latest. A part of a period would distort the share: it may
 * have all of a quota and little of the time. */
struct cpu_measurement {
	int64_t periods_seen;
	struct cpu_sample first;
	struct cpu_sample latest;
};

/*
 * Makes the cgroup with a quota of so many thousandths of a core. 0, or -1 with why, a text of at
 * most why_size bytes; then nothing is left of it.
 */
int cpu_cgroup_make(struct cpu_cgroup *cgroup, long millicores, char *why, size_t why_size);

/* Moves a process into it; what it forks from then on is born there. 0, or -1 with errno. */
int cpu_cgroup_add(const struct cpu_cgroup *cgroup, pid_t pid);

/* Prints the limit as the kernel has it. */
void cpu_cgroup_print_limit(const struct cpu_cgroup *cgroup);

/* To be called every few milliseconds while processes run: finds the ends of periods. */
void cpu_cgroup_measure(const struct cpu_cgroup *cgroup, struct cpu_measurement *measurement);

/* Prints the share of one core between those ends, and how often the kernel throttled. */
void cpu_cgroup_print(const struct cpu_cgroup *cgroup, const struct cpu_measurement *measurement);

/* Removes it, of which no process may be left. Prints why if it can't. */
void cpu_cgroup_remove(struct cpu_cgroup *cgroup);

#endif
