/*
 * A string of a record in what --json prints: print_json_string must make valid JSON of any text.
 * Format: RFC 8259, section 7.
 */
#include "fuzz.h"
#include "task3/state.h"

#include <stdbool.h>

/* Reads back what was printed; text is what it must say. */
static void check(const char *json, const char *text)
{
	MUST(*json++ == '"');
	while (*json != '"') {
		unsigned value = (unsigned char)*json++;
		MUST(value >= 0x20);
		if (value == '\\') {
			value = (unsigned char)*json++;
			MUST(value && strchr("\"\\u", (int)value));
			if (value == 'u') {
				char digits[5] = "";
				memcpy(digits, json, strnlen(json, 4));
				MUST(strspn(digits, "0123456789abcdef") == 4);
				value = (unsigned)strtoul(digits, NULL, 16);
				json += 4;
			}
		}
		MUST((unsigned char)*text++ == value);
	}
	MUST(*text == '\0' && json[1] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	char *json = NULL;
	size_t json_size = 0;
	FILE *out = open_memstream(&json, &json_size);
	MUST(out);
	print_json_string(out, text);
	MUST(fclose(out) == 0);
	check(json, text);
	free(json);
	free(text);
	return 0;
}
