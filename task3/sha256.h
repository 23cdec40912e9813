/* SHA-256, FIPS 180-4: names a layer by what it is made of. */
#ifndef CONDUCTOR_SHA256_H
#define CONDUCTOR_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
	uint32_t state[8];
	uint64_t size;
	unsigned char block[64];
};

void sha256_begin(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t size);
/* Adds a text with its NUL, so that "ab" "c" and "a" "bc" differ. */
void sha256_add_text(struct sha256 *hash, const char *text);
/* Writes the first size - 1 hexadecimal digits and NUL; 65 gives them all. */
void sha256_end(struct sha256 *hash, char *hex, size_t size);

#endif
