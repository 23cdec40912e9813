/* What all parts of the witness know of each other. */
#ifndef TESTS_WITNESS_H
#define TESTS_WITNESS_H

#include "record.h"

#include <stdio.h>

/* Exit status for a failure of the witness itself. */
enum { EXIT_WITNESS = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

/* The three ways to write a record. The stream keeps its errors: ferror(3). */
void write_json(FILE *out, const struct record *record);
void write_text(FILE *out, const struct record *record);
void write_svg(FILE *out, const struct record *record);

#endif
