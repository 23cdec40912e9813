/*
 * The state directory: $XDG_RUNTIME_DIR/service-orchestrator if that is ours, for root else
 * /run/service-orchestrator, else $TMPDIR (/tmp)/service-orchestrator-UID. It holds the file
 * `state`, a key=value a line, and a log for each program in the background. That it exists means
 * that something is up, or was when an orchestrator was killed: mkdir(2) is the claim, and flock(2)
 * on it tells whether one is at work now.
 */
#include "orchestrator.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/number.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is remembered of the whole, and of each service, and where it is. */
struct field {
	const char *key;
	enum { TEXT, NUMBER, BACKGROUND } kind;
	size_t offset;
	size_t size; /* of a text */
};
static const struct field own_fields[] = {
	{ "conductor", TEXT, offsetof(struct orchestrator, conductor), PATH_MAX },
	{ "host", TEXT, offsetof(struct orchestrator, host), HOST_SIZE },
	{ "port", NUMBER, offsetof(struct orchestrator, port), 0 },
	{ 0 },
};
static const struct field service_fields[] = {
	{ "container", TEXT, offsetof(struct service, container), NAME_SIZE },
	{ "address", TEXT, offsetof(struct service, address), INET_ADDRSTRLEN },
	{ "claimed", NUMBER, offsetof(struct service, claimed), 0 },
	{ "run", BACKGROUND, offsetof(struct service, run), 0 },
	{ "serve", BACKGROUND, offsetof(struct service, serve), 0 },
	{ 0 },
};

typedef void visit_function(const struct field *field, const char *key, void *member, void *arg);

static void visit(const char *prefix, void *structure, const struct field *fields,
		  visit_function *function, void *arg)
{
	char key[NAME_SIZE];
	for (; fields->key; fields++) {
		snprintf(key, sizeof(key), "%s%s", prefix, fields->key);
		function(fields, key, (char *)structure + fields->offset, arg);
	}
}

static void visit_all(struct orchestrator *o, visit_function *function, void *arg)
{
	visit("", o, own_fields, function, arg);
	visit("external_", &o->external, service_fields, function, arg);
	visit("counter_", &o->counter, service_fields, function, arg);
}

static bool is_own_directory(const char *path)
{
	struct stat status;
	if (!path || path[0] != '/')
		return false;
	if (stat(path, &status) == 0)
		return S_ISDIR(status.st_mode) && status.st_uid == geteuid();
	/* Another place because of a moment's want of memory would mean that nothing is up. */
	if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
		die_errno(EXIT_OWN_FAILURE, "", "%s", path);
	return false;
}

/* Where the directory lies, and its name there: the same for the same user and environment. */
static const char *find_place(char name[NAME_SIZE])
{
	static const char *place;
	static bool shared; /* with other users: the name says whose it is */
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	const char *temporary = getenv("TMPDIR");
	if (!place && is_own_directory(runtime)) {
		place = runtime;
	} else if (!place && is_own_directory("/run")) {
		place = "/run";
	} else if (!place) {
		place = temporary && temporary[0] == '/' ? temporary : "/tmp";
		shared = true;
	}
	snprintf(name, NAME_SIZE, shared ? "service-orchestrator-%u" : "service-orchestrator",
		 (unsigned)geteuid());
	return place;
}

static void state_path(char path[PATH_MAX])
{
	char name[NAME_SIZE];
	const char *place = find_place(name);
	snprintf(path, PATH_MAX, "%s/%s", place, name);
}

/* Below a directory that all may write, anybody could have made ours: then it isn't trusted. */
static int open_directory(struct orchestrator *o, const char *path)
{
	struct stat status;
	o->state = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (o->state < 0)
		return errno == ENOENT ? 0 : failed(o, "%s: %s", path, strerror(errno));
	if (fstat(o->state, &status) == 0 && status.st_uid == geteuid() &&
	    (status.st_mode & 077) == 0)
		return 1;
	close_fd(&o->state);
	return failed(o, "%s: is not ours alone (mode 700)", path);
}

static int lock_directory(struct orchestrator *o)
{
	if (flock(o->state, LOCK_EX | LOCK_NB) == 0)
		return 0;
	close_fd(&o->state);
	return failed(o, "another service-orchestrator is at work");
}

