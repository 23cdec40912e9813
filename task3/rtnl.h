/* Links, addresses and routes by rtnetlink(7): what `ip link`, `ip addr` and `ip route` do. */
#ifndef CONDUCTOR_RTNL_H
#define CONDUCTOR_RTNL_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* A container's link: a veth pair, one end on the host, the other in the container. veth(4) */
struct link {
	char outside[IFNAMSIZ], inside[IFNAMSIZ];
	const char *outside_alias, *inside_alias; /* names too long for an interface, or NULL */
	uint32_t host, own;			  /* the ends' addresses, in host byte order */
	int prefix;				  /* length of theirs */
	uint32_t pool; /* the pool that all containers' addresses are of */
	int pool_prefix;
};

/* Brings lo up in our own network namespace. 0, or -1 with errno and nothing reported. */
int rtnl_loopback_up(void);

/*
 * Makes the pair, the inner end already in the namespace netns, and configures both. After a
 * failure nothing of it is left. 0, or -1.
 */
int rtnl_make_link(const struct link *link, int netns);

/* Gives the container a default route through the link's host end. Again is no error. 0, or -1. */
int rtnl_add_default_route(const struct link *link, int netns);

/* Gives it a route to one address through the link's host end. Again is no error. 0, or -1. */
int rtnl_add_route_to(const struct link *link, uint32_t address, int netns);

/* Takes that route away. One that is missing is no error. 0, or -1. */
int rtnl_delete_route_to(const struct link *link, uint32_t address, int netns);

/* Deletes a host end, and with it the other. One that is missing is no error. 0, or -1. */
int rtnl_delete_link(const char *outside);

/* Calls visit with each destination that the host has a route to, its own addresses among them. 0,
 * or -1. */
int rtnl_each_route(void (*visit)(uint32_t address, int prefix, void *arg), void *arg);

#endif
