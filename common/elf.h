/* What the program headers of an ELF file say about how it is started: elf(5). */
#ifndef COMMON_ELF_H
#define COMMON_ELF_H

#include <limits.h>
#include <stdbool.h>

struct elf_start {
	char interpreter[PATH_MAX]; /* its dynamic loader (PT_INTERP), "" for a static program */
	bool audited; /* it names libraries for the loader to run at once: DT_AUDIT, rtld-audit(7)
		       */
};

/* Reads them from a file of 32 or 64 bits. 0, or -1 with errno ENOEXEC (or why it can't be read) and in *why a constant text:
 * "its ELF header is cut short". */
int elf_read_start(int fd, struct elf_start *start, const char **why);

#endif
