/*
 * What a container's process may not do, set up in the process itself and last of all, so that
 * nothing of ours runs unconfined after it, and nothing before it is in the way of the setup.
 */
#ifndef CONDUCTOR_CONFINE_H
#define CONDUCTOR_CONFINE_H

#include <stdbool.h>

/* Which devices a container's /dev opens: devices.c. */
enum devices {
	DEVICES_OWN, /* a /dev of its own, with the harmless ones, where no filter can be had */
	DEVICES_FILTERED, /* the host's /dev, of which its cgroup lets it open just those */
	DEVICES_HOST,	  /* all of the host's: --privileged */
};

extern const char *const devices_names[]; /* as the state has them */

/* What run chose for a container; exec keeps to it. */
struct confinement {
	bool privileged; /* the assignment's raw container: root with all that root may do */
	enum devices devices;
};

/*
 * Leaves the process with descriptors 0 to 2 once it executes a program, no signal blocked or
 * ignored, umask 022, no groups of the caller's, and a death bound to its parent's. Unless the
 * container is privileged also with a keyring of its own, few capabilities, no way to gain more,
 * and a filter on its system calls. What fails goes to the parent over handshake.
 */
void confine(const struct confinement *confinement, int handshake);

/*
 * The parts of it: 0, or -1 with errno.
 * capabilities.c: docker's default set stays, in every set but inheritable and ambient; mknod only
 * where asked for.
 */
int capabilities_limit(bool mknod);
/* seccomp.c: installs the filter. It needs no_new_privs, and holds for all descendants. */
int system_calls_filter(void);

#endif
