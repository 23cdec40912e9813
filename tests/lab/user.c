/* The user namespace of a lab that an ordinary user starts: user_namespaces(7). */
#include "lab.h"

#include "common/error.h"
#include "common/file.h"
#include "common/handshake.h"
#include "common/userns.h"

#include <fcntl.h>
#include <stdio.h>

void user_map(const struct lab *lab, int parent)
{
	if (!lab->new_user)
		return;
	char uid_map[64];
	char gid_map[64];
	snprintf(uid_map, sizeof(uid_map), "0 %u 1", lab->uid);
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", lab->gid);
	/* The kernel takes an ordinary user's gid_map only once setgroups(2) is given up. */
	if (write_file(AT_FDCWD, "/proc/self/uid_map", uid_map) < 0 ||
	    write_file(AT_FDCWD, "/proc/self/setgroups", "deny") < 0 ||
	    write_file(AT_FDCWD, "/proc/self/gid_map", gid_map) < 0)
		handshake_fail(parent, EXIT_LAB, "cannot become root in the user namespace");
}

const char *user_hint(const struct lab *lab, int errnum)
{
	return lab->new_user ? hint_userns(errnum) : hint_namespace(errnum);
}
