/*
 * What a program needs in order to be executed: itself, its interpreter (a dynamic loader, or what
 * a script's #! names), every shared library, and the symbolic links on the way to each of them.
 */
#ifndef COMMON_LIBRARIES_H
#define COMMON_LIBRARIES_H

#include <stdbool.h>
#include <stddef.h>

/* Absolute paths, none twice, in the order found. Each is a regular file or a symbolic link, and no
 * directory in it is a link (merged-/usr: /lib, the link, then /usr/lib/...). */
struct path_list {
	char **paths;
	size_t count;
};

void path_list_free(struct path_list *list);

/*
 * Adds what program, a path or a name on PATH, needs to the list. The libraries are those that the
 * program's own loader finds, as with ldd(1); but the program itself is never run, and a loader is
 * run only if it is one of this machine's own, which root owns and nobody else can write. 0, or -1
 * with errno and why, text of at most why_size bytes: "is a directory", "libfoo.so.1 is missing".
 */
int find_needed_files(const char *program, struct path_list *list, char *why, size_t why_size);

/* Does this errno speak of the machine's state (no memory, a broken disk) rather than of a file? Then
 * the file may be well, and nothing is to be concluded from it. */
bool is_machine_failure(int errnum);

/* The path of program, itself if it holds a slash, else the first on PATH. The caller's to free;
 * NULL with errno, ENOENT if there is none. */
char *find_on_path(const char *program);

#endif
