/*
 * What is known of a container: containers/NAME/, and the kernel's word on whether it lives.
 *
 *     state         what it runs, its processes, its exit status (key=value)
 *     upper, work   its layer of the overlay; or copy, where there is no overlay
 *     rootfs        a link to its root: the running one's, later to what it wrote
 *     hosts, resolv.conf   its files of these names, mounted inside
 *     network       its addresses and what it publishes, if addnetwork was asked for
 *     log           what it wrote, if it runs in the background
 */
#ifndef CONDUCTOR_CONTAINER_H
#define CONDUCTOR_CONTAINER_H

#include "confine.h"
#include "image.h"
#include "process_id.h"
#include "state.h"

#include <time.h>

enum { BOOT_ID_SIZE = 37 };

enum container_status {
	CONTAINER_STARTING, /* its parent is setting it up */
	CONTAINER_RUNNING,
	CONTAINER_ENDING, /* its parent is clearing away */
	CONTAINER_EXITED, /* exit_status holds */
	CONTAINER_DEAD	  /* its parent died, or the machine went down: nobody knows how it ended */
};

extern const char *const container_status_names[]; /* "running" and so on */

struct container {
	char name[NAME_SIZE];
	int dirfd; /* containers/NAME */
	char image[NAME_SIZE];
	struct layers layers;
	bool temporary; /* goes with its end, or its parent's: run --rm, and a build's steps */
	char command[256];
	time_t created;
	char boot_id[BOOT_ID_SIZE]; /* process ids mean nothing after another boot */
	bool limited; /* it may have cgroups in more trees than v2's: said before they are made */
	/* The v2 cgroup that its own is below, where that isn't the tree's root. */
	char delegated[512];
	struct confinement confinement;
	struct process_id parent;
	struct process_id init; /* pid 0 until it is born */
	bool up;	    /* its program has begun: before that its root is the host's still */
	int exit_status;    /* -1 until it has exited */
	bool out_of_memory; /* it has exited because the kernel killed for want of memory */
};

/*
 * Makes containers/NAME for this process as the parent; fails where there is one. The lock is held
 * by the caller. command is what `ps` shows. 0, or -1; container_close then has nothing to do.
 */
int container_claim(struct container *container, const char *name, const struct image *image,
		    const char *command, bool temporary);

/* Reads a container. 0, or -1. "no such container" is reported too. */
int container_load(struct container *container, const char *name);

/* The same, and reports nothing: 0, or -1 with errno. One without a record was cut short when it was
 * made. */
int container_look(struct container *container, const char *name);

void container_close(struct container *container);

/* Writes its state. 0, or -1. */
int container_save(const struct container *container);

/* Has the machine not been booted since this was noted? Else what goes with it, a process's number or
 * a link, means nothing any more. An empty one is no boot's. */
bool is_this_boot(const char *noted_boot_id);

/* Where it stands, judged by the processes that live, not by the file alone. */
enum container_status container_status(const struct container *container);

/* Loads it and holds its init by a pidfd; reports and returns -1 unless it is running. */
int container_open_running(struct container *container, const char *name);

/* Calls visit for each container that can be read, sorted by name, until one returns -1. -1 then,
 * and on failure; 1 if another one can't be read, which has been reported. */
int container_each(int (*visit)(struct container *container, void *arg), void *arg);

/* Is it still the one that has this name (1), or has it been removed, and another come (0)? -1: that
 * can't be told. */
int container_is_current(const struct container *container);

/* Makes rootfs a link to target. 0, or -1. */
int container_link_rootfs(const struct container *container, const char *target);

/*
 * Takes away what a container has outside its directory: links, firewall elements, cgroup; rootfs
 * then shows what it wrote. The lock is held by the caller, the container's PID 1 is dead; whatever
 * else is in its cgroup is killed.
 * Whatever is missing already is no error, so any half-built container will do. 0, or -1 after
 * trying it all.
 */
int container_take_down(struct container *container);

/* Removes its directory, state last, after all that was outside it has been taken down: what is
 * still there would be forgotten with it. Lock as above. 0, or -1. */
int container_remove(struct container *container);

/*
 * Kills and takes down every container whose parent is gone, and mends the networks of the others:
 * what a killed command left half-made, and a firewall that was flushed. Every command that takes
 * the lock calls it.
 */
void container_sweep(void);

#endif
