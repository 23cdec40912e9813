#include "escape.h"
#include "story.h"
#include "witness.h"

#include <stdlib.h>
#include <string.h>

/* A text to be read from top to bottom: what happened when, who was whose child, which namespaces
 * there were. A namespace is named by its inode, as `ls -l /proc/PID/ns` names it. */

enum { MAX_WORDS = 100, MAX_COMMAND = 200, MAX_INDENT = 60, PROGRAM_WIDTH = 16 };

/* Further facts of an event stand below it. */
static const char below[] = "\n                                   ";

static void put_name(FILE *out, const struct process *process, const char *program)
{
	char number[16];
	snprintf(number, sizeof(number), "#%d", process->n);
	fprintf(out, "%-5s ", number);
	put_shown(out, program,
		  strlen(program) > PROGRAM_WIDTH ? PROGRAM_WIDTH - 3 : PROGRAM_WIDTH);
	for (size_t length = strlen(program); length < PROGRAM_WIDTH; length++)
		putc(' ', out);
}

static void put_space(FILE *out, const struct story *story, enum space_kind kind, ino_t inode,
		      long us)
{
	const struct space *space = story_space(story, kind, inode);
	if (kind == SPACE_PID_FOR_CHILDREN)
		kind = SPACE_PID;
	bool made = space && (space->origin == BY_CLONE || space->origin == BY_UNSHARE);
	fprintf(out, "%s%s namespace %lu", made && space->us == us ? "the new " : "",
		space_names[kind], (unsigned long)inode);
	if (made && space->us != us)
		fprintf(out, ", which #%d made", space->by->n);
}

/* A line for each namespace that is another than before, but for that of its pids. */
static void put_changed_spaces(FILE *out, const struct story *story, const struct state *state,
			       const char *verb)
{
	const struct state *before = state_before(state);
	for (int kind = 0; before && kind < SPACE_KINDS; kind++) {
		ino_t inode = state->view.spaces[kind];
		if (!inode || inode == before->view.spaces[kind] ||
		    (state->event == EVENT_BIRTH && kind == SPACE_PID_FOR_CHILDREN))
			continue;
		if (kind == SPACE_PID_FOR_CHILDREN) /* no change of its own, but of those to come */
			fprintf(out, "%sits next children will be born in ", below);
		else
			fprintf(out, "%s%s ", below, verb);
		put_space(out, story, (enum space_kind)kind, inode, state->us);
	}
}

static void put_changed_text(FILE *out, const char *label, const char *now, const char *before)
{
	if (!now || !before || !strcmp(now, before))
		return;
	fprintf(out, "%s%s ", below, label);
	put_shown(out, now, MAX_WORDS);
}

/* The cgroup lines that are others than before, one for each tree. */
static void put_changed_cgroups(FILE *out, const char *now, const char *before)
{
	char line[512];
	while (now && before && *now) {
		int length = (int)strcspn(now, "\n");
		snprintf(line, sizeof(line), "%.*s", length, now);
		const char *same = strstr(before, line);
		if (!same || (same[length] && same[length] != '\n')) {
			fprintf(out, "%snow in cgroup ", below);
			put_shown(out, line, MAX_WORDS);
		}
		now += length + (now[length] == '\n');
	}
}

static void put_changed_limits(FILE *out, const struct view *now, const struct view *before)
{
	for (int i = 0; i < now->limit_count; i++) {
		const char *old = "";
		for (int j = 0; j < before->limit_count; j++) {
			if (!strcmp(now->limits[i].name, before->limits[j].name))
				old = before->limits[j].value;
		}
		if (strcmp(old, now->limits[i].value) == 0 ||
		    !strncmp(now->limits[i].value, "max", 3))
			continue;
		fprintf(out, "%swhere %s is ", below, now->limits[i].name);
		put_shown(out, now->limits[i].value, MAX_WORDS);
	}
}

/* What changed without a call of its own: others moved it, or changed what it sees. */
static void put_changes(FILE *out, const struct state *state)
{
	const struct state *before = state_before(state);
	if (!before || !before->view.cgroup || !state->view.cgroup)
		return;
	put_changed_text(out, "now sees the hostname", state->view.hostname, before->view.hostname);
	put_changed_text(out, "now has the root directory", state->view.root, before->view.root);
	put_changed_cgroups(out, state->view.cgroup, before->view.cgroup);
	put_changed_limits(out, &state->view, &before->view);
}

/* --- events --------------------------------------------------------------------------------------- */

