/*
 * conductor addnetwork and peer: a link for a container, and the way from one to another. Records
 * are written before what they tell of is made: whatever is cut short can be found and taken away.
 */
#include "command.h"
#include "container.h"
#include "netfiles.h"
#include "network.h"
#include "nft.h"
#include "pool.h"
#include "userns.h"

#include "common/cleanup.h"
#include "common/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- conductor addnetwork ------------------------------------------------------------------------
 */

struct request {
	const char *name;
	const char *pool;
	bool internet;
	struct published published[MAX_PUBLISHED];
	int published_count;
};

static const char no_pool[] = "not a pool of addresses such as 10.66.0.0/16 or 10.66.0.0/16:28";

static int read_request(const struct invocation *invocation, struct request *request)
{
	*request = (struct request){
		.name = invocation->words[0],
		.pool = option_value(invocation, "subnet"),
		.internet = option_given(invocation, "internet"),
	};
	if (!valid_name(request->name))
		return usage_error(invocation, "%s: not a name for a container", request->name);
	struct link link;
	if (request->pool && pool_parse(request->pool, &link) < 0)
		return usage_error(invocation, "--subnet %s: %s", request->pool, no_pool);
	for (int i = 0; i < invocation->given_count; i++) {
		const char *text = invocation->given[i].value;
		if (strcmp(invocation->given[i].option->name, "expose") != 0)
			continue;
		if (parse_published(text, &request->published[request->published_count]) < 0)
			return usage_error(invocation,
					   "-e %s: not two ports, INNER-OUTER, from 1 to 65535",
					   text);
		for (int j = 0; j < request->published_count; j++) {
			if (request->published[j].outer ==
			    request->published[request->published_count].outer)
				return usage_error(invocation,
						   "-e %s: the outer port is given twice", text);
		}
		request->published_count++;
	}
	return 0;
}

static int find_publisher(struct container *container, void *arg)
{
	const uint16_t *outer = arg;
	struct network network;
	if (network_load(container, &network) != 1)
		return 0;
	for (int i = 0; i < network.published_count; i++) {
		if (network.published[i].outer == *outer) {
			report("port %d is published by container %s already", *outer,
			       container->name);
			return -1;
		}
	}
	return 0;
}

/* A listener of the host would silently lose its port: bind(2) tells if there is one. */
static int check_port(uint16_t outer)
{
	if (container_each(find_publisher, &outer) < 0)
		return -1;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(outer) };
	int on = 1; /* an old connection that lingers is no listener */
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		char hint[64] = "";
		int errnum = errno;
		if (errnum == EADDRINUSE)
			describe_listener(outer, hint, sizeof(hint));
		errno = errnum;
		report_errno(hint, "port %d", outer);
		return -1;
	}
	return 0;
}

/* Interface names have 15 letters: a longer one becomes a short one, and is kept as an alias. */
static void name_ends(struct link *link, const char *name, char *aliases[2], int salt)
{
	char prefix[8];
	if (snprintf(prefix, sizeof(prefix), "%s", name) < (int)sizeof(prefix)) {
		snprintf(link->outside, sizeof(link->outside), "%s-outside", prefix);
		snprintf(link->inside, sizeof(link->inside), "%s-inside", prefix);
		return;
	}
	uint32_t hash = 2166136261U +
			(uint32_t)salt; /* FNV-1a: stable, so that the same name looks the same */
	for (const char *c = name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619U;
	snprintf(prefix, sizeof(prefix), "%.3s%04x", name, hash & 0xffff);
	snprintf(link->outside, sizeof(link->outside), "%s-outside", prefix);
	snprintf(link->inside, sizeof(link->inside), "%s-inside", prefix);
	link->outside_alias = aliases[0];
	link->inside_alias = aliases[1];
}

static int plan_link(struct network *network, const struct request *request, char *aliases[2])
{
	if (pool_parse(request->pool, &network->link) < 0) {
		report("%s: %s", getenv("CONDUCTOR_SUBNET"), no_pool);
		return -1;
	}
	if (pool_choose(&network->link) < 0)
		return -1;
	for (int salt = 0; salt == 0 || (network->link.outside_alias && salt < 100); salt++) {
		name_ends(&network->link, request->name, aliases, salt);
		if (!if_nametoindex(network->link.outside))
			return 0;
	}
	report("%s: the host has an interface of this name already", network->link.outside);
	return -1;
}

/* Adds what the request asks for on top of what is there. */
static int extend(struct network *network, const struct request *request)
{
	if (network->published_count + request->published_count > MAX_PUBLISHED) {
		report("%s: more than %d published ports", request->name, MAX_PUBLISHED);
		return -1;
	}
	for (int i = 0; i < request->published_count; i++) {
		if (check_port(request->published[i].outer) < 0)
			return -1;
		network->published[network->published_count++] = request->published[i];
	}
	network->internet |= request->internet;
	return 0;
}

static int open_netns(const struct container *container, int pidfd)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)container->init.pid);
	int netns = open(path, O_RDONLY | O_CLOEXEC);
	if (netns < 0 ||
	    process_ended(pidfd, 0)) { /* alive after the open: so it is this container's */
		report("%s: it is not running any more", container->name);
		close_fd(&netns);
	}
	return netns;
}

