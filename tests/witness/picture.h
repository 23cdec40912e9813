/*
 * The picture of a record, while it is drawn: where things stand in it. Processes are lanes from top
 * to bottom, children below their parent; time goes from left to right, and pauses are drawn shorter
 * than they were. In a lane there is a stripe for each kind of namespace that differs in this run.
 */
#ifndef TESTS_WITNESS_PICTURE_H
#define TESTS_WITNESS_PICTURE_H

#include "story.h"

#include <stdio.h>

/* With more lanes than that, each is thinner and says less. */
enum { LANES_WITH_DETAILS = 40, LANES_WITH_NAMES = 200 };

struct lane {
	const struct process *process;
	const struct process *last; /* of those that are drawn here together; else the same */
	int count;		    /* how many */
	int depth;
};

struct picture {
	FILE *out;
	struct story story;
	enum space_kind kinds[SPACE_KINDS]; /* the stripes, from top to bottom */
	int kind_count;
	struct lane *lanes;
	size_t lane_count;
	size_t *lane_of; /* by a process's number */
	double *xs;	 /* where the story's states stand */
	double left, right, top;
	double stripe;	    /* height of one */
	double lane_height; /* of its stripes and the space between two lanes */
	double width, height;
	long end_us;
};

/* Lays it out. */
void picture_begin(struct picture *picture, FILE *out, const struct record *record);
void picture_free(struct picture *picture);

double picture_x(const struct picture *picture, long us);
/* The top of a process's stripes. */
double picture_y(const struct picture *picture, const struct process *process);
double picture_stripes_height(const struct picture *picture);

/* The fill for a namespace: grey for those from before, else a colour of its own. */
void picture_colour(const struct picture *picture, const struct space *space, char *text,
		    size_t size);

/* The parts: lanes.c and legend.c. */
void draw_lanes(const struct picture *picture);
void draw_legend(const struct picture *picture);
double legend_height(const struct picture *picture);

#endif
