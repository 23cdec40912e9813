#include "record.h"

#include "common/error.h"
#include "witness.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

/* A program that forks without end must not fill the memory: states are up to 500 bytes each. */
enum { MAX_STATES = 60000, MAX_WARNINGS = 20, BUCKETS = 4096 };

const char *const space_names[SPACE_KINDS] = { "cgroup",	   "ipc",  "mnt",  "net", "pid",
					       "pid_for_children", "time", "user", "uts" };

const char *const event_names[] = { "birth",	   "exec",   "setns",	   "unshare",
				    "sethostname", "chroot", "pivot_root", "exit" };

/* --- texts: most are the same for every process, so a record of thousands stays small ------------ */

struct kept {
	struct kept *next;
	size_t size;
	char bytes[];
};

static struct kept *buckets[BUCKETS];

void *grow(void *memory, size_t size)
{
	memory = realloc(memory, size);
	if (!memory)
		die_errno(EXIT_WITNESS, "", "cannot remember what was seen");
	return memory;
}

/* FNV-1a, 64 bits. */
static size_t bucket_of(const char *bytes, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3;
	return hash % BUCKETS;
}

const char *keep_bytes(const char *bytes, size_t size)
{
	struct kept **bucket = &buckets[bucket_of(bytes, size)];
	for (struct kept *kept = *bucket; kept; kept = kept->next) {
		if (kept->size == size && !memcmp(kept->bytes, bytes, size))
			return kept->bytes;
	}
	struct kept *kept = grow(NULL, sizeof(*kept) + size + 1);
	kept->next = *bucket;
	kept->size = size;
	memcpy(kept->bytes, bytes, size);
	kept->bytes[size] = '\0';
	*bucket = kept;
	return kept->bytes;
}

const char *keep_text(const char *text)
{
	return keep_bytes(text, strlen(text));
}

/* --- the record --------------------------------------------------------------------------------- */

static struct timespec started;

void record_begin(struct record *record, char **command)
{
	*record = (struct record){ .command = command };
	struct utsname names;
	uname(&names);
	record->kernel = keep_text(names.release);
	clock_gettime(CLOCK_MONOTONIC, &started);
	struct timespec now;
	struct tm utc;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	size_t length = strftime(record->began, sizeof(record->began), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(record->began + length, sizeof(record->began) - length, ".%06ldZ",
		 now.tv_nsec / 1000);
}

long record_now(const struct record *record)
{
	(void)record;
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long)(now.tv_sec - started.tv_sec) * 1000000 +
	       (now.tv_nsec - started.tv_nsec) / 1000;
}

/* Makes room for one more: the array doubles whenever its size is a power of two. */
static void *with_room(void *array, size_t count)
{
	if (count & (count - 1))
		return array;
	return grow(array, (count ? 2 * count : 1) * sizeof(void *));
}

struct process *record_process(struct record *record, pid_t pid, struct process *parent)
{
	if (record->state_count >= MAX_STATES) {
		record->unrecorded++;
		return NULL;
	}
	struct process *process = grow(NULL, sizeof(*process));
	*process = (struct process){ .n = (int)record->process_count + 1,
				     .pid = pid,
				     .parent = parent,
				     .born_us = record_now(record) };
	record->processes = with_room(record->processes, record->process_count);
	record->processes[record->process_count++] = process;
	return process;
}

struct state *record_state(struct record *record, struct process *process, enum event event)
{
	if (record->state_count >= MAX_STATES) {
		record->unrecorded++;
		return NULL;
	}
	struct state *state = grow(NULL, sizeof(*state));
	*state = (struct state){
		.process = process, .us = record_now(record), .tid = process->pid, .event = event
	};
	record->states = with_room(record->states, record->state_count);
	record->states[record->state_count++] = state;
	const struct state *before = process->last     ? process->last
				     : process->parent ? process->parent->last
						       : NULL;
	state->program = before ? before->program : "?";
	state->previous = process->last;
	*(process->last ? &process->last->next : &process->first) = state;
	process->last = state;
	return state;
}

void record_warning(struct record *record, const char *format, ...)
{
	if (record->warning_count >= MAX_WARNINGS)
		return;
	char text[300];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	const char *kept = keep_text(text);
	for (size_t i = 0; i < record->warning_count; i++) {
		if (record->warnings[i] == kept)
			return;
	}
	record->warnings = with_room((void *)record->warnings, record->warning_count);
	record->warnings[record->warning_count++] = kept;
}
