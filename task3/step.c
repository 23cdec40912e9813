/*
 * COPY and RUN: each works in a container of its own, whose upper directory becomes the layer. So
 * they see the image as a program would, its links and all, and a killed build is swept like any
 * container.
 */
#include "step.h"

#include "birth.h"
#include "container.h"
#include "network.h"
#include "program.h"
#include "tree.h"
#include "watch.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/handshake.h"
#include "common/process.h"
#include "common/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- COPY: SOURCE... DESTINATION --- */

enum { MAX_SOURCES = 64 };

struct copying {
	char *sources[MAX_SOURCES];
	int source_count;
	char *destination;
	const struct step *step;
};

/* Cuts words, a copy of the instruction's argument, up into them. */
static int parse_copy(struct copying *copying, const struct step *step, char *words)
{
	*copying = (struct copying){ .step = step };
	char *rest = words;
	if (!words) {
		report_errno("", "%s", step->file);
		return -1;
	}
	for (char *word; (word = strsep(&rest, " \t"));) {
		if (!*word)
			continue;
		if (copying->source_count == MAX_SOURCES) {
			report("%s:%d: more than %d sources", step->file, step->instruction->line,
			       MAX_SOURCES);
			return -1;
		}
		copying->sources[copying->source_count++] = word;
	}
	if (copying->source_count < 2) {
		report("%s:%d: COPY wants SOURCE... DESTINATION", step->file,
		       step->instruction->line);
		return -1;
	}
	copying->destination = copying->sources[--copying->source_count];
	return 0;
}

/* Opens a source; a link on the way may lead about in the Conductorfile's directory, but not out. */
static int open_source(const struct step *step, const char *source)
{
	struct open_how how = { .flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH };
	int fd = sys_openat2(step->context, source, &how);
	if (fd < 0 && errno == EXDEV)
		report("%s:%d: COPY %s: sources lie in the Conductorfile's directory", step->file,
		       step->instruction->line, source);
	else if (fd < 0)
		report_errno("", "%s:%d: COPY %s", step->file, step->instruction->line, source);
	return fd;
}

static bool is_directory(int dirfd, const char *path)
{
	struct stat status;
	return fstatat(dirfd, path, &status, *path ? 0 : AT_EMPTY_PATH) == 0 &&
	       S_ISDIR(status.st_mode);
}

/* In the container: a directory's content to the destination. */
static int copy_directory_to(int from, const char *destination)
{
	make_directories(AT_FDCWD, destination, 0755);
	AUTO_CLOSE int to = open(destination, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0) {
		report_errno("", "%s", destination);
		return -1;
	}
	return copy_tree(from, to, COPY_AS_ROOT);
}

/* In the container: a file to the destination; into it, if it is a directory or ends in a slash. */
static int copy_file_to(int from, const struct copying *copying, const char *source)
{
	char target[PATH_MAX];
	const char *destination = copying->destination;
	const char *slash = strrchr(source, '/');
	bool into = destination[strlen(destination) - 1] == '/' || copying->source_count > 1 ||
		    is_directory(AT_FDCWD, destination);
	if (snprintf(target, sizeof(target), "%s%s%s", destination, into ? "/" : "",
		     !into   ? ""
		     : slash ? slash + 1
			     : source) >= (int)sizeof(target)) {
		report("%s: the path is too long", destination);
		return -1;
	}
	char *end = strrchr(target, '/');
	if (end && end != target) {
		*end = '\0';
		make_directories(AT_FDCWD, target, 0755);
		*end = '/';
	}
	return copy_open_file(from, AT_FDCWD, target);
}

static int copy_source(const struct copying *copying, const char *source)
{
	AUTO_CLOSE int from = open_source(copying->step, source);
	if (from < 0)
		return -1;
	return is_directory(from, "") ? copy_directory_to(from, copying->destination)
				      : copy_file_to(from, copying, source);
}

static int copy_inside(void *arg)
{
	const struct copying *copying = arg;
	for (int i = 0; i < copying->source_count; i++) {
		if (copy_source(copying, copying->sources[i]) < 0)
			return -1;
	}
	return 0;
}

int hash_step(struct sha256 *hash, const struct step *step)
{
	struct copying copying;
	sha256_add_text(hash, step->instruction->argument);
	if (step->instruction->keyword != KEYWORD_COPY)
		return 0;
	AUTO_FREE char *words = strdup(step->instruction->argument);
	int result = parse_copy(&copying, step, words);
	for (int i = 0; result == 0 && i < copying.source_count; i++) {
		AUTO_CLOSE int source = open_source(step, copying.sources[i]);
		result = source < 0 ? -1 : hash_open_file(hash, source, copying.sources[i]);
	}
	return result;
}

