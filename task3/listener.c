/* Which program of this host listens on a TCP port: proc(5), /proc/net/tcp and /proc/PID/fd. */
#include "network.h"

#include "common/cleanup.h"
#include "common/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LISTENS = 0x0A }; /* TCP_LISTEN, in the column st */

/* The inode of the socket in this table that listens on the port; 0: none. */
static unsigned long find_socket(const char *table, unsigned port)
{
	AUTO_FREE char *text = read_file(AT_FDCWD, table, NULL);
	char *rest = text;
	for (char *line; rest && (line = strsep(&rest, "\n"));) {
		/* sl local:PORT remote:PORT st tx:rx tr:when retrnsmt uid timeout inode */
		char *field[10] = { NULL };
		for (int i = 0; i < 10 && line;) {
			field[i] = strsep(&line, " ");
			if (*field[i])
				i++;
		}
		const char *colon = field[9] ? strchr(field[1], ':') : NULL;
		if (colon && strtoul(colon + 1, NULL, 16) == port &&
		    strtoul(field[3], NULL, 16) == LISTENS)
			return strtoul(field[9], NULL, 10);
	}
	return 0;
}

static bool holds(const char *pid, const char *socket)
{
	char path[300];
	char target[64];
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	DIR *descriptors = opendir(path);
	struct dirent *entry;
	bool found = false;
	while (descriptors && !found && (entry = readdir(descriptors))) {
		ssize_t length =
			readlinkat(dirfd(descriptors), entry->d_name, target, sizeof(target) - 1);
		target[length < 0 ? 0 : length] = '\0';
		found = !strcmp(target, socket);
	}
	if (descriptors)
		closedir(descriptors);
	return found;
}

void describe_listener(uint16_t port, char *text, size_t size)
{
	unsigned long inode = find_socket("/proc/net/tcp", port);
	char socket[64];
	snprintf(text, size, "a program of this host listens there");
	if (!inode)
		inode = find_socket("/proc/net/tcp6", port);
	snprintf(socket, sizeof(socket), "socket:[%lu]", inode);
	DIR *processes = inode ? opendir("/proc") : NULL;
	struct dirent *entry;
	while (processes && (entry = readdir(processes))) {
		char path[300];
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
		    !holds(entry->d_name, socket))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		AUTO_FREE char *name = read_file(AT_FDCWD, path, NULL);
		if (name)
			snprintf(text, size, "%.*s listens there, process %s",
				 (int)strcspn(name, "\n"), name, entry->d_name);
		break;
	}
	if (processes)
		closedir(processes);
}