int state_create(struct orchestrator *o)
{
	char path[PATH_MAX];
	state_path(path);
	if (mkdir(path, 0700) < 0) {
		if (errno != EEXIST)
			return failed(o, "cannot make %s: %s", path, strerror(errno));
		return failed(o,
			      "it is up already, by what %s says (service-orchestrator down "
			      "ends it)",
			      path);
	}
	if (open_directory(o, path) <= 0 || lock_directory(o) < 0)
		return -1;
	if (state_save(o) == 0)
		return 0;
	char why[sizeof(o->why)];
	memcpy(why, o->why, sizeof(why));
	state_remove(o);
	return failed(o, "%s", why);
}

/* A line of the file: "key=value". */
struct line {
	const char *key;
	const char *value;
};

static void read_field(const struct field *field, const char *key, void *member, void *arg)
{
	const struct line *line = arg;
	struct background *background = member;
	char *rest;
	long long number;
	if (strcmp(line->key, key) != 0)
		return;
	switch (field->kind) {
	case TEXT:
		snprintf(member, field->size, "%s", line->value);
		break;
	case NUMBER:
		if (parse_number(line->value, 0, INT_MAX, &number) == 0)
			*(int *)member = (int)number;
		break;
	case BACKGROUND:
		number = strtoll(line->value, &rest, 10);
		background->pid = number > 0 && number <= INT_MAX ? (pid_t)number : 0;
		background->start_ticks = strtoull(rest, NULL, 10);
		break;
	}
}

/* A pid and its start time mean nothing after the machine has been started anew. */
static bool is_this_boot(const char *boot_id)
{
	AUTO_FREE char *now = read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", NULL);
	return now && strncmp(now, boot_id, strcspn(now, "\n")) == 0;
}

static void forget_background(const struct field *field, const char *key, void *member, void *arg)
{
	(void)key;
	(void)arg;
	if (field->kind == BACKGROUND)
		*(struct background *)member = (struct background){ 0 };
}

static void read_line(struct orchestrator *o, char *text)
{
	char *value = strchr(text, '=');
	if (!value)
		return;
	*value++ = '\0';
	struct line line = { text, value };
	visit_all(o, read_field, &line);
	/* The last line, so it speaks of all before. */
	if (strcmp(text, "boot_id") == 0 && !is_this_boot(value))
		visit_all(o, forget_background, NULL);
}

int state_open(struct orchestrator *o, bool lock)
{
	char path[PATH_MAX];
	state_path(path);
	int found = open_directory(o, path);
	if (found <= 0)
		return found;
	if (lock && lock_directory(o) < 0)
		return -1;
	AUTO_FREE char *text = read_file(o->state, "state", NULL);
	if (!text && errno != ENOENT) { /* without one nothing was begun */
		failed(o, "cannot read %s/state: %s", path, strerror(errno));
		close_fd(&o->state);
		return -1;
	}
	char *rest = text;
	char *line;
	while (rest && (line = strsep(&rest, "\n")))
		read_line(o, line);
	return 1;
}

static void write_field(const struct field *field, const char *key, void *member, void *arg)
{
	FILE *stream = arg;
	const struct background *background = member;
	switch (field->kind) {
	case TEXT:
		fprintf(stream, "%s=%s\n", key, (const char *)member);
		break;
	case NUMBER:
		fprintf(stream, "%s=%d\n", key, *(const int *)member);
		break;
	case BACKGROUND:
		fprintf(stream, "%s=%d %llu\n", key, (int)background->pid, background->start_ticks);
		break;
	}
}

int state_save(struct orchestrator *o)
{
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *boot_id = read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", NULL);
	char path[PATH_MAX];
	size_t size = 0;
	state_path(path);
	FILE *stream = open_memstream(&text, &size);
	if (!stream)
		return failed(o, "cannot write the state: %s", strerror(errno));
	visit_all(o, write_field, stream);
	fprintf(stream, "boot_id=%s", boot_id ? boot_id : "\n");
	if (fclose(stream) != 0 || replace_file(o->state, "state", text, 0600) < 0)
		return failed(o, "cannot write the state to %s: %s", path, strerror(errno));
	return 0;
}

int state_remove(struct orchestrator *o)
{
	char name[NAME_SIZE];
	const char *place = find_place(name);
	/* From the place on: remove_tree crosses no mount, and the place may well be one. */
	AUTO_CLOSE int dirfd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0 || remove_tree(dirfd, name) < 0)
		return failed(o, "cannot remove %s/%s: %s", place, name, strerror(errno));
	close_fd(&o->state);
	return 0;
}
