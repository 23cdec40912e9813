#include "network.h"

#include "netfiles.h"
#include "nft.h"
#include "pool.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/number.h"
#include "common/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char ip_forward[] = "/proc/sys/net/ipv4/ip_forward";

/* --- the record ----------------------------------------------------------------------------------
 */

int network_save(const struct container *container, const struct network *network)
{
	char address[ADDRESS_SIZE];
	struct record_writer writer;
	if (record_begin(&writer) < 0)
		return -1;
	const struct link *link = &network->link;
	fprintf(writer.out, "outside=%s\ninside=%s\n", link->outside, link->inside);
	fprintf(writer.out, "host=%s\n", format_address(link->host, address));
	fprintf(writer.out, "address=%s\nprefix=%d\n", format_address(link->own, address),
		link->prefix);
	fprintf(writer.out, "pool=%s\npool_prefix=%d\n", format_address(link->pool, address),
		link->pool_prefix);
	if (network->stage != NETWORK_WHOLE)
		fprintf(writer.out, "unfinished=%s\n",
			network->stage == NETWORK_MAKING ? "link" : "more");
	if (network->internet)
		fprintf(writer.out, "internet=1\n");
	for (int i = 0; i < network->published_count; i++)
		fprintf(writer.out, "publish=%d-%d\n", network->published[i].inner,
			network->published[i].outer);
	for (int i = 0; i < network->peer_count; i++)
		fprintf(writer.out, "peer=%s\n", network->peers[i]);
	return record_commit(&writer, container->dirfd, "network");
}

int parse_published(const char *text, struct published *published)
{
	char copy[16];
	long long inner;
	long long outer;
	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
		return -1;
	char *rest = copy;
	const char *first = strsep(&rest, "-");
	if (!rest || parse_number(first, 1, 65535, &inner) < 0 ||
	    parse_number(rest, 1, 65535, &outer) < 0)
		return -1;
	*published = (struct published){ .inner = (uint16_t)inner, .outer = (uint16_t)outer };
	return 0;
}

static int read_address(const struct record *record, const char *key, uint32_t *address)
{
	const char *text = record_value(record, key, NULL);
	return text ? parse_address(text, address) : -1;
}

/* An interface's name as name_ends of addnetwork.c makes them: no other link may ever be deleted
 * because a record says so. */
static int read_ifname(const struct record *record, const char *key, char ifname[IFNAMSIZ])
{
	const char *text = record_value(record, key, NULL);
	size_t length = text ? strlen(text) : 0;
	size_t end = strlen(key) + 1;
	if (length <= end || length >= IFNAMSIZ || !valid_name(text) || text[length - end] != '-' ||
	    strcmp(text + length - end + 1, key) != 0)
		return -1;
	memcpy(ifname, text, length + 1);
	return 0;
}

static int parse_record(const struct record *record, struct network *network)
{
	struct link *link = &network->link;
	if (read_ifname(record, "outside", link->outside) < 0 ||
	    read_ifname(record, "inside", link->inside) < 0 ||
	    read_address(record, "host", &link->host) < 0 ||
	    read_address(record, "address", &link->own) < 0 ||
	    read_address(record, "pool", &link->pool) < 0)
		return -1;
	long long prefix = record_number(record, "prefix", 24);
	long long pool_prefix = record_number(record, "pool_prefix", 16);
	if (pool_prefix < 8 || prefix <= pool_prefix || prefix > 30) /* as pool_parse has them */
		return -1;
	link->prefix = (int)prefix;
	link->pool_prefix = (int)pool_prefix;
	network->internet = record_number(record, "internet", 0) == 1;
	const char *unfinished = record_value(record, "unfinished", NULL);
	if (unfinished)
		network->stage =
			strcmp(unfinished, "link") == 0 ? NETWORK_MAKING : NETWORK_EXTENDING;
	for (const char *text = NULL; (text = record_value(record, "publish", text));) {
		if (network->published_count == MAX_PUBLISHED ||
		    parse_published(text, &network->published[network->published_count++]) < 0)
			return -1;
	}
	for (const char *text = NULL; (text = record_value(record, "peer", text));) {
		if (network->peer_count == MAX_PEERS || !valid_name(text))
			return -1;
		snprintf(network->peers[network->peer_count++], NAME_SIZE, "%s", text);
	}
	return 0;
}

