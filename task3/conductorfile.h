/*
 * A Conductorfile: an instruction a line; # begins a comment; a backslash at a line's end joins the
 * next.
 *
 *     FROM host | scratch | IMAGE
 *     FROM SUITE                     debian:bookworm
 *     FROM PATH                      a directory or a tar, with a slash
 *     COPY SOURCE... DESTINATION     sources are relative to the Conductorfile
 *     RUN COMMAND                    by the image's /bin/sh
 */
#ifndef CONDUCTOR_CONDUCTORFILE_H
#define CONDUCTOR_CONDUCTORFILE_H

enum keyword { KEYWORD_FROM, KEYWORD_COPY, KEYWORD_RUN };

struct instruction {
	enum keyword keyword;
	int line;
	char *argument; /* without blanks around it */
};

enum { MAX_INSTRUCTIONS = 90 }; /* each is a layer: image.h */

struct conductorfile {
	struct instruction instructions[MAX_INSTRUCTIONS];
	int count;
};

extern const char *const keyword_names[];

/* Parses text, size bytes, which it changes; name is what errors call it. 0, or -1, then freed. */
int conductorfile_parse(struct conductorfile *file, char *text, unsigned long size,
			const char *name);
void conductorfile_free(struct conductorfile *file);

#endif
