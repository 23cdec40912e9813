/*
 * Parent and child talk before the child's execve(2): over a socket pair, a message at a time.
 *
 *     parent                                child
 *     handshake_pair                        (closes the parent's end at once)
 *     clone, close the child's end
 *     ... maps, cgroups ...                 handshake_hear: waits for GO
 *     handshake_tell GO          ------->   sets itself up
 *     handshake_hear             <-------   READY, or FAILED {errno, text}, which the parent prints
 *     handshake_hear             <-------   CLOSED: execve closed it, the program runs
 *
 * End of file means that the other side is gone: a child whose parent died never goes on alone.
 */
#ifndef COMMON_HANDSHAKE_H
#define COMMON_HANDSHAKE_H

enum handshake { HANDSHAKE_CLOSED, HANDSHAKE_GO, HANDSHAKE_READY, HANDSHAKE_FAILED };

struct handshake_failure {
	int status;	/* what the child exits with */
	int errnum;	/* errno of the step that failed, or 0 */
	char text[500]; /* the step: "cannot mount proc" */
};

/* Makes the pair, close-on-exec, before clone. 0, or -1 with errno. */
int handshake_pair(int *parent_end, int *child_end);

/* Tells the other side; passes a copy of the descriptor passed_fd along unless it is -1. 0, or -1
 * with errno. */
int handshake_tell(int fd, enum handshake message, int passed_fd);

/*
 * Waits for the other side's next word and returns it; -1 with errno when the socket fails.
 * failure is filled in with FAILED, and *passed_fd (may be NULL) becomes a descriptor of the
 * caller's, or -1.
 */
int handshake_hear(int fd, struct handshake_failure *failure, int *passed_fd);

/* The child's way out: sends the failure with errno as it is, and leaves by _exit(status). */
_Noreturn void handshake_fail(int fd, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
