#include "image.h"

#include "command.h"
#include "container.h"
#include "rootless.h"

#include "common/cleanup.h"
#include "common/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int open_directory(const char *name)
{
	int fd = state_fd() < 0 ? -1 : openat(state_fd(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && state_fd() >= 0)
		report_errno("", "%s", name);
	return fd;
}

void layers_write(FILE *out, const struct layers *layers)
{
	for (int i = 0; i < layers->count; i++)
		fprintf(out, "layer=%s\n", layers->id[i]);
}

int layers_read(const struct record *record, struct layers *layers)
{
	layers->count = 0;
	for (const char *id = NULL; (id = record_value(record, "layer", id));) {
		/* It becomes part of a path, and of overlayfs' options. */
		if (layers->count == MAX_LAYERS || strlen(id) != LAYER_ID_SIZE - 1 ||
		    strspn(id, "0123456789abcdef") != LAYER_ID_SIZE - 1)
			return -1;
		snprintf(layers->id[layers->count++], LAYER_ID_SIZE, "%s", id);
	}
	return layers->count > 0 ? 0 : -1;
}

static void image_path(const char *name, char *path)
{
	snprintf(path, PATH_SIZE, "images/%s", name);
}

int image_load(const char *name, struct image *image)
{
	char path[PATH_SIZE];
	struct record record;
	*image = (struct image){ 0 };
	if (!valid_name(name)) {
		report("%s: not a name for an image", name);
		return -1;
	}
	if (state_fd() < 0)
		return -1;
	snprintf(image->name, sizeof(image->name), "%s", name);
	image_path(name, path);
	if (record_read(state_fd(), path, &record) < 0) {
		if (errno == ENOENT)
			report("%s: no such image (conductor build %s makes one)", name, name);
		else
			report_errno("", "%s", path);
		return -1;
	}
	image->size_bytes = record_number(&record, "size", 0);
	image->created = (time_t)record_number(&record, "created", 0);
	int result = layers_read(&record, &image->layers);
	record_free(&record);

	for (int i = 0; result == 0 && i < image->layers.count; i++) {
		snprintf(path, sizeof(path), "layers/%s", image->layers.id[i]);
		result = faccessat(state_fd(), path, F_OK, 0);
	}
	if (result < 0)
		report("%s: the image is damaged (conductor build %s mends it)", name, name);
	return result;
}

int layer_sync(int directory)
{
	int result = syncfs(directory);
	if (result < 0)
		report_errno("", "cannot put the layer on the disk");
	return result;
}

int image_save(const struct image *image)
{
	char path[PATH_SIZE];
	struct record_writer writer;
	image_path(image->name, path);
	if (record_begin(&writer) < 0)
		return -1;
	fprintf(writer.out, "created=%lld\nsize=%lld\n", (long long)image->created,
		image->size_bytes);
	layers_write(writer.out, &image->layers);
	return record_commit_durably(&writer, state_fd(), path);
}

/* Calls visit for each image's record that can be read, sorted by name. -1 on failure or from
 * visit; 1 if another one can't be read, which has been reported. */
static int each_image(int (*visit)(const char *name, const struct record *record, void *arg),
		      void *arg)
{
	struct dirent **entries;
	int count =
		state_fd() < 0 ? -1 : scandirat(state_fd(), "images", &entries, NULL, alphasort);
	if (count < 0) {
		if (state_fd() >= 0)
			report_errno("", "cannot read images");
		return -1;
	}
	int result = 0;
	int unread = 0;
	for (int i = 0; i < count; i++) {
		char path[PATH_SIZE];
		struct record record;
		if (result == 0 && valid_name(entries[i]->d_name)) {
			image_path(entries[i]->d_name, path);
			if (record_read(state_fd(), path, &record) == 0) {
				result = visit(entries[i]->d_name, &record, arg);
				record_free(&record);
			} else if (errno != ENOENT) {
				report_errno("", "%s: cannot read the image", entries[i]->d_name);
				unread = 1;
			}
		}
		free(entries[i]);
	}
	free(entries);
	return result < 0 ? -1 : unread;
}

struct listing {
	bool json;
	int count;
};

static int print_image(const char *name, const struct record *record, void *arg)
{
	struct listing *listing = arg;
	long long size = record_number(record, "size", 0);
	time_t created = (time_t)record_number(record, "created", 0);
	struct tm local;
	char date[32] = "?";
	if (localtime_r(&created, &local))
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &local);
	if (listing->json)
		printf("%s\n  {\"name\": \"%s\", \"size\": %lld, \"created\": %lld}",
		       listing->count ? "," : "", name, size, (long long)created);
	else
		printf("%-20s %8.1f MB  %s\n", name, (double)size / 1e6, date);
	listing->count++;
	return 0;
}

