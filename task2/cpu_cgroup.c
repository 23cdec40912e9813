#include "cpu_cgroup.h"

#include "common/cgroup.h"
#include "common/cleanup.h"
#include "common/delegation.h"
#include "common/error.h"
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* echo TEXT > DIRECTORY/FILE */
static int write_in(const char *directory, const char *file, const char *text)
{
	char path[PATH_MAX + 128];
	snprintf(path, sizeof(path), "%s/%s", directory, file);
	return write_file(AT_FDCWD, path, text);
}

/* The number in DIRECTORY/FILE, after "KEY " if there is a key. -1 if there is none. */
static int64_t read_number(const char *directory, const char *file, const char *key)
{
	char path[PATH_MAX + 128];
	snprintf(path, sizeof(path), "%s/%s", directory, file);
	AUTO_FREE char *text = read_file(AT_FDCWD, path, NULL);
	char *rest = text;
	for (char *line; (line = strsep(&rest, "\n"));) {
		size_t length = strlen(key);
		if (strncmp(line, key, length))
			continue;
		char *end;
		int64_t number = strtoll(line + length, &end, 10);
		if (end != line + length)
			return number;
	}
	return -1;
}

/* mkdir: a directory in a cgroup tree is a cgroup. directory stays "" if it can't be made. */
static int make_cgroup(const char *tree, char *directory, size_t size)
{
	char path[PATH_MAX + 64];
	snprintf(path, sizeof(path), "%s/simple_container-%d", tree, (int)getpid());
	if (mkdir(path, 0755) < 0)
		return -1;
	snprintf(directory, size, "%s", path);
	return 0;
}

/* SOLUTION 2c: set_limit_v2: cpu.max in cgroup-v2.rst; and cpu.cfs_* for v1: cgroups(7) */
/*
 * v2: one file takes both numbers. It exists only where the parent hands the controller down to its
 * children, which it may not do yet. Then that is switched on, and told: the parent isn't ours.
 */
static int set_limit_v2(const char *directory, const char *tree, long quota_us)
{
	char limit[64];
	snprintf(limit, sizeof(limit), "%ld %d", quota_us, CPU_PERIOD_US);
	if (write_in(directory, "cpu.max", limit) == 0)
		return 0;
	if (errno != ENOENT || write_in(tree, "cgroup.subtree_control", "+cpu") < 0)
		return -1;
	report("wrote +cpu to %s/cgroup.subtree_control, so that cgroups in it can be limited",
	       tree);
	return write_in(directory, "cpu.max", limit);
}

static int set_limit_v1(const char *directory, long quota_us)
{
	char period[32];
	char quota[32];
	snprintf(period, sizeof(period), "%d", CPU_PERIOD_US);
	snprintf(quota, sizeof(quota), "%ld", quota_us);
	if (write_in(directory, "cpu.cfs_period_us", period) < 0)
		return -1;
	return write_in(directory, "cpu.cfs_quota_us", quota);
}
/* END 2c */

/* v1 may have a tree for each controller: limiting is cpu's business, counting is cpuacct's. */
static int make_accounting_v1(struct cpu_cgroup *cgroup, const char *limiting_tree)
{
	struct cgroup_mount tree;
	if (cgroup_find("cpuacct", &tree) < 0)
		return -1;
	if (strcmp(tree.path, limiting_tree) != 0)
		return make_cgroup(tree.path, cgroup->accounting, sizeof(cgroup->accounting));
	/* Often the two are mounted together. */
	memcpy(cgroup->accounting, cgroup->limiting, sizeof(cgroup->accounting));
	return 0;
}

/* *step becomes what it was at, for the error message. 0, or -1 with errno. */
static int set_up(struct cpu_cgroup *cgroup, const char *tree, const char **step)
{
	*step = "make a cgroup";
	if (make_cgroup(tree, cgroup->limiting, sizeof(cgroup->limiting)) < 0)
		return -1;
	*step = "limit CPU time";
	/* SOLUTION 2c: quota_us in each period, for the cgroup `limiting` in tree: set_limit_v2 */
	int limited = cgroup->version == 2 ? set_limit_v2(cgroup->limiting, tree, cgroup->quota_us)
					   : set_limit_v1(cgroup->limiting, cgroup->quota_us);
	if (limited < 0)
		return -1;
	/* END 2c */
	*step = "count CPU time";
	if (cgroup->version == 1)
		return make_accounting_v1(cgroup, tree);
	memcpy(cgroup->accounting, cgroup->limiting, sizeof(cgroup->accounting));
	return 0;
}

