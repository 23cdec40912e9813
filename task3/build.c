/*
 * conductor build: an image from a Conductorfile. Each instruction makes a layer, named by the hash
 * of what it depends on: the layer below, its own text, and the files it brings. A layer that is
 * there already is not made again, which makes building again instant.
 */
#include "command.h"
#include "conductorfile.h"
#include "image.h"
#include "rootless.h"
#include "source.h"
#include "step.h"
#include "tree.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A newcomer's image needs no file. */
static const char default_conductorfile[] = "FROM host\n";

struct build {
	const char *file;   /* the Conductorfile's name, for messages */
	int context;	    /* its directory */
	struct image image; /* as far as it is made */
	int base;	    /* holds the image that it stands on, or -1 */
};

/* Fills a new directory beside the layers and gives it its name when it is complete. */
static int make_source(const struct build *build, enum source_kind kind, const char *argument,
		       const char *id)
{
	char unfinished[PATH_SIZE];
	char path[PATH_SIZE];
	snprintf(unfinished, sizeof(unfinished), "layers/.%s-%d", id, (int)getpid());
	snprintf(path, sizeof(path), "layers/%s", id);
	AUTO_CLOSE int to =
		mkdirat(state_fd(), unfinished, 0755) < 0
			? -1
			: openat(state_fd(), unfinished, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0) {
		report_errno("", "cannot make %s", unfinished);
		return -1;
	}
	int result = source_fill(to, kind, argument, build->context);
	if (result == 0)
		result = layer_sync(to);
	/* Another build may have been faster; then its layer is the same. */
	if (result == 0 && renameat(state_fd(), unfinished, state_fd(), path) < 0 &&
	    errno != ENOTEMPTY && errno != EEXIST) {
		report_errno("", "cannot keep the layer %s", id);
		result = -1;
	}
	remove_tree(state_fd(), unfinished);
	return result;
}

static int add_layer(struct build *build, const char *id)
{
	struct layers *layers = &build->image.layers;
	if (layers->count == MAX_LAYERS) {
		report("%s: the image would have more than %d layers", build->file, MAX_LAYERS);
		return -1;
	}
	snprintf(layers->id[layers->count++], LAYER_ID_SIZE, "%s", id);
	return 0;
}

/* Is the layer there? A whole tree (see make_step) is marked, so that those below are left out
 * again. */
static bool cached(struct build *build, const char *id)
{
	char path[PATH_SIZE];
	struct record record;
	snprintf(path, sizeof(path), "layers/%s.txt", id);
	if (record_read(state_fd(), path, &record) < 0)
		return false;
	snprintf(path, sizeof(path), "layers/%s", id);
	bool there = faccessat(state_fd(), path, F_OK, 0) == 0;
	if (there && record_number(&record, "whole", 0) == 1)
		build->image.layers.count = 0;
	record_free(&record);
	return there;
}

