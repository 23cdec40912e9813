/*
 * service-orchestrator: two services in two containers, of which the outside reaches one.
 *
 *     service-orchestrator up [OPTIONS]       make it all, and show that it works
 *     service-orchestrator status             how it is
 *     service-orchestrator verify [OPTIONS]   show again that it works (steps 8 and 9)
 *     service-orchestrator down               take it all away
 *     service-orchestrator fetch URL          print what an http:// address answers
 *
 *        the outside                                 the host
 *     curl HOST:3000 --> [c1: external-service :8080] --peer--> [c2: counter-service :8080]
 *
 * Steps: 1 build the images from esfile and csfile, unless they are there; 2 run a container of
 * each; 3 copy the services into them; 4 addnetwork and peer; 5 ask c2 for its address; 6 and 7
 * start the services; 8 fetch from the host and 9 (--outside) from another machine: each answer
 * counts one further. Each step is printed with the time that it took. When one fails, the rest is
 * undone.
 *
 * The containers are made by $CONDUCTOR (default: ../task3/conductor, or else conductor, beside
 * this program; then on PATH), by the commands of the assignment only; so another one can be tried.
 *
 * Needs what the conductor needs, for networks: root. Prints steps on standard output, errors on
 * standard error. Exit status: 0; 1 a failure, or something that isn't up; 2 wrong usage.
 * Leaves behind, until `down`: the containers, four `conductor` processes, a directory for the
 * state and the logs (state.c says where); and the images. pidfd_open(2), posix_spawn(3)
 */
#include "orchestrator.h"

#include "address.h"
#include "clock.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/libraries.h"
#include "common/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 10000, OUTER_PORT = 3000 };

/* The text of each option that was given. */
struct options {
	const char *image, *external, *counter, *port, *threads, *host, *outside, *wait;
};

enum { UP = 1, VERIFY = 2, FETCH = 4 };

static const struct option {
	const char *name, *value, *help;
	size_t offset; /* in struct options */
	int commands;
} option_table[] = {
#define OPTION(name, value, member, commands, help)                                                \
	{                                                                                          \
		name, value, help, offsetof(struct options, member), commands                      \
	}
	OPTION("--image", "IMAGE", image, UP, "use this image for both containers"),
	OPTION("--external", "NAME", external, UP, "the container of external-service (c1)"),
	OPTION("--counter", "NAME", counter, UP, "the container of counter-service (c2)"),
	OPTION("--port", "PORT", port, UP, "of the host, to publish external-service on (3000)"),
	OPTION("--threads", "NUMBER", threads, UP, "of counter-service (4)"),
	OPTION("--host", "ADDRESS", host, UP | VERIFY, "the host's IPv4 address to fetch from"),
	OPTION("--outside", "COMMAND", outside, UP | VERIFY,
	       "fetch from another machine: a shell command, to which a URL is added"),
	OPTION("--timeout", "SECONDS", wait, UP | FETCH, "to wait for an answer at most (10)"),
};
enum { OPTIONS = sizeof(option_table) / sizeof(*option_table) };

static const struct orchestrator defaults = {
	.external = { .name = "external-service",
		      .conductorfile = "esfile",
		      .image = "external-service",
		      .container = "c1",
		      .run_log = "external-container.log",
		      .serve_log = "external-service.log" },
	.counter = { .name = "counter-service",
		     .conductorfile = "csfile",
		     .image = "counter-service",
		     .container = "c2",
		     .run_log = "counter-container.log",
		     .serve_log = "counter-service.log" },
	.port = OUTER_PORT,
	.threads = "4",
	.wait_ms = WAIT_MS,
	.state = -1,
};

static int command_up(struct orchestrator *o, const char *word);
static int command_status(struct orchestrator *o, const char *word);
static int command_verify(struct orchestrator *o, const char *word);
static int command_down(struct orchestrator *o, const char *word);
static int command_fetch(struct orchestrator *o, const char *word);

static const struct command {
	const char *name;
	int (*run)(struct orchestrator *o, const char *word);
	const char *word; /* what must follow, or NULL */
	int options;	  /* which ones it takes */
	const char *help;
} commands[] = {
	{ "up", command_up, NULL, UP, "Make both containers, start the services, verify" },
	{ "status", command_status, NULL, 0, "Print how they are" },
	{ "verify", command_verify, NULL, VERIFY, "Fetch, and see that every answer counts" },
	{ "down", command_down, NULL, 0, "Take everything away" },
	{ "fetch", command_fetch, "URL", FETCH, "Print what an http:// address answers" },
	{ 0 },
};

