/* Child processes: starting a program, reading what it prints, what its end means. */
#ifndef COMMON_PROCESS_H
#define COMMON_PROCESS_H

#include <sys/types.h>

/* What a shell would call a wait status: the exit status, or 128 + the signal's number. wait(2) */
int exit_status_of(int wait_status);

/* Waits for the child, through signals, and returns exit_status_of it; -1 with errno. */
int wait_for(pid_t pid);

/*
 * Runs argv[0], an absolute path or a name on PATH, with this environment (NULL: our own) and reads
 * its standard output to the end, and with errors_too what it complains of; standard input is
 * /dev/null. *output ends in NUL and is the caller's to free. Returns the exit status, or -1 with
 * errno.
 */
int run_and_read(char *const argv[], char *const envp[], int errors_too, char **output);

#endif