int cpu_cgroup_make(struct cpu_cgroup *cgroup, long millicores, char *why, size_t why_size)
{
	struct cgroup_mount tree;
	char place[PATH_MAX];
	if (cgroup_find("cpu", &tree) < 0) {
		snprintf(why, why_size, "no cgroup tree here has the cpu controller");
		return -1;
	}
	*cgroup = (struct cpu_cgroup){
		.quota_us = millicores * (CPU_PERIOD_US / 1000),
		.version = tree.version,
	};
	/* Where there is no place of ours the tree's root, so that the kernel says why not. */
	cgroup_find_place(&tree, place);
	const char *step;
	if (set_up(cgroup, place, &step) == 0)
		return 0;

	const char *hint = hint_cgroup_place(&tree, errno);
	snprintf(why, why_size, "cannot %s in %s: %s%s%s%s", step, place, strerror(errno),
		 *hint ? " (" : "", hint, *hint ? ")" : "");
	cpu_cgroup_remove(cgroup);
	return -1;
}

int cpu_cgroup_add(const struct cpu_cgroup *cgroup, pid_t pid)
{
	char text[16];
	snprintf(text, sizeof(text), "%d", (int)pid);
	if (write_in(cgroup->limiting, "cgroup.procs", text) < 0)
		return -1;
	return write_in(cgroup->accounting, "cgroup.procs", text);
}

void cpu_cgroup_print_limit(const struct cpu_cgroup *cgroup)
{
	const char *directory = cgroup->limiting;
	if (cgroup->version == 2) {
		char path[PATH_MAX + 128];
		snprintf(path, sizeof(path), "%s/cpu.max", directory);
		AUTO_FREE char *limit = read_file(AT_FDCWD, path, NULL);
		printf("Limit (cgroup v2): cpu.max = %s", limit ? limit : "?\n");
	} else {
		printf("Limit (cgroup v1, as v2 has no cpu controller here): "
		       "cpu.cfs_quota_us = %" PRId64 ", cpu.cfs_period_us = %" PRId64 "\n",
		       read_number(directory, "cpu.cfs_quota_us", ""),
		       read_number(directory, "cpu.cfs_period_us", ""));
	}
}

static int64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct cpu_sample take_sample(const struct cpu_cgroup *cgroup)
{
	struct cpu_sample sample = { .time_us = now_us() };
	if (cgroup->version == 2)
		sample.used_us = read_number(cgroup->accounting, "cpu.stat", "usage_usec ");
	else
		sample.used_us = read_number(cgroup->accounting, "cpuacct.usage", "") / 1000;
	sample.periods = read_number(cgroup->limiting, "cpu.stat", "nr_periods ");
	sample.throttled = read_number(cgroup->limiting, "cpu.stat", "nr_throttled ");
	return sample;
}

void cpu_cgroup_measure(const struct cpu_cgroup *cgroup, struct cpu_measurement *measurement)
{
	struct cpu_sample sample = take_sample(cgroup);
	if (sample.periods == measurement->periods_seen)
		return;
	measurement->periods_seen = sample.periods;
	measurement->latest = sample;
	if (measurement->first.time_us == 0)
		measurement->first = sample;
}

void cpu_cgroup_print(const struct cpu_cgroup *cgroup, const struct cpu_measurement *measurement)
{
	int64_t periods = measurement->latest.periods - measurement->first.periods;
	int64_t used_us = measurement->latest.used_us - measurement->first.used_us;
	int64_t time_us = measurement->latest.time_us - measurement->first.time_us;
	struct cpu_sample end = take_sample(cgroup);
	if (time_us > 0)
		printf("Share of one core: %.3f (in %" PRId64 " whole periods of %d ms)\n",
		       (double)used_us / (double)time_us, periods, CPU_PERIOD_US / 1000);
	else
		printf("Share of one core: not measured (it ran for less than a whole period)\n");
	printf("CPU time used: %" PRId64 " ms\n", end.used_us / 1000);
	printf("Periods: nr_periods = %" PRId64 ", nr_throttled = %" PRId64 "\n", end.periods,
	       end.throttled);
}

/* rmdir: the files in it are the kernel's, and go with it. */
static void remove_cgroup(const char *directory)
{
	/* The last process may still be on its way out when its parent has heard of its end. */
	struct timespec pause = { .tv_nsec = 5000000 };
	for (int i = 0; *directory && rmdir(directory) < 0; i++) {
		if (errno != EBUSY || i == 400) {
			report_errno(hint_cgroup(errno), "cannot remove the cgroup %s", directory);
			return;
		}
		nanosleep(&pause, NULL);
	}
}

void cpu_cgroup_remove(struct cpu_cgroup *cgroup)
{
	int saved = errno;
	remove_cgroup(cgroup->limiting);
	if (strcmp(cgroup->accounting, cgroup->limiting) != 0)
		remove_cgroup(cgroup->accounting);
	*cgroup = (struct cpu_cgroup){ 0 };
	errno = saved;
}
