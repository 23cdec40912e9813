/* The instructions that work inside the image: COPY and RUN. */
#ifndef CONDUCTOR_STEP_H
#define CONDUCTOR_STEP_H

#include "conductorfile.h"
#include "image.h"
#include "sha256.h"

struct step {
	const struct instruction *instruction;
	const char *file; /* the Conductorfile's name, for messages */
	int context;	  /* its directory */
};

/* Adds to the hash what the step's result depends on, besides the layers below. 0, or -1. */
int hash_step(struct sha256 *hash, const struct step *step);

/*
 * Makes the step's layer, layers/ID, on top of the image as it is. Where there is no overlay the
 * layer is a whole tree, and the image's list of layers is emptied for it. 0, or -1.
 */
int make_step(const struct step *step, struct image *image, const char *id);

#endif