static void put_pids(FILE *out, const struct view *view)
{
	fprintf(out, "pid %d", view->pid_count ? (int)view->pids[0] : 0);
	for (int i = 1; i < view->pid_count; i++)
		fprintf(out, ", inside %d", (int)view->pids[i]);
}

static void put_birth(FILE *out, const struct story *story, const struct state *state)
{
	const struct process *process = state->process;
	const struct view *view = &state->view;
	char flags[256];
	if (!process->parent) {
		fprintf(out, "begins as pid %d", (int)process->pid);
		if (view->hostname) {
			fputs(" on host ", out);
			put_shown(out, view->hostname, MAX_WORDS);
		}
		return;
	}
	namespace_flags(state->detail, flags, sizeof(flags));
	fprintf(out, "born of #%d", process->parent->n);
	if (*flags)
		fprintf(out, " by clone(%s)", flags);
	const struct state *before = state_before(state);
	if (before && before->view.spaces[SPACE_PID] == view->spaces[SPACE_PID]) {
		fputs(": ", out);
		put_pids(out, view);
	} else if (view->pid_count > 1) {
		fprintf(out, ": pid %d, which is %d in ", (int)process->pid,
			(int)view->pids[view->pid_count - 1]);
		put_space(out, story, SPACE_PID, view->spaces[SPACE_PID], state->us);
	} else {
		fprintf(out, ": pid %d", (int)process->pid);
	}
}

/* Born into a pid namespace that its parent isn't in has been said with its number. */
static void put_birth_spaces(FILE *out, const struct story *story, const struct state *state)
{
	const struct state *before = state_before(state);
	for (int kind = 0; before && kind < SPACE_KINDS; kind++) {
		ino_t inode = state->view.spaces[kind];
		if (kind == SPACE_PID || kind == SPACE_PID_FOR_CHILDREN || !inode ||
		    inode == before->view.spaces[kind])
			continue;
		fprintf(out, "%sin ", below);
		put_space(out, story, (enum space_kind)kind, inode, state->us);
	}
}

static void put_exec(FILE *out, const struct state *state)
{
	char *words = shown_words(state->argv, state->argv ? state->argv_size : 0, MAX_WORDS);
	fprintf(out, "executes %s", words);
	free(words);
}

static void put_target(FILE *out, const struct story *story, const struct state *state)
{
	static const char pidfd[] = "pidfd of ";
	if (!state->target)
		return;
	if (!strncmp(state->target, pidfd, strlen(pidfd))) {
		pid_t pid = (pid_t)strtol(state->target + strlen(pidfd), NULL, 10);
		const struct process *target = story_find_pid(story, pid, state->us);
		if (target) {
			fprintf(out, ", pidfd of #%d", target->n);
			return;
		}
	}
	fputs(", ", out);
	put_shown(out, state->target, MAX_WORDS);
}

static void put_call(FILE *out, const struct story *story, const struct state *state)
{
	bool text = state->event != EVENT_SETNS && state->event != EVENT_UNSHARE;
	fprintf(out, "%s(%s", event_names[state->event], text ? "\"" : "");
	put_shown(out, state->detail ? state->detail : "?", MAX_WORDS);
	fputs(text ? "\"" : "", out);
	put_target(out, story, state);
	putc(')', out);
	if (!state->returned)
		fputs(" did not return", out);
	else if (state->result < 0)
		fprintf(out, " failed: %s", strerror(-state->result));
	if (!state->returned || state->result < 0)
		return;
	put_changed_spaces(out, story, state, "is now in");
	if (state->event == EVENT_UNSHARE && state->detail && strstr(state->detail, "CLONE_NEWPID"))
		fprintf(out, "%sits next child will be born in a new pid namespace", below);
}

static void put_state(FILE *out, const struct story *story, const struct state *state)
{
	char ending[64];
	fprintf(out, "%9.1f  ", (double)state->us / 1000);
	put_name(out, state->process, state->program);
	fputs("  ", out);
	switch (state->event) {
	case EVENT_BIRTH:
		put_birth(out, story, state);
		put_birth_spaces(out, story, state);
		break;
	case EVENT_EXEC:
		put_exec(out, state);
		break;
	case EVENT_EXIT:
		describe_ending(state->process, ending, sizeof(ending));
		fprintf(out, "ends: %s", ending);
		break;
	default:
		put_call(out, story, state);
	}
	put_changes(out, state);
	putc('\n', out);
}

/* --- the tree ------------------------------------------------------------------------------------- */

