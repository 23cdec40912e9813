/*
 * Where the caller's standard input, output or errors are a terminal, the container's command gets
 * one of its own: a pseudoterminal of the container's devpts, whose other side the parent holds and
 * passes on, both ways. The caller's terminal never goes into a container: who has it open could
 * type into it (TIOCSTI, CVE-2017-5226), and its job control is another session's. See pty(7).
 */
#ifndef CONDUCTOR_TERMINAL_H
#define CONDUCTOR_TERMINAL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <termios.h>

/* The caller's terminal and the container's, in the parent. */
struct terminal {
	bool input;	      /* standard input is a terminal, and we are in its foreground */
	bool raw;	      /* we made it so */
	struct termios modes; /* as it was found */
	int screen;	      /* which of 0 to 2 shows the container's output */
	int master;	  /* the parent's side of the container's terminal, or -1: it has none */
	char typed[4096]; /* what has been typed and not yet taken */
	size_t typed_bytes;
};

/*
 * In the container's child: begins a session, and puts a new terminal in the place of each of 0 to 2
 * that is one. Its master is the caller's to close; -1: there was no terminal among them, or the
 * container has no devpts.
 */
int terminal_of_its_own(int handshake);

/* In the parent, before the child is made: remembers how the terminal is. */
void terminal_remember(struct terminal *terminal);

/* From now on, all that is typed goes to the container's terminal. */
void terminal_begin(struct terminal *terminal, int master);
/* What to wait for: events[0] typing, events[1] the container's terminal. */
void terminal_events(const struct terminal *terminal, struct pollfd events[2]);
/*
 * Passes on what there is. init is the pid of the command where that is a PID 1, which the kernel
 * shields from ^C unless it has a handler: true if that was typed, and it is to be ended.
 */
bool terminal_pass_on(struct terminal *terminal, const struct pollfd events[2], pid_t init);
/* The caller's has another size now (SIGWINCH). */
void terminal_resize(const struct terminal *terminal);
/* Shows what is still to be shown, and puts the caller's terminal back. */
void terminal_end(struct terminal *terminal);

#endif
