#include "common/userns.h"

#include "common/cleanup.h"
#include "common/file.h"
#include "common/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* The machine's own has this number on every Linux: PROC_USER_INIT_INO. */
static const ino_t initial_user_namespace = 0xEFFFFFFD;

bool in_user_namespace(void)
{
	int saved = errno;
	ino_t own;
	bool inside = namespace_inode(0, "user", &own) == 0 && own != initial_user_namespace;
	errno = saved;
	return inside;
}

/* Who forbids them, by which value of which setting, and what allows them again. */
static const struct setting {
	const char *file, *forbids, *remedy, *who;
} settings[] = {
	{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n",
	  "kernel.apparmor_restrict_unprivileged_userns=0",
	  "AppArmor restricts user namespaces here" },
	{ "/proc/sys/kernel/unprivileged_userns_clone", "0\n", "kernel.unprivileged_userns_clone=1",
	  "user namespaces are root's only here" },
	{ "/proc/sys/user/max_user_namespaces", "0\n", "user.max_user_namespaces=10000",
	  "no user namespaces are allowed here" },
};
enum { SETTINGS = sizeof(settings) / sizeof(*settings) };

static const struct setting *find_obstacle(void)
{
	int saved = errno; /* which is about to be reported */
	const struct setting *found = NULL;
	for (size_t i = 0; i < SETTINGS && !found; i++) {
		AUTO_FREE char *value = read_file(AT_FDCWD, settings[i].file, NULL);
		if (value && !strcmp(value, settings[i].forbids))
			found = &settings[i];
	}
	errno = saved;
	return found;
}

const char *userns_remedy(void)
{
	const struct setting *obstacle = find_obstacle();
	return obstacle ? obstacle->remedy : NULL;
}

const char *hint_userns(int errnum)
{
	static char text[256];
	if (errnum == ENOSPC)
		return "no more user namespaces allowed: use sudo, or raise them with: sudo sysctl "
		       "user.max_user_namespaces=10000";
	if (errnum != EPERM && errnum != EACCES)
		return "";
	const struct setting *obstacle = find_obstacle();
	if (!obstacle)
		return "a security policy, or a container around us, refuses ordinary users what "
		       "this needs: use sudo";
	snprintf(text, sizeof(text), "%s: use sudo, or allow them with: sudo sysctl %s",
		 obstacle->who, obstacle->remedy);
	return text;
}
