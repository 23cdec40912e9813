#include "picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LABELS_WIDTH = 250, RIGHT_MARGIN = 100, HEAD_HEIGHT = 108 };

/* --- lanes ---------------------------------------------------------------------------------------- */

static void add_lane(struct picture *picture, const struct process *process, int depth)
{
	struct lane *lane = &picture->lanes[picture->lane_count++];
	*lane = (struct lane){ .process = process, .last = process, .count = 1, .depth = depth };
	picture->lane_of[process->n] = picture->lane_count - 1;
}

/* The first two of many alike have lanes of their own, all others one together. */
static const struct process *fold(struct picture *picture, const struct process *first, int depth)
{
	enum { SHOWN = 2, WORTH_IT = 5 };
	const struct story *story = &picture->story;
	int alike = 1;
	for (const struct process *next = story->next_sibling[first->n];
	     next && story_alike(story, first, next); next = story->next_sibling[next->n])
		alike++;
	if (alike < WORTH_IT)
		return NULL;
	const struct process *process = first;
	for (int i = 0; i < alike; i++) {
		if (i <= SHOWN)
			add_lane(picture, process, depth);
		struct lane *lane = &picture->lanes[picture->lane_count - 1];
		picture->lane_of[process->n] = picture->lane_count - 1;
		lane->last = process;
		lane->count = i < SHOWN ? 1 : i - SHOWN + 1;
		process = story->next_sibling[process->n];
	}
	return picture->lanes[picture->lane_count - 1].last;
}

static void add_children(struct picture *picture, int of, int depth)
{
	const struct story *story = &picture->story;
	for (const struct process *child = story->first_child[of]; child;
	     child = story->next_sibling[child->n]) {
		const struct process *last = fold(picture, child, depth);
		if (last) {
			child = last;
			continue;
		}
		add_lane(picture, child, depth);
		add_children(picture, child->n, depth + 1);
	}
}

/* --- time ----------------------------------------------------------------------------------------- */

/* Does it have a mark of its own? */
static bool is_marked(const struct picture *picture, const struct state *state)
{
	return picture->lanes[picture->lane_of[state->process->n]].count == 1;
}

/* Each step between two events is as wide as the root of its duration, and so much more that the
 * marks of a small picture can be told apart. */
static void lay_out_time(struct picture *picture)
{
	enum { MARK_WIDTH = 22 };
	const struct record *record = picture->story.record;
	struct state **states = picture->story.states;
	double room = picture->right - picture->left;
	double roots = 0;
	double marks = 0;
	long before = 0;
	for (size_t i = 0; i < record->state_count; i++) {
		roots += sqrt((double)(states[i]->us - before));
		marks += is_marked(picture, states[i]);
		before = states[i]->us;
	}
	picture->end_us = before > record->duration_us ? before : record->duration_us;
	roots += sqrt((double)(picture->end_us - before));
	double least = marks > 0 ? fmin(MARK_WIDTH, 0.7 * room / marks) : 0;
	double scale = roots > 0 ? (room - least * marks) / roots : 0;
	double x = picture->left;
	before = 0;
	picture->xs = grow(NULL, (record->state_count + 1) * sizeof(*picture->xs));
	for (size_t i = 0; i < record->state_count; i++) {
		x += is_marked(picture, states[i]) ? least : 0;
		x += scale * sqrt((double)(states[i]->us - before));
		picture->xs[i] = x;
		before = states[i]->us;
	}
}

double picture_x(const struct picture *picture, long us)
{
	struct state *const *states = picture->story.states;
	size_t low = 0; /* the first state that is not before us */
	size_t high = picture->story.record->state_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (states[middle]->us < us)
			low = middle + 1;
		else
			high = middle;
	}
	size_t count = picture->story.record->state_count;
	if (low < count && states[low]->us == us)
		return picture->xs[low];
	double x0 = low ? picture->xs[low - 1] : picture->left;
	long us0 = low ? states[low - 1]->us : 0;
	double x1 = low < count ? picture->xs[low] : picture->right;
	long us1 = low < count ? states[low]->us : picture->end_us;
	return us1 > us0 ? x0 + (x1 - x0) * (double)(us - us0) / (double)(us1 - us0) : x0;
}

/* --- heights -------------------------------------------------------------------------------------- */

static void lay_out_lanes(struct picture *picture)
{
	int kinds = picture->kind_count ? picture->kind_count : 1;
	double between = 16;
	picture->stripe = kinds < 3 ? 12 : 8;
	if (picture->lane_count > LANES_WITH_DETAILS) {
		picture->stripe = kinds < 3 ? 6 : 3;
		between = 8;
	}
	if (picture->lane_count > LANES_WITH_NAMES) {
		picture->stripe = kinds < 3 ? 3 : 1.5;
		between = 2;
	}
	picture->lane_height = picture->stripe * kinds + between;
	if (picture->lane_count <= LANES_WITH_DETAILS && picture->lane_height < 32)
		picture->lane_height = 32;
}

void picture_begin(struct picture *picture, FILE *out, const struct record *record)
{
	size_t count = record->process_count + 1;
	*picture = (struct picture){
		.out = out, .width = 1240, .left = LABELS_WIDTH, .top = HEAD_HEIGHT
	};
	picture->right = picture->width - RIGHT_MARGIN;
	story_tell(&picture->story, record);
	for (int kind = 0; kind < SPACE_KINDS; kind++) {
		if (picture->story.kind_counts[kind] > 1)
			picture->kinds[picture->kind_count++] = (enum space_kind)kind;
	}
	picture->lanes = grow(NULL, count * sizeof(*picture->lanes));
	picture->lane_of = grow(NULL, count * sizeof(*picture->lane_of));
	add_children(picture, 0, 0);
	lay_out_time(picture);
	lay_out_lanes(picture);
	picture->height = picture->top + picture->lane_height * (double)picture->lane_count + 12 +
			  legend_height(picture);
}

void picture_free(struct picture *picture)
{
	free(picture->xs);
	free(picture->lanes);
	free(picture->lane_of);
	story_free(&picture->story);
}

double picture_stripes_height(const struct picture *picture)
{
	return picture->stripe * (picture->kind_count ? picture->kind_count : 1);
}

double picture_y(const struct picture *picture, const struct process *process)
{
	double space = picture->lane_height - picture_stripes_height(picture);
	return picture->top + picture->lane_height * (double)picture->lane_of[process->n] +
	       space / 2;
}

/* --- colours -------------------------------------------------------------------------------------- */

void picture_colour(const struct picture *picture, const struct space *space, char *text,
		    size_t size)
{
	/* Told apart by most of those who see colours otherwise, too (after Okabe and Ito). */
	static const char *const colours[] = { "#0072b2", "#e69f00", "#009e73", "#cc79a7",
					       "#56b4e9", "#d55e00", "#8a63d2", "#b8a500" };
	enum { COLOURS = sizeof(colours) / sizeof(colours[0]) };
	if (!space || space->origin == FROM_BEFORE) {
		snprintf(text, size, "#d5dae1");
		return;
	}
	int number = 0; /* among all that are coloured */
	for (const struct space *one = picture->story.spaces; one < space; one++)
		number += one->origin != FROM_BEFORE && picture->story.kind_counts[one->kind] > 1;
	if (number < COLOURS)
		snprintf(text, size, "%s", colours[number]);
	else /* the golden angle: neighbours differ most */
		snprintf(text, size, "hsl(%d,%d%%,%d%%)", number * 137 % 360, 45 + number % 3 * 12,
			 48 + number % 4 * 7);
}
