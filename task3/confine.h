/*
 * What a container's process may not do, set up in the process itself and last of all, so that
 * nothing of ours runs unconfined after it, and nothing before it is in the way of the setup.
 */
#ifndef CONDUCTOR_CONFINE_H
#define CONDUCTOR_CONFINE_H

/*
 * Leaves the process with descriptors 0 to 2 once it executes a program, no signal blocked or
 * ignored, umask 022, and a death bound to its parent's. What fails goes to the parent over
 * handshake.
 */
void confine(int handshake);

#endif
