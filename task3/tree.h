/* Trees of files: copying, hashing and measuring them. Links are never followed. */
#ifndef CONDUCTOR_TREE_H
#define CONDUCTOR_TREE_H

#include "sha256.h"

/*
 * Copies what is in the directory from into the directory to, over what is there: data, modes,
 * times, file capabilities, and owners where we may. With COPY_LAYER whiteouts and opaque
 * directories are obeyed, as when an overlay lays one layer on another. With COPY_AS_ROOT all becomes
 * root's. Sockets are left out. -1 on failure.
 */
enum copy_mode { COPY_PLAIN, COPY_LAYER, COPY_AS_ROOT };
int copy_tree(int from, int to, enum copy_mode mode);

/* Copies one file, link or directory from/name to to/new_name. -1 on failure. */
int copy_entry(int from, const char *name, int to, const char *new_name, enum copy_mode mode);

/* Copies an open file as root's, with its mode, times and capabilities, in the place of what
 * to/new_name was. -1 on failure. */
int copy_open_file(int from, int to, const char *new_name);

/* Adds an open file's mode, capabilities and content to the hash, or an open directory as hash_tree
 * does; name is what an error calls it. -1 on failure. */
int hash_open_file(struct sha256 *hash, int fd, const char *name);

/* Adds names, types, modes, owners, file capabilities and contents below directory/name to the hash,
 * in sorted order. -1 on failure. */
int hash_tree(struct sha256 *hash, int directory, const char *name);

/* The sum of the sizes of all files below the directory, in bytes; -1 on failure. */
long long tree_size(int directory);

#endif
