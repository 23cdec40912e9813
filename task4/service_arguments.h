/* The command lines of the two services: two words, then options with a number of milliseconds. */
#ifndef TASK4_SERVICE_ARGUMENTS_H
#define TASK4_SERVICE_ARGUMENTS_H

struct service_option {
	const char *name;    /* "--timeout" */
	long long *value_ms; /* 1 ms to an hour; unchanged where the option isn't given */
};

/*
 * Checks that there are so many words, before or after the options, puts them at argv[1] and
 * following, and reads the options; the last one of the table has the name NULL. Ends the program
 * after --help, and with a message where something is wrong.
 */
void service_arguments(int argc, char *argv[], int words, const struct service_option options[],
		       const char *usage);

/* Reads a number of this range, or ends the program with a message that names what it is. */
long long service_number(const char *what, const char *text, long long min, long long max);

#endif
