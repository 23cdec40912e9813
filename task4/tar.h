/* A tar archive of one directory with one program in it: POSIX, pax(1), ustar. */
#ifndef TASK4_TAR_H
#define TASK4_TAR_H

/*
 * Makes an archive of the directory `name` that holds the program at path under the same name, both
 * root's, mode 755. Returns a descriptor that reads it from its beginning, or -1 with errno. It is
 * a file in memory, not the program itself: what reads it in a container could open its own
 * standard input again for writing, by /proc/self/fd/0.
 */
int tar_service(const char *name, const char *path);

#endif
