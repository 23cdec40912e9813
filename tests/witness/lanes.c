#include "escape.h"
#include "picture.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The middle part of the picture: for each process its stripes, its birth and what it did. */

static double ms(long us)
{
	return (double)us / 1000;
}

static long end_of(const struct picture *picture, const struct process *process)
{
	return process->ending == STILL_RUNNING ? picture->end_us : process->ended_us;
}

/* --- stripes -------------------------------------------------------------------------------------- */

static void put_stripe(const struct picture *picture, const struct process *process, int row,
		       const struct space *space, long from, long to)
{
	char colour[40];
	double x = picture_x(picture, from);
	double width = picture_x(picture, to) - x;
	picture_colour(picture, space, colour, sizeof(colour));
	fprintf(picture->out,
		"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\">", x,
		picture_y(picture, process) + picture->stripe * row, width < 0.6 ? 0.6 : width,
		picture->stripe, colour);
	if (space)
		fprintf(picture->out, "<title>#%d in %s namespace %lu, %.1f to %.1f ms</title>",
			process->n, space_names[space->kind], (unsigned long)space->inode, ms(from),
			ms(to));
	fputs("</rect>\n", picture->out);
}

static void put_stripes(const struct picture *picture, const struct process *process)
{
	if (picture->kind_count == 0)
		put_stripe(picture, process, 0, NULL, process->born_us, end_of(picture, process));
	for (int row = 0; row < picture->kind_count; row++) {
		enum space_kind kind = picture->kinds[row];
		ino_t inode = process->first->view.spaces[kind];
		long from = process->born_us;
		for (const struct state *state = process->first->next; state; state = state->next) {
			ino_t now = state->view.spaces[kind];
			if (!now || now == inode)
				continue;
			if (inode)
				put_stripe(picture, process, row,
					   story_space(&picture->story, kind, inode), from,
					   state->us);
			inode = now;
			from = state->us;
		}
		if (inode)
			put_stripe(picture, process, row, story_space(&picture->story, kind, inode),
				   from, end_of(picture, process));
	}
}

/* --- births, and what was done -------------------------------------------------------------------- */

static void put_birth(const struct picture *picture, const struct process *process)
{
	if (!process->parent)
		return;
	double x = picture_x(picture, process->born_us);
	double from = picture_y(picture, process->parent) + picture_stripes_height(picture);
	double to = picture_y(picture, process);
	if (to <= from)
		return; /* a maker that is folded into another's lane */
	fprintf(picture->out,
		"<path class=\"birth\" d=\"M%.1f %.1fV%.1f\" marker-end=\"url(#arrow)\"><title>", x,
		from, to - 1);
	fprintf(picture->out, "#%d born of #%d, %.1f ms: ", process->n, process->parent->n,
		ms(process->born_us));
	put_xml(picture->out, process->first->detail ? process->first->detail : "", 200);
	fputs("</title></path>\n", picture->out);
}

static void put_sentence(FILE *out, const struct state *state)
{
	char ending[64];
	fprintf(out, "<title>#%d, %.1f ms: ", state->process->n, ms(state->us));
	if (state->event == EVENT_EXIT) {
		describe_ending(state->process, ending, sizeof(ending));
		fprintf(out, "ends, %s", ending);
	} else if (state->event == EVENT_EXEC) {
		char *words = shown_words(state->argv, state->argv ? state->argv_size : 0, 200);
		fputs("executes ", out);
		put_xml(out, words, 250);
		free(words);
	} else {
		fprintf(out, "%s(", event_names[state->event]);
		put_xml(out, state->detail ? state->detail : "?", 200);
		fputs(state->target ? ", " : "", out);
		put_xml(out, state->target ? state->target : "", 100);
		fprintf(out, ")%s", state->returned && state->result < 0 ? " failed: " : "");
		if (state->returned && state->result < 0)
			put_xml(out, strerror(-state->result), 80);
	}
	fputs("</title>", out);
}

static const char *mark_of(const struct state *state)
{
	static const char *const marks[] = {
		[EVENT_EXEC] = "exec",	      [EVENT_SETNS] = "setns", [EVENT_UNSHARE] = "unshare",
		[EVENT_SETHOSTNAME] = "name", [EVENT_CHROOT] = "root", [EVENT_PIVOT_ROOT] = "root"
	};
	if (state->event == EVENT_EXIT)
		return state->process->ending == ENDED_BY_EXIT && state->process->code == 0 ? "end"
											    : "bad";
	return state->event == EVENT_BIRTH ? NULL : marks[state->event];
}

static void put_marks(const struct picture *picture, const struct process *process)
{
	double middle = picture_y(picture, process) + picture_stripes_height(picture) / 2;
	double size = picture->lane_count > LANES_WITH_DETAILS ? 0.6 : 1;
	for (const struct state *state = process->first; state; state = state->next) {
		const char *mark = mark_of(state);
		if (!mark)
			continue;
		fprintf(picture->out, "<g transform=\"translate(%.1f %.1f) scale(%.1f)\">",
			picture_x(picture, state->us), middle, size);
		put_sentence(picture->out, state);
		fprintf(picture->out, "<use href=\"#%s\"/></g>\n", mark);
	}
}

/* VERB and the kinds among the flags, as they are called below /proc/PID/ns: "joins uts". */
static void space_words(const char *flags, char *text, size_t size, const char *verb)
{
	char names[256];
	namespace_flags(flags, names, sizeof(names));
	snprintf(text, size, "%s", verb);
	for (char *flag = strtok(names, "|"); flag; flag = strtok(NULL, "|")) {
		size_t used = strlen(text);
		char *name = flag + strlen("CLONE_NEW");
		for (char *letter = name; *letter; letter++)
			*letter = (char)tolower(*letter);
		snprintf(text + used, size - used, " %s", strcmp(name, "ns") == 0 ? "mnt" : name);
	}
}

