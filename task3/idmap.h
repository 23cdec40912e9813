/*
 * The ids of a user namespace that an ordinary user has made: by newuidmap(1) and newgidmap(1) a range,
 * where they and one are there, else the user's own as 0 only.
 */
#ifndef CONDUCTOR_IDMAP_H
#define CONDUCTOR_IDMAP_H

#include <sys/types.h>

/* The process that stays outside of the new namespace, where those programs have their rights. */
struct id_helper {
	pid_t pid;     /* 0: none, since there is nothing that it could do */
	int handshake; /* or -1 */
};

/* Before unshare(2). 0, or -1. */
int id_helper_start(struct id_helper *helper);

/* After it: writes the maps, and ends the helper. uid and gid are what the user was outside. 0, or -1
 * with errno and nothing reported. */
int map_ids(struct id_helper *helper, uid_t uid, gid_t gid);

/* Instead of it, when there is no namespace. Keeps errno. */
void id_helper_end(struct id_helper *helper);

#endif
