/* The user namespace of a lab that an ordinary user starts: user_namespaces(7). */
#include "lab.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/handshake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

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

static bool sysctl_is(const char *name, const char *value)
{
	char path[128];
	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	AUTO_FREE char *text = read_file(AT_FDCWD, path, NULL);
	return text && !strncmp(text, value, strlen(value)) && text[strlen(value)] == '\n';
}

static const char *hint(const struct lab *lab, int errnum)
{
	if (!lab->new_user)
		return hint_namespace(errnum);
	if (errnum == ENOSPC)
		return "no more user namespaces allowed: use sudo, or raise them with: sudo sysctl "
		       "user.max_user_namespaces=10000";
	if (errnum != EPERM && errnum != EACCES)
		return "";
	if (sysctl_is("kernel/apparmor_restrict_unprivileged_userns", "1"))
		return "AppArmor restricts user namespaces here: use sudo, or allow them with: "
		       "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0";
	if (sysctl_is("kernel/unprivileged_userns_clone", "0"))
		return "user namespaces are root's only here: use sudo, or allow them with: sudo "
		       "sysctl kernel.unprivileged_userns_clone=1";
	return "this machine refuses ordinary users what the lab needs: use sudo";
}

const char *user_hint(const struct lab *lab, int errnum)
{
	int saved = errno; /* which is about to be reported, and looking for a reason changes it */
	const char *text = hint(lab, errnum);
	errno = saved;
	return text;
}
