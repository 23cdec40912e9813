#include "tar.h"

#include "common/cleanup.h"
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 512 };

/* Numbers are octal text. */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
	char link[100], magic[6], version[2], user[32], group[32], major[8], minor[8];
	char prefix[155], padding[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

static int write_header(int fd, const char *name, char type, long long size, time_t mtime)
{
	struct header header = { .mode = "0000755",
				 .uid = "0000000",
				 .gid = "0000000",
				 .type = type,
				 .magic = "ustar",
				 .version = { '0', '0' } };
	int length = snprintf(header.name, sizeof(header.name), "%s", name);
	if (length < 0 || (size_t)length >= sizeof(header.name) || size > 077777777777) {
		errno = EOVERFLOW;
		return -1;
	}
	snprintf(header.size, sizeof(header.size), "%011llo", (unsigned long long)size);
	snprintf(header.mtime, sizeof(header.mtime), "%011llo",
		 (unsigned long long)mtime & 077777777777);

	/* The sum of all bytes, its own field taken as blanks. */
	memset(header.checksum, ' ', sizeof(header.checksum));
	unsigned sum = 0;
	for (size_t i = 0; i < sizeof(header); i++)
		sum += ((const unsigned char *)&header)[i];
	snprintf(header.checksum, sizeof(header.checksum), "%06o", sum & 0777777);
	return write_all(fd, &header, sizeof(header));
}

/* Fills the last block of what is size bytes long, and adds the two empty ones of the end. */
static int write_end(int fd, long long size)
{
	static const char zeros[3 * BLOCK];
	size_t rest = (size_t)(size % BLOCK);
	return write_all(fd, zeros, (rest ? BLOCK - rest : 0) + (size_t)2 * BLOCK);
}

int tar_service(const char *name, const char *path)
{
	char directory[80];
	char file[160];
	struct stat program;
	snprintf(directory, sizeof(directory), "%s/", name);
	snprintf(file, sizeof(file), "%s/%s", name, name);
	AUTO_CLOSE int from = open(path, O_RDONLY | O_CLOEXEC);
	AUTO_CLOSE int to = memfd_create("tar", MFD_CLOEXEC);
	if (from < 0 || to < 0 || fstat(from, &program) < 0 ||
	    write_header(to, directory, '5', 0, program.st_mtime) < 0 ||
	    write_header(to, file, '0', program.st_size, program.st_mtime) < 0 ||
	    copy_data(from, to) < 0 || write_end(to, program.st_size) < 0 ||
	    lseek(to, 0, SEEK_SET) < 0)
		return -1;
	int archive = to;
	to = -1; /* it stays open */
	return archive;
}
