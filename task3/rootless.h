/*
 * An ordinary user's containers: they are made as root of a user namespace, in which the user is
 * uid 0. user_namespaces(7), newuidmap(1), subuid(5)
 *
 * Which other ids there are depends on the machine. Where newuidmap and newgidmap are installed, and
 * /etc/subuid and /etc/subgid give the user a range, that becomes the ids from 1 on: programs in a
 * container can be other users. Else there is this one id only.
 */
#ifndef CONDUCTOR_ROOTLESS_H
#define CONDUCTOR_ROOTLESS_H

#include <stdbool.h>

/* Makes an ordinary user root of a new user namespace; does nothing for root. 0, or -1. */
int become_root(void);

/* Did become_root make one? Then the machine's network is out of reach. */
bool is_rootless(void);

/*
 * remove_tree (common/file.h) also of what an ordinary user's containers have written: their other
 * users' files belong to ids that are the user's own only in such a namespace. So what can't be
 * removed is removed once more by a child that makes one. 0, or -1 with errno.
 */
int remove_container_tree(int dirfd, const char *path);

/* What to do where it failed with errnum; "" where there is nothing to say. */
const char *hint_removal(int errnum);

/* Have we got a single id, so that no file can be another user's? */
bool has_single_id(void);

#endif
