#include "rtnl.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/netlink.h"
#include "common/process.h"
#include "common/syscalls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Says what failed, with the kernel's own words where it has some. */
static int fail(const struct netlink_batch *batch, const char *what, const char *object)
{
	report_errno("", "%s: %s%s%s", object, what, *batch->text ? ": " : "", batch->text);
	return -1;
}

/* A child that shares our descriptors: makes a socket in the namespace, in the place of slot. */
_Noreturn static void open_for_parent(int netns, int slot)
{
	if (setns(netns, CLONE_NEWNET) < 0) {
		report_errno("", "cannot enter the container's network namespace");
		_exit(1);
	}
	int fd = netlink_open(NETLINK_ROUTE);
	if (fd < 0 || dup3(fd, slot, O_CLOEXEC) < 0) {
		report_errno("", "cannot open a netlink socket in the container");
		_exit(1);
	}
	close(fd);
	_exit(0);
}

/*
 * A socket stays in the namespace it was made in, so only the making needs to be there; and that is
 * done by a child. If this process went there itself and couldn't get back, it would look for the
 * host's links and rules in the container.
 */
static int open_in_namespace(int netns)
{
	struct clone_args args = { .flags = CLONE_FILES, .exit_signal = SIGCHLD };
	int slot = fcntl(netns, F_DUPFD_CLOEXEC, 0);
	pid_t child = slot < 0 ? -1 : sys_clone3(&args);
	if (child == 0)
		open_for_parent(netns, slot);
	if (child < 0)
		report_errno("",
			     "cannot make a process that enters the container's network namespace");
	else if (wait_for(child) == 0)
		return slot;
	close_fd(&slot);
	return -1;
}

static int open_here(void)
{
	int fd = netlink_open(NETLINK_ROUTE);
	if (fd < 0)
		report_errno("", "cannot open a netlink socket");
	return fd;
}

/* ip link set INDEX up */
static struct ifinfomsg *set_up(struct netlink_batch *batch, int index)
{
	struct ifinfomsg *info = netlink_begin(batch, RTM_SETLINK, 0, sizeof(*info));
	info->ifi_index = index;
	info->ifi_flags = IFF_UP;
	info->ifi_change = IFF_UP;
	return info;
}

int rtnl_loopback_up(void)
{
	struct netlink_batch batch = { 0 };
	AUTO_CLOSE int fd = netlink_open(NETLINK_ROUTE);
	set_up(&batch, 1); /* lo is the first interface of every namespace */
	return fd < 0 ? -1 : netlink_send(fd, &batch);
}

/* ip link property add dev INDEX altname ALIAS */
static void add_alias(struct netlink_batch *batch, int index, const char *alias)
{
	if (!alias)
		return;
	struct ifinfomsg *info = netlink_begin(
		batch, RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND, sizeof(*info));
	info->ifi_index = index;
	size_t list = netlink_nest(batch, IFLA_PROP_LIST);
	netlink_text(batch, IFLA_ALT_IFNAME, alias);
	netlink_nest_end(batch, list);
}

/* ip addr add ADDRESS/PREFIX dev INDEX */
static void add_address(struct netlink_batch *batch, int index, uint32_t address, int prefix)
{
	struct ifaddrmsg *info =
		netlink_begin(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*info));
	info->ifa_family = AF_INET;
	info->ifa_prefixlen = (unsigned char)prefix;
	info->ifa_index = (unsigned)index;
	netlink_be32(batch, IFA_LOCAL, address);
	netlink_be32(batch, IFA_ADDRESS, address);
}

static void route_message(struct netlink_batch *batch, int type, int flags, uint32_t destination,
			  int prefix, uint32_t gateway)
{
	struct rtmsg *info = netlink_begin(batch, type, flags, sizeof(*info));
	info->rtm_family = AF_INET;
	info->rtm_dst_len = (unsigned char)prefix;
	info->rtm_table = RT_TABLE_MAIN;
	info->rtm_protocol = RTPROT_BOOT;
	info->rtm_scope = RT_SCOPE_UNIVERSE;
	info->rtm_type = RTN_UNICAST;
	if (prefix)
		netlink_be32(batch, RTA_DST, destination);
	netlink_be32(batch, RTA_GATEWAY, gateway);
}

/* ip route replace DESTINATION/PREFIX via GATEWAY */
static void add_route(struct netlink_batch *batch, uint32_t destination, int prefix,
		      uint32_t gateway)
{
	route_message(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, destination, prefix,
		      gateway);
}