static void print_help(void)
{
	printf("usage: service-orchestrator COMMAND [OPTIONS]\n\n");
	for (const struct command *command = commands; command->name; command++)
		printf("  %-6s %-4s %s\n", command->name, command->word ? command->word : "",
		       command->help);
	printf("\n");
	for (size_t i = 0; i < OPTIONS; i++)
		printf("  %-10s %-8s  %s\n", option_table[i].name, option_table[i].value,
		       option_table[i].help);
}

static const struct option *find_option(const struct command *command, const char *name)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if (strcmp(option_table[i].name, name) == 0 &&
		    option_table[i].commands & command->options)
			return &option_table[i];
	}
	return NULL;
}

/* Reads what follows the command. *word becomes the one word that isn't an option, or NULL. */
static void parse_arguments(const struct command *command, char *argv[], struct options *options,
			    const char **word)
{
	*word = NULL;
	for (; *argv; argv++) {
		if (strncmp(*argv, "-", 1) != 0) {
			if (*word || !command->word)
				die(EXIT_USAGE, "unexpected argument %s", *argv);
			*word = *argv;
			continue;
		}
		const struct option *option = find_option(command, *argv);
		if (!option)
			die(EXIT_USAGE, "unknown option %s (--help lists them)", *argv);
		if (!argv[1] || !argv[1][0])
			die(EXIT_USAGE, "%s needs a value: %s", option->name, option->value);
		*(const char **)((char *)options + option->offset) = *++argv;
	}
	if (command->word && !*word)
		die(EXIT_USAGE, "needs a %s", command->word);
}

/* Names go into the conductor's command line, so none may look like an option. */
static void set_name(char target[NAME_SIZE], const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";
	size_t length = strlen(name);
	if (length == 0 || length >= NAME_SIZE || strspn(name, letters) != length ||
	    strchr("_.-", name[0]))
		die(EXIT_USAGE, "%s: not a name for a container or an image", name);
	memcpy(target, name, length + 1);
}

static int number_of(const char *option, const char *text, int min, int max)
{
	long long value = 0;
	if (parse_number(text, min, max, &value) < 0)
		die(EXIT_USAGE, "%s %s: not a number from %d to %d", option, text, min, max);
	return (int)value;
}

static void apply_options(struct orchestrator *o, const struct options *options)
{
	struct in_addr address;
	if (options->image) {
		set_name(o->external.image, options->image);
		set_name(o->counter.image, options->image);
	}
	if (options->external)
		set_name(o->external.container, options->external);
	if (options->counter)
		set_name(o->counter.container, options->counter);
	if (strcmp(o->external.container, o->counter.container) == 0)
		die(EXIT_USAGE, "both containers have the name %s", o->counter.container);
	if (options->port)
		o->port = number_of("--port", options->port, 1, 65535);
	if (options->threads && number_of("--threads", options->threads, 1, 256))
		o->threads = options->threads;
	if (options->wait)
		o->wait_ms = number_of("--timeout", options->wait, 1, 3600) * 1000;
	if (options->host && inet_pton(AF_INET, options->host, &address) != 1)
		die(EXIT_USAGE, "--host %s: not an IPv4 address", options->host);
	if (options->host)
		snprintf(o->host, sizeof(o->host), "%s", options->host);
	o->outside = options->outside;
}

/* The directory that this program lies in. */
static int find_directory(char directory[PATH_MAX])
{
	ssize_t size = readlink("/proc/self/exe", directory, PATH_MAX - 1);
	directory[size < 0 ? 0 : size] = '\0';
	char *slash = strrchr(directory, '/');
	if (!slash)
		return -1;
	*slash = '\0';
	return 0;
}

/* Its path is kept for `down`, which may be called from another directory: it must be absolute. */
static int set_conductor(struct orchestrator *o, const char *path)
{
	char here[PATH_MAX] = "";
	if (path[0] != '/' && !getcwd(here, sizeof(here)))
		return failed(o, "cannot find the current directory: %s", strerror(errno));
	int size = snprintf(o->conductor, sizeof(o->conductor), "%s%s%s", here, *here ? "/" : "",
			    path);
	if (size < 0 || (size_t)size >= sizeof(o->conductor))
		return failed(o, "the conductor's path is too long");
	if (access(o->conductor, X_OK) < 0)
		return failed(o, "%.600s: %s", o->conductor, strerror(errno));
	return 0;
}

static int find_conductor(struct orchestrator *o)
{
	static const char *const beside[] = { "../task3/conductor", "conductor" };
	const char *wanted = getenv("CONDUCTOR");
	char path[PATH_MAX + 32];
	for (size_t i = 0; !wanted && i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", o->directory, beside[i]);
		if (access(path, X_OK) == 0)
			return set_conductor(o, path);
	}
	AUTO_FREE char *found = find_on_path(wanted ? wanted : "conductor");
	if (!found)
		return failed(o, "no conductor: %s is nowhere (is task3 built? or set CONDUCTOR)",
			      wanted ? wanted : "it");
	return set_conductor(o, found);
}

