/* IPv4 addresses: those that a container tells of, and the host's own. Text is dotted decimal. */
#ifndef TASK4_ADDRESS_H
#define TASK4_ADDRESS_H

#include <netinet/in.h>

/* The first address outside of 127.0.0.0/8 in what `ip -4 addr` prints. 0, or -1 if there is none.
 */
int address_from_ip(const char *text, char address[INET_ADDRSTRLEN]);

/* The same from /proc/net/fib_trie, which needs no program but cat. */
int address_from_fib_trie(const char *text, char address[INET_ADDRSTRLEN]);

/*
 * An address under which other machines know this one: that of the interface which has the default
 * route, else of the first that is up; 127.0.0.1 on a machine without a network.
 */
void address_of_host(char address[INET_ADDRSTRLEN]);

#endif
