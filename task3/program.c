#include "program.h"

#include "terminal.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/handshake.h"
#include "common/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Nothing of the host's environment is the container's business, but what its terminal
 * understands. */
static void set_environment(int handshake)
{
	static char term[64];
	const char *host_term = getenv("TERM");
	if (host_term)
		snprintf(term, sizeof(term), "%s", host_term);
	if (clearenv() != 0 ||
	    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1) < 0 ||
	    setenv("HOME", "/root", 1) < 0 || setenv("container", "conductor", 1) < 0 ||
	    (host_term && setenv("TERM", term, 1) < 0))
		handshake_fail(handshake, 125, "cannot set the environment");
}

/*
 * Closed, not only marked: execve looks for the program, and for a script's interpreter, while what is
 * marked is still open, and /proc/self/fd/N of a host directory leads out of the container
 * (CVE-2024-21626). The handshake lives until execve has succeeded; a socket leads nowhere.
 */
static void close_all_but(int handshake)
{
	if ((handshake > STDERR_FILENO + 1 &&
	     sys_close_range(STDERR_FILENO + 1, (unsigned)handshake - 1, 0) < 0) ||
	    sys_close_range((unsigned)handshake + 1, UINT_MAX, 0) < 0)
		handshake_fail(handshake, 125, "cannot close the descriptors");
}

void become_program(char *const argv[], const struct confinement *confinement, int handshake)
{
	char *bash[] = { (char[]){ "/bin/bash" }, NULL };
	char *sh[] = { (char[]){ "/bin/sh" }, NULL };
	if (!argv)
		argv = access(bash[0], X_OK) == 0 ? bash : sh;

	set_environment(handshake);
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		handshake_fail(handshake, 125, "cannot open the container's root");
	int terminal = terminal_of_its_own(handshake);
	confine(confinement, handshake);
	/* A parent that is gone by now can't hear this; then there is nobody to run for. */
	if (handshake_tell(handshake, HANDSHAKE_READY, root) < 0 ||
	    (terminal >= 0 && handshake_tell(handshake, HANDSHAKE_READY, terminal) < 0))
		_exit(125);

	close_all_but(handshake);
	execvp(argv[0], argv);
	int status = errno == ENOENT || errno == ENOTDIR ? 127 : 126;
	handshake_fail(handshake, status, "%s: cannot run it", argv[0]);
}

int await_program(int handshake, const char *name, int *root, int *terminal, int *status)
{
	struct handshake_failure failure = { .status = 125 };
	*root = -1;
	*terminal = -1;
	int word = handshake_hear(handshake, &failure, root);
	if (word == HANDSHAKE_READY) {
		word = handshake_hear(handshake, &failure, terminal);
		if (word == HANDSHAKE_READY)
			word = handshake_hear(handshake, &failure, NULL);
		if (word == HANDSHAKE_CLOSED)
			return 0; /* execve closed it */
	}
	if (word == HANDSHAKE_FAILED) {
		errno = failure.errnum;
		report_errno(failure.status == 125 ? hint_mount(errno) : "", "%s: %s", name,
			     failure.text);
	} else {
		report("%s: it was killed before its program began", name);
	}
	close_fd(root);
	close_fd(terminal);
	*status = failure.status;
	return -1;
}
