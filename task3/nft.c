#include "nft.h"

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

static const char table_name[] = "conductor";

/* Every message of nf_tables has this header; ours are all of the inet family, IPv4 and IPv6 at
 * once. */
static void begin(struct netlink_batch *batch, int type, int flags)
{
	struct nfgenmsg *header =
		netlink_begin(batch, NFNL_SUBSYS_NFTABLES << 8 | type, flags, sizeof(*header));
	header->nfgen_family = NFPROTO_INET;
}

/* A batch is what lies between these two, and takes effect as a whole. */
static void mark(struct netlink_batch *batch, int type)
{
	struct nfgenmsg *header = netlink_begin_silent(batch, type, 0, sizeof(*header));
	header->res_id = htons(NFNL_SUBSYS_NFTABLES);
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
	begin(batch, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL);
	netlink_text(batch, NFTA_SET_TABLE, table_name);
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
	begin(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL);
	netlink_text(batch, NFTA_CHAIN_TABLE, table_name);
	netlink_text(batch, NFTA_CHAIN_NAME, name);
	size_t nest = netlink_nest(batch, NFTA_CHAIN_HOOK);
	netlink_be32(batch, NFTA_HOOK_HOOKNUM, hook);
	netlink_be32(batch, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	netlink_nest_end(batch, nest);
	netlink_text(batch, NFTA_CHAIN_TYPE, type);
	netlink_be32(batch, NFTA_CHAIN_POLICY, NF_ACCEPT);
}

/* --- rules: a rule is a list of expressions, which load registers, compare them and decide ------
 */

struct rule {
	struct netlink_batch *batch;
	size_t list, element, data; /* the nests that are open */
};

static struct rule begin_rule(struct netlink_batch *batch, const char *chain)
{
	begin(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	netlink_text(batch, NFTA_RULE_TABLE, table_name);
	netlink_text(batch, NFTA_RULE_CHAIN, chain);
	return (struct rule){ .batch = batch, .list = netlink_nest(batch, NFTA_RULE_EXPRESSIONS) };
}

static void end_rule(struct rule *rule)
{
	netlink_nest_end(rule->batch, rule->list);
}

static void begin_expression(struct rule *rule, const char *name)
{
	rule->element = netlink_nest(rule->batch, NFTA_LIST_ELEM);
	netlink_text(rule->batch, NFTA_EXPR_NAME, name);
	rule->data = netlink_nest(rule->batch, NFTA_EXPR_DATA);
}

static void end_expression(struct rule *rule)
{
	netlink_nest_end(rule->batch, rule->data);
	netlink_nest_end(rule->batch, rule->element);
}

/* Loads a fact about the packet: NFT_META_IIFNAME and the like. */
static void load_meta(struct rule *rule, uint32_t key, uint32_t to)
{
	begin_expression(rule, "meta");
	netlink_be32(rule->batch, NFTA_META_KEY, key);
	netlink_be32(rule->batch, NFTA_META_DREG, to);
	end_expression(rule);
}

static void load_payload(struct rule *rule, uint32_t base, uint32_t offset, uint32_t size,
			 uint32_t to)
{
	begin_expression(rule, "payload");
	netlink_be32(rule->batch, NFTA_PAYLOAD_DREG, to);
	netlink_be32(rule->batch, NFTA_PAYLOAD_BASE, base);
	netlink_be32(rule->batch, NFTA_PAYLOAD_OFFSET, offset);
	netlink_be32(rule->batch, NFTA_PAYLOAD_LEN, size);
	end_expression(rule);
}

/* Goes on only if register 1 compares so (NFT_CMP_EQ, NFT_CMP_NEQ) with the bytes. */
static void compare(struct rule *rule, uint32_t operation, const void *bytes, size_t size)
{
	begin_expression(rule, "cmp");
	netlink_be32(rule->batch, NFTA_CMP_SREG, NFT_REG_1);
	netlink_be32(rule->batch, NFTA_CMP_OP, operation);
	size_t data = netlink_nest(rule->batch, NFTA_CMP_DATA);
	netlink_bytes(rule->batch, NFTA_DATA_VALUE, bytes, size);
	netlink_nest_end(rule->batch, data);
	end_expression(rule);
}

/* Goes on only if the key in register 1 is in the set, or isn't. A map's value lands in register 1.
 */
static void look_up(struct rule *rule, const char *set, bool present, bool map)
{
	begin_expression(rule, "lookup");
	netlink_text(rule->batch, NFTA_LOOKUP_SET, set);
	netlink_be32(rule->batch, NFTA_LOOKUP_SREG, NFT_REG_1);
	if (map)
		netlink_be32(rule->batch, NFTA_LOOKUP_DREG, NFT_REG_1);
	if (!present)
		netlink_be32(rule->batch, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	end_expression(rule);
}

static void verdict(struct rule *rule, uint32_t code)
{
	begin_expression(rule, "immediate");
	netlink_be32(rule->batch, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	size_t data = netlink_nest(rule->batch, NFTA_IMMEDIATE_DATA);
	size_t nest = netlink_nest(rule->batch, NFTA_DATA_VERDICT);
	netlink_be32(rule->batch, NFTA_VERDICT_CODE, code);
	netlink_nest_end(rule->batch, nest);
	netlink_nest_end(rule->batch, data);
	end_expression(rule);
	end_rule(rule);
}

static void masquerade(struct rule *rule)
{
	begin_expression(rule, "masq");
	end_expression(rule);
	end_rule(rule);
}

/* The words that conductor's rules are made of, named as nft's language has them. */

static void iifname(struct rule *rule, bool is, const char *set)
{
	load_meta(rule, NFT_META_IIFNAME, NFT_REG_1);
	look_up(rule, set, is, false);
}

static void oifname(struct rule *rule, bool is, const char *set)
{
	load_meta(rule, NFT_META_OIFNAME, NFT_REG_1);
	look_up(rule, set, is, false);
}

static void nfproto(struct rule *rule, uint8_t family)
{
	load_meta(rule, NFT_META_NFPROTO, NFT_REG_1);
	compare(rule, NFT_CMP_EQ, &family, sizeof(family));
}

/* ip saddr or ip daddr 127.0.0.0/8: the first byte tells. */
static void loopback_address(struct rule *rule, uint32_t offset)
{
	uint8_t loopback = 127;
	nfproto(rule, NFPROTO_IPV4);
	load_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, offset, 1, NFT_REG_1);
	compare(rule, NFT_CMP_EQ, &loopback, sizeof(loopback));
}

/* ct state, ct status: one of the bits is set. */
static void conntrack(struct rule *rule, uint32_t key, uint32_t bits)
{
	uint32_t zero = 0;
	begin_expression(rule, "ct");
	netlink_be32(rule->batch, NFTA_CT_KEY, key);
	netlink_be32(rule->batch, NFTA_CT_DREG, NFT_REG_1);
	end_expression(rule);

	begin_expression(rule, "bitwise");
	netlink_be32(rule->batch, NFTA_BITWISE_SREG, NFT_REG_1);
	netlink_be32(rule->batch, NFTA_BITWISE_DREG, NFT_REG_1);
	netlink_be32(rule->batch, NFTA_BITWISE_LEN, sizeof(bits));
	size_t mask = netlink_nest(rule->batch, NFTA_BITWISE_MASK);
	netlink_bytes(rule->batch, NFTA_DATA_VALUE, &bits, sizeof(bits));
	netlink_nest_end(rule->batch, mask);
	size_t flip = netlink_nest(rule->batch, NFTA_BITWISE_XOR);
	netlink_bytes(rule->batch, NFTA_DATA_VALUE, &zero, sizeof(zero));
	netlink_nest_end(rule->batch, flip);
	end_expression(rule);
	compare(rule, NFT_CMP_NEQ, &zero, sizeof(zero));
}

static void established(struct rule *rule)
{
	/* As in the kernel: bit 1 << (state + 1) in the order of enum ip_conntrack_info. */
	conntrack(rule, NFT_CT_STATE, 1U << (IP_CT_ESTABLISHED + 1) | 1U << (IP_CT_RELATED + 1));
}

/* fib daddr type local (or not): is it an address of this host; with iif, one of the incoming
 * interface? */
static void fib_local(struct rule *rule, uint32_t operation, bool iif)
{
	uint32_t local = 2; /* RTN_LOCAL */
	begin_expression(rule, "fib");
	netlink_be32(rule->batch, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR | (iif ? NFTA_FIB_F_IIF : 0U));
	netlink_be32(rule->batch, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	netlink_be32(rule->batch, NFTA_FIB_DREG, NFT_REG_1);
	end_expression(rule);
	compare(rule, operation, &local, sizeof(local));
}

/* dnat ip to tcp dport map @publish */
static void dnat_to_published(struct rule *rule)
{
	uint8_t tcp = IPPROTO_TCP;
	load_meta(rule, NFT_META_L4PROTO, NFT_REG_1);
	compare(rule, NFT_CMP_EQ, &tcp, sizeof(tcp));
	load_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1);
	look_up(rule, "publish", true, true);
	begin_expression(rule, "nat");
	netlink_be32(rule->batch, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	netlink_be32(rule->batch, NFTA_NAT_FAMILY, NFPROTO_IPV4);
	netlink_be32(rule->batch, NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
	netlink_be32(rule->batch, NFTA_NAT_REG_PROTO_MIN,
		     NFT_REG32_01); /* the 4 bytes behind the address */
	end_expression(rule);
	end_rule(rule);
}

/* --- the table, chain by chain; each rule in nft's own language stands above it ------------------
 */

/* Before anything else, also before routing: what a container may not even say. */
static void add_guard(struct netlink_batch *batch)
{
	uint16_t ipv4 = htons(0x0800);
	add_chain(batch, "guard", "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW);

	/* iifname != @containers accept */
	struct rule rule = begin_rule(batch, "guard");
	iifname(&rule, false, "containers");
	verdict(&rule, NF_ACCEPT);

	/* meta nfproto ipv6 drop: no container has an IPv6 address of ours, so none can be checked
	 */
	rule = begin_rule(batch, "guard");
	nfproto(&rule, NFPROTO_IPV6);
	verdict(&rule, NF_DROP);

	/* ip daddr 127.0.0.0/8 drop: route_localnet opens the host's loopback (CVE-2020-8558) */
	rule = begin_rule(batch, "guard");
	loopback_address(&rule, 16);
	verdict(&rule, NF_DROP);

	/* meta protocol ip iifname . ip saddr != @addresses drop: a forged source */
	rule = begin_rule(batch, "guard");
	load_meta(&rule, NFT_META_PROTOCOL, NFT_REG_1);
	compare(&rule, NFT_CMP_EQ, &ipv4, sizeof(ipv4));
	nfproto(&rule, NFPROTO_IPV4);
	load_meta(&rule, NFT_META_IIFNAME, NFT_REG_1);
	load_payload(&rule, NFT_PAYLOAD_NETWORK_HEADER, 12, 4, NFT_REG_2);
	look_up(&rule, "addresses", false, false);
	verdict(&rule, NF_DROP);
}

/* Published ports: from elsewhere (prerouting) and from the host itself (output). */
static void add_dnat(struct netlink_batch *batch)
{
	add_chain(batch, "dnat_in", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST);
	/* iifname != @containers fib daddr type local dnat ip to tcp dport map @publish */
	struct rule rule = begin_rule(batch, "dnat_in");
	iifname(&rule, false, "containers");
	fib_local(&rule, NFT_CMP_EQ, false);
	dnat_to_published(&rule);

	add_chain(batch, "dnat_local", "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST);
	/* fib daddr type local dnat ip to tcp dport map @publish */
	rule = begin_rule(batch, "dnat_local");
	fib_local(&rule, NFT_CMP_EQ, false);
	dnat_to_published(&rule);
}

static void add_masquerade(struct netlink_batch *batch)
{
	add_chain(batch, "masq", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC);
	/* iifname @containers oifname != @containers masquerade */
	struct rule rule = begin_rule(batch, "masq");
	iifname(&rule, true, "containers");
	oifname(&rule, false, "containers");
	masquerade(&rule);

	/* ip saddr 127.0.0.0/8 oifname @containers masquerade: localhost:OUTER needs an answerable
	 * source */
	rule = begin_rule(batch, "masq");
	loopback_address(&rule, 12);
	oifname(&rule, true, "containers");
	masquerade(&rule);
}

/* What a container may say to the host: to its own link's end, nothing else. */
static void add_to_host(struct netlink_batch *batch)
{
	add_chain(batch, "to_host", "filter", NF_INET_LOCAL_IN, NF_IP_PRI_FILTER);
	/* ct state established,related accept */
	struct rule rule = begin_rule(batch, "to_host");
	established(&rule);
	verdict(&rule, NF_ACCEPT);

	/* iifname @containers fib daddr . iif type != local drop */
	rule = begin_rule(batch, "to_host");
	iifname(&rule, true, "containers");
	fib_local(&rule, NFT_CMP_NEQ, true);
	verdict(&rule, NF_DROP);
}

/* What passes through: published ports in, the internet out, peers; nothing else. */
static void add_between(struct netlink_batch *batch)
{
	add_chain(batch, "between", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER);
	/* ct state established,related accept */
	struct rule rule = begin_rule(batch, "between");
	established(&rule);
	verdict(&rule, NF_ACCEPT);

	/* iifname != @containers oifname @containers ct status dnat accept */
	rule = begin_rule(batch, "between");
	iifname(&rule, false, "containers");
	oifname(&rule, true, "containers");
	conntrack(&rule, NFT_CT_STATUS, IPS_DST_NAT);
	verdict(&rule, NF_ACCEPT);

	/* iifname @internet oifname != @containers accept */
	rule = begin_rule(batch, "between");
	iifname(&rule, true, "internet");
	oifname(&rule, false, "containers");
	verdict(&rule, NF_ACCEPT);

	/* iifname . oifname @peers accept */
	rule = begin_rule(batch, "between");
	load_meta(&rule, NFT_META_IIFNAME, NFT_REG_1);
	load_meta(&rule, NFT_META_OIFNAME, NFT_REG_2);
	look_up(&rule, "peers", true, false);
	verdict(&rule, NF_ACCEPT);

	/* iifname @containers drop */
	rule = begin_rule(batch, "between");
	iifname(&rule, true, "containers");
	verdict(&rule, NF_DROP);

	/* oifname @containers drop */
	rule = begin_rule(batch, "between");
	oifname(&rule, true, "containers");
	verdict(&rule, NF_DROP);
}

int nft_make_table(void)
{
	struct netlink_batch batch = { 0 };
	mark(&batch, NFNL_MSG_BATCH_BEGIN);
	begin(&batch, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
	netlink_text(&batch, NFTA_TABLE_NAME, table_name);
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
	begin(&batch, NFT_MSG_GETTABLE, 0);
	netlink_text(&batch, NFTA_TABLE_NAME, table_name);
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
	begin(&batch, NFT_MSG_DELTABLE, 0);
	netlink_text(&batch, NFTA_TABLE_NAME, table_name);
	mark(&batch, NFNL_MSG_BATCH_END);
	return send_batch(&batch, "cannot delete the table conductor");
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
	begin(batch, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0);
	netlink_text(batch, NFTA_SET_ELEM_LIST_TABLE, table_name);
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
