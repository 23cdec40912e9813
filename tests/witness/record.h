/*
 * What the witness has seen: the processes, and for each the moments at which it was looked at.
 * Grows in memory until it is written out; nothing is ever taken away. Texts are kept once, however
 * often they were seen.
 */
#ifndef TESTS_WITNESS_RECORD_H
#define TESTS_WITNESS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A pid namespace has at most 32 above it: pid_namespaces(7). */
enum { MAX_PID_LEVELS = 33, MAX_LIMITS = 8 };

enum space_kind {
	SPACE_CGROUP,
	SPACE_IPC,
	SPACE_MNT,
	SPACE_NET,
	SPACE_PID,
	SPACE_PID_FOR_CHILDREN,
	SPACE_TIME,
	SPACE_USER,
	SPACE_UTS,
	SPACE_KINDS
};

/* The files below /proc/PID/ns, by kind. */
extern const char *const space_names[SPACE_KINDS];

enum event {
	EVENT_BIRTH,
	EVENT_EXEC,
	EVENT_SETNS,
	EVENT_UNSHARE,
	EVENT_SETHOSTNAME,
	EVENT_CHROOT,
	EVENT_PIVOT_ROOT,
	EVENT_EXIT
};

extern const char *const event_names[];

struct limit {
	const char *name; /* "cpu.max" */
	const char *value;
};

/* What /proc says of a process at one moment. A text is NULL, a number 0, where it can't be told. */
struct view {
	ino_t spaces[SPACE_KINDS];
	pid_t pids[MAX_PID_LEVELS]; /* NSpid, outermost first */
	int pid_count;
	const char *exe;
	const char *root;
	const char *cwd;
	const char *hostname;
	const char *cgroup; /* the lines of /proc/PID/cgroup */
	struct limit limits[MAX_LIMITS];
	int limit_count;
	long long cpu_us; /* that its v2 cgroup has used; -1 where it can't be told */
	long long
		throttled; /* how often that cgroup had to wait for its next period; -1 as above */
	unsigned root_major, root_minor; /* the root directory's device */
	uint64_t root_inode;
	uint64_t root_mount; /* its mount's number in mountinfo */
};

struct process;

struct state {
	struct process *process;
	struct state *previous; /* the same process's */
	struct state *next;
	long us;   /* since the beginning */
	pid_t tid; /* the thread that did it */
	enum event event;
	const char
		*detail; /* flags, a path or a name, as the call had it; NULL where there is none */
	const char *target; /* of setns: what the descriptor was of, or NULL */
	bool returned;	    /* the call's result is known */
	int result;	    /* 0, or minus errno */
	const char *argv;   /* after an exec: each ends in NUL */
	size_t argv_size;
	const char *root_entries; /* after an exec: the names in the root directory, as argv */
	size_t root_entries_size;
	const char *program; /* the name of what was executed last; for people */
	struct view view;
};

enum ending { STILL_RUNNING, ENDED_BY_EXIT, ENDED_BY_SIGNAL };

struct process {
	int n; /* by birth, from 1 */
	pid_t pid;
	struct process *parent; /* who made it; NULL for the first, or if that can't be told */
	bool parent_told;	/* by the maker's own stop, not guessed from /proc */
	int threads;		/* that have not begun to end */
	long born_us;
	long ended_us;
	enum ending ending;
	int code; /* the exit status, or the signal's number */
	struct state *first;
	struct state *last;
};

struct record {
	char **command;
	const char *kernel;
	char began[40]; /* RFC 3339 */
	long duration_us;
	int status; /* what the witness exits with */
	struct process **processes;
	size_t process_count;
	struct state **states; /* all, in the order of time */
	size_t state_count;
	size_t unrecorded; /* births and other events after the record was full */
	const char **warnings;
	size_t warning_count;
};

/* The record of this run: began and kernel are filled in. */
void record_begin(struct record *record, char **command);

/* Microseconds since then. */
long record_now(const struct record *record);

/* Adds a process, born now; NULL when the record is full. */
struct process *record_process(struct record *record, pid_t pid, struct process *parent);

/* Adds a state of the process, seen now; NULL when the record is full. */
struct state *record_state(struct record *record, struct process *process, enum event event);

/* Adds a line for the reader: what could not be seen. Few are kept. */
void record_warning(struct record *record, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The kept copy of a text, or of size bytes that may hold NULs; a NUL follows either. */
const char *keep_text(const char *text);
const char *keep_bytes(const char *bytes, size_t size);

/* malloc's and realloc's memory; out of it, the program ends. */
void *grow(void *memory, size_t size);

#endif
