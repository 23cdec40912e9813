/* The Internet checksum, RFC 1071, over several pieces. */
#ifndef TESTS_TOOLS_CHECKSUM_H
#define TESTS_TOOLS_CHECKSUM_H

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>

/* The sum goes on from an earlier one; the data are of an even size, padded by a 0. */
static inline uint32_t add_up(uint32_t sum, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	for (size_t i = 0; i + 1 < size; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	if (size % 2)
		sum += (uint32_t)(bytes[size - 1] << 8);
	return sum;
}

static inline uint16_t checksum(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

#endif
