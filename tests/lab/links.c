/*
 * Inside: the lab's network and the internet's, two network namespaces and one veth pair.
 *
 *     lab: uplink 203.0.113.2/24, default route --- internet: lab 203.0.113.1/24, 198.51.100.7
 *
 * The internet has a route to its own link only: what comes from a private address without having
 * been translated it can't answer, as the real one would not.
 */
#include "lab.h"

#include "common/cleanup.h"
#include "common/file.h"
#include "common/handshake.h"
#include "common/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

/* Chosen by us, so that a link's address can travel in the same batch as the link: far above those
 * that a kernel with tunnel modules gives to a new namespace's links. */
enum { LOOPBACK = 1, UPLINK = 100, INTERNET_END = 101 };

static void add_up(struct netlink_batch *batch, int ifindex)
{
	struct ifinfomsg *link = netlink_begin(batch, RTM_NEWLINK, 0, sizeof(*link));
	link->ifi_index = ifindex;
	link->ifi_flags = IFF_UP;
	link->ifi_change = IFF_UP;
}

static void add_address(struct netlink_batch *batch, int ifindex, const char *text,
			unsigned char prefix)
{
	struct in_addr address;
	inet_pton(AF_INET, text, &address);
	struct ifaddrmsg *message =
		netlink_begin(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*message));
	message->ifa_family = AF_INET;
	message->ifa_prefixlen = prefix;
	message->ifa_index = (unsigned)ifindex;
	netlink_bytes(batch, IFA_LOCAL, &address, sizeof(address));
	netlink_bytes(batch, IFA_ADDRESS, &address, sizeof(address));
}

/* The pair is born with its other end, uplink, in the lab's namespace. */
static void add_veth(struct netlink_batch *batch, int lab_netns)
{
	struct ifinfomsg *link =
		netlink_begin(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*link));
	link->ifi_index = INTERNET_END;
	netlink_text(batch, IFLA_IFNAME, "lab");
	size_t info = netlink_nest(batch, IFLA_LINKINFO);
	netlink_text(batch, IFLA_INFO_KIND, "veth");
	size_t data = netlink_nest(batch, IFLA_INFO_DATA);
	size_t peer = netlink_nest(batch, VETH_INFO_PEER);
	struct ifinfomsg *peer_link = netlink_room(batch, sizeof(*peer_link));
	peer_link->ifi_index = UPLINK;
	netlink_text(batch, IFLA_IFNAME, "uplink");
	netlink_u32(batch, IFLA_NET_NS_FD, (uint32_t)lab_netns);
	netlink_nest_end(batch, peer);
	netlink_nest_end(batch, data);
	netlink_nest_end(batch, info);
}

static void add_default_route(struct netlink_batch *batch)
{
	struct in_addr gateway;
	inet_pton(AF_INET, INTERNET_ADDRESS, &gateway);
	struct rtmsg *route =
		netlink_begin(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(*route));
	route->rtm_family = AF_INET;
	route->rtm_table = RT_TABLE_MAIN;
	route->rtm_protocol = RTPROT_BOOT;
	route->rtm_scope = RT_SCOPE_UNIVERSE;
	route->rtm_type = RTN_UNICAST;
	netlink_bytes(batch, RTA_GATEWAY, &gateway, sizeof(gateway));
	netlink_u32(batch, RTA_OIF, UPLINK);
}

/* Sends to the namespace that we are in. */
static void send_batch(int parent, struct netlink_batch *batch, const char *what)
{
	AUTO_CLOSE int kernel = netlink_open(NETLINK_ROUTE);
	if (kernel < 0 || netlink_send(kernel, batch) < 0)
		handshake_fail(parent, EXIT_LAB, "cannot set up %s", what);
	/* A new namespace starts with the machine's own setting: docker's, for example. */
	if (write_file(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", "0") < 0)
		handshake_fail(parent, EXIT_LAB, "cannot switch forwarding off");
}

/* Enters a new network namespace and gives it its name. */
static int make_internet(int parent)
{
	if (unshare(CLONE_NEWNET) < 0)
		handshake_fail(parent, EXIT_LAB, "cannot make the internet's namespace");
	AUTO_CLOSE int name = open(INTERNET_NS, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	if (name < 0 || mount("/proc/self/ns/net", INTERNET_NS, NULL, MS_BIND, NULL) < 0)
		handshake_fail(parent, EXIT_LAB, "cannot name the internet's namespace");
	return open(INTERNET_NS, O_RDONLY | O_CLOEXEC);
}

/* A socket belongs to the namespace that it was made in, wherever its process goes. */
static int listen_here(int parent)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(80) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&any, sizeof(any)) < 0 ||
	    listen(listener, SOMAXCONN) < 0)
		handshake_fail(parent, EXIT_LAB, "cannot listen on the internet's port 80");
	return listener;
}

/* Tells of changes to the links of the namespace that we are in, from now on. */
static int watch_links(int parent)
{
	struct sockaddr_nl links = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int watch = netlink_open(NETLINK_ROUTE);
	if (watch < 0 || bind(watch, (struct sockaddr *)&links, sizeof(links)) < 0)
		handshake_fail(parent, EXIT_LAB, "cannot watch the internet's links");
	return watch;
}

/*
 * The end that is brought up first learns of its carrier from a kernel worker, a moment later;
 * until then it drops what it is to send, and the first answer would be a second late, on a retry.
 */
static void await_carrier(int parent, int watch)
{
	char data[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	for (;;) {
		ssize_t got = netlink_receive(watch, data, sizeof(data), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) /* EAGAIN: netlink_open's time limit */
			handshake_fail(parent, EXIT_LAB, "the internet's link does not come up");
		const struct nlmsghdr *message;
		const void *next = data;
		size_t left = (size_t)got;
		while ((message = netlink_next(&next, &left))) {
			const struct ifinfomsg *link = NLMSG_DATA(message);
			if (message->nlmsg_type == RTM_NEWLINK && link->ifi_index == INTERNET_END &&
			    (link->ifi_flags & IFF_RUNNING) && (link->ifi_flags & IFF_LOWER_UP))
				return;
		}
	}
}

int links_build(int parent, int *netns)
{
	AUTO_CLOSE int lab = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	*netns = make_internet(parent);
	int listener = listen_here(parent);
	AUTO_CLOSE int watch = watch_links(parent);

	struct netlink_batch internet = { 0 };
	add_veth(&internet, lab);
	add_up(&internet, LOOPBACK);
	add_up(&internet, INTERNET_END);
	add_address(&internet, INTERNET_END, INTERNET_ADDRESS, 24);
	add_address(&internet, LOOPBACK, "198.51.100.7", 32);
	send_batch(parent, &internet, "the internet's links");

	if (setns(lab, CLONE_NEWNET) < 0)
		handshake_fail(parent, EXIT_LAB, "cannot come back from the internet");
	struct netlink_batch here = { 0 };
	add_up(&here, LOOPBACK);
	add_up(&here, UPLINK);
	add_address(&here, UPLINK, "203.0.113.2", 24);
	add_default_route(&here);
	send_batch(parent, &here, "the uplink");
	await_carrier(parent, watch);
	return listener;
}
