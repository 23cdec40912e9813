/*
 * What the fuzz targets share. A target is one .c file: it hands the bytes to the functions under
 * test and checks what must hold for every input. libFuzzer calls it with millions of inputs, and
 * AddressSanitizer and UndefinedBehaviorSanitizer watch. https://llvm.org/docs/LibFuzzer.html
 *
 * A target includes the .c file whose static functions it calls; the linker then leaves that file's
 * object alone and takes the others of the room.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What libFuzzer calls. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run as a crash unless the condition holds. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* A copy of exactly these bytes, so that a read past them is seen. The caller's to free. */
static inline char *fuzz_bytes(const uint8_t *data, size_t size)
{
	char *bytes = calloc(size ? size : 1, 1);
	MUST(bytes);
	if (size)
		memcpy(bytes, data, size);
	return bytes;
}

/* The same with a NUL behind them. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = calloc(size + 1, 1);
	MUST(text);
	if (size)
		memcpy(text, data, size);
	return text;
}

/* A file with this content: a descriptor that is used again for the next one. */
static inline int fuzz_file(const uint8_t *data, size_t size)
{
	static int fd = -1;
	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	MUST(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	return fd;
}

/* The path that opens it anew. */
static inline const char *fuzz_path(const uint8_t *data, size_t size)
{
	static char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fuzz_file(data, size));
	return path;
}

#endif
