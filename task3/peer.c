/* conductor peer: the way from one container to another. */
#include "command.h"
#include "container.h"
#include "netfiles.h"
#include "network.h"
#include "nft.h"
#include "pool.h"

#include "common/cleanup.h"
#include "common/error.h"

#include <string.h>

static int add_peer(struct network *network, const char *name)
{
	for (int i = 0; i < network->peer_count; i++) {
		if (!strcmp(network->peers[i], name))
			return 0;
	}
	if (network->peer_count == MAX_PEERS) {
		report("%s: it would have more than %d peers", name, MAX_PEERS);
		return -1;
	}
	snprintf(network->peers[network->peer_count++], NAME_SIZE, "%s", name);
	return 0;
}

struct side {
	struct container container;
	struct network network;
	int netns;
};

static int load_side(struct side *side, const char *name)
{
	AUTO_CLOSE int pidfd = container_open_running(&side->container, name);
	if (pidfd < 0)
		return -1;
	int loaded = network_load(&side->container, &side->network);
	if (loaded == 0)
		report("%s: it has no network (conductor addnetwork %s)", name, name);
	side->netns = loaded == 1 ? network_need_netns(&side->container, pidfd) : -1;
	if (side->netns < 0)
		container_close(&side->container);
	return side->netns < 0 ? -1 : 0;
}

/* SOLUTION 3c: route_to_peer: where one network has no other way to the other: pool.h, rtnl.h */
static int route_to_peer(const struct side *side, const struct side *peer)
{
	const struct link *link = &side->network.link;
	uint32_t other = peer->network.link.own;
	return link_needs_route(link, other) ? rtnl_add_route_to(link, other, side->netns) : 0;
}
/* END 3c */

static int make_peers(struct side *a, struct side *b)
{
	if (add_peer(&a->network, b->container.name) < 0 ||
	    add_peer(&b->network, a->container.name) < 0)
		return -1;
	/* The records first: what they tell of and isn't there yet does no harm. Of one alone nobody
	 * takes notice. */
	if (network_save(&a->container, &a->network) < 0 ||
	    network_save(&b->container, &b->network) < 0 || network_ensure_table() < 0)
		return -1;
	/* SOLUTION 3c: routes, and the right to pass, in both directions: nft.h, network.h */
	if (route_to_peer(a, b) < 0 || route_to_peer(b, a) < 0)
		return -1;
	struct nft_change change;
	nft_begin(&change, true);
	nft_peers(&change, a->network.link.outside, b->network.link.outside);
	if (nft_commit(&change) < 0 || network_forwarding_on(&a->container) < 0)
		return -1;
	nft_warn_of_drops();
	/* END 3c */
	return write_hosts(&a->container, &a->network) < 0 ||
			       write_hosts(&b->container, &b->network) < 0
		       ? -1
		       : 0;
}

int command_peer(const struct invocation *invocation)
{
	struct side a;
	struct side b;
	const char *const *names = invocation->words;
	for (int i = 0; i < 2; i++) {
		if (!valid_name(names[i]))
			return usage_error(invocation, "%s: not a name for a container", names[i]);
	}
	if (!strcmp(names[0], names[1]))
		return usage_error(invocation, "a container is no peer of itself");
	AUTO_CLOSE int lock = network_need_root() < 0 ? -1 : state_lock();
	if (lock < 0)
		return COMMAND_FAILED;
	container_sweep();
	if (load_side(&a, names[0]) < 0)
		return COMMAND_FAILED;
	int result = load_side(&b, names[1]);
	if (result == 0) {
		result = make_peers(&a, &b);
		close_fd(&b.netns);
		container_close(&b.container);
	}
	close_fd(&a.netns);
	container_close(&a.container);
	return result < 0 ? COMMAND_FAILED : 0;
}
