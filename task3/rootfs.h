/* A container's root: the image's layers as an overlay, what is mounted on it, and the step into
 * it. */
#ifndef CONDUCTOR_ROOTFS_H
#define CONDUCTOR_ROOTFS_H

#include "confine.h"
#include "image.h"

struct rootfs {
	const struct layers *layers;
	const char *directory; /* relative to the state: upper, work and root are there, copy may
				  come */
	bool own_files;	       /* mount its hosts and resolv.conf */
	const struct confinement *confinement;
};

/*
 * Called in the container's child, in mount and other namespaces of its own: makes the root and
 * enters it. Afterwards no path leads to the host any more. What fails goes to the parent over
 * handshake.
 */
void enter_rootfs(const struct rootfs *rootfs, int handshake);

#endif
