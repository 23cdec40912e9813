#include "story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- namespaces ----------------------------------------------------------------------------------- */

static enum space_kind true_kind(int kind)
{
	return kind == SPACE_PID_FOR_CHILDREN ? SPACE_PID : (enum space_kind)kind;
}

static struct space *find_space(const struct story *story, enum space_kind kind, ino_t inode)
{
	for (size_t i = 0; i < story->space_count; i++) {
		struct space *space = &story->spaces[i];
		if (space->kind == kind && space->inode == inode)
			return space;
	}
	return NULL;
}

const struct space *story_space(const struct story *story, enum space_kind kind, ino_t inode)
{
	return inode ? find_space(story, true_kind((int)kind), inode) : NULL;
}

/* How a namespace came to be that is seen here for the first time. */
static enum origin origin_of(const struct state *state, enum space_kind kind)
{
	switch (state->event) {
	case EVENT_BIRTH:
		if (!state->process->parent)
			return FROM_BEFORE;
		/* unshare(CLONE_NEWPID) has no effect before the next birth. */
		if (kind == SPACE_PID && state->detail && !strstr(state->detail, "CLONE_NEWPID"))
			return BY_UNSHARE;
		return BY_CLONE;
	case EVENT_UNSHARE:
		return BY_UNSHARE;
	case EVENT_SETNS:
		return FROM_OUTSIDE;
	default:
		return UNSEEN;
	}
}

static void add_space(struct story *story, const struct state *state, enum space_kind kind,
		      ino_t inode)
{
	struct space *space;
	story->spaces = grow(story->spaces, (story->space_count + 1) * sizeof(*story->spaces));
	space = &story->spaces[story->space_count++];
	*space = (struct space){ .kind = kind,
				 .inode = inode,
				 .origin = origin_of(state, kind),
				 .by = state->process,
				 .us = state->us,
				 .colour = story->kind_counts[kind]++ };
	if (state->event == EVENT_BIRTH && state->process->parent)
		space->by = state->process->parent;
}

/* Most states have what the one before had: only what differs is looked for. */
static void find_spaces(struct story *story)
{
	for (size_t i = 0; i < story->record->state_count; i++) {
		const struct state *state = story->states[i];
		const struct state *before = state_before(state);
		for (int kind = 0; kind < SPACE_KINDS; kind++) {
			ino_t inode = state->view.spaces[kind];
			if (!inode || (before && before->view.spaces[kind] == inode))
				continue;
			if (!find_space(story, true_kind(kind), inode))
				add_space(story, state, true_kind(kind), inode);
		}
	}
}

static void add_member(struct space *space, int n)
{
	size_t count = space->member_count;
	if (count && space->members[count - 1] == n)
		return;
	if (!(count & (count - 1)))
		space->members = grow(space->members, (count ? 2 * count : 1) * sizeof(int));
	space->members[space->member_count++] = n;
}

static void find_members(struct story *story)
{
	struct space *found[SPACE_KINDS] = { NULL };
	for (size_t i = 0; i < story->record->process_count; i++) {
		const struct process *process = story->record->processes[i];
		for (const struct state *state = process->first; state; state = state->next) {
			for (int kind = 0; kind < SPACE_KINDS; kind++) {
				ino_t inode = state->view.spaces[kind];
				if (!inode || kind == SPACE_PID_FOR_CHILDREN)
					continue;
				if (!found[kind] || found[kind]->inode != inode)
					found[kind] = find_space(story, true_kind(kind), inode);
				if (found[kind])
					add_member(found[kind], process->n);
			}
		}
	}
}

static int by_kind(const void *left, const void *right)
{
	const struct space *a = left;
	const struct space *b = right;
	return a->kind != b->kind ? (int)a->kind - (int)b->kind : a->colour - b->colour;
}

/* --- families ------------------------------------------------------------------------------------- */

static void find_children(struct story *story)
{
	size_t count = story->record->process_count + 1;
	story->first_child = grow(NULL, count * sizeof(void *));
	story->next_sibling = grow(NULL, count * sizeof(void *));
	for (size_t i = 0; i < count; i++)
		story->first_child[i] = story->next_sibling[i] = NULL;
	for (size_t i = story->record->process_count; i > 0; i--) {
		const struct process *process = story->record->processes[i - 1];
		const struct process **first =
			&story->first_child[process->parent ? process->parent->n : 0];
		story->next_sibling[process->n] = *first;
		*first = process;
	}
}

const struct state *state_before(const struct state *state)
{
	if (state->event != EVENT_BIRTH)
		return state->previous;
	const struct process *parent = state->process->parent;
	const struct state *before = parent ? parent->last : NULL;
	while (before && before->previous && before->us > state->us)
		before = before->previous;
	return before;
}

bool story_alike(const struct story *story, const struct process *one, const struct process *other)
{
	return !story->first_child[one->n] && !story->first_child[other->n] &&
	       one->ending == other->ending && one->code == other->code &&
	       one->last->view.exe == other->last->view.exe &&
	       !memcmp(one->last->view.spaces, other->last->view.spaces,
		       sizeof(one->last->view.spaces));
}

const struct process *story_find_pid(const struct story *story, pid_t pid, long us)
{
	for (size_t i = story->record->process_count; i > 0; i--) {
		const struct process *process = story->record->processes[i - 1];
		if (process->pid == pid && process->born_us <= us)
			return process;
	}
	return NULL;
}

void namespace_flags(const char *flags, char *text, size_t size)
{
	*text = '\0';
	for (const char *flag = flags; flag && *flag;) {
		int length = (int)strcspn(flag, "|");
		size_t used = strlen(text);
		if (!strncmp(flag, "CLONE_NEW", 9))
			snprintf(text + used, size - used, "%s%.*s", used ? "|" : "", length, flag);
		flag += length + (flag[length] == '|');
	}
}

void describe_ending(const struct process *process, char *text, size_t size)
{
	const char *name;
	switch (process->ending) {
	case ENDED_BY_EXIT:
		snprintf(text, size, "exit status %d", process->code);
		break;
	case ENDED_BY_SIGNAL:
		name = sigabbrev_np(process->code);
		if (name)
			snprintf(text, size, "killed by SIG%s", name);
		else
			snprintf(text, size, "killed by signal %d", process->code);
		break;
	default:
		snprintf(text, size, "left running");
	}
}

/* --- the whole ------------------------------------------------------------------------------------ */

static int by_time(const void *left, const void *right)
{
	const struct state *a = *(struct state *const *)left;
	const struct state *b = *(struct state *const *)right;
	if (a->us != b->us)
		return a->us < b->us ? -1 : 1;
	return a->process->n != b->process->n ? a->process->n - b->process->n
					      : (int)a->event - (int)b->event;
}

void story_tell(struct story *story, const struct record *record)
{
	size_t size = (record->state_count + 1) * sizeof(void *);
	*story = (struct story){ .record = record };
	story->states = grow(NULL, size);
	if (record->state_count)
		memcpy(story->states, record->states, record->state_count * sizeof(void *));
	qsort(story->states, record->state_count, sizeof(void *), by_time);
	find_children(story);
	find_spaces(story);
	qsort(story->spaces, story->space_count, sizeof(*story->spaces), by_kind);
	find_members(story);
}

void story_free(struct story *story)
{
	for (size_t i = 0; i < story->space_count; i++)
		free(story->spaces[i].members);
	free(story->spaces);
	free(story->states);
	free(story->first_child);
	free(story->next_sibling);
}
