#include "nft.h"

#include "nft_rule.h"

#include "common/cleanup.h"
#include "common/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

/* A batch is what lies between these two, and takes effect as a whole. */
static void mark(struct netlink_batch *batch, int type)
{
	struct nfgenmsg *header = netlink_begin_silent(batch, type, 0, sizeof(*header));
	header->res_id = htons(NFNL_SUBSYS_NFTABLES);
}

/* Asks for an answer to the message begun last, silently: it tells of all before it. */
static void ask(struct netlink_batch *batch)
{
	struct nlmsghdr *header = (struct nlmsghdr *)(void *)(batch->data + batch->begun);
	header->nlmsg_flags |= NLM_F_ACK;
	batch->messages++;
}

static int send_batch(struct netlink_batch *batch, const char *what)
{
	AUTO_CLOSE int fd = netlink_open(NETLINK_NETFILTER);
	if (fd >= 0 && netlink_send(fd, batch) == 0)
		return 0;
	report_errno(errno == EPERM ? "needs root, or tests/lab/lab" : "", "firewall: %s%s%s", what,
		     *batch->text ? ": " : "", batch->text);
	return -1;
}

/* --- the table's parts ------------------------------------------------------------------------ */

/* The key types are numbers of nft's own, told only so that `nft list` prints elements as we mean
 * them. */
enum {
	TYPE_IFNAME = 41,
	TYPE_PORT = 13,
	TYPE_IFNAME_IFNAME = 2665,
	TYPE_IFNAME_ADDRESS = 2631,
	TYPE_ADDRESS_PORT = 461
};

struct set {
	const char *name;
	uint32_t id;
	uint32_t key_type, key_size;
	uint32_t data_type, data_size; /* of a map */
};

static const struct set sets[] = {
	{ "containers", 1, TYPE_IFNAME, IFNAMSIZ, 0, 0 },
	{ "addresses", 2, TYPE_IFNAME_ADDRESS, IFNAMSIZ + 4, 0, 0 },
	{ "internet", 3, TYPE_IFNAME, IFNAMSIZ, 0, 0 },
	{ "peers", 4, TYPE_IFNAME_IFNAME, 2 * IFNAMSIZ, 0, 0 },
	{ "publish", 5, TYPE_PORT, 2, TYPE_ADDRESS_PORT, 8 },
};

static void add_set(struct netlink_batch *batch, const struct set *set)
{
	nft_message(batch, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL);
	netlink_text(batch, NFTA_SET_TABLE, nft_table_name);
	netlink_text(batch, NFTA_SET_NAME, set->name);
	netlink_be32(batch, NFTA_SET_ID, set->id);
	netlink_be32(batch, NFTA_SET_FLAGS, set->data_size ? NFT_SET_MAP : 0);
	netlink_be32(batch, NFTA_SET_KEY_TYPE, set->key_type);
	netlink_be32(batch, NFTA_SET_KEY_LEN, set->key_size);
	/* For nft alone: without it, it would print the names backwards. Type 0 of 4 bytes: the
	 * machine's order. */
	uint32_t host_endian = 1;
	unsigned char userdata[6] = { 0, sizeof(host_endian) };
	memcpy(userdata + 2, &host_endian, sizeof(host_endian));
	if (set->key_type == TYPE_IFNAME)
		netlink_bytes(batch, NFTA_SET_USERDATA, userdata, sizeof(userdata));
	if (set->data_size) {
		netlink_be32(batch, NFTA_SET_DATA_TYPE, set->data_type);
		netlink_be32(batch, NFTA_SET_DATA_LEN, set->data_size);
	}
}