int network_load(const struct container *container, struct network *network)
{
	struct record record;
	*network = (struct network){ 0 };
	if (!is_this_boot(container->boot_id))
		return 0; /* its link went with its boot, and a power cut may have emptied the record */
	if (record_read(container->dirfd, "network", &record) < 0) {
		if (errno == ENOENT)
			return 0;
		report_errno("", "%s: cannot read its network", container->name);
		return -1;
	}
	int result = parse_record(&record, network);
	record_free(&record);
	if (result == 0)
		return 1;
	report("%s: the record of its network is damaged", container->name);
	errno = EBADMSG;
	return -1;
}

int network_load_peer(const struct container *container, const char *name, struct network *network)
{
	struct container peer;
	if (container_look(&peer, name) < 0) {
		bool missing = errno == ENOENT;
		if (!missing)
			report_errno("", "%s: cannot read its state", name);
		container_close(&peer);
		return missing ? 0 : -1;
	}
	int loaded = network_load(&peer, network);
	container_close(&peer);
	for (int i = 0; loaded == 1 && i < network->peer_count; i++) {
		if (strcmp(network->peers[i], container->name) == 0)
			return 1;
	}
	return loaded < 0 ? -1 : 0;
}

int network_write_files(const struct container *container)
{
	return write_hosts(container, NULL) < 0 ? -1 : write_resolv_conf(container, false);
}

int network_open_netns(const struct container *container, int pidfd)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)container->init.pid);
	int netns = open(path, O_RDONLY | O_CLOEXEC);
	if (netns < 0 && errno != ENOENT)
		return -1;
	/* Were it alive after the open, it would be this container's. */
	if (netns < 0 || process_ended(pidfd, 0)) {
		close_fd(&netns);
		errno = ESRCH;
	}
	return netns;
}

int network_need_netns(const struct container *container, int pidfd)
{
	int netns = network_open_netns(container, pidfd);
	if (netns < 0 && errno == ESRCH)
		report("%s: it is not running any more", container->name);
	else if (netns < 0)
		report_errno("", "%s: cannot open its network namespace", container->name);
	return netns;
}

int network_need_root(void)
{
	if (geteuid() == 0)
		return 0;
	const char *remedy = userns_remedy();
	report("networks need root: sudo, or run all of it inside tests/lab/lab, which needs%s%s",
	       remedy ? ": sudo sysctl " : " none", remedy ? remedy : "");
	return -1;
}

/* --- firewall and forwarding ---------------------------------------------------------------------
 */

int network_change_elements(const struct container *container, const struct network *network,
			    bool add)
{
	struct nft_change change;
	nft_begin(&change, add);
	nft_container(&change, network->link.outside, network->link.own);
	if (network->internet)
		nft_internet(&change, network->link.outside);
	for (int i = 0; i < network->published_count; i++)
		nft_publish(&change, network->published[i].outer, network->link.own,
			    network->published[i].inner);
	for (int i = 0; i < network->peer_count; i++) {
		struct network other;
		int loaded = network_load_peer(container, network->peers[i], &other);
		if (loaded < 0)
			return -1;
		if (loaded == 1)
			nft_peers(&change, network->link.outside, other.link.outside);
	}
	return nft_commit(&change);
}

static int restore_elements(struct container *container, void *arg)
{
	(void)arg;
	struct network network;
	return network_load(container, &network) == 1
		       ? network_change_elements(container, &network, true)
		       : 0;
}

int network_ensure_table(void)
{
	int exists = nft_table_exists();
	if (exists != 0)
		return exists < 0 ? -1 : 0;
	return nft_make_table() < 0 ? -1 : container_each(restore_elements, NULL);
}