/* The layer's record is written when the layer is complete: without it, it is made again. */
static int write_layer_record(const struct build *build, const struct instruction *instruction,
			      const char *id, bool whole)
{
	char path[PATH_SIZE];
	struct record_writer writer;
	(void)build;
	snprintf(path, sizeof(path), "layers/%s", id);
	AUTO_CLOSE int directory = openat(state_fd(), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long long size = directory < 0 ? -1 : tree_size(directory);
	if (size < 0 || record_begin(&writer) < 0)
		return -1;
	fprintf(writer.out, "instruction=%s %s\nsize=%lld\n", keyword_names[instruction->keyword],
		instruction->argument, size);
	if (whole)
		fprintf(writer.out, "whole=1\n");
	snprintf(path, sizeof(path), "layers/%s.txt", id);
	return record_commit_durably(&writer, state_fd(), path);
}

/* FROM an image: under the lock, so that `rmi` either comes before or is refused. */
static int take_base(struct build *build, const char *name)
{
	struct image base;
	AUTO_CLOSE int lock = valid_name(name) ? state_lock() : -1;
	if (!valid_name(name))
		report("%s: not a name for an image", name);
	if (lock < 0)
		return -1;
	build->base = image_hold_base(build->image.name, name);
	if (build->base < 0 || image_load(name, &base) < 0)
		return -1;
	build->image.layers = base.layers;
	return 0;
}

static int build_instruction(struct build *build, const struct instruction *instruction, int number,
			     int count)
{
	struct sha256 hash;
	char id[LAYER_ID_SIZE];
	struct layers *layers = &build->image.layers;
	enum source_kind kind = SOURCE_IMAGE;
	struct step step = { .instruction = instruction,
			     .file = build->file,
			     .context = build->context };
	printf("%d/%d %s %s\n", number, count, keyword_names[instruction->keyword],
	       instruction->argument);
	fflush(stdout);

	sha256_begin(&hash);
	if (layers->count)
		sha256_add_text(&hash, layers->id[layers->count - 1]);
	sha256_add_text(&hash, keyword_names[instruction->keyword]);
	int result;
	if (instruction->keyword == KEYWORD_FROM) {
		kind = source_kind(instruction->argument);
		if (kind == SOURCE_IMAGE) {
			return take_base(build, instruction->argument);
		}
		result = source_hash(&hash, kind, instruction->argument, build->context);
	} else {
		result = hash_step(&hash, &step);
	}
	sha256_end(&hash, id, sizeof(id));
	if (result < 0)
		return -1;
	if (cached(build, id))
		return add_layer(build, id);

	int before = layers->count;
	result = instruction->keyword == KEYWORD_FROM
			 ? make_source(build, kind, instruction->argument, id)
			 : make_step(&step, &build->image, id);
	if (result == 0)
		result = write_layer_record(build, instruction, id,
					    before > 0 && layers->count == 0);
	return result < 0 ? -1 : add_layer(build, id);
}

/* An image's size is that of its layers. */
static void measure(struct image *image)
{
	for (int i = 0; i < image->layers.count; i++) {
		char path[PATH_SIZE];
		struct record record;
		snprintf(path, sizeof(path), "layers/%s.txt", image->layers.id[i]);
		if (record_read(state_fd(), path, &record) == 0) {
			image->size_bytes += record_number(&record, "size", 0);
			record_free(&record);
		}
	}
}

/* Reads the Conductorfile, and opens its directory, where COPY finds its sources. */
static int read_conductorfile(struct build *build, const char *path, struct conductorfile *file)
{
	char directory[PATH_MAX];
	size_t size = strlen(default_conductorfile);
	AUTO_FREE char *text =
		path ? read_file(AT_FDCWD, path, &size) : strdup(default_conductorfile);
	if (!text) {
		report_errno("", "%s", build->file);
		return -1;
	}
	snprintf(directory, sizeof(directory), "%s", path ? path : "");
	char *slash = strrchr(directory, '/');
	if (slash)
		slash[slash == directory] = '\0';
	build->context = open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (build->context < 0) {
		report_errno("", "%s", slash ? directory : ".");
		return -1;
	}
	return conductorfile_parse(file, text, size, build->file);
}

static int build_image(struct build *build, const struct conductorfile *file)
{
	AUTO_CLOSE int lock = layers_lock_for_building();
	if (lock < 0)
		return -1;
	for (int i = 0; i < file->count; i++) {
		if (build_instruction(build, &file->instructions[i], i + 1, file->count) < 0)
			return -1;
	}
	measure(&build->image);
	build->image.created = time(NULL);
	if (image_save(&build->image) < 0)
		return -1;
	printf("%s: %.1f MB in %d layer%s\n", build->image.name,
	       (double)build->image.size_bytes / 1e6, build->image.layers.count,
	       build->image.layers.count == 1 ? "" : "s");
	return 0;
}

int command_build(const struct invocation *invocation)
{
	const char *path = invocation->word_count > 1 ? invocation->words[1] : NULL;
	struct build build = { .file = path ? path : "(default)", .context = -1, .base = -1 };
	struct conductorfile file = { .count = 0 };
	if (!valid_name(invocation->words[0]))
		return usage_error(invocation, "%s: not a name for an image", invocation->words[0]);
	snprintf(build.image.name, sizeof(build.image.name), "%s", invocation->words[0]);
	if (become_unwritable(invocation->whole) < 0) /* a step may RUN in a container */
		return COMMAND_FAILED;
	/* The state is found as the user that we are, before we may become root of a namespace. */
	int result = state_fd() < 0 ? -1 : read_conductorfile(&build, path, &file);
	if (result == 0)
		result = become_root();
	if (result == 0)
		result = build_image(&build, &file);
	image_let_base_go(&build.base);
	conductorfile_free(&file);
	close_fd(&build.context);
	return result < 0 ? COMMAND_FAILED : 0;
}
