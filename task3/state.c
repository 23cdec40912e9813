#include "state.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/number.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char absolute_path[PATH_MAX];

static int find_state(char *path, size_t size)
{
	const char *root = getenv("CONDUCTOR_ROOT");
	const char *data = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");
	int length;
	if (root && *root)
		length = snprintf(path, size, "%s", root);
	else if (geteuid() == 0)
		length = snprintf(path, size, "/var/lib/conductor");
	else if (data && *data == '/')
		length = snprintf(path, size, "%s/conductor", data);
	else if (home && *home == '/')
		length = snprintf(path, size, "%s/.local/share/conductor", home);
	else {
		report("where is the state to be kept? neither CONDUCTOR_ROOT nor HOME is set");
		return -1;
	}
	if (length < 0 || (size_t)length >= size) {
		report("the path of the state directory is too long");
		return -1;
	}
	return 0;
}

static int open_state(void)
{
	static const char *const parts[] = { "images", "layers", "containers" };
	char path[PATH_MAX];
	if (find_state(path, sizeof(path)) < 0)
		return -1;

	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		/* Images hold set-user-ID programs and containers secrets: closed to other users.
		 */
		char *slash = strrchr(path, '/');
		if (slash && slash != path) {
			*slash = '\0';
			make_directories(AT_FDCWD, path, 0755);
			*slash = '/';
		}
		if (mkdir(path, 0700) == 0 || errno == EEXIST)
			fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0) {
		report_errno(errno == EACCES
				     ? "sudo, or set CONDUCTOR_ROOT to a directory of your own"
				     : "",
			     "%s", path);
		return -1;
	}
	if (!realpath(path, absolute_path)) {
		report_errno("", "%s", path);
		close_fd(&fd);
		return -1;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		/* Closed even where the directory above was made by somebody else, and is open. */
		if (mkdirat(fd, parts[i], 0700) < 0 && errno != EEXIST && errno != EROFS) {
			report_errno("", "%s/%s", path, parts[i]);
			close_fd(&fd);
			return -1;
		}
	}
	return fd;
}

int state_fd(void)
{
	static int fd = -1;
	static bool tried; /* a failure is reported once */
	if (!tried)
		fd = open_state();
	tried = true;
	return fd;
}

const char *state_path(void)
{
	return absolute_path;
}

int state_lock(void)
{
	if (state_fd() < 0)
		return -1;
	int fd = openat(state_fd(), "lock", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	while (fd >= 0 && flock(fd, LOCK_EX) < 0) {
		if (errno != EINTR) {
			close_fd(&fd);
			break;
		}
	}
	if (fd < 0)
		report_errno("", "cannot lock the state directory");
	return fd;
}

bool valid_name(const char *name)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t length = strlen(name);
	return length > 0 && length < NAME_SIZE && strspn(name, letters) == length &&
	       name[0] != '.' && name[0] != '-' && name[0] != '_';
}

int record_read(int dirfd, const char *path, struct record *record)
{
	record->text = read_file(dirfd, path, &record->size);
	if (!record->text)
		return -1;
	for (size_t i = 0; i < record->size; i++) {
		if (record->text[i] == '\n')
			record->text[i] = '\0';
	}
	return 0;
}

void record_free(struct record *record)
{
	free(record->text);
	*record = (struct record){ 0 };
}

const char *record_value(const struct record *record, const char *key, const char *after)
{
	const char *end = record->text + record->size;
	const char *line = after ? after + strlen(after) + 1 : record->text;
	size_t length = strlen(key);
	for (; line < end; line += strlen(line) + 1) {
		if (!strncmp(line, key, length) && line[length] == '=')
			return line + length + 1;
	}
	return NULL;
}

long long record_number(const struct record *record, const char *key, long long fallback)
{
	const char *text = record_value(record, key, NULL);
	long long value;
	return text && parse_number(text, LLONG_MIN, LLONG_MAX, &value) == 0 ? value : fallback;
}

int record_begin(struct record_writer *writer)
{
	*writer = (struct record_writer){ 0 };
	writer->out = open_memstream(&writer->text, &writer->size);
	if (!writer->out)
		report_errno("", "cannot write a record");
	return writer->out ? 0 : -1;
}

typedef int replace_function(int dirfd, const char *path, const char *text, mode_t mode);

static int commit(struct record_writer *writer, int dirfd, const char *path,
		  replace_function *replace)
{
	int result = fclose(writer->out);
	if (result == 0)
		result = replace(dirfd, path, writer->text, 0600);
	if (result < 0)
		report_errno("", "cannot write %s", path);
	free(writer->text);
	return result;
}

int record_commit(struct record_writer *writer, int dirfd, const char *path)
{
	return commit(writer, dirfd, path, replace_file);
}

int record_commit_durably(struct record_writer *writer, int dirfd, const char *path)
{
	return commit(writer, dirfd, path, replace_file_durably);
}

void print_json_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c == '"' || *c == '\\')
			fprintf(out, "\\%c", *c);
		else if (*c < 0x20 || *c == 0x7f)
			fprintf(out, "\\u%04x", *c);
		else
			fputc(*c, out);
	}
	fputc('"', out);
}
