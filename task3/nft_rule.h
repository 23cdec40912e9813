/*
 * Rules of nf_tables: a rule is a list of expressions, which load registers, compare them and
 * decide. `nft --debug=netlink` shows them. A rule is begun, given its conditions one after the
 * other, and ended by what it does.
 */
#ifndef CONDUCTOR_NFT_RULE_H
#define CONDUCTOR_NFT_RULE_H

#include "common/netlink.h"

#include <linux/netfilter/nfnetlink.h>

#include <stdbool.h>
#include <stdint.h>

extern const char nft_table_name[];

/* Begins any message of nf_tables and returns its header; ours are of the inet family, IPv4 and
 * IPv6 at once. */
struct nfgenmsg *nft_message(struct netlink_batch *batch, int type, int flags);

struct rule {
	struct netlink_batch *batch;
	size_t list, element, data; /* the nests that are open */
};

struct rule rule_begin(struct netlink_batch *batch, const char *chain);

/* Loads a fact about the packet (NFT_META_IIFNAME and the like), or a part of it, into a register.
 */
void rule_meta(struct rule *rule, uint32_t key, uint32_t to);
void rule_payload(struct rule *rule, uint32_t base, uint32_t offset, uint32_t size, uint32_t to);

/* Goes on only if register 1 compares so (NFT_CMP_EQ, NFT_CMP_NEQ) with the bytes. */
void rule_compare(struct rule *rule, uint32_t operation, const void *bytes, size_t size);

/* Goes on only if the key in register 1 is in the set, or isn't. A map's value lands in register 1.
 */
void rule_look_up(struct rule *rule, const char *set, bool present, bool map);

/* The conditions that conductor needs, named as nft's language has them. */
void rule_iifname(struct rule *rule, bool is, const char *set);
void rule_oifname(struct rule *rule, bool is, const char *set);
void rule_pair(struct rule *rule, bool is, const char *set); /* iifname . oifname */
void rule_nfproto(struct rule *rule, uint8_t family);
void rule_loopback(struct rule *rule,
		   uint32_t offset);		 /* the IPv4 address there is of 127.0.0.0/8 */
void rule_established(struct rule *rule);	 /* ct state established,related */
void rule_original_direction(struct rule *rule); /* ct direction original: no answer */
void rule_ct_status(struct rule *rule, uint32_t bits); /* ct status, one of the bits */
/* fib daddr type local, or not: is it an address of this host; with iif, of the incoming interface?
 */
void rule_fib_local(struct rule *rule, uint32_t operation, bool iif);

/* What ends a rule: accept or drop; masquerade; dnat ip to tcp dport map @publish. */
void rule_verdict(struct rule *rule, uint32_t code);
void rule_masquerade(struct rule *rule);
void rule_dnat_to_published(struct rule *rule);

#endif
