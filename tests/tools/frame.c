/* A datagram that no honest IP stack would send: any source, any destination, past all routes. */
#include "checksum.h"
#include "wire.h"

#include <arpa/inet.h>
#include <err.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { SOURCE_PORT = 40000, MAX_TEXT = 256 };

struct datagram {
	struct udphdr udp;
	char text[MAX_TEXT];
};

static uint16_t fill_datagram(struct datagram *datagram, in_port_t port, const char *text)
{
	uint16_t size = (uint16_t)(sizeof(datagram->udp) + strlen(text));
	datagram->udp = (struct udphdr){
		.source = htons(SOURCE_PORT),
		.dest = port,
		.len = htons(size),
	};
	memcpy(datagram->text, text, strlen(text));
	return size;
}

static size_t fill_ipv4(char *packet, const char *source, const union endpoint *target,
			const char *text)
{
	struct datagram datagram;
	uint16_t size = fill_datagram(&datagram, target->v4.sin_port, text);
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.tot_len = htons((uint16_t)(sizeof(ip) + size)),
		.daddr = target->v4.sin_addr.s_addr,
	};
	if (inet_pton(AF_INET, source, &ip.saddr) != 1)
		errx(2, "%s: not an IPv4 address", source);
	ip.check = checksum(add_up(0, &ip, sizeof(ip)));
	memcpy(packet, &ip, sizeof(ip));
	memcpy(packet + sizeof(ip), &datagram, size);
	return sizeof(ip) + size; /* UDP without a checksum is good IPv4 */
}

static size_t fill_ipv6(char *packet, const char *source, const union endpoint *target,
			const char *text)
{
	struct datagram datagram;
	uint16_t size = fill_datagram(&datagram, target->v6.sin6_port, text);
	struct ip6_hdr ip = { .ip6_dst = target->v6.sin6_addr };
	ip.ip6_flow = htonl(6U << 28);
	ip.ip6_plen = htons(size);
	ip.ip6_nxt = IPPROTO_UDP;
	ip.ip6_hlim = 64;
	if (inet_pton(AF_INET6, source, &ip.ip6_src) != 1)
		errx(2, "%s: not an IPv6 address", source);
	uint32_t sum = add_up(size + IPPROTO_UDP, &ip.ip6_src, 2 * sizeof(ip.ip6_src));
	datagram.udp.check = checksum(add_up(sum, &datagram, size));
	memcpy(packet, &ip, sizeof(ip));
	memcpy(packet + sizeof(ip), &datagram, size);
	return sizeof(ip) + size;
}

void send_frame(const char *interface, const char *mac, const char *source, const char *target,
		const char *text)
{
	char packet[sizeof(struct ip6_hdr) + sizeof(struct datagram)];
	union endpoint to = parse_endpoint(target);
	bool ipv6 = to.any.sa_family == AF_INET6;
	struct sockaddr_ll link = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP),
		.sll_ifindex = (int)if_nametoindex(interface),
		.sll_halen = ETH_ALEN,
	};
	struct ether_addr to_link;
	if (!link.sll_ifindex)
		err(1, "%s", interface);
	if (!ether_aton_r(mac, &to_link))
		errx(2, "%s: not a link's address", mac);
	memcpy(link.sll_addr, &to_link, ETH_ALEN);
	if (strlen(text) >= MAX_TEXT)
		errx(2, "the text is too long");
	size_t size =
		ipv6 ? fill_ipv6(packet, source, &to, text) : fill_ipv4(packet, source, &to, text);
	/* SOCK_DGRAM: the kernel puts the Ethernet header before it. packet(7) */
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, packet, size, 0, (struct sockaddr *)&link, sizeof(link)) < 0)
		err(1, "cannot send the frame");
	close(fd);
}