static void add_chain(struct netlink_batch *batch, const char *name, const char *type,
		      uint32_t hook, int priority)
{
	nft_message(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL);
	netlink_text(batch, NFTA_CHAIN_TABLE, nft_table_name);
	netlink_text(batch, NFTA_CHAIN_NAME, name);
	size_t nest = netlink_nest(batch, NFTA_CHAIN_HOOK);
	netlink_be32(batch, NFTA_HOOK_HOOKNUM, hook);
	netlink_be32(batch, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	netlink_nest_end(batch, nest);
	netlink_text(batch, NFTA_CHAIN_TYPE, type);
	netlink_be32(batch, NFTA_CHAIN_POLICY, NF_ACCEPT);
}

/* --- the table, chain by chain; each rule in nft's own language stands above it ------------------
 */

/* Before anything else, also before routing: what a container may not even say. */
static void add_guard(struct netlink_batch *batch)
{
	uint16_t ipv4 = htons(0x0800);
	add_chain(batch, "guard", "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW);

	/* iifname != @containers accept */
	struct rule rule = rule_begin(batch, "guard");
	rule_iifname(&rule, false, "containers");
	rule_verdict(&rule, NF_ACCEPT);

	/* meta nfproto ipv6 drop: no container has an IPv6 address of ours, so none can be checked
	 */
	rule = rule_begin(batch, "guard");
	rule_nfproto(&rule, NFPROTO_IPV6);
	rule_verdict(&rule, NF_DROP);

	/* ip daddr 127.0.0.0/8 drop: route_localnet opens the host's loopback (CVE-2020-8558) */
	rule = rule_begin(batch, "guard");
	rule_loopback(&rule, 16);
	rule_verdict(&rule, NF_DROP);

	/* meta protocol ip iifname . ip saddr != @addresses drop: a forged source */
	rule = rule_begin(batch, "guard");
	rule_meta(&rule, NFT_META_PROTOCOL, NFT_REG_1);
	rule_compare(&rule, NFT_CMP_EQ, &ipv4, sizeof(ipv4));
	rule_nfproto(&rule, NFPROTO_IPV4);
	rule_meta(&rule, NFT_META_IIFNAME, NFT_REG_1);
	rule_payload(&rule, NFT_PAYLOAD_NETWORK_HEADER, 12, 4, NFT_REG_2);
	rule_look_up(&rule, "addresses", false, false);
	rule_verdict(&rule, NF_DROP);
}

/* Published ports: from elsewhere (prerouting) and from the host itself (output). */
static void add_dnat(struct netlink_batch *batch)
{
	add_chain(batch, "dnat_in", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST);
	/* iifname != @containers fib daddr type local dnat ip to tcp dport map @publish */
	struct rule rule = rule_begin(batch, "dnat_in");
	rule_iifname(&rule, false, "containers");
	rule_fib_local(&rule, NFT_CMP_EQ, false);
	rule_dnat_to_published(&rule);

	add_chain(batch, "dnat_local", "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST);
	/* fib daddr type local dnat ip to tcp dport map @publish */
	rule = rule_begin(batch, "dnat_local");
	rule_fib_local(&rule, NFT_CMP_EQ, false);
	rule_dnat_to_published(&rule);
}

static void add_masquerade(struct netlink_batch *batch)
{
	add_chain(batch, "masq", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC);
	/* iifname @containers oifname != @containers masquerade */
	struct rule rule = rule_begin(batch, "masq");
	rule_iifname(&rule, true, "containers");
	rule_oifname(&rule, false, "containers");
	rule_masquerade(&rule);

	/* ip saddr 127.0.0.0/8 oifname @containers masquerade: localhost:OUTER needs an answerable
	 * source */
	rule = rule_begin(batch, "masq");
	rule_loopback(&rule, 12);
	rule_oifname(&rule, true, "containers");
	rule_masquerade(&rule);
}

/* What a container may say to the host: to its own link's end, nothing else. */
static void add_to_host(struct netlink_batch *batch)
{
	add_chain(batch, "to_host", "filter", NF_INET_LOCAL_IN, NF_IP_PRI_FILTER);
	/* ct state established,related accept */
	struct rule rule = rule_begin(batch, "to_host");
	rule_established(&rule);
	rule_verdict(&rule, NF_ACCEPT);

	/* iifname @containers fib daddr . iif type != local drop */
	rule = rule_begin(batch, "to_host");
	rule_iifname(&rule, true, "containers");
	rule_fib_local(&rule, NFT_CMP_NEQ, true);
	rule_verdict(&rule, NF_DROP);
}

/* What passes through: published ports in, the internet out, peers; nothing else. */
static void add_between(struct netlink_batch *batch)
{
	add_chain(batch, "between", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER);
	/*
	 * Before "established": the kernel remembers a flow for minutes after its container is gone, and
	 * who gets the address next would inherit it.
	 */
	/* iifname @containers oifname @containers iifname . oifname != @peers drop */
	struct rule rule = rule_begin(batch, "between");
	rule_iifname(&rule, true, "containers");
	rule_oifname(&rule, true, "containers");
	rule_pair(&rule, false, "peers");
	rule_verdict(&rule, NF_DROP);

	/* iifname @containers oifname != @containers iifname != @internet ct direction original drop */
	rule = rule_begin(batch, "between");
	rule_iifname(&rule, true, "containers");
	rule_oifname(&rule, false, "containers");
	rule_iifname(&rule, false, "internet");
	rule_original_direction(&rule);
	rule_verdict(&rule, NF_DROP);

	/* ct state established,related accept */
	rule = rule_begin(batch, "between");
	rule_established(&rule);
	rule_verdict(&rule, NF_ACCEPT);

	/* iifname != @containers oifname @containers ct status dnat accept */
	rule = rule_begin(batch, "between");
	rule_iifname(&rule, false, "containers");
	rule_oifname(&rule, true, "containers");
	rule_ct_status(&rule, IPS_DST_NAT);
	rule_verdict(&rule, NF_ACCEPT);

	/* iifname @internet oifname != @containers accept */
	rule = rule_begin(batch, "between");
	rule_iifname(&rule, true, "internet");
	rule_oifname(&rule, false, "containers");
	rule_verdict(&rule, NF_ACCEPT);

	/* iifname . oifname @peers accept */
	rule = rule_begin(batch, "between");
	rule_pair(&rule, true, "peers");
	rule_verdict(&rule, NF_ACCEPT);

	/* iifname @containers drop */
	rule = rule_begin(batch, "between");
	rule_iifname(&rule, true, "containers");
	rule_verdict(&rule, NF_DROP);

	/* oifname @containers drop */
	rule = rule_begin(batch, "between");
	rule_oifname(&rule, true, "containers");
	rule_verdict(&rule, NF_DROP);
}

int nft_make_table(void)
{
	struct netlink_batch batch = { 0 };
	mark(&batch, NFNL_MSG_BATCH_BEGIN);
	nft_message(&batch, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
	netlink_text(&batch, NFTA_TABLE_NAME, nft_table_name);
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		add_set(&batch, &sets[i]);
	add_guard(&batch);
	add_dnat(&batch);
	add_masquerade(&batch);
	add_to_host(&batch);
	add_between(&batch);
	mark(&batch, NFNL_MSG_BATCH_END);
	return send_batch(&batch, "cannot make the table conductor");
}

int nft_table_exists(void)
{
	struct netlink_batch batch = { 0 };
	AUTO_CLOSE int fd = netlink_open(NETLINK_NETFILTER);
	nft_message(&batch, NFT_MSG_GETTABLE, 0);
	netlink_text(&batch, NFTA_TABLE_NAME, nft_table_name);
	if (fd >= 0 && netlink_send(fd, &batch) == 0)
		return 1;
	if (fd >= 0 && errno == ENOENT)
		return 0;
	report_errno("", "firewall: cannot look for the table conductor");
	return -1;
}

int nft_delete_table(void)
{
	struct netlink_batch batch = { 0 };
	int exists = nft_table_exists();
	if (exists <= 0)
		return exists;
	mark(&batch, NFNL_MSG_BATCH_BEGIN);
	nft_message(&batch, NFT_MSG_DELTABLE, 0);
	netlink_text(&batch, NFTA_TABLE_NAME, nft_table_name);
	mark(&batch, NFNL_MSG_BATCH_END);
	return send_batch(&batch, "cannot delete the table conductor");
}

/* A name in an attribute, for "%.*s": its NUL is not relied on. */
static int name_size(const struct nlattr *name)
{
	return (int)strnlen(netlink_payload(name), netlink_payload_size(name));
}

static int warn_of_drop(const struct nlmsghdr *message, void *arg)
{
	(void)arg;
	const struct nfgenmsg *header = NLMSG_DATA(message);
	size_t size;
	const void *chain = netlink_attributes(message, sizeof(*header), &size);
	const struct nlattr *table = netlink_find(chain, size, NFTA_CHAIN_TABLE, 2);
	const struct nlattr *name = netlink_find(chain, size, NFTA_CHAIN_NAME, 2);
	const struct nlattr *policy = netlink_find(chain, size, NFTA_CHAIN_POLICY, 4);
	const struct nlattr *hook = netlink_find(chain, size, NFTA_CHAIN_HOOK, 4);
	const struct nlattr *number =
		hook ? netlink_find(netlink_payload(hook), netlink_payload_size(hook),
				    NFTA_HOOK_HOOKNUM, 4)
		     : NULL;
	if (!table || !name || !policy || !number ||
	    (header->nfgen_family != NFPROTO_IPV4 && header->nfgen_family != NFPROTO_INET))
		return 0;
	uint32_t values[2];
	memcpy(&values[0], netlink_payload(policy), sizeof(values[0]));
	memcpy(&values[1], netlink_payload(number), sizeof(values[1]));
	if (ntohl(values[0]) == NF_DROP && ntohl(values[1]) == NF_INET_FORWARD)
		report("warning: the host's firewall drops what it doesn't know (table %.*s, chain "
		       "%.*s, policy drop): "
		       "containers' traffic needs an accept there",
		       name_size(table), (const char *)netlink_payload(table), name_size(name),
		       (const char *)netlink_payload(name));
	return 0;
}

void nft_warn_of_drops(void)
{
	struct netlink_batch batch = { 0 };
	AUTO_CLOSE int fd = netlink_open(NETLINK_NETFILTER);
	nft_message(&batch, NFT_MSG_GETCHAIN, NLM_F_DUMP)->nfgen_family = NFPROTO_UNSPEC;
	if (fd >= 0)
		netlink_dump(fd, &batch, warn_of_drop, NULL);
}

/* --- elements ----------------------------------------------------------------------------------
 */

static void value(struct netlink_batch *batch, int type, const void *bytes, size_t size)
{
	size_t nest = netlink_nest(batch, type);
	netlink_bytes(batch, NFTA_DATA_VALUE, bytes, size);
	netlink_nest_end(batch, nest);
}

static void element_message(struct netlink_batch *batch, int type, const char *set, const void *key,
			    size_t key_size, const void *data, size_t data_size)
{
	int flags = type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0;
	struct nfgenmsg *header = netlink_begin_silent(batch, NFNL_SUBSYS_NFTABLES << 8 | type,
						       flags, sizeof(*header));
	header->nfgen_family = NFPROTO_INET;
	netlink_text(batch, NFTA_SET_ELEM_LIST_TABLE, nft_table_name);
	netlink_text(batch, NFTA_SET_ELEM_LIST_SET, set);
	size_t list = netlink_nest(batch, NFTA_SET_ELEM_LIST_ELEMENTS);
	size_t element = netlink_nest(batch, NFTA_LIST_ELEM);
	value(batch, NFTA_SET_ELEM_KEY, key, key_size);
	if (data_size)
		value(batch, NFTA_SET_ELEM_DATA, data, data_size);
	netlink_nest_end(batch, element);
	netlink_nest_end(batch, list);
}

/* To delete what isn't there fails the whole batch; so it is added first, which never fails. */
static void element(struct nft_change *change, const char *set, const void *key, size_t key_size,
		    const void *data, size_t data_size)
{
	element_message(&change->batch, NFT_MSG_NEWSETELEM, set, key, key_size, data, data_size);
	if (!change->add)
		element_message(&change->batch, NFT_MSG_DELSETELEM, set, key, key_size, data,
				data_size);
}

void nft_begin(struct nft_change *change, bool add)
{
	*change = (struct nft_change){ .add = add };
	mark(&change->batch, NFNL_MSG_BATCH_BEGIN);
}

int nft_commit(struct nft_change *change)
{
	ask(&change->batch); /* one answer is enough: all of it takes effect, or nothing */
	mark(&change->batch, NFNL_MSG_BATCH_END);
	return send_batch(&change->batch, "cannot change the table conductor");
}

/* A key of the type ifname: 16 bytes, the name and zeros. */
static void put_ifname(char *key, const char *ifname)
{
	memcpy(key, ifname, strnlen(ifname, IFNAMSIZ - 1));
}

void nft_container(struct nft_change *change, const char *ifname, uint32_t address)
{
	char key[IFNAMSIZ + 4] = { 0 };
	uint32_t be_address = htonl(address);
	put_ifname(key, ifname);
	element(change, "containers", key, IFNAMSIZ, NULL, 0);
	memcpy(key + IFNAMSIZ, &be_address, sizeof(be_address));
	element(change, "addresses", key, sizeof(key), NULL, 0);
}

void nft_internet(struct nft_change *change, const char *ifname)
{
	char key[IFNAMSIZ] = { 0 };
	put_ifname(key, ifname);
	element(change, "internet", key, sizeof(key), NULL, 0);
}

void nft_peers(struct nft_change *change, const char *ifname, const char *other_ifname)
{
	char key[2 * IFNAMSIZ] = { 0 };
	put_ifname(key, ifname);
	put_ifname(key + IFNAMSIZ, other_ifname);
	element(change, "peers", key, sizeof(key), NULL, 0);
	memset(key, 0, sizeof(key));
	put_ifname(key, other_ifname);
	put_ifname(key + IFNAMSIZ, ifname);
	element(change, "peers", key, sizeof(key), NULL, 0);
}

void nft_publish(struct nft_change *change, uint16_t outer, uint32_t address, uint16_t inner)
{
	/* The parts of a concatenation sit in slots of 32 bits. */
	struct {
		uint32_t address;
		uint16_t port, padding;
	} to = { .address = htonl(address), .port = htons(inner) };
	uint16_t key = htons(outer);
	element(change, "publish", &key, sizeof(key), &to, sizeof(to));
}
