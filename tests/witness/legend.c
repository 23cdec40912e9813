#include "escape.h"
#include "picture.h"

#include <string.h>

/* Below the lanes: what the colours and the marks mean. */

enum { ROW = 19, COLUMNS = 3, COLUMN_WIDTH = 360, MAX_SWATCHES = 24 };

static int swatch_count(const struct picture *picture, enum space_kind kind)
{
	int count = picture->story.kind_counts[kind];
	return count < MAX_SWATCHES ? count : MAX_SWATCHES;
}

static int rows_of(const struct picture *picture, enum space_kind kind)
{
	return (swatch_count(picture, kind) + COLUMNS - 1) / COLUMNS;
}

double legend_height(const struct picture *picture)
{
	int rows = 4;
	for (int i = 0; i < picture->kind_count; i++)
		rows += rows_of(picture, picture->kinds[i]);
	return rows * ROW + 6;
}

static void put_origin(FILE *out, const struct space *space)
{
	switch (space->origin) {
	case FROM_BEFORE:
		fputs("there before", out);
		break;
	case BY_CLONE:
		fprintf(out, "made by #%d, clone", space->by->n);
		break;
	case BY_UNSHARE:
		fprintf(out, "made by #%d, unshare", space->by->n);
		break;
	case FROM_OUTSIDE:
		fprintf(out, "joined by #%d", space->by->n);
		break;
	default:
		fprintf(out, "seen first in #%d", space->by->n);
	}
}

/* The namespaces of one kind. Returns where the next row is. */
static double put_kind(const struct picture *picture, enum space_kind kind, double y)
{
	int shown = 0;
	fprintf(picture->out, "<text class=\"name\" x=\"16\" y=\"%.1f\">%s</text>\n", y,
		space_names[kind]);
	for (size_t i = 0; i < picture->story.space_count && shown < MAX_SWATCHES; i++) {
		const struct space *space = &picture->story.spaces[i];
		char colour[40];
		if (space->kind != kind)
			continue;
		double x = 90 + shown % COLUMNS * COLUMN_WIDTH;
		int above = shown / COLUMNS;
		double row = y + above * ROW;
		picture_colour(picture, space, colour, sizeof(colour));
		fprintf(picture->out,
			"<rect x=\"%.1f\" y=\"%.1f\" width=\"22\" height=\"11\" rx=\"2\" "
			"fill=\"%s\"/>"
			"<text class=\"legend\" x=\"%.1f\" y=\"%.1f\">%lu, ",
			x, row - 9, colour, x + 29, row, (unsigned long)space->inode);
		put_origin(picture->out, space);
		if (++shown == MAX_SWATCHES && picture->story.kind_counts[kind] > shown)
			fprintf(picture->out, " (and %d more)",
				picture->story.kind_counts[kind] - shown);
		fputs("</text>\n", picture->out);
	}
	return y + rows_of(picture, kind) * ROW;
}

static void put_common_kinds(const struct picture *picture, double y)
{
	fprintf(picture->out,
		"<text class=\"legend\" x=\"16\" y=\"%.1f\">One for all processes:", y);
	for (int kind = 0; kind < SPACE_KINDS; kind++) {
		if (picture->story.kind_counts[kind] == 1)
			fprintf(picture->out, " %s", space_names[kind]);
	}
	fputs("</text>\n", picture->out);
}

static void put_marks(const struct picture *picture, double y)
{
	static const struct {
		const char *mark;
		const char *text;
	} marks[] = { { "exec", "executes a program" }, { "setns", "setns: joins" },
		      { "unshare", "unshare: makes" },	{ "name", "sethostname" },
		      { "root", "chroot, pivot_root" }, { "end", "exit status 0" },
		      { "bad", "another end" } };
	double x = 24;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		fprintf(picture->out,
			"<use href=\"#%s\" x=\"%.1f\" y=\"%.1f\"/>"
			"<text class=\"legend\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
			marks[i].mark, x, y - 4, x + 10, y, marks[i].text);
		x += 32 + 6.4 * (double)strlen(marks[i].text);
	}
	fprintf(picture->out,
		"<path class=\"birth\" d=\"M%.1f %.1fv10\" marker-end=\"url(#arrow)\"/>"
		"<text class=\"legend\" x=\"%.1f\" y=\"%.1f\">birth</text>\n",
		x, y - 12, x + 10, y);
}

void draw_legend(const struct picture *picture)
{
	double y = picture->height - legend_height(picture) + ROW;
	fprintf(picture->out, "<path class=\"rule\" d=\"M0 %.1fH%.0f\"/>\n", y - ROW + 2,
		picture->width);
	for (int i = 0; i < picture->kind_count; i++)
		y = put_kind(picture, picture->kinds[i], y);
	put_common_kinds(picture, y);
	put_marks(picture, y + ROW + 6);
}
