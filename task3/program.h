/* The last steps of a container's process, for run and exec alike: it becomes the user's program.
 */
#ifndef CONDUCTOR_PROGRAM_H
#define CONDUCTOR_PROGRAM_H

/*
 * Gives the process a clean environment, confines it, tells the parent READY (with a descriptor of
 * the root) and executes argv, or with NULL a shell. Called inside the container's root; never
 * returns.
 */
_Noreturn void become_program(char *const argv[], int handshake);

#endif
