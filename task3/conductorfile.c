#include "conductorfile.h"

#include "common/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *const keyword_names[] = { "FROM", "COPY", "RUN", NULL };

void conductorfile_free(struct conductorfile *file)
{
	for (int i = 0; i < file->count; i++)
		free(file->instructions[i].argument);
	file->count = 0;
}

static void trim(char **text)
{
	*text += strspn(*text, " \t\r");
	for (size_t length = strlen(*text); length && strchr(" \t\r", (*text)[length - 1]);
	     length--)
		(*text)[length - 1] = '\0';
}

/* Cuts one instruction off, with the lines that backslashes join to it, and counts the lines. */
static char *next_instruction(char **rest, int *lines)
{
	char *begin = *rest;
	for (char *line = begin; line;) {
		char *end = strchr(line, '\n');
		++*lines;
		if (!end || end == line || end[-1] != '\\') {
			if (end)
				*end = '\0';
			*rest = end ? end + 1 : NULL;
			return begin;
		}
		end[-1] = ' ';
		end[0] = ' ';
		line = end + 1;
	}
	return begin;
}

static int add(struct conductorfile *file, char *text, int line, const char *name)
{
	size_t length = strcspn(text, " \t");
	char *argument = text + length;
	int keyword = 0;
	while (keyword_names[keyword] && (strlen(keyword_names[keyword]) != length ||
					  strncasecmp(keyword_names[keyword], text, length) != 0))
		keyword++;
	trim(&argument);
	if (!keyword_names[keyword]) {
		report("%s:%d: unknown instruction %.*s (FROM, COPY and RUN are known)", name, line,
		       (int)(length < 40 ? length : 40), text);
		return -1;
	}
	if (!*argument) {
		report("%s:%d: %s wants something behind it", name, line, keyword_names[keyword]);
		return -1;
	}
	if ((keyword == KEYWORD_FROM) != (file->count == 0)) {
		report("%s:%d: an image begins with one FROM, and has no other", name, line);
		return -1;
	}
	if (file->count == MAX_INSTRUCTIONS) {
		report("%s:%d: more than %d instructions", name, line, MAX_INSTRUCTIONS);
		return -1;
	}
	struct instruction *instruction = &file->instructions[file->count];
	*instruction = (struct instruction){ .keyword = (enum keyword)keyword, .line = line };
	instruction->argument = strdup(argument);
	if (!instruction->argument) {
		report_errno("", "%s", name);
		return -1;
	}
	file->count++;
	return 0;
}

int conductorfile_parse(struct conductorfile *file, char *text, unsigned long size,
			const char *name)
{
	file->count = 0;
	if (memchr(text, '\0', size)) {
		report("%s: is no text", name);
		return -1;
	}
	int lines = 0;
	for (char *rest = text; rest && *rest;) {
		int line = lines + 1;
		char *instruction = next_instruction(&rest, &lines);
		trim(&instruction);
		if (*instruction && *instruction != '#' && add(file, instruction, line, name) < 0) {
			conductorfile_free(file);
			return -1;
		}
	}
	if (file->count == 0) {
		report("%s: holds no instruction", name);
		return -1;
	}
	return 0;
}
