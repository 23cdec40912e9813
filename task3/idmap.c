/*
 * The ids of an ordinary user's namespace. The kernel lets the user map a single id, their own. A
 * range takes a privilege that set-user-ID programs have, newuidmap(1) and newgidmap(1), which look
 * into /etc/subuid and /etc/subgid first. They are the one exception to "no helper programs":
 * nothing else of the machine's can give an ordinary user more ids.
 *
 * They are privileged outside of the new namespace only. So a child is forked before it is made, and
 * stays outside: when the parent has made it, the child runs them for the parent's pid, which can't
 * be a stranger's since the parent waits. They get no environment, and an argument list that is
 * made of numbers. Should they refuse, the single id is mapped, and that is told.
 */
#include "idmap.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/handshake.h"
#include "common/libraries.h"
#include "common/number.h"
#include "common/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UID_MAP = 1, GID_MAP = 2 }; /* what the helper wrote, as bits of its exit status */

/* The login name, as /etc/passwd has it: getpwuid(3) is not to be had in a static program. Of a user
 * from elsewhere (LDAP) the environment knows it; newuidmap looks for itself, so a lie gains nothing. */
static void login_name(uid_t uid, char *name, size_t size)
{
	const char *known = getenv("LOGNAME");
	AUTO_FREE char *table = read_file(AT_FDCWD, "/etc/passwd", NULL);
	char *rest = table;
	long long number;
	snprintf(name, size, "%s", known ? known : "");
	for (char *line; (line = strsep(&rest, "\n"));) {
		char *login = strsep(&line, ":");
		strsep(&line, ":"); /* the password */
		char *id = strsep(&line, ":");
		if (id && parse_number(id, 0, UINT32_MAX, &number) == 0 && number == uid) {
			snprintf(name, size, "%s", login);
			return;
		}
	}
}

struct range {
	long long first, count;
};

/* The user's first range in the file: LOGIN-OR-UID:FIRST:COUNT, a line each. */
static bool find_range(const char *file, uid_t uid, const char *login, struct range *range)
{
	char number[16];
	AUTO_FREE char *table = read_file(AT_FDCWD, file, NULL);
	char *rest = table;
	snprintf(number, sizeof(number), "%u", uid);
	for (char *line; (line = strsep(&rest, "\n"));) {
		char *owner = strsep(&line, ":");
		char *first = strsep(&line, ":");
		char *count = strsep(&line, ":");
		if (count && (!strcmp(owner, number) || (*login && !strcmp(owner, login))) &&
		    parse_number(first, 1, UINT32_MAX - 1, &range->first) == 0 &&
		    parse_number(count, 1, UINT32_MAX - range->first, &range->count) == 0)
			return true;
	}
	return false;
}

/* PROGRAM PID 0 OWN 1 1 FIRST COUNT. Whether it did it; if not, it has been told why. */
static bool run_mapper(const char *program, pid_t pid, id_t own, const struct range *range)
{
	enum { NUMBERS = 7, DIGITS = 24 };
	char words[NUMBERS][DIGITS];
	const long long numbers[NUMBERS] = { pid, 0, own, 1, 1, range->first, range->count };
	char *argv[NUMBERS + 2] = { (char *)program };
	char *const no_environment[] = { NULL };
	AUTO_FREE char *output = NULL;
	for (int i = 0; i < NUMBERS; i++) {
		snprintf(words[i], DIGITS, "%lld", numbers[i]);
		argv[i + 1] = words[i];
	}
	int status = run_and_read(argv, no_environment, 1, &output);
	if (status == 0)
		return true;
	if (status < 0)
		report_errno("", "%s", program);
	else
		report("one id only, as %s failed with status %d%s%.*s", program, status,
		       *output ? ": " : "", (int)strcspn(output, "\n"), output);
	return false;
}

/* The child: outside of the namespace that its parent makes. */
_Noreturn static void help(int handshake, pid_t parent, const char *const programs[2],
			   const struct range ranges[2])
{
	/* End of file: there will be no namespace. */
	if (handshake_hear(handshake, NULL, NULL) != HANDSHAKE_GO || getppid() != parent)
		_exit(0);
	int done = run_mapper(programs[0], parent, geteuid(), &ranges[0]) ? UID_MAP : 0;
	if (done && run_mapper(programs[1], parent, getegid(), &ranges[1]))
		done |= GID_MAP;
	_exit(done);
}

int id_helper_start(struct id_helper *helper)
{
	char login[256];
	struct range ranges[2];
	AUTO_FREE char *newuidmap = find_on_path("newuidmap");
	AUTO_FREE char *newgidmap = find_on_path("newgidmap");
	int child_end;
	*helper = (struct id_helper){ .pid = 0, .handshake = -1 };
	login_name(geteuid(), login, sizeof(login));
	if (!newuidmap || !newgidmap || !find_range("/etc/subuid", geteuid(), login, &ranges[0]) ||
	    !find_range("/etc/subgid", geteuid(), login, &ranges[1]))
		return 0;
	signal(SIGCHLD, SIG_DFL); /* inherited as ignored it would take the child's status */
	pid_t parent = getpid();
	if (handshake_pair(&helper->handshake, &child_end) < 0) {
		report_errno("", "cannot make a socket pair");
		return -1;
	}
	helper->pid = fork();
	if (helper->pid == 0) {
		const char *const programs[] = { newuidmap, newgidmap };
		close(helper->handshake);
		help(child_end, parent, programs, ranges);
	}
	close(child_end);
	if (helper->pid > 0)
		return 0;
	report_errno("", "cannot fork");
	close_fd(&helper->handshake);
	return -1;
}

/* Ends it, by the end of file unless it was told to go. What it did. */
static int await_helper(struct id_helper *helper)
{
	close_fd(&helper->handshake);
	int done = helper->pid > 0 ? wait_for(helper->pid) : 0;
	helper->pid = 0;
	return done == UID_MAP || done == (UID_MAP | GID_MAP) ? done : 0;
}

void id_helper_end(struct id_helper *helper)
{
	int saved = errno;
	await_helper(helper);
	errno = saved;
}

static int map_own_id(const char *file, id_t id)
{
	char map[32];
	snprintf(map, sizeof(map), "0 %u 1", id);
	return write_file(AT_FDCWD, file, map);
}

int map_ids(struct id_helper *helper, uid_t uid, gid_t gid)
{
	if (helper->pid > 0)
		handshake_tell(helper->handshake, HANDSHAKE_GO,
			       -1); /* one that is gone did nothing */
	int done = await_helper(helper);
	if (!(done & UID_MAP) && map_own_id("/proc/self/uid_map", uid) < 0)
		return -1;
	if (done & GID_MAP)
		return 0;
	/* setgroups must be denied before: else one could shed a group that a file's mode denies
	 * access to. Whoever gave the user a range of groups has allowed that: newgidmap(1). */
	if (write_file(AT_FDCWD, "/proc/self/setgroups", "deny") < 0)
		return -1;
	return map_own_id("/proc/self/gid_map", gid);
}
