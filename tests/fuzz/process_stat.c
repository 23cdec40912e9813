/*
 * /proc/PID/stat of a process that named itself: the input is its name (prctl(2), PR_SET_NAME), and
 * may look like fields. Format: proc(5), "/proc/[pid]/stat".
 *
 * State and start time must be those that the kernel wrote, not those in the name. The second half
 * hands in the input as the whole file.
 */
#include "fuzz.h"

#include "common/file.h"

static const char *stat_text;

static char *read_stat_text(int dirfd, const char *path, size_t *size)
{
	(void)dirfd;
	(void)path;
	MUST(!size);
	return strdup(stat_text);
}

#define read_file read_stat_text
#include "task3/process_id.c" /* NOLINT(bugprone-suspicious-include) */
#undef read_file

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char rest[] =
		"S 1 1 1 0 -1 4194560 95 0 0 0 1 2 0 0 20 0 1 0 987654321 2301952";
	char *name = fuzz_text(data, size);
	size_t room = size + sizeof(rest) + 16;
	char *text = malloc(room);
	struct process_id id;
	MUST(text);

	snprintf(text, room, "1 (%s) %s\n", name, rest);
	stat_text = text;
	MUST(process_identify(1, &id) == 0 && id.start == 987654321);
	MUST(!process_gone(&id));

	stat_text = name;
	process_identify(1, &id);
	init_is_deaf_to(1, 15);
	free(text);
	free(name);
	return 0;
}