/*
 * ip link add OUTSIDE index INDEX type veth peer name INSIDE index INDEX netns NETNS
 * The indices are chosen by us, so that the messages that follow in the same send can name them.
 */
static void add_veth(struct netlink_batch *batch, const struct link *link, int index, int netns)
{
	struct ifinfomsg *info =
		netlink_begin(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*info));
	info->ifi_index = index;
	netlink_text(batch, IFLA_IFNAME, link->outside);
	size_t linkinfo = netlink_nest(batch, IFLA_LINKINFO);
	netlink_text(batch, IFLA_INFO_KIND, "veth");
	size_t data = netlink_nest(batch, IFLA_INFO_DATA);
	size_t peer = netlink_nest(batch, VETH_INFO_PEER);
	struct ifinfomsg *peer_info = netlink_room(batch, sizeof(*peer_info));
	if (peer_info)
		peer_info->ifi_index = index;
	netlink_text(batch, IFLA_IFNAME, link->inside);
	netlink_u32(batch, IFLA_NET_NS_FD, (uint32_t)netns);
	netlink_nest_end(batch, peer);
	netlink_nest_end(batch, data);
	netlink_nest_end(batch, linkinfo);
}

/*
 * sysctl net.ipv4.conf.OUTSIDE.route_localnet=1, which localhost:OUTER needs: an answer to
 * 127.0.0.1 comes in by this link. The firewall's chain "guard" drops what else could now be said
 * to 127.0.0.0/8.
 */
static void set_up_with_localnet(struct netlink_batch *batch, int index)
{
	set_up(batch, index);
	size_t spec = netlink_nest(batch, IFLA_AF_SPEC);
	size_t inet = netlink_nest(batch, AF_INET);
	size_t conf = netlink_nest(batch, IFLA_INET_CONF);
	netlink_u32(batch, IPV4_DEVCONF_ROUTE_LOCALNET, 1);
	netlink_nest_end(batch, conf);
	netlink_nest_end(batch, inet);
	netlink_nest_end(batch, spec);
}

/* A socket that hears of every change of the host's links, or -1. */
static int watch_links(void)
{
	struct sockaddr_nl links = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	AUTO_CLOSE int fd = netlink_open(NETLINK_ROUTE);
	if (fd < 0 || bind(fd, (struct sockaddr *)&links, sizeof(links)) < 0)
		return -1;
	int opened = fd;
	fd = -1;
	return opened;
}

/*
 * Waits until the host's end has its carrier. It came up first, and learns of the other one from a
 * kernel worker, a moment later; what it is to send until then is lost, and would be a second late.
 * When the news doesn't come within netlink_open's time limit, that is all that is lost.
 */
static void await_carrier(int watch, int index)
{
	const unsigned ready = IFF_RUNNING | 1 << 16 /* IFF_LOWER_UP, which net/if.h lacks */;
	_Alignas(NLMSG_ALIGNTO) char data[16384];
	for (;;) {
		ssize_t got = watch < 0 ? -1 : netlink_receive(watch, data, sizeof(data), 0);
		if (got < 0)
			return;
		const struct nlmsghdr *message;
		const void *next = data;
		size_t left = (size_t)got;
		while ((message = netlink_next(&next, &left))) {
			const struct ifinfomsg *link = NLMSG_DATA(message);
			if (message->nlmsg_type == RTM_NEWLINK &&
			    message->nlmsg_len >= NLMSG_LENGTH(sizeof(*link)) &&
			    link->ifi_index == index && (link->ifi_flags & ready) == ready)
				return;
		}
	}
}

static int configure_inside(const struct link *link, int index, int netns)
{
	struct netlink_batch batch = { 0 };
	AUTO_CLOSE int fd = open_in_namespace(netns);
	if (fd < 0)
		return -1;
	add_alias(&batch, index, link->inside_alias);
	add_address(&batch, index, link->own, link->prefix);
	set_up(&batch, index); /* it could not be born so: up needs both ends */
	add_route(&batch, link->pool, link->pool_prefix, link->host);
	if (netlink_send(fd, &batch) < 0)
		return fail(&batch, "cannot configure it in the container", link->inside);
	return 0;
}