/* --- a layer made in a container -------------------------------------------------------------- */

/* Runs the step in a container that is claimed; its exit status, or -1. */
static int run_step(struct container *container, const struct birth *birth, bool internet)
{
	struct newborn newborn;
	struct watch watching;
	int root = -1;
	int terminal;
	int status = -1;
	if (watch_prepare(&watching) < 0 || give_birth(birth, &newborn) < 0) {
		watch_end(&watching);
		return -1;
	}
	bool ready = process_identify(newborn.pid, &container->init) == 0;
	if (!ready)
		report_errno("", "%s: cannot identify its process", container->name);
	ready = ready && container_save(container) == 0;
	if (ready && internet)
		network_give_internet(container, newborn.pidfd); /* a RUN may do without */
	ready = ready && tell_to_go(&newborn, container->name) == 0;
	if (ready &&
	    await_program(newborn.handshake, container->name, &root, &terminal, &status) == 0) {
		watching.pid = newborn.pid;
		watching.pidfd = newborn.pidfd;
		watching.init = true;
		status = watch(&watching, terminal);
		if (watching.killed && status == 0)
			status = 128 + SIGKILL; /* it was done by then; the build is to end still */
	} else {
		kill(newborn.pid, SIGKILL);
		wait_for(newborn.pid);
		status = -1; /* which has been told */
	}
	watch_end(&watching);
	close_fd(&root);
	close_fd(&newborn.pidfd);
	close_fd(&newborn.handshake);
	return status;
}

/* What the step wrote becomes the layer. Where there was no overlay it is the whole tree, and needs
 * no layers below. */
static int take_layer(struct layers *layers, const struct container *container, const char *id)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof(path), "layers/%s", id);
	bool whole = faccessat(container->dirfd, "copy", F_OK, 0) == 0;
	if (whole)
		layers->count = 0;
	if (renameat(container->dirfd, whole ? "copy" : "upper", state_fd(), path) < 0 &&
	    errno != ENOTEMPTY && errno != EEXIST) {
		report_errno("", "cannot keep the layer %s", id);
		return -1;
	}
	return 0;
}

/* Takes the container away, after its layer if that is to be kept under id. 0, or -1; then what is
 * left of it is the next command's to sweep. */
static int clear_away(struct layers *layers, struct container *container, const char *id)
{
	int result = id ? take_layer(layers, container, id) : -1;
	if (container_take_down(container) < 0 || container_remove(container) < 0)
		return -1;
	return result;
}

int make_step(const struct step *step, struct image *image, const char *id)
{
	struct container container;
	struct copying copying = { 0 };
	char name[NAME_SIZE];
	char directory[PATH_SIZE];
	char *const argv[] = { (char[]){ "/bin/sh" }, (char[]){ "-c" }, step->instruction->argument,
			       NULL };
	bool run = step->instruction->keyword == KEYWORD_RUN;
	AUTO_FREE char *words = strdup(step->instruction->argument);
	if (!run && parse_copy(&copying, step, words) < 0)
		return -1;

	snprintf(name, sizeof(name), "build-%d", (int)getpid());
	snprintf(directory, sizeof(directory), "containers/%s", name);
	AUTO_CLOSE int lock = state_lock();
	if (lock < 0)
		return -1;
	container_sweep();
	int result = container_claim(&container, name, image, step->instruction->argument, true);
	close_fd(&lock);
	if (result < 0)
		return -1;
	struct birth birth = {
		.rootfs = { .layers = &image->layers,
			    .directory = directory,
			    .own_files = run,
			    .confinement = &container.confinement },
		.hostname = "build",
		.argv = argv,
		.work = run ? NULL : copy_inside,
		.work_arg = &copying,
		.input = -1,
		.output = -1,
		.cgroup = -1,
	};
	result = network_write_files(&container) < 0 ? -1 : run_step(&container, &birth, run);
	bool told = !run && result == 1; /* by copy_inside */
	if (result > 0 && !told)
		report("%s:%d: %s failed with status %d", step->file, step->instruction->line,
		       keyword_names[step->instruction->keyword], result);
	if (result == 0 &&
	    layer_sync(container.dirfd) < 0) /* without the lock: it takes its time */
		result = -1;
	lock = state_lock();
	if (lock < 0)
		result = -1;
	else
		result = clear_away(&image->layers, &container, result == 0 ? id : NULL);
	container_close(&container);
	return result == 0 ? 0 : -1;
}