int command_images(const struct invocation *invocation)
{
	struct listing listing = { .json = option_given(invocation, "json") };
	if (state_fd() < 0)
		return COMMAND_FAILED;
	if (listing.json)
		printf("[");
	else
		printf("%-20s %11s  %s\n", "NAME", "SIZE", "CREATED");
	if (each_image(print_image, &listing) < 0)
		return COMMAND_FAILED;
	if (listing.json)
		printf("%s]\n", listing.count ? "\n" : "");
	return 0;
}

static int refuse_if_used(struct container *container, void *arg)
{
	const char *image = *(const char **)arg;
	if (strcmp(container->image, image) != 0)
		return 0;
	report("%s: container %s uses it (conductor stop %s)", image, container->name,
	       container->name);
	return -1;
}

/*
 * A build keeps a file images/.build-PID, locked for as long as it lives, which tells what it
 * stands on.
 */
int image_hold_base(const char *image, const char *base)
{
	char path[PATH_SIZE];
	struct record_writer writer;
	snprintf(path, sizeof(path), "images/.build-%d", (int)getpid());
	if (record_begin(&writer) < 0)
		return -1;
	fprintf(writer.out, "image=%s\nbase=%s\n", image, base);
	if (record_commit(&writer, state_fd(), path) < 0)
		return -1;
	int fd = openat(state_fd(), path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX) == 0)
		return fd;
	report_errno("", "cannot lock %s", path);
	close_fd(&fd);
	unlinkat(state_fd(), path, 0);
	return -1;
}

void image_let_base_go(int *held)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof(path), "images/.build-%d", (int)getpid());
	if (*held >= 0)
		unlinkat(state_fd(), path, 0);
	close_fd(held);
}

/* Is this the file of a build that lives, and stands on the image? */
static bool builds_on(const char *file, const char *image)
{
	char path[PATH_SIZE];
	struct record record;
	snprintf(path, sizeof(path), "images/%.64s", file);
	AUTO_CLOSE int fd = openat(state_fd(), path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK ||
	    record_read(state_fd(), path, &record) < 0)
		return false;
	const char *base = record_value(&record, "base", NULL);
	const char *built = record_value(&record, "image", NULL);
	bool stands = base && strcmp(base, image) == 0;
	if (stands)
		report("%s: the build of %s stands on it", image, built ? built : "an image");
	record_free(&record);
	return stands;
}

static int refuse_if_built_on(const char *image)
{
	AUTO_CLOSE int images = open_directory("images");
	struct dirent **entries;
	int count = images < 0 ? -1 : scandirat(images, ".", &entries, NULL, alphasort);
	if (count < 0) {
		if (images >= 0)
			report_errno("", "cannot read images");
		return -1;
	}
	int result = 0;
	for (int i = 0; i < count; i++) {
		if (result == 0 && strncmp(entries[i]->d_name, ".build-", 7) == 0 &&
		    builds_on(entries[i]->d_name, image))
			result = -1;
		free(entries[i]);
	}
	free(entries);
	return result;
}