static bool leaves_link(const struct network *network)
{
	return network->internet || network->published_count > 0;
}

/* Makes real what the record says; before is what was there, all zero for a new link. */
static int realize(const struct container *container, const struct network *network,
		   const struct network *before, int netns)
{
	bool fresh = !before->link.own;
	if (network_ensure_table() < 0 || network_change_elements(network, true) < 0)
		return -1;
	if (fresh && rtnl_make_link(&network->link, netns) < 0)
		return -1;
	/* What comes in by a published port is answered through the host, too; the firewall keeps
	 * one without -i from beginning anything that way. */
	if (leaves_link(network) && !leaves_link(before) &&
	    rtnl_add_default_route(&network->link, netns) < 0)
		return -1;
	if (network->internet && !before->internet && write_resolv_conf(container, true) < 0)
		return -1;
	if (leaves_link(network)) {
		nft_warn_of_drops();
		if (network_forwarding_on() < 0)
			return -1;
	}
	return write_hosts(container, network);
}

static int add_network(struct container *container, const struct request *request, int pidfd)
{
	struct network network;
	char outside_alias[NAME_SIZE + 10];
	char inside_alias[NAME_SIZE + 10];
	char *aliases[2] = { outside_alias, inside_alias };
	snprintf(outside_alias, sizeof(outside_alias), "%s-outside", request->name);
	snprintf(inside_alias, sizeof(inside_alias), "%s-inside", request->name);

	int loaded = network_load(container, &network);
	struct network before = network;
	if (loaded < 0)
		return -1;
	if (loaded == 1 && !request->published_count && (network.internet || !request->internet)) {
		report("%s: it has this network already", request->name);
		return -1;
	}
	AUTO_CLOSE int netns = open_netns(container, pidfd);
	if (netns < 0 || (loaded == 0 && plan_link(&network, request, aliases) < 0) ||
	    extend(&network, request) < 0 || network_save(container, &network) < 0)
		return -1;
	if (realize(container, &network, &before, netns) == 0)
		return 0;

	/* Nothing half-made: all of it goes, and what was there before comes back. */
	network_take_down(container);
	network_write_files(container);
	if (loaded == 1)
		report("%s: its network is lost with this", request->name);
	return -1;
}

int network_give_internet(struct container *container, int pidfd)
{
	struct request request = { .name = container->name, .internet = true };
	if (is_rootless())
		return 0;
	AUTO_CLOSE int lock = state_lock();
	return lock < 0 ? -1 : add_network(container, &request, pidfd);
}

/* Networks are the machine's: an ordinary user has them in a network namespace of their own only.
 */
static int need_root(void)
{
	if (geteuid() == 0)
		return 0;
	report("networks need root: sudo, or run all of it inside tests/lab/lab, which needs none");
	return -1;
}

int command_addnetwork(const struct invocation *invocation)
{
	struct request request;
	struct container container;
	int result = read_request(invocation, &request);
	if (result < 0)
		return result;
	AUTO_CLOSE int lock = need_root() < 0 ? -1 : state_lock();
	if (lock < 0)
		return COMMAND_FAILED;
	container_sweep();
	AUTO_CLOSE int pidfd = container_open_running(&container, request.name);
	if (pidfd < 0)
		return COMMAND_FAILED;
	result = add_network(&container, &request, pidfd);
	container_close(&container);
	return result < 0 ? COMMAND_FAILED : 0;
}

/* --- conductor peer ------------------------------------------------------------------------------
 */

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
	side->netns = loaded == 1 ? open_netns(&side->container, pidfd) : -1;
	if (side->netns < 0)
		container_close(&side->container);
	return side->netns < 0 ? -1 : 0;
}

/* A container knows the way to its own pool only; a peer may be of another one. */
static int route_to_peer(const struct side *side, const struct side *peer)
{
	const struct link *link = &side->network.link;
	uint32_t other = peer->network.link.own;
	if ((link->pool ^ other) >> (32 - link->pool_prefix) == 0)
		return 0;
	return rtnl_add_route_to(link, other, side->netns);
}

static int make_peers(struct side *a, struct side *b)
{
	struct nft_change change;
	if (add_peer(&a->network, b->container.name) < 0 ||
	    add_peer(&b->network, a->container.name) < 0)
		return -1;
	/* The records first: what they tell of and isn't there yet does no harm. */
	if (network_save(&a->container, &a->network) < 0 ||
	    network_save(&b->container, &b->network) < 0 || network_ensure_table() < 0)
		return -1;
	if (route_to_peer(a, b) < 0 || route_to_peer(b, a) < 0)
		return -1;
	nft_begin(&change, true);
	nft_peers(&change, a->network.link.outside, b->network.link.outside);
	if (nft_commit(&change) < 0 || network_forwarding_on() < 0)
		return -1;
	nft_warn_of_drops();
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
	AUTO_CLOSE int lock = need_root() < 0 ? -1 : state_lock();
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
