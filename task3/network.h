/* Networks of containers: who has which address, what it publishes, who may talk to whom. */
#ifndef CONDUCTOR_NETWORK_H
#define CONDUCTOR_NETWORK_H

#include "container.h"
#include "rtnl.h"

enum { MAX_PUBLISHED = 64, MAX_PEERS = 64 };

struct published {
	uint16_t inner, outer;
};

/* How far it is. Whoever finds another stage than NETWORK_WHOLE under the lock knows that its maker
 * was killed. */
enum network_stage {
	NETWORK_WHOLE,
	NETWORK_MAKING,	  /* the link, and all that comes with it */
	NETWORK_EXTENDING /* what addnetwork adds to a network that is there */
};

/* What a container's file "network" says. It is written before what it tells of is made, so that
 * whoever finds it can take all of it away. */
struct network {
	enum network_stage stage;
	struct link link;
	bool internet;
	struct published published[MAX_PUBLISHED];
	int published_count;
	char peers[MAX_PEERS][NAME_SIZE];
	int peer_count;
};

/* Reads it. 1, 0 where the container has none, -1; errno EBADMSG: it is damaged. */
int network_load(const struct container *container, struct network *network);
int network_save(const struct container *container, const struct network *network); /* 0, or -1 */

/* listener.c: says which process of this host listens on the port, as far as can be seen. */
void describe_listener(uint16_t port, char *text, size_t size);

/*
 * The same of the container name, if that says that it is a peer of container. 1, 0 where it is none
 * or doesn't exist, -1. Only what both say counts: one of them alone does after `peer` was killed
 * between the two records.
 */
int network_load_peer(const struct container *container, const char *name, struct network *network);

/* Reads INNER-OUTER, two ports. 0, or -1 and nothing reported. */
int parse_published(const char *text, struct published *published);

/*
 * Makes the firewall's table where it is missing. Somebody may have flushed the ruleset: then the
 * elements of all containers come back too. 0, or -1.
 */
int network_ensure_table(void);

/* Adds all elements of one container, or removes them. 0, or -1. */
int network_change_elements(const struct container *container, const struct network *network,
			    bool add);

/* Switches ip_forward on for this container; what it was is kept in the state, to be put back with
 * the last network. 0, or -1. */
int network_forwarding_on(const struct container *container);

/*
 * The network namespace of a container whose PID 1 pidfd holds. A descriptor, or -1 with errno, ESRCH
 * when it has ended; network_need_netns reports that, too.
 */
int network_open_netns(const struct container *container, int pidfd);
int network_need_netns(const struct container *container, int pidfd);

/* Networks are the machine's: an ordinary user has them in a network namespace of their own only.
 * 0, or -1. */
int network_need_root(void);

/*
 * Looks after the network of a container that lives: what a killed addnetwork left half-made goes,
 * or is completed if the network was there before it. Counts it into *count. Lock as below.
 */
void network_mend(struct container *container, int *count);

/*
 * Does what `addnetwork -i` does for a container of this process, whose PID 1 pidfd holds; for one
 * of an ordinary user nothing, since there is no network to be had. 0, or -1; nothing is reported
 * where it has ended, as its end is told by who waits for it. Takes the lock.
 */
int network_give_internet(struct container *container, int pidfd);

/* Writes a container's first hosts and resolv.conf, before anything is mounted. 0, or -1. */
int network_write_files(const struct container *container);

/*
 * Takes a container's link, firewall elements and peerings away, and with the last one also the
 * table and what ip_forward was set to. The lock is held by the caller. 0, or -1 after trying it
 * all.
 */
int network_take_down(struct container *container);

#endif