int command_rmi(const struct invocation *invocation)
{
	const char *name = invocation->words[0];
	char path[PATH_SIZE];
	if (!valid_name(name))
		return usage_error(invocation, "%s: not a name for an image", name);
	AUTO_CLOSE int lock = state_lock();
	if (lock < 0 || container_each(refuse_if_used, &name) != 0 || refuse_if_built_on(name) < 0)
		return COMMAND_FAILED;
	image_path(name, path);
	if (unlinkat(state_fd(), path, 0) < 0) {
		if (errno == ENOENT)
			report("%s: no such image", name);
		else
			report_errno("", "%s", name);
		return COMMAND_FAILED;
	}
	return 0;
}

/* All layers that images and containers use. */
struct used {
	char (*ids)[LAYER_ID_SIZE];
	size_t count;
};

static int add_used(struct used *used, const struct layers *layers)
{
	size_t more = (size_t)layers->count;
	char(*larger)[LAYER_ID_SIZE] = realloc(used->ids, (used->count + more) * LAYER_ID_SIZE);
	if (!larger) {
		report_errno("", "cannot list the layers");
		return -1;
	}
	memcpy(larger + used->count, layers->id, more * LAYER_ID_SIZE);
	used->ids = larger;
	used->count += more;
	return 0;
}

static int add_image_layers(const char *name, const struct record *record, void *arg)
{
	(void)name;
	struct layers layers;
	return layers_read(record, &layers) < 0 ? 0 : add_used(arg, &layers);
}

static int add_container_layers(struct container *container, void *arg)
{
	return container->layers.count ? add_used(arg, &container->layers) : 0;
}

static bool is_used(const struct used *used, const char *entry)
{
	for (size_t i = 0; i < used->count; i++) {
		if (!strncmp(used->ids[i], entry, LAYER_ID_SIZE - 1))
			return true;
	}
	return false;
}

/* Under another name first: a layer that is killed half-removed, or whose power fails, is no layer. */
static int remove_entry(int directory, const char *name)
{
	char unfinished[NAME_MAX + 2];
	if (name[0] == '.')
		return remove_container_tree(directory, name);
	snprintf(unfinished, sizeof(unfinished), ".%s", name);
	return renameat(directory, name, directory, unfinished) < 0
		       ? -1
		       : remove_container_tree(directory, unfinished);
}

/* Removes the entries of a directory that begin with a dot: what was never finished. With used, of
 * the others those that it doesn't hold. A layer goes before its record (ID sorts before ID.txt): one
 * without would be kept by the next build, which couldn't know whether it is a whole tree. */
static int remove_unused(int directory, const struct used *used)
{
	struct dirent **entries;
	int count = scandirat(directory, ".", &entries, NULL, alphasort);
	int result = count < 0 ? -1 : 0;
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		bool unfinished =
			name[0] == '.' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
		if ((unfinished || (used && name[0] != '.' && !is_used(used, name))) &&
		    remove_entry(directory, name) < 0) {
			report_errno(hint_removal(errno), "cannot remove %s", name);
			result = -1;
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return result;
}

int layers_lock_for_building(void)
{
	AUTO_CLOSE int fd = open_directory("layers");
	AUTO_CLOSE int images = fd < 0 ? -1 : open_directory("images");
	if (images < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		remove_unused(fd, NULL);
		remove_unused(images, NULL);
	}
	if (flock(fd, LOCK_SH) < 0) {
		report_errno("", "cannot lock the layers");
		return -1;
	}
	int held = fd;
	fd = -1;
	return held;
}

int command_rmcache(const struct invocation *invocation)
{
	(void)invocation;
	struct used used = { 0 };
	AUTO_CLOSE int lock = state_lock();
	if (lock < 0)
		return COMMAND_FAILED;
	AUTO_CLOSE int layers = open_directory("layers");
	if (layers < 0)
		return COMMAND_FAILED;
	if (flock(layers, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			report("a build is running; its layers are no cache yet");
		else
			report_errno("", "layers");
		return COMMAND_FAILED;
	}
	/* Where one can't be read, its layers are not known, and any may be in use. */
	int result = each_image(add_image_layers, &used);
	if (result == 0)
		result = container_each(add_container_layers, &used);
	if (result == 0)
		result = remove_unused(layers, &used);
	free(used.ids);
	return result == 0 ? 0 : COMMAND_FAILED;
}
