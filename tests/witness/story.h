/* What a record means, for those who write it for people: whose child, which namespaces, made by whom. */
#ifndef TESTS_WITNESS_STORY_H
#define TESTS_WITNESS_STORY_H

#include "record.h"

enum origin {
	FROM_BEFORE,  /* the command was in it when it began */
	BY_CLONE,     /* made by a clone of the process's */
	BY_UNSHARE,   /* made by its unshare */
	FROM_OUTSIDE, /* somebody else's, which the process joined */
	UNSEEN	      /* only found: made between two looks */
};

/* A namespace. */
struct space {
	enum space_kind kind; /* never SPACE_PID_FOR_CHILDREN, which is of kind pid */
	ino_t inode;
	enum origin origin;
	const struct process *by; /* who made or joined it first */
	long us;		  /* when */
	int colour;		  /* the how manieth of its kind, from 0 */
	int *members;		  /* the numbers of those that were in it, in order */
	size_t member_count;
};

struct story {
	const struct record *record;
	struct state **states; /* by time */
	struct space *spaces;  /* by kind, then as they were first seen */
	size_t space_count;
	int kind_counts[SPACE_KINDS];
	const struct process **first_child; /* by n */
	const struct process **next_sibling;
};

void story_tell(struct story *story, const struct record *record);
void story_free(struct story *story);

/* The space of this kind and inode; NULL if there is none. */
const struct space *story_space(const struct story *story, enum space_kind kind, ino_t inode);

/* Are these children like one another, with none of their own and the same end: what a loop makes? */
bool story_alike(const struct story *story, const struct process *one, const struct process *other);

/* The process's state before this one; for its birth, the last of its parent's before it. NULL: none. */
const struct state *state_before(const struct state *state);

/* The one with this pid that lived at this time, or NULL. */
const struct process *story_find_pid(const struct story *story, pid_t pid, long us);

/* The flags among "A|B|CLONE_NEWX" that name namespaces, into text; empty if there are none. */
void namespace_flags(const char *flags, char *text, size_t size);

/* "exit status 1", "killed by SIGKILL", "left running". */
void describe_ending(const struct process *process, char *text, size_t size);

#endif
