/* The hostname that another process sees. Nothing in /proc tells it: the witness has to go and look. */
#ifndef TESTS_WITNESS_HOSTNAME_H
#define TESTS_WITNESS_HOSTNAME_H

#include <sys/types.h>

/* Keeps a way back into our own UTS namespace. 0, or -1 with errno. */
int hostname_begin(int proc_fd);

/* The name in the UTS namespace with this inode, that of the process whose directory in /proc is
 * task_fd. Kept; NULL if we may not enter it. */
const char *hostname_seen_by(int task_fd, ino_t uts_inode);

#endif
