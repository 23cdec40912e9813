/*
 * /etc/hosts, for the name in the input's first 8 bytes: find_host. Format: hosts(5).
 */
#include "fuzz.h"
#include "task4/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct in_addr address;
	char name[9] = "";
	if (size < 8)
		return 0;
	memcpy(name, data, 8);
	find_host(name, fuzz_path(data + 8, size - 8), &address);
	return 0;
}
