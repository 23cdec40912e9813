/*
 * The state directory, and the small text files in it: a line a value, key=value.
 *
 *     images/NAME          an image's layers           layers/ID     a layer's tree
 *     containers/NAME/     a container                 layers/ID.txt what it was made by
 *     lock                 guards what containers share: names, addresses, the firewall
 *
 * It is $CONDUCTOR_ROOT, or /var/lib/conductor, or for another user $XDG_DATA_HOME/conductor
 * (~/.local/share/conductor). Every path of the other files is relative to state_fd().
 *
 * A function of task3 that returns -1 or NULL has reported why, unless its header says otherwise.
 */
#ifndef CONDUCTOR_STATE_H
#define CONDUCTOR_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { NAME_SIZE = 64, PATH_SIZE = 320 }; /* a name's 63 bytes and NUL; a path made of names */

/* The state directory's descriptor, opened (and made, mode 0700) at the first call. -1 on failure.
 */
int state_fd(void);

/* Its absolute path. A container's child needs it: a descriptor of ours leads into our mount
 * namespace, not its own. */
const char *state_path(void);

/* Takes the lock; closing the descriptor, or dying, lets it go. -1 on failure. */
int state_lock(void);

/* Names begin with a letter or digit, then also _ . -; at most 63. Checked before a path is made of
 * one. */
bool valid_name(const char *name);

/* A file of key=value lines. */
struct record {
	char *text; /* each line ends in NUL */
	size_t size;
};

/* Reads it. 0, or -1 with errno and nothing reported: whoever asks knows whether a missing file
 * matters. */
int record_read(int dirfd, const char *path, struct record *record);
void record_free(struct record *record);

/* The first value of key, or with after (a value it returned) the next one. NULL if there is none.
 */
const char *record_value(const struct record *record, const char *key, const char *after);

/* A number from the record, or fallback where it is missing or none. */
long long record_number(const struct record *record, const char *key, long long fallback);

/* Collects a record's text: fprintf lines into writer.out, then put it in place at once. */
struct record_writer {
	FILE *out;
	char *text;
	size_t size;
};
int record_begin(struct record_writer *writer);
int record_commit(struct record_writer *writer, int dirfd, const char *path);
/* The same, and it is there after a power cut, too: for images and layers, see image.h. */
int record_commit_durably(struct record_writer *writer, int dirfd, const char *path);

/* Writes text as a JSON string, with its quotes. */
void print_json_string(FILE *out, const char *text);

#endif
