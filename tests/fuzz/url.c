/*
 * An address that a user gives to the orchestrator or a service: url_parse.
 * Format: RFC 9110, section 4.2.1; task4/url.h.
 *
 * What it takes goes into a request line and a Host field: nothing there may end the line.
 */
#include "task4/url.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_url url;
	const char *why = NULL;
	char *text = fuzz_text(data, size);
	if (url_parse(text, &url, &why) < 0) {
		MUST(why);
		free(text);
		return 0;
	}
	MUST(*url.host && url.port > 0 && url.port <= 65535 && url.path[0] == '/');
	for (const char *c = url.path; *c; c++)
		MUST(*c > ' ' && *c < 0x7f);
	for (const char *c = url.host; *c; c++)
		MUST(*c > ' ' && *c < 0x7f && *c != ':' && *c != '/');
	free(text);
	return 0;
}
