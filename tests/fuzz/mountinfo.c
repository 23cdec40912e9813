/*
 * /proc/self/mountinfo, whose paths anybody chose who could mount: cgroup_find_all of
 * common/cgroup.c. The input's first line is what every cgroup.controllers says.
 * Format: proc(5); Documentation/filesystems/proc.rst, 3.5.
 */
#include "fuzz.h"

#include "common/file.h"

static const uint8_t *input;
static size_t input_size;

static char *read_input(int dirfd, const char *path, size_t *size)
{
	const uint8_t *end = input_size ? memchr(input, '\n', input_size) : NULL;
	size_t first = end ? (size_t)(end - input) + 1 : input_size;
	(void)dirfd;
	MUST(!size);
	if (strcmp(path, "/proc/self/mountinfo") == 0)
		return fuzz_text(input + first, input_size - first);
	return first ? fuzz_text(input, first) : NULL;
}

#define read_file read_input
#include "common/cgroup.c" /* NOLINT(bugprone-suspicious-include) */
#undef read_file

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const controllers[] = { NULL, "cpu", "memory", "pids" };
	enum { COUNT = sizeof(controllers) / sizeof(*controllers) };
	static struct cgroup_mount mounts[COUNT];
	input = data;
	input_size = size;
	MUST(cgroup_find_all(controllers, mounts, COUNT) == 0);
	for (int i = 0; i < COUNT; i++) {
		MUST(mounts[i].version >= 0 && mounts[i].version <= 2);
		MUST(memchr(mounts[i].path, '\0', sizeof(mounts[i].path)));
		MUST(!mounts[i].version || *mounts[i].path);
	}
	return 0;
}
