/* What came from a watched process may hold any byte, and must not pass for more than a text: not in
 * a JSON string, not in a picture, not on a terminal. What is no UTF-8 becomes U+FFFD. */
#ifndef TESTS_WITNESS_ESCAPE_H
#define TESTS_WITNESS_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/* A JSON string with its quotes (RFC 8259), or null for NULL. */
void put_json(FILE *out, const char *text);

/* Text for XML 1.0, also within an attribute's quotes. At most max characters, then an ellipsis. */
void put_xml(FILE *out, const char *text, size_t max);

/* Text for a terminal: control characters as \n or \x1b. At most max characters, then "...". */
void put_shown(FILE *out, const char *text, size_t max);

/* The words of a command line, as a shell would want them; at most max characters. The caller's to
 * free. Each of argv's words ends in NUL; command's end with NULL. */
char *shown_words(const char *argv, size_t size, size_t max);
char *shown_command(char *const *command, size_t max);

#endif
