/* A container's birth: clone(2) into new namespaces, and the child's way to its program. */
#ifndef CONDUCTOR_BIRTH_H
#define CONDUCTOR_BIRTH_H

#include "rootfs.h"

#include <sys/types.h>

struct birth {
	struct rootfs rootfs;
	const char *hostname;
	char *const *argv;	/* NULL: a shell */
	int (*work)(void *arg); /* unless NULL, what the child does instead; -1: it failed, and said
				   why, and the child's exit status is 1 */
	void *work_arg;
	int input, output; /* its standard input, and its output and errors; -1: ours */
	int cgroup;	   /* a v2 cgroup's descriptor, or -1 */
};

struct newborn {
	pid_t pid;
	int pidfd;     /* the caller's to close */
	int handshake; /* the caller's to close */
};

/* Clones the child, which enters its root and then waits until it is told to go. 0, or -1. */
int give_birth(const struct birth *birth, struct newborn *newborn);

/* Tells it. One that has failed at its mounts and is gone is no error here: it has said why, which
 * await_program hears. 0, or -1: then it waits still, and must be killed. */
int tell_to_go(const struct newborn *newborn, const char *name);

#endif
