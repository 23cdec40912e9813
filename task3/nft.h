/*
 * The firewall table "conductor": made once, with static rules over named sets and a map. A
 * container only adds and removes elements, so its cost is the same however many there are, and
 * nobody else's rules are touched. nft(8), linux/netfilter/nf_tables.h; `nft list table inet
 * conductor` shows it.
 */
#ifndef CONDUCTOR_NFT_H
#define CONDUCTOR_NFT_H

#include "common/netlink.h"

#include <stdbool.h>
#include <stdint.h>

/* Is the table there? 1 or 0; -1 on failure. */
int nft_table_exists(void);

/* Makes the table. 0, or -1. */
int nft_make_table(void);

/* Removes it and all that is in it; nothing to do is no error. 0, or -1. */
int nft_delete_table(void);

/*
 * Warns of every chain of another firewall that drops what is forwarded unless a rule of its own
 * says otherwise (docker's FORWARD): no accept of ours can overrule it. A warning, so it never
 * fails.
 */
void nft_warn_of_drops(void);

/*
 * A change of elements: begin, any of the elements below, commit. Either all of it takes effect or
 * nothing. To add an element again, or to remove one that isn't there, is no error. Addresses and
 * ports are in host byte order.
 */
struct nft_change {
	struct netlink_batch batch;
	bool add; /* else remove */
};
void nft_begin(struct nft_change *change, bool add);
void nft_container(struct nft_change *change, const char *ifname, uint32_t address);
void nft_internet(struct nft_change *change, const char *ifname);
void nft_peers(struct nft_change *change, const char *ifname, const char *other_ifname);
void nft_publish(struct nft_change *change, uint16_t outer, uint32_t address, uint16_t inner);
int nft_commit(struct nft_change *change); /* 0, or -1 */

#endif
