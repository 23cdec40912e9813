#include "address.h"

#include "common/cleanup.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Takes the dotted decimal address at the beginning of text, unless it is a loopback one. */
static bool take_address(const char *text, char address[INET_ADDRSTRLEN])
{
	struct in_addr binary;
	size_t size = strspn(text, "0123456789.");
	if (size >= INET_ADDRSTRLEN)
		return false;
	memcpy(address, text, size);
	address[size] = '\0';
	return inet_pton(AF_INET, address, &binary) == 1 && strncmp(address, "127.", 4) != 0;
}

int address_from_ip(const char *text, char address[INET_ADDRSTRLEN])
{
	static const char before[] = "inet ";
	while ((text = strstr(text, before))) {
		text += sizeof(before) - 1;
		if (take_address(text, address))
			return 0;
	}
	return -1;
}

/*
 * A leaf of the tree is an address, and the lines below it say what it is for:
 *        |-- 192.168.2.2
 *           /32 host LOCAL
 */
int address_from_fib_trie(const char *text, char address[INET_ADDRSTRLEN])
{
	const char *leaf = NULL;
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		const char *line = text + strspn(text, " ");
		if (strncmp(line, "|-- ", 4) == 0)
			leaf = line + 4;
		else if (leaf && strncmp(line, "/32 host LOCAL", 14) == 0 &&
			 take_address(leaf, address))
			return 0;
	}
	return -1;
}

/* The kernel chooses a source address when a datagram socket is connected; nothing is sent. */
static int address_of_default_route(struct in_addr *address)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in somewhere = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct sockaddr_in own = { 0 };
	socklen_t size = sizeof(own);
	inet_pton(AF_INET, "192.0.2.1", &somewhere.sin_addr); /* for examples: RFC 5737 */
	if (fd < 0 || connect(fd, (struct sockaddr *)&somewhere, sizeof(somewhere)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&own, &size) < 0)
		return -1;
	*address = own.sin_addr;
	return 0;
}

static int address_of_interface(struct in_addr *address)
{
	struct ifaddrs *list = NULL;
	int result = -1;
	if (getifaddrs(&list) < 0)
		return -1;
	for (const struct ifaddrs *item = list; item && result < 0; item = item->ifa_next) {
		if (!item->ifa_addr || item->ifa_addr->sa_family != AF_INET ||
		    !(item->ifa_flags & IFF_UP) || item->ifa_flags & IFF_LOOPBACK)
			continue;
		*address = ((const struct sockaddr_in *)(const void *)item->ifa_addr)->sin_addr;
		result = 0;
	}
	freeifaddrs(list);
	return result;
}

void address_of_host(char address[INET_ADDRSTRLEN])
{
	struct in_addr binary = { htonl(INADDR_LOOPBACK) };
	if (address_of_default_route(&binary) < 0 && address_of_interface(&binary) < 0)
		binary.s_addr = htonl(INADDR_LOOPBACK);
	inet_ntop(AF_INET, &binary, address, INET_ADDRSTRLEN);
}
