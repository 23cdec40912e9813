#include "url.h"

#include "common/cleanup.h"
#include "common/file.h"
#include "common/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int refuse(const char **why, const char *text)
{
	*why = text;
	errno = EINVAL;
	return -1;
}

int url_parse(const char *text, struct http_url *url, const char **why)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_";
	*url = (struct http_url){ .port = 80, .path = "/" };
	if (strncasecmp(text, "http://", 7) != 0)
		return refuse(why, "it does not begin with http://");
	const char *host = text + 7;
	size_t size = strspn(host, letters);
	if (size == 0 || size >= sizeof(url->host))
		return refuse(why, "no host's name or IPv4 address follows http://");
	memcpy(url->host, host, size);

	const char *rest = host + size;
	if (*rest == ':') {
		char digits[8] = "";
		size = strcspn(++rest, "/");
		long long port = 0;
		if (size < sizeof(digits))
			memcpy(digits, rest, size);
		if (parse_number(digits, 1, 65535, &port) < 0)
			return refuse(why, "its port is not a number from 1 to 65535");
		url->port = (int)port;
		rest += size;
	}
	if (*rest == '\0')
		return 0;
	for (size = 0; rest[size] > ' ' && rest[size] < 0x7f && rest[size] != '#'; size++)
		continue;
	if (*rest != '/' || rest[size] != '\0' || size >= sizeof(url->path))
		return refuse(why, "something else than a path follows the host");
	memcpy(url->path, rest, size + 1);
	return 0;
}

/* Reads a line of hosts(5), "ADDRESS NAME...  # comment". Is the name in it, with IPv4? */
static int line_tells(char *line, const char *host, struct in_addr *address)
{
	char *rest = NULL;
	line[strcspn(line, "#")] = '\0';
	const char *word = strtok_r(line, " \t\r", &rest);
	if (!word || inet_pton(AF_INET, word, address) != 1)
		return 0;
	while ((word = strtok_r(NULL, " \t\r", &rest))) {
		if (strcasecmp(word, host) == 0)
			return 1;
	}
	return 0;
}

int find_host(const char *host, const char *hosts_file, struct in_addr *address)
{
	if (inet_pton(AF_INET, host, address) == 1)
		return 0;
	AUTO_FREE char *text = read_file(AT_FDCWD, hosts_file, NULL);
	char *rest = text;
	char *line;
	while (rest && (line = strsep(&rest, "\n"))) {
		if (line_tells(line, host, address))
			return 0;
	}
	errno = ENOENT;
	return -1;
}
