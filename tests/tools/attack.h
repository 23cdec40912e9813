/* What the parts of attack share. */
#ifndef TESTS_TOOLS_ATTACK_H
#define TESTS_TOOLS_ATTACK_H

#include <stdbool.h>
#include <stdint.h>

/* Prints "WHAT: ok", or "WHAT: " and the name of errno when result is negative. Returns 0 or 1: the
 * exit status of an attack, 0 where it came through. */
int print_result(const char *what, long result);

/* The first line of an attack that goes on until it is killed: so one knows that it has begun. */
void print_ready(void);

unsigned long parse_word(const char *text);

/* Does fd lie in none of this process's mounts? Then it is the host's, or somebody else's. */
bool is_foreign(int fd);

/* Each gets the words after its name, ending in NULL, and returns the exit status. */
int attack_fds(char **words);
int attack_call(char **words);
int attack_call_x32(char **words);
int attack_call_i386(char **words);
int attack_try(char **words);
int attack_tries(char **words);
int attack_node(char **words);
int attack_handle(char **words);
int attack_open_handle(char **words);
int attack_write_back(char **words);
int attack_writable(char **words);
int attack_exe_loop(char **words);
int attack_steal_loop(char **words);
int attack_swap_loop(char **words);
int attack_type(char **words);
int attack_pty(char **words);
int attack_arp(char **words);
int attack_advertise(char **words);
int attack_with_key(char **words);
int attack_read_key(char **words);
int attack_pid(char **words);

#endif
