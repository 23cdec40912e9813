#include "nft_rule.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

const char nft_table_name[] = "conductor";

struct nfgenmsg *nft_message(struct netlink_batch *batch, int type, int flags)
{
	struct nfgenmsg *header =
		netlink_begin(batch, NFNL_SUBSYS_NFTABLES << 8 | type, flags, sizeof(*header));
	header->nfgen_family = NFPROTO_INET;
	return header;
}

struct rule rule_begin(struct netlink_batch *batch, const char *chain)
{
	nft_message(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	netlink_text(batch, NFTA_RULE_TABLE, nft_table_name);
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

void rule_meta(struct rule *rule, uint32_t key, uint32_t to)
{
	begin_expression(rule, "meta");
	netlink_be32(rule->batch, NFTA_META_KEY, key);
	netlink_be32(rule->batch, NFTA_META_DREG, to);
	end_expression(rule);
}

void rule_payload(struct rule *rule, uint32_t base, uint32_t offset, uint32_t size, uint32_t to)
{
	begin_expression(rule, "payload");
	netlink_be32(rule->batch, NFTA_PAYLOAD_DREG, to);
	netlink_be32(rule->batch, NFTA_PAYLOAD_BASE, base);
	netlink_be32(rule->batch, NFTA_PAYLOAD_OFFSET, offset);
	netlink_be32(rule->batch, NFTA_PAYLOAD_LEN, size);
	end_expression(rule);
}

void rule_compare(struct rule *rule, uint32_t operation, const void *bytes, size_t size)
{
	begin_expression(rule, "cmp");
	netlink_be32(rule->batch, NFTA_CMP_SREG, NFT_REG_1);
	netlink_be32(rule->batch, NFTA_CMP_OP, operation);
	size_t data = netlink_nest(rule->batch, NFTA_CMP_DATA);
	netlink_bytes(rule->batch, NFTA_DATA_VALUE, bytes, size);
	netlink_nest_end(rule->batch, data);
	end_expression(rule);
}

void rule_look_up(struct rule *rule, const char *set, bool present, bool map)
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

void rule_verdict(struct rule *rule, uint32_t code)
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

void rule_masquerade(struct rule *rule)
{
	begin_expression(rule, "masq");
	end_expression(rule);
	end_rule(rule);
}

void rule_iifname(struct rule *rule, bool is, const char *set)
{
	rule_meta(rule, NFT_META_IIFNAME, NFT_REG_1);
	rule_look_up(rule, set, is, false);
}

void rule_oifname(struct rule *rule, bool is, const char *set)
{
	rule_meta(rule, NFT_META_OIFNAME, NFT_REG_1);
	rule_look_up(rule, set, is, false);
}

void rule_pair(struct rule *rule, bool is, const char *set)
{
	rule_meta(rule, NFT_META_IIFNAME, NFT_REG_1);
	rule_meta(rule, NFT_META_OIFNAME, NFT_REG_2);
	rule_look_up(rule, set, is, false);
}

void rule_nfproto(struct rule *rule, uint8_t family)
{
	rule_meta(rule, NFT_META_NFPROTO, NFT_REG_1);
	rule_compare(rule, NFT_CMP_EQ, &family, sizeof(family));
}

void rule_loopback(struct rule *rule, uint32_t offset)
{
	uint8_t loopback = 127; /* the first byte tells */
	rule_nfproto(rule, NFPROTO_IPV4);
	rule_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, offset, 1, NFT_REG_1);
	rule_compare(rule, NFT_CMP_EQ, &loopback, sizeof(loopback));
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
	rule_compare(rule, NFT_CMP_NEQ, &zero, sizeof(zero));
}

void rule_established(struct rule *rule)
{
	/* As in the kernel: bit 1 << (state + 1) in the order of enum ip_conntrack_info. */
	conntrack(rule, NFT_CT_STATE, 1U << (IP_CT_ESTABLISHED + 1) | 1U << (IP_CT_RELATED + 1));
}

void rule_original_direction(struct rule *rule)
{
	uint8_t original = IP_CT_DIR_ORIGINAL;
	begin_expression(rule, "ct");
	netlink_be32(rule->batch, NFTA_CT_KEY, NFT_CT_DIRECTION);
	netlink_be32(rule->batch, NFTA_CT_DREG, NFT_REG_1);
	end_expression(rule);
	rule_compare(rule, NFT_CMP_EQ, &original, sizeof(original));
}

void rule_ct_status(struct rule *rule, uint32_t bits)
{
	conntrack(rule, NFT_CT_STATUS, bits);
}

void rule_fib_local(struct rule *rule, uint32_t operation, bool iif)
{
	uint32_t local = 2; /* RTN_LOCAL */
	begin_expression(rule, "fib");
	netlink_be32(rule->batch, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR | (iif ? NFTA_FIB_F_IIF : 0U));
	netlink_be32(rule->batch, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	netlink_be32(rule->batch, NFTA_FIB_DREG, NFT_REG_1);
	end_expression(rule);
	rule_compare(rule, operation, &local, sizeof(local));
}

void rule_dnat_to_published(struct rule *rule)
{
	uint8_t tcp = IPPROTO_TCP;
	rule_meta(rule, NFT_META_L4PROTO, NFT_REG_1);
	rule_compare(rule, NFT_CMP_EQ, &tcp, sizeof(tcp));
	rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1);
	rule_look_up(rule, "publish", true, true);
	begin_expression(rule, "nat");
	netlink_be32(rule->batch, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	netlink_be32(rule->batch, NFTA_NAT_FAMILY, NFPROTO_IPV4);
	netlink_be32(rule->batch, NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
	netlink_be32(rule->batch, NFTA_NAT_REG_PROTO_MIN,
		     NFT_REG32_01); /* the 4 bytes behind the address */
	end_expression(rule);
	end_rule(rule);
}
