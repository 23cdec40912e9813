/* Addresses of the form http://HOST[:PORT][/PATH], and the address of a host. RFC 9110 4.2.1 */
#ifndef TASK4_URL_H
#define TASK4_URL_H

#include <netinet/in.h>

struct http_url {
	char host[254];	 /* a numeric IPv4 address or a name */
	int port;	 /* 80 where none is given */
	char path[1024]; /* begins with '/' */
};

/* Takes text apart. 0, or -1 with errno EINVAL; *why says then what is wrong with it. */
int url_parse(const char *text, struct http_url *url, const char **why);

/*
 * Finds the IPv4 address of a host: itself if it is numeric, else what hosts_file ("/etc/hosts",
 * hosts(5)) says of the name. There is no DNS: getaddrinfo(3) would load libraries into a static
 * program. 0, or -1 with errno ENOENT for an unknown name.
 */
int find_host(const char *host, const char *hosts_file, struct in_addr *address);

#endif
