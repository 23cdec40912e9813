/*
 * conductor addnetwork: a link for a container. Its record is written before what it tells of is
 * made, and says so until all is made: whatever is cut short can be found, and mended.
 */
#include "command.h"
#include "container.h"
#include "netfiles.h"
#include "network.h"
#include "nft.h"
#include "pool.h"
#include "rootless.h"

#include "common/cleanup.h"
#include "common/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* SOLUTION 3c: leaves_link(network): do its packets go further than to the host? */
static bool leaves_link(const struct network *network)
{
	return network->internet || network->published_count > 0;
}
/* END 3c */

/* Makes real what the record says; before is what was there, all zero for a new link. */
static int realize(const struct container *container, const struct network *network,
		   const struct network *before, int netns)
{
	/* SOLUTION 3c: what may pass, before there is a link: network.h */
	if (network_ensure_table() < 0 || network_change_elements(container, network, true) < 0)
		return -1;
	/* END 3c */
	if (!before->link.own && rtnl_make_link(&network->link, netns) < 0)
		return -1;
	/* SOLUTION 3c: a way out with -i or -e, names with -i: rtnl.h, netfiles.h, network.h */
	/* What comes in by a published port is answered through the host, too; the firewall keeps
	 * one without -i from beginning anything that way. */
	if (leaves_link(network) && !leaves_link(before) &&
	    rtnl_add_default_route(&network->link, netns) < 0)
		return -1;
	if (network->internet && !before->internet && write_resolv_conf(container, true) < 0)
		return -1;
	if (leaves_link(network)) {
		nft_warn_of_drops();
		if (network_forwarding_on(container) < 0)
			return -1;
	}
	/* END 3c */
	return write_hosts(container, network);
}

static int complete(const struct container *container, struct network *network)
{
	network->stage = NETWORK_WHOLE;
	return network_save(container, network);
}

void network_mend(struct container *container, int *count)
{
	struct network network;
	if (network_load(container, &network) != 1)
		return;
	if (network.stage == NETWORK_MAKING) {
		network_take_down(container);
		network_write_files(container);
		return;
	}
	(*count)++;
	AUTO_CLOSE int pidfd = network.stage == NETWORK_WHOLE ? -1 : process_open(&container->init);
	AUTO_CLOSE int netns = pidfd < 0 ? -1 : network_need_netns(container, pidfd);
	/* All of it once more does no harm, and nobody knows how much was missing. */
	struct network before = { .link = network.link };
	if (netns >= 0 && realize(container, &network, &before, netns) == 0)
		complete(container, &network);
}

static int add_network(struct container *container, const struct request *request, int netns)
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
	network.stage = loaded == 0 ? NETWORK_MAKING : NETWORK_EXTENDING;
	if ((loaded == 0 && plan_link(&network, request, aliases) < 0) ||
	    extend(&network, request) < 0 || network_save(container, &network) < 0)
		return -1;
	if (realize(container, &network, &before, netns) == 0 && complete(container, &network) == 0)
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
	if (lock < 0)
		return -1;
	AUTO_CLOSE int netns = network_open_netns(container, pidfd);
	if (netns < 0 && errno != ESRCH)
		report_errno("", "%s: cannot open its network namespace", container->name);
	return netns < 0 ? -1 : add_network(container, &request, netns);
}

int command_addnetwork(const struct invocation *invocation)
{
	struct request request;
	struct container container;
	int result = read_request(invocation, &request);
	if (result < 0)
		return result;
	AUTO_CLOSE int lock = network_need_root() < 0 ? -1 : state_lock();
	if (lock < 0)
		return COMMAND_FAILED;
	container_sweep();
	AUTO_CLOSE int pidfd = container_open_running(&container, request.name);
	if (pidfd < 0)
		return COMMAND_FAILED;
	AUTO_CLOSE int netns = network_need_netns(&container, pidfd);
	result = netns < 0 ? -1 : add_network(&container, &request, netns);
	container_close(&container);
	return result < 0 ? COMMAND_FAILED : 0;
}
