/*
 * attack - tries what a container must not be able to do, from inside any image
 *
 *     attack NAME [WORD]...       attack alone lists the names
 *
 * Each attempt is made so that it does no harm where it succeeds on a machine: what is written is
 * what was there, what is made is in the container, and a call that would change the machine has an
 * argument that the kernel refuses after it has looked at the caller's rights.
 * Prints "WHAT: ok" for what came through, "WHAT: EPERM" (or another name of errno) for what was
 * refused, "WHAT: SIGSYS" for what the caller was killed for. Loops print "ready", then a line for
 * each success, until they are killed.
 * Exit status: 0 if it came through, 1 if it was refused, 2 for a wrong call.
 * Privilege: whatever the container has; that is the question. Needs no file but /proc.
 */
#include "attack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct attack {
	const char *name;
	int words; /* that it needs at least */
	int (*run)(char **words);
	const char *help;
};

static const struct attack attacks[] = {
	{ "fds", 0, attack_fds, "list the open descriptors and what they are" },
	{ "call", 1, attack_call, "NUMBER [ARGUMENT]...: a system call" },
	{ "call-x32", 1, attack_call_x32, "NUMBER [ARGUMENT]...: the same with the x32 bit" },
	{ "call-i386", 1, attack_call_i386, "NUMBER: by int 0x80, so an i386 number" },
	{ "try", 1, attack_try, "NAME...: dangerous calls, by name" },
	{ "tries", 0, attack_tries, "list the names that try knows" },
	{ "node", 4, attack_node, "PATH b|c MAJOR MINOR: make the node, and open it" },
	{ "handle", 1, attack_handle, "FILE: print its handle" },
	{ "open-handle", 2, attack_open_handle, "MOUNT HANDLE: open it, and print the file" },
	{ "write-back", 1, attack_write_back, "FILE...: write what it holds" },
	{ "writable", 1, attack_writable, "DIRECTORY...: files below that open for writing" },
	{ "exe-loop", 0, attack_exe_loop, "[PATH]: overwrite foreign programs that end, or this" },
	{ "steal-loop", 0, attack_steal_loop, "take descriptors, roots, programs of others" },
	{ "swap-loop", 2, attack_swap_loop, "PATH PATH: exchange the two, again and again" },
	{ "type", 1, attack_type, "TEXT [TERMINAL]...: TIOCSTI, TIOCLINUX" },
	{ "pty", 1, attack_pty, "COMMAND...: on a terminal; tells what was typed into it" },
	{ "arp", 3, attack_arp, "INTERFACE ADDRESS MAC: tell all that ADDRESS is at MAC" },
	{ "advertise", 1, attack_advertise, "INTERFACE: an IPv6 router and prefix" },
	{ "with-key", 2, attack_with_key, "TEXT COMMAND...: with a key in its session keyring" },
	{ "read-key", 0, attack_read_key, "read that key" },
	{ "pid", 1, attack_pid, "PID: make children until one has it; prints it, and waits" },
};
enum { ATTACKS = sizeof(attacks) / sizeof(attacks[0]) };

int print_result(const char *what, long result)
{
	const char *name = result < 0 ? strerrorname_np(errno) : "ok";
	printf("%s: %s\n", what, name ? name : "?");
	fflush(stdout);
	return result < 0;
}

void print_ready(void)
{
	puts("ready");
	fflush(stdout);
}

unsigned long parse_word(const char *text)
{
	char *end;
	errno = 0;
	unsigned long value = strtoul(text, &end, 0);
	if (errno || end == text || *end) {
		fprintf(stderr, "attack: %s: not a number\n", text);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < ATTACKS; i++) {
		if (!strcmp(argv[1], attacks[i].name) && argc - 2 >= attacks[i].words)
			return attacks[i].run(argv + 2);
	}
	for (size_t i = 0; i < ATTACKS; i++)
		fprintf(stderr, "attack %s: %s\n", attacks[i].name, attacks[i].help);
	return 2;
}
