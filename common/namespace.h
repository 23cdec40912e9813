/* The kinds of namespace, for printing and for comparing: namespaces(7). */
#ifndef COMMON_NAMESPACE_H
#define COMMON_NAMESPACE_H

#include <sys/types.h>

struct namespace_kind {
	const char *name; /* the file below /proc/PID/ns */
	int flag;	  /* its flag for clone, unshare and setns */
};

/* In the order of namespaces(7); the last one has the name NULL. */
extern const struct namespace_kind namespace_kinds[];

/* The inode number that identifies the namespace of this kind that pid is in (0: ourselves). 0, or
 * -1 with errno. */
int namespace_inode(pid_t pid, const char *name, ino_t *inode);

#endif
