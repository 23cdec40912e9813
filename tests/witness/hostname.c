#include "hostname.h"

#include "common/cleanup.h"
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static int own_uts = -1;
static ino_t own_uts_inode;

int hostname_begin(int proc_fd)
{
	struct stat status;
	own_uts = openat(proc_fd, "self/ns/uts", O_RDONLY | O_CLOEXEC);
	if (own_uts < 0 || fstat(own_uts, &status) < 0)
		return -1;
	own_uts_inode = status.st_ino;
	return 0;
}

static const char *own_name(void)
{
	struct utsname names;
	return uname(&names) < 0 ? NULL : keep_text(names.nodename);
}

/* An ordinary user has no rights in its own user namespace, but all in those that it made; and once
 * inside there is no way back, so a child goes. */
static const char *ask_child(int user_fd, int uts_fd)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return NULL;
	pid_t child = fork();
	if (child == 0) {
		struct utsname names;
		ssize_t told = -1;
		if (setns(user_fd, CLONE_NEWUSER) == 0 && setns(uts_fd, CLONE_NEWUTS) == 0 &&
		    uname(&names) == 0)
			told = write(ends[1], names.nodename, strlen(names.nodename));
		_exit(told < 0);
	}
	close(ends[1]);
	char name[sizeof(((struct utsname *)0)->nodename)];
	ssize_t length = child < 0 ? -1 : read(ends[0], name, sizeof(name));
	close(ends[0]);
	int status = -1;
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	return length >= 0 && status == 0 ? keep_bytes(name, (size_t)length) : NULL;
}

const char *hostname_seen_by(int task_fd, ino_t uts_inode)
{
	if (uts_inode == own_uts_inode)
		return own_name();
	AUTO_CLOSE int uts = openat(task_fd, "ns/uts", O_RDONLY | O_CLOEXEC);
	if (uts < 0)
		return NULL;
	if (setns(uts, CLONE_NEWUTS) == 0) {
		const char *name = own_name();
		(void)setns(own_uts, CLONE_NEWUTS); /* what let us in lets us back */
		return name;
	}
	AUTO_CLOSE int user = openat(task_fd, "ns/user", O_RDONLY | O_CLOEXEC);
	return user < 0 ? NULL : ask_child(user, uts);
}
