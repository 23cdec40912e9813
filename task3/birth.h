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
				   why */
	void *work_arg;
	int input, output; /* its standard input, and its output and errors; -1: ours */
	int cgroup;	   /* a v2 cgroup's descriptor, or -1 */
};

struct newborn {
	pid_t pid;
	int pidfd;     /* the caller's to close */
	int handshake; /* the caller's to close */
};

/* Clones the child, which waits until it is told to go. 0, or -1. */
int give_birth(const struct birth *birth, struct newborn *newborn);

/*
 * Tells it to go and waits until it executes its program. *root becomes a descriptor of its root,
 * the caller's to close. Returns 0; -1 when it failed, which has been reported as name's failure,
 * and *status then is what to exit with: 125, or 126 and 127 for a program that can't be run or
 * isn't there.
 */
int await_program(struct newborn *newborn, const char *name, int *root, int *status);

#endif
