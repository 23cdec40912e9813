/*
 * What a container says of its addresses: the output of `ip -4 addr` and /proc/net/fib_trie, as
 * programs inside, which may be anything, print it.
 * Formats: ip-address(8); the kernel's fib_trie_seq_show (net/ipv4/fib_trie.c).
 */
#include "task4/address.h"
#include "fuzz.h"

#include <arpa/inet.h>

/* The address goes into URLs and a hosts file: it must be one, and not the loopback. */
static void check(const char *address)
{
	struct in_addr binary;
	MUST(inet_pton(AF_INET, address, &binary) == 1);
	MUST(ntohl(binary.s_addr) >> 24 != 127);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char address[INET_ADDRSTRLEN];
	char *text = fuzz_text(data, size);
	if (address_from_ip(text, address) == 0)
		check(address);
	if (address_from_fib_trie(text, address) == 0)
		check(address);
	free(text);
	return 0;
}
