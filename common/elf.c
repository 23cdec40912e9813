#include "common/elf.h"

#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

struct file {
	int fd;
	bool wide; /* 64 bits */
	unsigned count;
	uint64_t table;
	const char *why;
};

/* The parts of a program header that matter, in the wider type. */
struct segment {
	uint32_t type;
	uint64_t offset;
	uint64_t vaddr;
	uint64_t size; /* in the file */
};

static int fail(struct file *file, const char *why)
{
	file->why = why;
	errno = ENOEXEC;
	return -1;
}

/* Reads exactly size bytes at this offset of the file, which nobody has checked. */
static bool read_at(const struct file *file, void *data, size_t size, uint64_t offset)
{
	return offset <= INT64_MAX && pread(file->fd, data, size, (off_t)offset) == (ssize_t)size;
}

static int read_header(struct file *file)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf32_Ehdr e32;
		Elf64_Ehdr e64;
	} header = { 0 };
	ssize_t got = pread(file->fd, &header, sizeof(header), 0);
	file->wide = header.ident[EI_CLASS] == ELFCLASS64;
	if (got < (ssize_t)(file->wide ? sizeof(header.e64) : sizeof(header.e32)))
		return fail(file, "its ELF header is cut short");
	int own = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	if (header.ident[EI_DATA] != own)
		return fail(file, "it is for a machine of another byte order");

	/* e_type is at the same place in both. */
	if (header.e32.e_type != ET_EXEC && header.e32.e_type != ET_DYN)
		return fail(file, "it is an ELF file, but no program");
	file->count = file->wide ? header.e64.e_phnum : header.e32.e_phnum;
	file->table = file->wide ? header.e64.e_phoff : header.e32.e_phoff;
	return 0;
}

static int read_segment(struct file *file, unsigned i, struct segment *segment)
{
	union {
		Elf32_Phdr p32;
		Elf64_Phdr p64;
	} entry;
	size_t size = file->wide ? sizeof(entry.p64) : sizeof(entry.p32);
	if (!read_at(file, &entry, size, file->table + i * size))
		return fail(file, "its program headers are cut short");
	*segment = file->wide ? (struct segment){ entry.p64.p_type, entry.p64.p_offset,
						  entry.p64.p_vaddr, entry.p64.p_filesz }
			      : (struct segment){ entry.p32.p_type, entry.p32.p_offset,
						  entry.p32.p_vaddr, entry.p32.p_filesz };
	return 0;
}

/* Finds where in the file the byte is that is at vaddr in memory: that is where the loader looks,
 * whatever the segment's own offset says. */
static int find_in_file(struct file *file, uint64_t vaddr, uint64_t *offset)
{
	struct segment load;
	for (unsigned i = 0; i < file->count; i++) {
		if (read_segment(file, i, &load) < 0)
			return -1;
		if (load.type == PT_LOAD && vaddr >= load.vaddr && vaddr - load.vaddr < load.size) {
			*offset = load.offset + (vaddr - load.vaddr);
			return 0;
		}
	}
	return fail(file, "its PT_DYNAMIC lies nowhere in it");
}

/* Walks the dynamic section up to its end, DT_NULL, as the loader does. */
static int read_dynamic(struct file *file, uint64_t vaddr, bool *audited)
{
	for (int i = 0; i < 4096; i++) {
		union {
			Elf32_Dyn d32;
			Elf64_Dyn d64;
		} entry;
		size_t size = file->wide ? sizeof(entry.d64) : sizeof(entry.d32);
		uint64_t offset;
		if (find_in_file(file, vaddr, &offset) < 0)
			return -1;
		if (!read_at(file, &entry, size, offset))
			return fail(file, "its PT_DYNAMIC is cut short");
		int64_t tag = file->wide ? entry.d64.d_tag : entry.d32.d_tag;
		if (tag == DT_NULL)
			return 0;
		if (tag == DT_AUDIT || tag == DT_DEPAUDIT)
			*audited = true;
		vaddr += size;
	}
	return fail(file, "its PT_DYNAMIC has no end");
}

static int read_interpreter(struct file *file, const struct segment *segment, char *interpreter,
			    size_t size)
{
	if (segment->size < 2 || segment->size > size ||
	    !read_at(file, interpreter, segment->size, segment->offset) ||
	    interpreter[segment->size - 1] != '\0' || interpreter[0] != '/')
		return fail(file, "its PT_INTERP is broken");
	return 0;
}

static int read_start(struct file *file, struct elf_start *start)
{
	if (read_header(file) < 0)
		return -1;
	for (unsigned i = 0; i < file->count; i++) {
		struct segment segment;
		if (read_segment(file, i, &segment) < 0)
			return -1;
		if (segment.type == PT_INTERP &&
		    read_interpreter(file, &segment, start->interpreter,
				     sizeof(start->interpreter)) < 0)
			return -1;
		if (segment.type == PT_DYNAMIC &&
		    read_dynamic(file, segment.vaddr, &start->audited) < 0)
			return -1;
	}
	return 0;
}

int elf_read_start(int fd, struct elf_start *start, const char **why)
{
	struct file file = { .fd = fd };
	*start = (struct elf_start){ 0 };
	int result = read_start(&file, start);
	*why = file.why;
	return result;
}
