/*
 * The store of images. An image is a list of layers, each a directory layers/ID that an overlay
 * lays on those before it. A layer is complete or not there, never changed, and may belong to many
 * images. Layers that belong to none are the cache.
 *
 * All this outlives a power cut. A file system may put a name on the disk long before the content
 * (ext4: half a minute), so a build waits for the disk: for a layer's files before the layer gets its
 * name, for the layer's record before an image names it, for the image before it says that it is
 * done. Nothing else waits, `run` least of all: no container lives on after a power cut, so what the
 * disk has of one need not be right. Its state names the boot that it belongs to; of another boot,
 * or empty, it is a dead one's, and `stop` takes away whatever is there.
 */
#ifndef CONDUCTOR_IMAGE_H
#define CONDUCTOR_IMAGE_H

#include "state.h"

#include <time.h>

/* Paths of all layers and the upper directory must fit mount(2)'s one page of options. */
enum { LAYER_ID_SIZE = 21, MAX_LAYERS = 100 };

struct layers {
	char id[MAX_LAYERS][LAYER_ID_SIZE]; /* the lowest first */
	int count;
};

struct image {
	char name[NAME_SIZE];
	struct layers layers;
	long long size_bytes;
	time_t created;
};

/* Reads an image and checks that its layers are there. 0, or -1. */
int image_load(const char *name, struct image *image);

/*
 * As long as a build holds the image that it stands on, `rmi` refuses to remove that. The lock is
 * held by the caller. A descriptor for image_let_base_go, or -1.
 */
int image_hold_base(const char *image, const char *base);
void image_let_base_go(int *held);

/* Puts what was written to this directory's file system on the disk: before a layer made of it gets
 * its name. One syncfs(2), since an fsync(2) for each file waits for the disk as often. 0, or -1. */
int layer_sync(int directory);

/* Writes it, in the place of one of the same name. 0, or -1. */
int image_save(const struct image *image);

/* The lines "layer=ID" of a record, to and from a list. 0, or -1 without a report where one is
 * malformed. */
void layers_write(FILE *out, const struct layers *layers);
int layers_read(const struct record *record, struct layers *layers);

/*
 * The builders' side of the lock against rmcache: shared among builders. Also sweeps what killed
 * builds left, if no other build is running. A descriptor, closed to let go, or -1.
 */
int layers_lock_for_building(void);

#endif
