/*
 * Numbers, sizes, ports and addresses, as users, scripts and records give them.
 * Formats: common/number.h, parse_size in task3/limits.h, parse_published in task3/network.h,
 * pool_parse and parse_address in task3/pool.h.
 *
 * Only what is written as a number is taken for one, and it stays in its range.
 */
#include "fuzz.h"
#include "task3/limits.h"
#include "task3/pool.h"

#include "common/number.h"

#include <limits.h>

static void check_number(const char *text)
{
	long long value;
	long long shorter;
	const char *digits = text + (*text == '-');
	if (parse_number(text, LLONG_MIN, LLONG_MAX, &value) < 0)
		return;
	MUST(*digits && strspn(digits, "0123456789") == strlen(digits));
	MUST(value == strtoll(text, NULL, 10));
	if (parse_number(text, -5, 65535, &shorter) == 0)
		MUST(shorter == value && value >= -5 && value <= 65535);
	else
		MUST(value < -5 || value > 65535);
}

static void check_pool(const char *text)
{
	struct link link = { 0 };
	char address[ADDRESS_SIZE];
	char again[64];
	if (!*text || pool_parse(text, &link) < 0)
		return;
	MUST(link.pool_prefix >= 8 && link.pool_prefix < link.prefix && link.prefix <= 30);
	snprintf(again, sizeof(again), "%s/%d:%d", format_address(link.pool, address),
		 link.pool_prefix, link.prefix);
	struct link second = { 0 };
	MUST(pool_parse(again, &second) == 0 && second.pool == link.pool);
	MUST(second.prefix == link.prefix && second.pool_prefix == link.pool_prefix);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	long millicores;
	long long bytes;
	uint32_t address;
	struct published published;
	check_number(text);
	check_pool(text);
	if (parse_cpus(text, &millicores) == 0)
		MUST(millicores >= 10 && millicores <= 1024000);
	if (parse_size(text, &bytes) == 0)
		MUST(bytes > 0);
	if (parse_published(text, &published) == 0)
		MUST(published.inner && published.outer);
	parse_address(text, &address);
	free(text);
	return 0;
}
