/*
 * A request as it comes from the network: http_parse_request. Format: RFC 9112, and task4/http.h.
 *
 * The result must not depend on how the bytes were cut into pieces, and what it points to must lie
 * in them.
 */
#include "fuzz.h"
#include "task4/http.h"

/* Where a part of the bytes lies, or that it is none: an address without a path is "/". */
struct place {
	size_t start, size;
};

static ssize_t parse(const uint8_t *data, size_t size, struct http_request *request,
		     struct place *path)
{
	char *bytes = fuzz_bytes(data, size);
	ssize_t result = http_parse_request(bytes, size, request);
	MUST(result >= -1 && result <= (ssize_t)size && result <= HTTP_HEAD_MAX);
	MUST((result < 0) == (request->refusal != 0));
	*path = (struct place){ 0 };
	if (result > 0) {
		MUST(request->path.size > 0 && request->body_size <= HTTP_BODY_MAX);
		if (request->path.start < bytes || request->path.start >= bytes + result) {
			MUST(http_text_is(request->path, "/"));
		} else {
			path->start = (size_t)(request->path.start - bytes);
			path->size = request->path.size;
			MUST(path->start + path->size <= (size_t)result);
		}
	}
	free(bytes);
	return result;
}

/* The first pieces that tell anything tell the same as all of it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_request whole;
	struct http_request part;
	struct place path;
	struct place part_path;
	ssize_t result = parse(data, size, &whole, &path);
	size_t step = size < 256 ? 1 : size / 64;
	for (size_t cut = 0; cut < size; cut += step) {
		ssize_t so_far = parse(data, cut, &part, &part_path);
		if (so_far == 0)
			continue;
		MUST(so_far == result && part.refusal == whole.refusal);
		MUST(part.method == whole.method && part.body_size == whole.body_size);
		MUST(part.keep_alive == whole.keep_alive);
		MUST(part_path.start == path.start && part_path.size == path.size);
	}
	return 0;
}
