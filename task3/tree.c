#include "tree.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/userns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* What a file may do whoever starts it, as ping may: capabilities(7) */
static const char capability_attribute[] = "security.capability";
enum { CAPABILITIES_SIZE = 64 };

static int open_directory(int parent, const char *name)
{
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Calls visit(directory, name, arg) for each entry, sorted by name, until one returns -1. */
static int each_entry(int directory, int (*visit)(int directory, const char *name, void *arg),
		      void *arg)
{
	enum { MAX_DEPTH = 400 }; /* a level takes up to two descriptors, and some stack */
	static int depth;
	struct dirent **entries;
	if (depth == MAX_DEPTH) {
		report("directories are nested more than %d deep", MAX_DEPTH);
		return -1;
	}
	int count = scandirat(directory, ".", &entries, NULL, alphasort);
	if (count < 0) {
		report_errno("", "cannot read a directory");
		return -1;
	}
	depth++;
	int result = 0;
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		if (result == 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			result = visit(directory, name, arg);
		free(entries[i]);
	}
	free(entries);
	depth--;
	return result;
}

static int copy_link(int from, const char *name, int to, const char *new_name)
{
	char target[PATH_MAX];
	ssize_t size = readlinkat(from, name, target, sizeof(target) - 1);
	if (size < 0)
		return -1;
	target[size] = '\0';
	return symlinkat(target, to, new_name);
}

static bool is_whiteout(const struct stat *status)
{
	return S_ISCHR(status->st_mode) && status->st_rdev == makedev(0, 0);
}

static bool is_opaque(int directory)
{
	char value;
	return (fgetxattr(directory, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y') ||
	       (fgetxattr(directory, "user.overlay.opaque", &value, 1) == 1 && value == 'y');
}

/* Makes the copy of the open directory in, as yet without its entries. Its descriptor, or -1. */
static int make_directory(int in, int to, const char *new_name, enum copy_mode mode)
{
	if (mode == COPY_LAYER && is_opaque(in) && remove_tree(to, new_name) < 0)
		return -1;
	if (mkdirat(to, new_name, 0700) < 0 && errno != EEXIST)
		return -1;
	return open_directory(to, new_name);
}

/* Reports its failure itself: that of an entry has been told already, once for all the way up. */
static int copy_directory(int from, const char *name, int to, const char *new_name,
			  enum copy_mode mode)
{
	AUTO_CLOSE int in = open_directory(from, name);
	AUTO_CLOSE int out = in < 0 ? -1 : make_directory(in, to, new_name, mode);
	if (out >= 0)
		return copy_tree(in, out, mode);
	report_errno("", "cannot copy %s", name);
	return -1;
}

/*
 * In a user namespace a file of whoever has no id there shows as OVERFLOW_ID's, who may be a user of
 * the image, too. Of a file that isn't an image's yet the first is likelier: the host's root, whose
 * tools become those of the container's root.
 */
static id_t owner_in_copy(id_t owner, enum copy_mode mode)
{
	enum { OVERFLOW_ID = 65534 };
	bool stranger = mode == COPY_PLAIN && owner == OVERFLOW_ID && in_user_namespace();
	return mode == COPY_AS_ROOT || stranger ? 0 : owner;
}

/* Owner first: a change of owner clears the set-user-ID bit. Links have no mode of their own. */
static int copy_attributes(int to, const char *name, const struct stat *status, enum copy_mode mode)
{
	uid_t uid = owner_in_copy(status->st_uid, mode);
	gid_t gid = owner_in_copy(status->st_gid, mode);
	if (geteuid() == 0 && fchownat(to, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno != EINVAL)
		return -1; /* EINVAL: an id that our user namespace doesn't have; the file stays our
			      own */
	if (!S_ISLNK(status->st_mode) && fchmodat(to, name, status->st_mode & 07777, 0) < 0)
		return -1;
	struct timespec times[2] = { status->st_atim, status->st_mtim };
	return utimensat(to, name, times, AT_SYMLINK_NOFOLLOW);
}

/* With its attributes; capabilities last, which a change of owner takes away. */
static int copy_content(int in, int to, const char *new_name, const struct stat *status,
			enum copy_mode mode)
{
	AUTO_CLOSE int out = openat(to, new_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (in < 0 || out < 0 || copy_data(in, out) < 0 ||
	    copy_attributes(to, new_name, status, mode) < 0)
		return -1;
	char capabilities[CAPABILITIES_SIZE];
	ssize_t size = fgetxattr(in, capability_attribute, capabilities, sizeof(capabilities));
	if (size > 0)
		fsetxattr(out, capability_attribute, capabilities, (size_t)size, 0);
	return 0;
}

static int copy_regular(int from, const char *name, int to, const char *new_name,
			const struct stat *status, enum copy_mode mode)
{
	AUTO_CLOSE int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return copy_content(in, to, new_name, status, mode);
}

int copy_entry(int from, const char *name, int to, const char *new_name, enum copy_mode mode)
{
	struct stat status;
	int result = fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW);
	if (result == 0 && !S_ISDIR(status.st_mode))
		result = remove_tree(to, new_name); /* what lay there gives way, whatever it was */
	if (result == 0 && mode == COPY_LAYER && is_whiteout(&status))
		return 0;

	if (result == 0) {
		switch (status.st_mode & S_IFMT) {
		case S_IFLNK:
			result = copy_link(from, name, to, new_name);
			break;
		case S_IFREG:
			result = copy_regular(from, name, to, new_name, &status, mode);
			break;
		case S_IFDIR:
			if (copy_directory(from, name, to, new_name, mode) < 0)
				return -1;
			break;
		case S_IFSOCK:
			return 0;
		default:
			result = mknodat(to, new_name, status.st_mode, status.st_rdev);
		}
	}
	if (result == 0 && !S_ISREG(status.st_mode))
		result = copy_attributes(to, new_name, &status, mode);
	if (result < 0)
		report_errno("", "cannot copy %s", name);
	return result;
}

int copy_open_file(int from, int to, const char *new_name)
{
	struct stat status;
	if (fstat(from, &status) == 0 && remove_tree(to, new_name) == 0 &&
	    copy_content(from, to, new_name, &status, COPY_AS_ROOT) == 0)
		return 0;
	report_errno("", "cannot copy to %s", new_name);
	return -1;
}

struct copy {
	int to;
	enum copy_mode mode;
};

static int visit_copy(int directory, const char *name, void *arg)
{
	const struct copy *copy = arg;
	return copy_entry(directory, name, copy->to, name, copy->mode);
}

int copy_tree(int from, int to, enum copy_mode mode)
{
	struct copy copy = { .to = to, .mode = mode };
	return each_entry(from, visit_copy, &copy);
}

static void hash_mode(struct sha256 *hash, const struct stat *status)
{
	char facts[128];
	snprintf(facts, sizeof(facts), "%o %lld %u:%u %llx", status->st_mode,
		 S_ISREG(status->st_mode) ? (long long)status->st_size : 0,
		 (unsigned)status->st_uid, (unsigned)status->st_gid,
		 (unsigned long long)status->st_rdev);
	sha256_add_text(hash, facts);
}

static void hash_capabilities(struct sha256 *hash, int fd)
{
	char capabilities[CAPABILITIES_SIZE];
	ssize_t size = fgetxattr(fd, capability_attribute, capabilities, sizeof(capabilities));
	if (size > 0) {
		sha256_add_text(hash, capability_attribute);
		sha256_add(hash, capabilities, (size_t)size);
	}
}

int hash_open_file(struct sha256 *hash, int fd, const char *name)
{
	struct stat status;
	char block[65536];
	ssize_t got = fd < 0 || fstat(fd, &status) < 0 ? -1 : 1;
	if (got > 0 && S_ISDIR(status.st_mode))
		return hash_tree(hash, fd, ".");
	if (got > 0) {
		hash_mode(hash, &status);
		hash_capabilities(hash, fd);
	}
	while (got > 0) {
		got = read(fd, block, sizeof(block));
		if (got > 0)
			sha256_add(hash, block, (size_t)got);
	}
	if (got < 0)
		report_errno("", "cannot read %s", name);
	return (int)got;
}

static int visit_hash(int directory, const char *name, void *arg)
{
	return hash_tree(arg, directory, name);
}

int hash_tree(struct sha256 *hash, int directory, const char *name)
{
	struct stat status;
	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
		report_errno("", "%s", name);
		return -1;
	}
	sha256_add_text(hash, name);
	if (S_ISREG(status.st_mode)) {
		AUTO_CLOSE int file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		return hash_open_file(hash, file, name);
	}
	hash_mode(hash, &status);
	if (S_ISLNK(status.st_mode)) {
		char target[PATH_MAX];
		ssize_t size = readlinkat(directory, name, target, sizeof(target));
		sha256_add(hash, target, size < 0 ? 0 : (size_t)size);
		return 0;
	}
	if (!S_ISDIR(status.st_mode))
		return 0;
	AUTO_CLOSE int fd = open_directory(directory, name);
	if (fd < 0) {
		report_errno("", "cannot read %s", name);
		return -1;
	}
	int result = each_entry(fd, visit_hash, hash);
	sha256_add_text(hash, "/"); /* the directory ends here */
	return result;
}

static int visit_size(int directory, const char *name, void *arg)
{
	long long *total = arg;
	struct stat status;
	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* it has just gone */
	if (!S_ISDIR(status.st_mode)) {
		*total += status.st_size;
		return 0;
	}
	AUTO_CLOSE int fd = open_directory(directory, name);
	return fd < 0 ? 0 : each_entry(fd, visit_size, total);
}

long long tree_size(int directory)
{
	long long total = 0;
	return each_entry(directory, visit_size, &total) < 0 ? -1 : total;
}
