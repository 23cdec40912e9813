#include "escape.h"
#include "picture.h"
#include "witness.h"

#include <stdlib.h>

/* The picture as a file: SVG 1.1 with nothing from elsewhere, no script, and whatever font there is. */

static const char style[] =
	"<style>"
	"text{font-family:system-ui,'Helvetica Neue',Arial,sans-serif;fill:#1d2733}"
	".title{font-size:17px;font-weight:600}"
	".sub{font-size:12px;fill:#5b6775}"
	".name{font-size:12px;font-weight:600}"
	".small{font-size:10px;fill:#5b6775}"
	".red{fill:#b3261e}"
	".legend{font-size:11px;fill:#3a4653}"
	".kind{font-size:7.5px;fill:#8a95a3;text-anchor:end}"
	".word{font-size:9.5px;fill:#5b6775}"
	".tick{font-size:10px;fill:#8a95a3;text-anchor:middle}"
	".grid{stroke:#e6eaef;stroke-width:1;fill:none}"
	".rule{stroke:#c8d0d9;stroke-width:1;fill:none}"
	".zebra{fill:#4a6076;fill-opacity:.05}"
	".birth{stroke:#5b6775;stroke-width:1.2;fill:none}"
	".many .birth{stroke-width:.5;stroke-opacity:.4}"
	".mark{fill:#fff;stroke:#1d2733;stroke-width:1.2}"
	"</style>\n";

/* Marks are drawn around the point 0 0. */
static const char marks[] =
	"<defs>"
	"<marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"6\" "
	"markerHeight=\"6\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#5b6775\"/></marker>"
	"<path id=\"exec\" class=\"mark\" d=\"M-4 -5L5 0L-4 5z\"/>"
	"<path id=\"setns\" class=\"mark\" d=\"M0 -6L6 0L0 6L-6 0z\"/>"
	"<path id=\"unshare\" class=\"mark\" d=\"M-6 0A6 6 0 0 1 6 0ZM-6 2A6 6 0 0 0 6 2Z\"/>"
	"<g id=\"name\"><circle class=\"mark\" r=\"6\"/><path class=\"mark\" "
	"d=\"M-2.3 -3V3M2.3 -3V3M-2.3 0H2.3\"/></g>"
	"<path id=\"root\" class=\"mark\" d=\"M-5 -5H5V5H-5zM-2 5V0H2V5\"/>"
	"<circle id=\"end\" r=\"3.5\" fill=\"#1d2733\"/>"
	"<g id=\"bad\"><circle r=\"6\" fill=\"#b3261e\"/><path d=\"M-2.6 -2.6L2.6 2.6M2.6 "
	"-2.6L-2.6 "
	"2.6\" stroke=\"#fff\" stroke-width=\"1.6\"/></g>"
	"</defs>\n";

static void put_head(const struct picture *picture)
{
	const struct record *record = picture->story.record;
	char *command = shown_command(record->command, 300);
	fprintf(picture->out, "<text class=\"title\" x=\"16\" y=\"30\"><title>");
	put_xml(picture->out, command, 400);
	fputs("</title>", picture->out);
	put_xml(picture->out, command, 120);
	free(command);
	fprintf(picture->out,
		"</text>\n<text class=\"sub\" x=\"16\" y=\"50\">%zu process%s in %.3f s \u00b7 "
		"exit "
		"status %d \u00b7 Linux ",
		record->process_count, record->process_count == 1 ? "" : "es",
		(double)record->duration_us / 1000000, record->status);
	put_xml(picture->out, record->kernel, 60);
	fprintf(picture->out, " \u00b7 %s</text>\n", record->began);
	if (record->warning_count || record->unrecorded)
		fputs("<text class=\"small red\" x=\"16\" y=\"68\">", picture->out);
	if (record->unrecorded)
		fprintf(picture->out, "The record was full: %zu events are missing. ",
			record->unrecorded);
	for (size_t i = 0; i < record->warning_count && i < 2; i++) {
		put_xml(picture->out, record->warnings[i], 120);
		fputs(". ", picture->out);
	}
	if (record->warning_count || record->unrecorded)
		fputs("</text>\n", picture->out);
}

/* The time at a place, which is what picture_x is the other way round. */
static long us_at(const struct picture *picture, double x)
{
	long low = 0;
	long high = picture->end_us;
	while (low < high) {
		long middle = low + (high - low) / 2;
		if (picture_x(picture, middle) < x)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Ticks stand evenly; what they say is the time there, as pauses are drawn shorter. */
static void put_axis(const struct picture *picture)
{
	enum { TICKS = 9 };
	double bottom = picture->top + picture->lane_height * (double)picture->lane_count;
	for (int i = 0; i <= TICKS; i++) {
		double x = picture->left + (picture->right - picture->left) * i / TICKS;
		double at_ms = (double)us_at(picture, x) / 1000;
		fprintf(picture->out, "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/>", x,
			picture->top - 6, bottom);
		fprintf(picture->out, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">%.*f</text>\n", x,
			picture->top - 11, at_ms < 100 ? 1 : 0, at_ms);
	}
	fprintf(picture->out,
		"<text class=\"small\" x=\"16\" y=\"%.1f\">time in ms; pauses are drawn "
		"short</text>\n",
		picture->top - 11);
}

void write_svg(FILE *out, const struct record *record)
{
	struct picture picture;
	picture_begin(&picture, out, record);
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
		"width=\"%.0f\" "
		"height=\"%.0f\" role=\"img\">\n",
		picture.width, picture.height, picture.width, picture.height);
	fputs(style, out);
	fputs(marks, out);
	fprintf(out, "<rect width=\"%.0f\" height=\"%.0f\" fill=\"#fff\"/>\n", picture.width,
		picture.height);
	put_head(&picture);
	put_axis(&picture);
	fputs(picture.lane_count > LANES_WITH_DETAILS ? "<g class=\"many\">\n" : "<g>\n", out);
	draw_lanes(&picture);
	fputs("</g>\n", out);
	draw_legend(&picture);
	fputs("</svg>\n", out);
	picture_free(&picture);
}