/* What stands over a mark: the program's name, the hostname, "joins uts", "new mnt pid". */
static void describe_mark(const struct state *state, char *text, size_t size)
{
	*text = '\0';
	switch (state->event) {
	case EVENT_EXEC:
		snprintf(text, size, "%s", state->program);
		break;
	case EVENT_SETHOSTNAME:
	case EVENT_CHROOT:
		snprintf(text, size, "%s", state->detail ? state->detail : "");
		break;
	case EVENT_SETNS:
		space_words(state->detail, text, size, "joins");
		break;
	case EVENT_UNSHARE:
		space_words(state->detail, text, size, "new");
		break;
	default:
		break;
	}
}

/* Over the lane, where there is room. */
static void put_words(const struct picture *picture, const struct process *process)
{
	enum { MAX_WORD = 24 };
	double free_from = 0;
	for (const struct state *state = process->first; state; state = state->next) {
		char text[128];
		double x = picture_x(picture, state->us) - 4;
		describe_mark(state, text, sizeof(text));
		size_t length = strlen(text) < MAX_WORD ? strlen(text) : MAX_WORD;
		if (!length || x < free_from)
			continue;
		fprintf(picture->out, "<text class=\"word\" x=\"%.1f\" y=\"%.1f\">", x,
			picture_y(picture, process) - 3);
		put_xml(picture->out, text, MAX_WORD);
		fputs("</text>\n", picture->out);
		free_from = x + 5.4 * (double)length + 6;
	}
}

static void put_ending(const struct picture *picture, const struct process *process)
{
	char ending[64];
	describe_ending(process, ending, sizeof(ending));
	bool good = process->ending == ENDED_BY_EXIT && process->code == 0;
	if (good || picture->lane_count > LANES_WITH_NAMES)
		return;
	fprintf(picture->out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
		process->ending == STILL_RUNNING ? "small" : "small red",
		picture_x(picture, end_of(picture, process)) + 9,
		picture_y(picture, process) + picture_stripes_height(picture) / 2 + 3, ending);
}

/* --- labels --------------------------------------------------------------------------------------- */

static void put_details(const struct picture *picture, const struct process *process, double x,
			double y)
{
	const struct view *first = &process->first->view;
	fprintf(picture->out, "<text class=\"small\" x=\"%.1f\" y=\"%.1f\">pid %d", x, y,
		(int)process->pid);
	for (int i = 1; i < first->pid_count; i++)
		fprintf(picture->out, " \u2192 %d", (int)first->pids[i]);
	if (process->last->view.hostname) {
		fputs(" on ", picture->out);
		put_xml(picture->out, process->last->view.hostname, 20);
	}
	fputs("</text>\n", picture->out);
}

static void put_kind_names(const struct picture *picture, double y)
{
	if (picture->stripe < 6)
		return;
	for (int row = 0; row < picture->kind_count; row++)
		fprintf(picture->out, "<text class=\"kind\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
			picture->left - 8, y + picture->stripe * (row + 0.5) + 2.2,
			space_names[picture->kinds[row]]);
}

static void put_label(const struct picture *picture, const struct lane *lane)
{
	double y = picture_y(picture, lane->process);
	double middle = y + picture_stripes_height(picture) / 2;
	double x = 16 + 12 * (lane->depth < 8 ? lane->depth : 8);
	bool details = picture->lane_count <= LANES_WITH_DETAILS;
	if (picture->lane_count > LANES_WITH_NAMES)
		return;
	fprintf(picture->out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">",
		details ? "name" : "small", x, details ? middle - 1 : middle + 3);
	if (lane->count > 1)
		fprintf(picture->out, "#%d \u2026 #%d: %d more", lane->process->n, lane->last->n,
			lane->count);
	else
		fprintf(picture->out, "#%d ", lane->process->n);
	if (lane->count == 1)
		put_xml(picture->out, lane->process->last->program, 18);
	fputs("</text>\n", picture->out);
	if (!details)
		return;
	if (lane->count == 1)
		put_details(picture, lane->process, x, middle + 11);
	put_kind_names(picture, y);
}

/* --- all ------------------------------------------------------------------------------------------ */

static void put_process(const struct picture *picture, const struct process *process)
{
	put_stripes(picture, process);
	put_ending(picture, process);
}

static void put_lane(const struct picture *picture, size_t number)
{
	const struct lane *lane = &picture->lanes[number];
	if (number % 2 == 0)
		fprintf(picture->out,
			"<rect class=\"zebra\" x=\"0\" y=\"%.1f\" width=\"%.0f\" "
			"height=\"%.1f\"/>\n",
			picture->top + picture->lane_height * (double)number, picture->width,
			picture->lane_height);
	put_label(picture, lane);
	const struct process *process = lane->process;
	for (int i = 0; i < lane->count; i++) {
		put_process(picture, process);
		process = picture->story.next_sibling[process->n];
	}
}

void draw_lanes(const struct picture *picture)
{
	for (size_t i = 0; i < picture->lane_count; i++)
		put_lane(picture, i);
	/* Over all stripes: arrows cross lanes, and marks stand on them. */
	for (size_t i = 0; i < picture->lane_count; i++) {
		const struct lane *lane = &picture->lanes[i];
		put_birth(picture, lane->process);
	}
	for (size_t i = 0; i < picture->lane_count; i++) {
		const struct lane *lane = &picture->lanes[i];
		if (lane->count > 1)
			continue;
		put_marks(picture, lane->process);
		if (picture->lane_count <= LANES_WITH_DETAILS)
			put_words(picture, lane->process);
	}
}
