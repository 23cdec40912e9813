#include "common/elf.h"

#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

/* The kernel's own limit is so many bytes, too. */
enum { TABLE_SIZE = 65536, LOW_ADDRESSES = 1 << 30 };

struct file {
	int fd;
	bool wide;  /* 64 bits */
	bool fixed; /* it wants the addresses that it names */
	unsigned count;
	union {
		char bytes[TABLE_SIZE];
		Elf32_Phdr p32[TABLE_SIZE / sizeof(Elf32_Phdr)];
		Elf64_Phdr p64[TABLE_SIZE / sizeof(Elf64_Phdr)];
	} table;
	const char *why;
	int error; /* of the last read, or 0 */
};

/* The parts of a program header that matter, in the wider type. */
struct segment {
	uint32_t type;
	uint64_t offset;
	uint64_t vaddr;
	uint64_t size;	      /* in the file */
	uint64_t memory_size; /* in memory: more, and the rest is zeros */
};

static int fail(struct file *file, const char *why)
{
	file->why = why;
	errno = file->error ? file->error : ENOEXEC;
	return -1;
}

/* Reads exactly size bytes at this offset of the file, which nobody has checked. */
static bool read_at(struct file *file, void *data, size_t size, uint64_t offset)
{
	ssize_t got = offset <= INT64_MAX ? pread(file->fd, data, size, (off_t)offset) : 0;
	file->error = got < 0 ? errno : 0;
	return got == (ssize_t)size;
}

static int read_header(struct file *file)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf32_Ehdr e32;
		Elf64_Ehdr e64;
	} header = { 0 };
	ssize_t got = pread(file->fd, &header, sizeof(header), 0);
	file->error = got < 0 ? errno : 0;
	file->wide = header.ident[EI_CLASS] == ELFCLASS64;
	if (got < (ssize_t)(file->wide ? sizeof(header.e64) : sizeof(header.e32)))
		return fail(file, "its ELF header is cut short");
	int own = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	if (header.ident[EI_DATA] != own)
		return fail(file, "it is for a machine of another byte order");

	/* e_type is at the same place in both. */
	if (header.e32.e_type != ET_EXEC && header.e32.e_type != ET_DYN)
		return fail(file, "it is an ELF file, but no program");
	file->fixed = header.e32.e_type == ET_EXEC;
	file->count = file->wide ? header.e64.e_phnum : header.e32.e_phnum;
	size_t entry = file->wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	if ((file->wide ? header.e64.e_phentsize : header.e32.e_phentsize) != entry)
		return fail(file, "its program headers are of another size");
	if (file->count * entry > TABLE_SIZE)
		return fail(file, "it has too many program headers");
	if (!read_at(file, file->table.bytes, file->count * entry,
		     file->wide ? header.e64.e_phoff : header.e32.e_phoff))
		return fail(file, "its program headers are cut short");
	return 0;
}

static struct segment segment_at(const struct file *file, unsigned i)
{
	if (file->wide) {
		const Elf64_Phdr *entry = &file->table.p64[i];
		return (struct segment){ entry->p_type, entry->p_offset, entry->p_vaddr,
					 entry->p_filesz, entry->p_memsz };
	}
	const Elf32_Phdr *entry = &file->table.p32[i];
	return (struct segment){ entry->p_type, entry->p_offset, entry->p_vaddr, entry->p_filesz,
				 entry->p_memsz };
}

/*
 * The loader maps whole pages, one segment over the other where they overlap: then it may see other
 * bytes at an address than we find in the file. No linker makes such a program. Nor one that is to
 * be mapped over the loader itself, which has a place far up.
 */
static int check_loads(struct file *file)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t end = 0; /* of the pages so far */
	for (unsigned i = 0; i < file->count; i++) {
		struct segment load = segment_at(file, i);
		if (load.type != PT_LOAD)
			continue;
		uint64_t room = load.memory_size > load.size ? load.memory_size : load.size;
		if (load.vaddr > INT64_MAX || room > INT64_MAX - page)
			return fail(file, "its PT_LOADs are broken");
		uint64_t begin = load.vaddr & ~(page - 1);
		if (begin < end || (load.size > 0 && ((load.vaddr ^ load.offset) & (page - 1))))
			return fail(file, "its PT_LOADs are broken");
		end = (load.vaddr + room + page - 1) & ~(page - 1);
		if (file->fixed && end > LOW_ADDRESSES)
			return fail(file, "it wants an address where its loader may be");
	}
	return 0;
}

/* Finds where in the file the byte is that is at vaddr in memory: that is where the loader looks,
 * whatever the segment's own offset says. */
static int find_in_file(struct file *file, uint64_t vaddr, uint64_t *offset)
{
	for (unsigned i = 0; i < file->count; i++) {
		struct segment load = segment_at(file, i);
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
		} entry = { .d64 = { 0 } };
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
	    !read_at(file, interpreter, (size_t)segment->size, segment->offset) ||
	    interpreter[segment->size - 1] != '\0' || interpreter[0] != '/')
		return fail(file, "its PT_INTERP is broken");
	return 0;
}

/* The first PT_INTERP counts for the kernel, the last PT_DYNAMIC for the loader: so there may be only
 * one. */
static int read_once(struct file *file, bool *seen)
{
	if (*seen)
		return fail(file, "it has PT_INTERP or PT_DYNAMIC twice");
	*seen = true;
	return 0;
}

static int read_start(struct file *file, struct elf_start *start)
{
	bool interpreted = false;
	bool dynamic = false;
	if (read_header(file) < 0)
		return -1;
	for (unsigned i = 0; i < file->count; i++) {
		struct segment segment = segment_at(file, i);
		if (segment.type == PT_INTERP &&
		    (read_once(file, &interpreted) < 0 ||
		     read_interpreter(file, &segment, start->interpreter,
				      sizeof(start->interpreter)) < 0))
			return -1;
		if (segment.type == PT_DYNAMIC &&
		    (read_once(file, &dynamic) < 0 ||
		     read_dynamic(file, segment.vaddr, &start->audited) < 0))
			return -1;
	}
	return *start->interpreter ? check_loads(file) : 0;
}

int elf_read_start(int fd, struct elf_start *start, const char **why)
{
	struct file file = { .fd = fd };
	*start = (struct elf_start){ 0 };
	int result = read_start(&file, start);
	*why = file.why;
	return result;
}
