/* Addresses: the pool that links take theirs from, cut into equal subnets of which each link gets
 * one. */
#ifndef CONDUCTOR_POOL_H
#define CONDUCTOR_POOL_H

#include "network.h"

/* An IPv4 address in dotted notation, from and to host byte order. 0, or -1. */
int parse_address(const char *text, uint32_t *address);
enum { ADDRESS_SIZE = 16 };
const char *format_address(uint32_t address, char *text); /* text: ADDRESS_SIZE bytes; returned */

/*
 * Fills in the link's pool and prefixes from "10.66.0.0/16" or "10.66.0.0/16:28" (the size of a
 * link's subnet, else /24). NULL: $CONDUCTOR_SUBNET, else 192.168.0.0/16. 0, or -1 and nothing reported.
 */
int pool_parse(const char *text, struct link *link);

/* Does an address lie outside the link's pool, to which alone its container knows the way? */
bool link_needs_route(const struct link *link, uint32_t address);

/*
 * Chooses the lowest subnet, the pool's first left out, that overlaps no route or address of the
 * host: .1 of it for the host's end, .2 for the container's. Containers' links have routes, and so
 * need no list of their own. The lock is held by the caller. 0, or -1.
 */
int pool_choose(struct link *link);

#endif
