/*
 * The command line as data: what a command is called, which options and words it takes. The parser,
 * the usage errors and the help all read the same tables.
 */
#ifndef CONDUCTOR_COMMAND_H
#define CONDUCTOR_COMMAND_H

#include <stdbool.h>

/* What a command's function returns besides its exit status; each has been reported on stderr. */
enum { COMMAND_FAILED = -1, COMMAND_USAGE = -2 };

struct option {
	char letter;	     /* 0 where it has none */
	const char *name;    /* NULL ends a table */
	const char *metavar; /* its value's name in the help, NULL for a flag */
	const char *help;
};

struct invocation;

struct command {
	const char *name; /* NULL ends the table */
	int (*run)(const struct invocation *invocation);
	const char *words; /* how its words are shown: "IMAGE NAME" */
	int min_words, max_words;
	bool takes_command; /* after its words: [--] COMMAND [ARGUMENTS] */
	const struct option *options;
	const char *help; /* one line */
};

enum { MAX_OPTIONS = 64, MAX_WORDS = 3 };

/* A command line, parsed. The strings are those of argv. */
struct invocation {
	const struct command *command;
	const char *words[MAX_WORDS];
	int word_count;
	char *const *argv; /* the command to run, ending in NULL; NULL where none was given */
	struct {
		const struct option *option;
		const char *value;
	} given[MAX_OPTIONS];
	int given_count;
	char *const *whole; /* conductor's own argv */
};

/*
 * Parses the words behind the command's name. Options may stand before and after its words; in a
 * command that takes a command, "--" or the first further word begins that, and nothing after is
 * read. 0, or COMMAND_USAGE.
 */
int parse_invocation(const struct command *command, char *const argv[],
		     struct invocation *invocation);

/* An option's value, NULL if it was not given; given twice, the last one. */
const char *option_value(const struct invocation *invocation, const char *name);
bool option_given(const struct invocation *invocation, const char *name);

/* Reports a usage error, with the command's synopsis, and returns COMMAND_USAGE. */
int usage_error(const struct invocation *invocation, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints the list of commands, or the help of one, to stdout. */
void print_commands(const struct command *commands);
void print_help(const struct command *command);

/*
 * self.c: called before a container is made or entered. Makes sure that the file this process
 * executes can't be written, by executing it again, with argv, from another place. Returns only
 * where that is so already (0), or fails (-1).
 */
int become_unwritable(char *const argv[]);

/* The commands. */
int command_build(const struct invocation *invocation);
int command_images(const struct invocation *invocation);
int command_rmi(const struct invocation *invocation);
int command_rmcache(const struct invocation *invocation);
int command_run(const struct invocation *invocation);
int command_exec(const struct invocation *invocation);
int command_ps(const struct invocation *invocation);
int command_stop(const struct invocation *invocation);
int command_logs(const struct invocation *invocation);
int command_inspect(const struct invocation *invocation);
int command_addnetwork(const struct invocation *invocation);
int command_peer(const struct invocation *invocation);

#endif
