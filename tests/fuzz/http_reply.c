/*
 * A service's answer, as external-service and the orchestrator read it from a container: the static
 * functions of task4/http_client.c on bytes that come in pieces. The first byte is a piece's size.
 * Format: RFC 9112, section 4; task4/http.h and http_client.h.
 */
#include "fuzz.h"
#include "task4/http_client.c" /* NOLINT(bugprone-suspicious-include) */

static void check(const struct http_reply *reply)
{
	MUST(reply->status >= 100 && reply->status <= 999);
	MUST(reply->body > reply->data);
	MUST(reply->body + reply->body_size <= reply->data + reply->size);
	MUST(reply->body[reply->body_size] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	size_t piece = data[0] ? data[0] * 16U : 1;
	struct http_reply *reply = malloc(sizeof(*reply));
	MUST(reply);
	reply->size = 0;
	int result = 0;
	for (size_t at = 1; result == 0; at += piece) {
		size_t left = at < size ? size - at : 0;
		size_t length = left < piece ? left : piece;
		memcpy(reply->data + reply->size, data + at, length);
		reply->size += length;
		result = parse(reply, length == 0);
		MUST(result != 0 || length > 0); /* the end is the end */
	}
	if (result > 0)
		check(reply);
	else
		MUST(*http_fetch_error(errno));
	free(reply);
	return 0;
}
