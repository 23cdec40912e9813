#include "pool.h"

#include "common/error.h"
#include "common/number.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

int parse_address(const char *text, uint32_t *address)
{
	struct in_addr parsed;
	if (inet_pton(AF_INET, text, &parsed) != 1)
		return -1;
	*address = ntohl(parsed.s_addr);
	return 0;
}

const char *format_address(uint32_t address, char *text)
{
	struct in_addr raw = { .s_addr = htonl(address) };
	return inet_ntop(AF_INET, &raw, text, ADDRESS_SIZE);
}

static uint32_t mask_of(int prefix)
{
	return prefix ? ~0U << (32 - prefix) : 0;
}

int pool_parse(const char *text, struct link *link)
{
	char copy[64];
	if (!text)
		text = getenv("CONDUCTOR_SUBNET");
	if (!text || !*text)
		text = "192.168.0.0/16";
	snprintf(copy, sizeof(copy), "%s", text);

	char *rest = copy;
	const char *address = strsep(&rest, "/");
	const char *prefix = strsep(&rest, ":");
	const char *size = rest ? rest : "24";
	long long pool_prefix;
	long long own_prefix;
	/* A link needs two addresses besides those of the subnet and of its broadcast. */
	if (strlen(text) >= sizeof(copy) || !prefix || parse_address(address, &link->pool) < 0 ||
	    parse_number(prefix, 8, 29, &pool_prefix) < 0 ||
	    parse_number(size, pool_prefix + 1, 30, &own_prefix) < 0 ||
	    (link->pool & ~mask_of((int)pool_prefix)))
		return -1;
	link->pool_prefix = (int)pool_prefix;
	link->prefix = (int)own_prefix;
	return 0;
}

bool link_needs_route(const struct link *link, uint32_t address)
{
	return (link->pool ^ address) & mask_of(link->pool_prefix);
}

/* The subnets of the pool, a byte each: taken or not. */
struct map {
	const struct link *link;
	char *taken;
	uint32_t count;
};

static void mark_taken(uint32_t address, int prefix, void *arg)
{
	const struct map *map = arg;
	int size = 32 - map->link->prefix;
	uint32_t low = address & mask_of(prefix);
	uint32_t high = low | ~mask_of(prefix);
	uint32_t pool_high = map->link->pool | ~mask_of(map->link->pool_prefix);
	if (high < map->link->pool || low > pool_high)
		return;
	uint32_t first = low < map->link->pool ? 0 : (low - map->link->pool) >> size;
	uint32_t last = high > pool_high ? map->count - 1 : (high - map->link->pool) >> size;
	memset(map->taken + first, 1, last - first + 1);
}

int pool_choose(struct link *link)
{
	char text[ADDRESS_SIZE];
	struct map map = { .link = link, .count = 1U << (link->prefix - link->pool_prefix) };
	map.taken = calloc(map.count, 1);
	if (!map.taken) {
		report_errno("", "cannot list the addresses");
		return -1;
	}
	int result = rtnl_each_route(mark_taken, &map);
	uint32_t number =
		1; /* the first is left out, as many tools take 192.168.0.0 for the whole pool */
	while (number < map.count && map.taken[number])
		number++;
	free(map.taken);
	if (result == 0 && number == map.count) {
		report("no subnet is free in %s/%d: each collides with a route of this host "
		       "(CONDUCTOR_SUBNET or "
		       "--subnet names another pool)",
		       format_address(link->pool, text), link->pool_prefix);
		return -1;
	}
	link->host = link->pool + (number << (32 - link->prefix)) + 1;
	link->own = link->host + 1;
	return result;
}