static int command_up(struct orchestrator *o, const char *word)
{
	(void)word;
	int64_t begin_ms = now_ms();
	if (!*o->host)
		address_of_host(o->host);
	catch_interrupts();
	if (find_conductor(o) < 0 || state_create(o) < 0) {
		report("%s", o->why);
		return EXIT_OWN_FAILURE;
	}
	if (run_steps(o, setup_steps, 1) == 0 && run_steps(o, verify_steps, 8) == 0) {
		printf("up after %lld ms: http://%s:%d\n", (long long)(now_ms() - begin_ms),
		       o->host, o->port);
		/* Else main tells, and ends with a failure; then nothing may stay up. */
		if (fflush(stdout) == 0 && !ferror(stdout))
			return EXIT_SUCCESS;
	}
	ignore_interrupts();
	if (take_down(o) == 0)
		printf("What was made before is undone.\n");
	return EXIT_OWN_FAILURE;
}

/* Reads what `up` has left. 1 there is something, 0 nothing is up; or ends the program. */
static int open_state(struct orchestrator *o, bool lock)
{
	char host[sizeof(o->host)];
	memcpy(host, o->host, sizeof(host));
	int found = state_open(o, lock);
	if (found < 0)
		die(EXIT_OWN_FAILURE, "%s", o->why);
	if (*host)
		memcpy(o->host, host, sizeof(host));
	return found;
}

static int command_status(struct orchestrator *o, const char *word)
{
	(void)word;
	if (!open_state(o, false)) {
		printf("nothing is up\n");
		return EXIT_OWN_FAILURE;
	}
	return print_status(o) == 0 ? EXIT_SUCCESS : EXIT_OWN_FAILURE;
}

static int command_verify(struct orchestrator *o, const char *word)
{
	(void)word;
	if (!open_state(o, false)) {
		report("nothing is up");
		return EXIT_OWN_FAILURE;
	}
	return run_steps(o, verify_steps, 8) == 0 ? EXIT_SUCCESS : EXIT_OWN_FAILURE;
}

static int command_down(struct orchestrator *o, const char *word)
{
	(void)word;
	ignore_interrupts();
	if (!open_state(o, true)) {
		printf("nothing is up\n");
		return EXIT_SUCCESS;
	}
	/* Another one than `up` had, if the caller says so; else the one whose containers they are.
	 */
	if ((getenv("CONDUCTOR") || !*o->conductor) && find_conductor(o) < 0)
		die(EXIT_OWN_FAILURE, "%s", o->why);
	return take_down(o) == 0 ? EXIT_SUCCESS : EXIT_OWN_FAILURE;
}

static int command_fetch(struct orchestrator *o, const char *word)
{
	struct http_reply reply;
	if (fetch(o, word, o->wait_ms, &reply) < 0) {
		report("%s", o->why);
		return EXIT_OWN_FAILURE;
	}
	fwrite(reply.body, 1, reply.body_size, stdout);
	return EXIT_SUCCESS;
}

/* What was printed must also have arrived: a full disk tells that only now. Returns status, or that
 * of a failure. */
static int finish_output(int status)
{
	bool complete = !ferror(stdout);
	if (fflush(stdout) == 0 && complete)
		return status;
	report_errno("", "cannot write to standard output");
	return EXIT_OWN_FAILURE;
}

int main(int argc, char *argv[])
{
	error_context("service-orchestrator", NULL);
	signal(SIGCHLD, SIG_DFL); /* inherited as ignored it would take our children's status */
	signal(SIGPIPE, SIG_IGN); /* a reader who goes away must not stop us half-way through */
	if (argc < 2)
		die(EXIT_USAGE, "which command? (--help lists them)");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_help();
		return finish_output(EXIT_SUCCESS);
	}
	const struct command *command = commands;
	while (command->name && strcmp(command->name, argv[1]) != 0)
		command++;
	if (!command->name)
		die(EXIT_USAGE, "%s: unknown command (--help lists them)", argv[1]);
	error_context("service-orchestrator", command->name);

	struct orchestrator o = defaults;
	struct options options = { 0 };
	const char *word;
	parse_arguments(command, argv + 2, &options, &word);
	apply_options(&o, &options);
	if (find_directory(o.directory) < 0)
		die(EXIT_OWN_FAILURE, "cannot find out where this program is (is /proc mounted?)");
	return finish_output(command->run(&o, word));
}
