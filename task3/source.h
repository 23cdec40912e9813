/* What FROM begins an image with, when it is no other image. */
#ifndef CONDUCTOR_SOURCE_H
#define CONDUCTOR_SOURCE_H

#include "sha256.h"

enum source_kind { SOURCE_HOST, SOURCE_SCRATCH, SOURCE_SUITE, SOURCE_PATH, SOURCE_IMAGE };

/* What FROM's argument means. */
enum source_kind source_kind(const char *argument);

/* Adds to the hash what the layer's content depends on. context is the Conductorfile's directory.
 * 0, or -1. */
int source_hash(struct sha256 *hash, enum source_kind kind, const char *argument, int context);

/* Fills an empty directory with it. 0, or -1. */
int source_fill(int to, enum source_kind kind, const char *argument, int context);

#endif
