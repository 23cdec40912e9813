/*
 * Whole files. dirfd is a directory's descriptor or AT_FDCWD, as in openat(2).
 * Each function returns 0 or a size, or -1 with errno set, and leaves no descriptor open.
 */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* Reads a whole file of any kind (procfs tells no size). The text ends in NUL and is the caller's
 * to free. */
char *read_file(int dirfd, const char *path, size_t *size);

/* Writes text into an existing file in one write(2), as files of procfs and cgroupfs want it. */
int write_file(int dirfd, const char *path, const char *text);

/* Writes all of it, however often write(2) is cut short. */
int write_all(int fd, const void *data, size_t size);

/* Puts a new file with this text in the place of path, whole or not at all: temporary file
 * (.NAME.PID.new beside it), then rename(2). */
int replace_file(int dirfd, const char *path, const char *text, mode_t mode);

/* The same, and it survives a power cut from the moment that it is in place: fsync(2) of the file
 * before its rename, without which it may be there and empty, and of its directory after it. Costs
 * two waits for the disk. -1 if only the last failed, too: then it is in place, but who knows how
 * long. */
int replace_file_durably(int dirfd, const char *path, const char *text, mode_t mode);

/* Copies what is left of one file to another: reflink or copy_file_range(2) where they serve. */
int copy_data(int from, int to);

/* Makes a directory and those above it, like mkdir -p. */
int make_directories(int dirfd, const char *path, mode_t mode);

/*
 * Removes a file or a whole tree below dirfd. Never crosses a mount and never follows a link: where
 * something is mounted inside, it fails with EXDEV and leaves that alone. A missing path is no
 * error.
 */
int remove_tree(int dirfd, const char *path);

#endif
