/* Driving the conductor: as a program, by the command line that the assignment gives it. */
#include "orchestrator.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An image that is made of a distribution's packages takes minutes; everything else milliseconds.
 */
enum { BUILD_MS = 30 * 60 * 1000, COMMAND_MS = 60 * 1000 };

enum { WORDS_MAX = 16 };

int failed(struct orchestrator *o, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(o->why, sizeof(o->why), format, args);
	va_end(args);
	return -1;
}

void note(struct orchestrator *o, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(o->note, sizeof(o->note), format, args);
	va_end(args);
}

/* Cuts the text after its last line that isn't empty, and returns that line. */
static char *last_line(char *text)
{
	size_t size = strlen(text);
	while (size > 0 && strchr("\r\n", text[size - 1]))
		text[--size] = '\0';
	char *end = strrchr(text, '\n');
	return end ? end + 1 : text;
}

/* The conductor's words as an argument vector. exec's interface asks for char *, and promises not
 * to write there. */
static void make_argv(struct orchestrator *o, char *argv[WORDS_MAX + 2], const char *const words[])
{
	size_t count = 0;
	argv[count++] = o->conductor;
	while (*words && count <= WORDS_MAX)
		argv[count++] = (char *)*words++;
	argv[count] = NULL;
}

/* What it complained of is passed on, but for the last line of a failure: that is the reason. */
static int judge(struct orchestrator *o, struct outcome *outcome, const char *const words[])
{
	const char *reason = outcome->status ? last_line(outcome->errors) : NULL;
	size_t size = reason ? (size_t)(reason - outcome->errors) : strlen(outcome->errors);
	if (write_all(STDERR_FILENO, outcome->errors, size) < 0)
		return failed(o, "cannot write to standard error: %s", strerror(errno));
	if (!reason)
		return 0;
	if (*reason)
		return failed(o, "%s", reason);
	return failed(o, "conductor %s fails with status %d and says nothing", words[0],
		      outcome->status);
}

static int cannot_run(struct orchestrator *o, const char *word)
{
	const char *hint = hint_kernel(errno);
	return failed(o, "%s %s: %s%s%s%s", o->conductor, word, strerror(errno), *hint ? " (" : "",
		      hint, *hint ? ")" : "");
}

int conduct(struct orchestrator *o, int input, char **output, const char *const words[])
{
	char *argv[WORDS_MAX + 2];
	AUTO_OUTCOME struct outcome outcome;
	make_argv(o, argv, words);
	int timeout_ms = strcmp(words[0], "build") == 0 ? BUILD_MS : COMMAND_MS;
	if (run_program(argv, input, timeout_ms, &outcome) < 0) {
		if (errno == EINTR)
			return failed(o, "interrupted");
		return cannot_run(o, words[0]);
	}
	int result = judge(o, &outcome, words);
	if (result == 0 && output) {
		*output = outcome.output;
		outcome.output = NULL;
	}
	return result;
}

int conduct_in_background(struct orchestrator *o, const char *log, struct background *background,
			  const char *const words[])
{
	char *argv[WORDS_MAX + 2];
	make_argv(o, argv, words);
	AUTO_CLOSE int fd =
		openat(o->state, log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed(o, "cannot open the log %s: %s", log, strerror(errno));
	AUTO_CLOSE int handshake = -1;
	if (background_start(argv, fd, background, &handshake) < 0)
		return failed(o, "cannot start %s: %s", words[0], strerror(errno));
	/* First written down, then begun: whatever happens to us, `down` finds it. */
	if (state_save(o) < 0)
		return -1;
	if (background_go(handshake) < 0)
		return cannot_run(o, words[0]);
	return 0;
}

int conduct_lists(struct orchestrator *o, const char *list, const char *name)
{
	AUTO_FREE char *text = NULL;
	if (conduct(o, -1, &text, WORDS(list)) < 0)
		return -1;
	char *rest = text;
	char *line;
	while ((line = strsep(&rest, "\n"))) {
		line[strcspn(line, " \t\r")] = '\0';
		if (strcmp(line, name) == 0)
			return 1;
	}
	return 0;
}

const char *last_log_line(struct orchestrator *o, const char *log)
{
	static char line[512];
	AUTO_FREE char *text = read_file(o->state, log, NULL);
	snprintf(line, sizeof(line), "%s", text ? last_line(text) : "");
	return line;
}
