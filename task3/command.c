#include "command.h"

#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void print_synopsis(FILE *out, const struct command *command)
{
	bool options = command->options && command->options->name;
	fprintf(out, "conductor %s%s%s%s%s", command->name, options ? " [OPTIONS]" : "",
		*command->words ? " " : "", command->words,
		command->takes_command ? " [--] [COMMAND [ARGUMENTS]]" : "");
}

int usage_error(const struct invocation *invocation, const char *format, ...)
{
	char text[512];
	char synopsis[256] = "";
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	FILE *memory = fmemopen(synopsis, sizeof(synopsis), "w");
	if (memory) {
		print_synopsis(memory, invocation->command);
		fclose(memory);
	}
	report("%s (usage: %s)", text, synopsis);
	return COMMAND_USAGE;
}

const char *option_value(const struct invocation *invocation, const char *name)
{
	for (int i = invocation->given_count; i-- > 0;) {
		if (!strcmp(invocation->given[i].option->name, name))
			return invocation->given[i].value;
	}
	return NULL;
}

bool option_given(const struct invocation *invocation, const char *name)
{
	return option_value(invocation, name) != NULL;
}

static int give(struct invocation *invocation, const struct option *option, const char *value)
{
	if (invocation->given_count == MAX_OPTIONS)
		return usage_error(invocation, "more than %d options", MAX_OPTIONS);
	invocation->given[invocation->given_count].option = option;
	invocation->given[invocation->given_count].value = value;
	invocation->given_count++;
	return 0;
}

/* --name, --name=value, --name value. *next moves past a value that is a word of its own. */
static int parse_long(struct invocation *invocation, const char *word, char *const **next)
{
	size_t length = strcspn(word, "=");
	const struct option *option = invocation->command->options;
	while (option && option->name &&
	       (strlen(option->name) != length || memcmp(option->name, word, length) != 0))
		option++;
	if (!option || !option->name)
		return usage_error(invocation, "unknown option --%s", word);
	if (!option->metavar) {
		if (word[length])
			return usage_error(invocation, "--%s takes no value", option->name);
		return give(invocation, option, "");
	}
	if (word[length] == '=')
		return give(invocation, option, word + length + 1);
	if (!**next)
		return usage_error(invocation, "--%s wants %s", option->name, option->metavar);
	return give(invocation, option, *(*next)++);
}

/* -a, -ab, -bVALUE, -b VALUE. */
static int parse_letters(struct invocation *invocation, const char *letters, char *const **next)
{
	for (; *letters; letters++) {
		const struct option *option = invocation->command->options;
		while (option && option->name && option->letter != *letters)
			option++;
		if (!option || !option->name)
			return usage_error(invocation, "unknown option -%c", *letters);
		if (option->metavar) {
			if (letters[1])
				return give(invocation, option, letters + 1);
			if (!**next)
				return usage_error(invocation, "-%c wants %s", *letters,
						   option->metavar);
			return give(invocation, option, *(*next)++);
		}
		int result = give(invocation, option, "");
		if (result < 0)
			return result;
	}
	return 0;
}

int parse_invocation(const struct command *command, char *const argv[],
		     struct invocation *invocation)
{
	*invocation = (struct invocation){ .command = command };
	bool options_end = false;
	while (*argv) {
		const char *word = *argv;
		if (!options_end && !strcmp(word, "--")) {
			argv++;
			options_end = true;
			if (command->takes_command)
				break;
		} else if (!options_end && word[0] == '-' && word[1]) {
			argv++;
			int result = word[1] == '-' ? parse_long(invocation, word + 2, &argv)
						    : parse_letters(invocation, word + 1, &argv);
			if (result < 0)
				return result;
		} else if (invocation->word_count < command->max_words) {
			invocation->words[invocation->word_count++] = word;
			argv++;
		} else if (command->takes_command) {
			break;
		} else {
			return usage_error(invocation, "too many words: %s", word);
		}
	}
	if (invocation->word_count < command->min_words)
		return usage_error(invocation, "too few words");
	if (command->takes_command && *argv)
		invocation->argv = argv;
	return 0;
}

void print_commands(const struct command *commands)
{
	printf("Usage: conductor [--root DIRECTORY] COMMAND ...\n\nCommands:\n");
	for (const struct command *command = commands; command->name; command++)
		printf("  %-12s%s\n", command->name, command->help);
	printf("\n`conductor COMMAND --help` tells more of one. Images and containers are kept in\n"
	       "/var/lib/conductor, another user's in ~/.local/share/conductor; --root or\n"
	       "$CONDUCTOR_ROOT name another place.\n");
}

void print_help(const struct command *command)
{
	printf("Usage: ");
	print_synopsis(stdout, command);
	printf("\n\n%s\n", command->help);
	if (!command->options || !command->options->name)
		return;
	printf("\nOptions:\n");
	for (const struct option *option = command->options; option->name; option++) {
		char left[64];
		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", option->letter ? '-' : ' ',
			 option->letter ? option->letter : ' ', option->letter ? "," : " ",
			 option->name, option->metavar ? " " : "",
			 option->metavar ? option->metavar : "");
		printf("  %-28s%s\n", left, option->help);
	}
}
