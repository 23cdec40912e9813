/*
 * The host's /etc/resolv.conf, which networks (DHCP) fill in, on its way into a container:
 * copy_resolvers of task3/netfiles.c. Format: resolv.conf(5).
 *
 * No resolver in it may be the loopback: in the container that is somebody else.
 */
#include "fuzz.h"
#include "task3/netfiles.c" /* NOLINT(bugprone-suspicious-include) */

#include <arpa/inet.h>

/* As glibc's res_init reads such a line. */
static bool names_loopback(const char *line)
{
	char server[64];
	struct in_addr address;
	if (strncmp(line, "nameserver", 10) != 0 || (line[10] != ' ' && line[10] != '\t') ||
	    sscanf(line + 10, "%63s", server) != 1 || inet_aton(server, &address) == 0)
		return false;
	return ntohl(address.s_addr) >> 24 == 127 || address.s_addr == htonl(INADDR_ANY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = NULL;
	size_t text_size = 0;
	FILE *out = open_memstream(&text, &text_size);
	MUST(out);
	int resolvers = copy_resolvers(out, fuzz_path(data, size));
	MUST(fclose(out) == 0 && resolvers >= 0);
	char *rest = text;
	for (char *line; (line = strsep(&rest, "\n"));)
		MUST(!names_loopback(line));
	free(text);
	return 0;
}
