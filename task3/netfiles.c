#include "netfiles.h"

#include "pool.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In place: a file renamed over it would not be the one that is mounted. */
static int rewrite(const struct container *container, const char *name, const char *text)
{
	size_t size = strlen(text);
	AUTO_CLOSE int fd =
		openat(container->dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || write_all(fd, text, size) < 0 || ftruncate(fd, (off_t)size) < 0) {
		report_errno("", "%s: cannot write its %s", container->name, name);
		return -1;
	}
	return 0;
}

static int add_peer(FILE *out, const struct container *container, const char *name)
{
	struct network network;
	char address[ADDRESS_SIZE];
	int loaded = network_load_peer(container, name, &network);
	if (loaded == 1)
		fprintf(out, "%s\t%s\n", format_address(network.link.own, address), name);
	return loaded < 0 ? -1 : 0;
}

int write_hosts(const struct container *container, const struct network *network)
{
	AUTO_FREE char *text = NULL;
	char address[ADDRESS_SIZE];
	size_t size;
	int result = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out) {
		report_errno("", "%s: cannot write its hosts", container->name);
		return -1;
	}
	fprintf(out, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
	if (network) {
		fprintf(out, "%s\t%s\n", format_address(network->link.own, address),
			container->name);
		for (int i = 0; i < network->peer_count; i++)
			result |= add_peer(out, container, network->peers[i]);
	}
	fclose(out);
	return result < 0 ? -1 : rewrite(container, "hosts", text);
}

/* As the resolver library reads it: inet_aton(3) takes "127.1", too, and 0.0.0.0 reaches the own
 * host. */
static bool is_loopback(const char *server)
{
	struct in_addr v4 = { 0 };
	struct in6_addr v6;
	if (inet_pton(AF_INET6, server, &v6) == 1) {
		if (!IN6_IS_ADDR_V4MAPPED(&v6))
			return IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_UNSPECIFIED(&v6);
		memcpy(&v4, v6.s6_addr + 12, sizeof(v4));
	} else if (inet_aton(server, &v4) == 0) {
		return false;
	}
	return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET || v4.s_addr == htonl(INADDR_ANY);
}

/* Copies a resolv.conf without its loopback resolvers, which are the host's own. Returns how many
 * others it names. */
static int copy_resolvers(FILE *out, const char *path)
{
	AUTO_FREE char *text = read_file(AT_FDCWD, path, NULL);
	char *rest = text;
	int resolvers = 0;
	for (char *line; text && (line = strsep(&rest, "\n"));) {
		char server[64];
		if (*line == '#' || *line == ';' || *line == '\0')
			continue;
		if (sscanf(line, "nameserver %63s", server) == 1) {
			if (is_loopback(server))
				continue;
			resolvers++;
		}
		fprintf(out, "%s\n", line);
	}
	return resolvers;
}

int write_resolv_conf(const struct container *container, bool internet)
{
	/* Behind a loopback resolver systemd keeps the real ones in the second file. */
	static const char *const sources[] = { "/etc/resolv.conf",
					       "/run/systemd/resolve/resolv.conf" };
	if (!internet)
		return rewrite(container, "resolv.conf",
			       "# no internet: conductor addnetwork -i gives it\n");

	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		AUTO_FREE char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);
		if (!out)
			break;
		int resolvers = copy_resolvers(out, sources[i]);
		fclose(out);
		if (resolvers > 0)
			return rewrite(container, "resolv.conf", text);
	}
	report("%s: this host names no resolver that a container could reach: names will not "
	       "resolve in it",
	       container->name);
	return rewrite(container, "resolv.conf",
		       "# the host names no resolver that can be reached from here\n");
}
