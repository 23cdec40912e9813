#include "common/process.h"

#include "common/cleanup.h"
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int exit_status_of(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

int wait_for(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return exit_status_of(status);
}

int run_and_read(char *const argv[], char *const envp[], int errors_too, char **output)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	AUTO_CLOSE int reading = ends[0];
	AUTO_CLOSE int writing = ends[1];

	/* posix_spawn tells the caller when the program can't be executed; fork and exec would not.
	 */
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, writing, STDOUT_FILENO);
	if (errors_too)
		posix_spawn_file_actions_adddup2(&actions, writing, STDERR_FILENO);
	/* A program expects to end where nobody reads it, though we ignore that ourselves. */
	sigset_t defaults;
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_t attributes;
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigdefault(&attributes, &defaults);

	pid_t pid;
	int error = posix_spawnp(&pid, argv[0], &actions, &attributes, argv, envp ? envp : environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (error) {
		errno = error;
		return -1;
	}

	close_fd(&writing); /* else the pipe would never end */
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", reading);
	*output = read_file(AT_FDCWD, path, NULL);
	int status = wait_for(pid);
	return *output ? status : -1;
}