int network_forwarding_on(const struct container *container)
{
	char was[2 + BOOT_ID_SIZE];
	AUTO_FREE char *value = read_file(AT_FDCWD, ip_forward, NULL);
	if (value && *value != '0')
		return 0;
	snprintf(was, sizeof(was), "0 %s", container->boot_id);
	/* Written in the container's directory: a half-written one goes with it. */
	if (!value || replace_file(container->dirfd, "ip_forward", was, 0600) < 0 ||
	    renameat(container->dirfd, "ip_forward", state_fd(), "ip_forward") < 0 ||
	    write_file(AT_FDCWD, ip_forward, "1") < 0) {
		report_errno("", "cannot switch %s on", ip_forward);
		return -1;
	}
	return 0;
}

/* What another boot had switched on has ended with it: this one has a setting of its own. */
static int forwarding_back(void)
{
	AUTO_FREE char *was = read_file(state_fd(), "ip_forward", NULL);
	if (!was)
		return 0;
	const char *boot = strchr(was, ' ');
	if ((boot && is_this_boot(boot + 1) && write_file(AT_FDCWD, ip_forward, "0") < 0) ||
	    unlinkat(state_fd(), "ip_forward", 0) < 0) {
		report_errno("", "cannot put %s back", ip_forward);
		return -1;
	}
	return 0;
}

/* --- taking down ---------------------------------------------------------------------------------
 */

/* Takes the way to a container that goes out of a peer that lives. Without a report: it may be
 * ending, too. */
static void forget_route(const struct container *peer, const struct network *network,
			 uint32_t address)
{
	AUTO_CLOSE int pidfd =
		container_status(peer) == CONTAINER_RUNNING ? process_open(&peer->init) : -1;
	AUTO_CLOSE int netns = pidfd < 0 ? -1 : network_need_netns(peer, pidfd);
	if (netns >= 0)
		rtnl_delete_route_to(&network->link, address, netns);
}

/* Strikes a container that goes from the peers of another one. */
static void forget_peer(const char *other, const char *name, const struct link *link)
{
	struct container peer;
	struct network network;
	int kept = 0;
	if (container_look(&peer, other) == 0 && network_load(&peer, &network) == 1) {
		for (int i = 0; i < network.peer_count; i++) {
			if (strcmp(network.peers[i], name) != 0)
				memmove(network.peers[kept++], network.peers[i], NAME_SIZE);
		}
		if (kept < network.peer_count) {
			if (link_needs_route(&network.link, link->own))
				forget_route(&peer, &network, link->own);
			network.peer_count = kept;
			network_save(&peer, &network);
			write_hosts(&peer, &network);
		}
	}
	container_close(&peer);
}

struct count {
	const char *but; /* this container */
	int networks;
};

static int count_network(struct container *container, void *arg)
{
	struct count *count = arg;
	if (strcmp(container->name, count->but) != 0)
		count->networks += is_this_boot(container->boot_id) &&
				   faccessat(container->dirfd, "network", F_OK, 0) == 0;
	return 0;
}

int network_take_down(struct container *container)
{
	struct network network;
	struct count others = { .but = container->name };
	int loaded = network_load(container, &network);
	if (loaded == 0 && faccessat(container->dirfd, "network", F_OK, 0) < 0)
		return 0;
	/* Nobody can know any more what a damaged record told of: it must not keep the rest from
	 * going. */
	int result = loaded < 0 && errno != EBADMSG ? -1 : 0;
	if (loaded == 1) {
		int table = nft_table_exists();
		result = rtnl_delete_link(network.link.outside);
		if (table < 0 ||
		    (table == 1 && network_change_elements(container, &network, false) < 0))
			result = -1;
		/* The pairs in the table are found by what both records say: those go after them. */
		for (int i = 0; result == 0 && i < network.peer_count; i++)
			forget_peer(network.peers[i], container->name, &network.link);
	}
	if (container_each(count_network, &others) < 0 ||
	    (others.networks == 0 && (nft_delete_table() < 0 || forwarding_back() < 0)))
		result = -1;
	/* Last: until it has gone, all of this can be done again. */
	if (result == 0)
		unlinkat(container->dirfd, "network", 0);
	return result;
}
