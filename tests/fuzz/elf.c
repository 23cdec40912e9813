/*
 * A program that somebody hands to copy_deps or puts into an image: elf_read_start of common/elf.c.
 * Format: elf(5); System V ABI, chapters 4 and 5.
 */
#include "fuzz.h"

#include "common/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_start *start = malloc(sizeof(*start));
	const char *why = NULL;
	MUST(start);
	if (elf_read_start(fuzz_file(data, size), start, &why) == 0) {
		/* The loader by this path is about to be run. */
		MUST(!*start->interpreter || start->interpreter[0] == '/');
		MUST(memchr(start->interpreter, '\0', sizeof(start->interpreter)));
	} else {
		MUST(why && *why);
	}
	free(start);
	return 0;
}