int rtnl_make_link(const struct link *link, int netns)
{
	AUTO_CLOSE int fd = open_here();
	AUTO_CLOSE int watch = watch_links();
	if (fd < 0)
		return -1;

	/* Which index is free the kernel tells when it refuses one: EBUSY where the inside end's is
	 * taken in the container, EEXIST where the outside end's is here. */
	for (int tries = 0;; tries++) {
		struct netlink_batch batch = { 0 };
		int index = 100 + (int)(link->own >> (32 - link->prefix) & 0xfff) + 4096 * tries;
		add_veth(&batch, link, index, netns);
		add_alias(&batch, index, link->outside_alias);
		add_address(&batch, index, link->host, link->prefix);
		set_up_with_localnet(&batch, index);
		if (netlink_send(fd, &batch) == 0) {
			if (configure_inside(link, index, netns) == 0) {
				await_carrier(watch, index);
				return 0;
			}
			rtnl_delete_link(link->outside);
			return -1;
		}
		int saved = errno;
		bool name_taken = saved == EEXIST && if_nametoindex(link->outside);
		if ((saved == EBUSY || saved == EEXIST) && !name_taken && tries < 100)
			continue;
		if (!name_taken)
			rtnl_delete_link(link->outside); /* messages before the one that failed took
							    effect */
		errno = saved;
		return fail(&batch, "cannot make the link", link->outside);
	}
}

static int add_route_inside(const struct link *link, uint32_t destination, int prefix, int netns)
{
	struct netlink_batch batch = { 0 };
	AUTO_CLOSE int fd = open_in_namespace(netns);
	if (fd < 0)
		return -1;
	add_route(&batch, destination, prefix, link->host);
	if (netlink_send(fd, &batch) < 0)
		return fail(&batch, "cannot add a route in the container", link->inside);
	return 0;
}

int rtnl_add_default_route(const struct link *link, int netns)
{
	return add_route_inside(link, 0, 0, netns);
}

int rtnl_add_route_to(const struct link *link, uint32_t address, int netns)
{
	return add_route_inside(link, address, 32, netns);
}

int rtnl_delete_route_to(const struct link *link, uint32_t address, int netns)
{
	struct netlink_batch batch = { 0 };
	AUTO_CLOSE int fd = open_in_namespace(netns);
	if (fd < 0)
		return -1;
	route_message(&batch, RTM_DELROUTE, 0, address, 32, link->host);
	if (netlink_send(fd, &batch) < 0 && errno != ESRCH)
		return fail(&batch, "cannot delete a route in the container", link->inside);
	return 0;
}

int rtnl_delete_link(const char *outside)
{
	struct netlink_batch batch = { 0 };
	AUTO_CLOSE int fd = open_here();
	if (fd < 0)
		return -1;
	netlink_begin(&batch, RTM_DELLINK, 0, sizeof(struct ifinfomsg));
	netlink_text(&batch, IFLA_IFNAME, outside);
	if (netlink_send(fd, &batch) < 0 && errno != ENODEV)
		return fail(&batch, "cannot delete the link", outside);
	return 0;
}

struct route_visit {
	void (*visit)(uint32_t address, int prefix, void *arg);
	void *arg;
};

static int visit_route(const struct nlmsghdr *message, void *arg)
{
	const struct route_visit *visit = arg;
	const struct rtmsg *route = NLMSG_DATA(message);
	size_t size;
	const void *attributes = netlink_attributes(message, sizeof(*route), &size);
	const struct nlattr *destination = netlink_find(attributes, size, RTA_DST, 4);
	if (message->nlmsg_type != RTM_NEWROUTE || !destination)
		return 0; /* a default route overlaps nothing */
	if (route->rtm_family != AF_INET || route->rtm_dst_len > 32)
		return 0;
	uint32_t address;
	memcpy(&address, netlink_payload(destination), sizeof(address));
	visit->visit(ntohl(address), route->rtm_dst_len, visit->arg);
	return 0;
}

int rtnl_each_route(void (*visit)(uint32_t address, int prefix, void *arg), void *arg)
{
	struct netlink_batch batch = { 0 };
	struct route_visit visiting = { .visit = visit, .arg = arg };
	AUTO_CLOSE int fd = open_here();
	if (fd < 0)
		return -1;
	struct rtmsg *route = netlink_begin(&batch, RTM_GETROUTE, NLM_F_DUMP, sizeof(*route));
	route->rtm_family = AF_INET;
	if (netlink_dump(fd, &batch, visit_route, &visiting) < 0)
		return fail(&batch, "cannot read the routes", "host");
	return 0;
}