static void put_process(FILE *out, const struct process *process)
{
	char ending[64];
	const struct view *view = &process->last->view;
	put_name(out, process, process->last->program);
	fputs("  ", out);
	put_pids(out, &process->first->view);
	if (view->hostname) {
		fputs(", hostname ", out);
		put_shown(out, view->hostname, 40);
	}
	if (view->root && strcmp(view->root, "/") != 0) {
		fputs(", root ", out);
		put_shown(out, view->root, 60);
	}
	describe_ending(process, ending, sizeof(ending));
	fprintf(out, ", %s\n", ending);
}

/* Children of a process, each with all its own; more than three alike are said once. */
static void put_children(FILE *out, const struct story *story, int of, int indent)
{
	for (const struct process *child = story->first_child[of]; child;) {
		fprintf(out, "%*s", 2 + (indent < MAX_INDENT ? indent : MAX_INDENT), "");
		put_process(out, child);
		put_children(out, story, child->n, indent + 2);
		const struct process *last = child;
		int alike = 0;
		for (const struct process *next = story->next_sibling[child->n];
		     next && story_alike(story, child, next); next = story->next_sibling[next->n]) {
			last = next;
			alike++;
		}
		if (alike > 2) {
			fprintf(out, "%*sand %d more like it, up to #%d\n",
				4 + (indent < MAX_INDENT ? indent : MAX_INDENT), "", alike,
				last->n);
			child = last;
		}
		child = story->next_sibling[child->n];
	}
}

/* --- the namespaces ------------------------------------------------------------------------------- */

static void put_origin(FILE *out, const struct space *space)
{
	static const char *const words[][2] = { [FROM_BEFORE] = { "there before", "" },
						[BY_CLONE] = { "made by", " (clone)" },
						[BY_UNSHARE] = { "made by", " (unshare)" },
						[FROM_OUTSIDE] = { "joined by", "" },
						[UNSEEN] = { "seen first in", "" } };
	char text[80];
	if (space->origin == FROM_BEFORE)
		snprintf(text, sizeof(text), "%s", words[FROM_BEFORE][0]);
	else
		snprintf(text, sizeof(text), "%s #%d%s", words[space->origin][0], space->by->n,
			 words[space->origin][1]);
	fprintf(out, "%-22s ", text);
}

/* The numbers in order, as ranges: #2 #5-#9. */
static void put_members(FILE *out, const struct space *space)
{
	for (size_t i = 0; i < space->member_count; i++) {
		size_t last = i;
		while (last + 1 < space->member_count &&
		       space->members[last + 1] == space->members[last] + 1)
			last++;
		if (last > i + 1)
			fprintf(out, " #%d-#%d", space->members[i], space->members[last]);
		else
			last = i;
		if (last == i)
			fprintf(out, " #%d", space->members[i]);
		i = last;
	}
	fputs(space->member_count ? "\n" : " nobody that was seen\n", out);
}

static void put_spaces(FILE *out, const struct story *story)
{
	const char *kind = "";
	for (size_t i = 0; i < story->space_count; i++) {
		const struct space *space = &story->spaces[i];
		if (story->kind_counts[space->kind] < 2)
			continue;
		const char *its = space_names[space->kind];
		fprintf(out, "  %-6s  %-10lu  ", its == kind ? "" : its,
			(unsigned long)space->inode);
		kind = its;
		put_origin(out, space);
		put_members(out, space);
	}
	fputs("  one for all:", out);
	for (int i = 0; i < SPACE_KINDS; i++) {
		if (story->kind_counts[i] == 1)
			fprintf(out, " %s", space_names[i]);
	}
	putc('\n', out);
}

static void put_head(FILE *out, const struct record *record)
{
	char *words = shown_command(record->command, MAX_COMMAND);
	fprintf(out, "witness: %s", words);
	free(words);
	fprintf(out, "\n         %zu process%s in %.3f s, exit status %d, Linux %s\n",
		record->process_count, record->process_count == 1 ? "" : "es",
		(double)record->duration_us / 1000000, record->status, record->kernel);
	for (size_t i = 0; i < record->warning_count; i++)
		fprintf(out, "         warning: %s\n", record->warnings[i]);
	if (record->unrecorded)
		fprintf(out, "         warning: the record is full, %zu events are missing\n",
			record->unrecorded);
}

void write_text(FILE *out, const struct record *record)
{
	struct story story;
	story_tell(&story, record);
	put_head(out, record);
	fputs("\nWhat happened (ms)\n", out);
	for (size_t i = 0; i < record->state_count; i++)
		put_state(out, &story, story.states[i]);
	fputs("\nProcesses, below the one that made them\n", out);
	put_children(out, &story, 0, 0);
	fputs("\nNamespaces, and who was in them\n", out);
	put_spaces(out, &story);
	story_free(&story);
}
