/* A container's /etc/hosts and /etc/resolv.conf: files of its directory, mounted inside. */
#ifndef CONDUCTOR_NETFILES_H
#define CONDUCTOR_NETFILES_H

#include "network.h"

/* Writes hosts anew: localhost, the container's own address (network may be NULL), its peers'. 0,
 * or -1. */
int write_hosts(const struct container *container, const struct network *network);

/* Writes resolv.conf: with internet from the host's, without loopback resolvers; else empty but for
 * a comment. 0, or -1. */
int write_resolv_conf(const struct container *container, bool internet);

#endif
