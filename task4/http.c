#include "http.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool http_text_is(struct http_text text, const char *expected)
{
	return text.size == strlen(expected) && memcmp(text.start, expected, text.size) == 0;
}

/* Names of fields, and words in them, are the same in small and capital letters. */
static bool text_is_word(struct http_text text, const char *expected)
{
	return text.size == strlen(expected) && strncasecmp(text.start, expected, text.size) == 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* tchar, RFC 9110 5.6.2: what the name of a method or a field is made of. */
static bool is_token(struct http_text text)
{
	for (size_t i = 0; i < text.size; i++) {
		char c = text.start[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!letter && !is_digit(c) && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
			return false;
	}
	return text.size > 0;
}

/* No control characters, so no NUL and no CR that isn't part of a line's end (RFC 9112 2.2). */
static bool is_printable(struct http_text text)
{
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.start[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static struct http_text trim(struct http_text text)
{
	while (text.size > 0 && (text.start[0] == ' ' || text.start[0] == '\t'))
		text = (struct http_text){ text.start + 1, text.size - 1 };
	while (text.size > 0 &&
	       (text.start[text.size - 1] == ' ' || text.start[text.size - 1] == '\t'))
		text.size--;
	return text;
}

/* Takes what stands before the separator, and the separator, off the front of rest. */
static bool take_until(struct http_text *rest, char separator, struct http_text *taken)
{
	const char *end = rest->size ? memchr(rest->start, separator, rest->size) : NULL;
	if (!end)
		return false;
	size_t size = (size_t)(end - rest->start);
	*taken = (struct http_text){ rest->start, size };
	*rest = (struct http_text){ end + 1, rest->size - size - 1 };
	return true;
}

/* A line ends with CRLF; LF alone is taken too, as RFC 9112 2.2 allows. */
static bool take_line(struct http_text *rest, struct http_text *line)
{
	if (!take_until(rest, '\n', line))
		return false;
	if (line->size > 0 && line->start[line->size - 1] == '\r')
		line->size--;
	return true;
}

/* Does a list such as "keep-alive, Upgrade" hold the word? */
static bool list_has(struct http_text list, const char *word)
{
	struct http_text item;
	while (take_until(&list, ',', &item)) {
		if (text_is_word(trim(item), word))
			return true;
	}
	return text_is_word(trim(list), word);
}

/* A size of any length, as far as the limit: beyond that, limit + 1. */
static bool parse_size(struct http_text text, size_t limit, size_t *size)
{
	*size = 0;
	for (size_t i = 0; i < text.size; i++) {
		if (!is_digit(text.start[i]))
			return false;
		*size = *size * 10 + (size_t)(text.start[i] - '0');
		if (*size > limit)
			*size = limit + 1;
	}
	return text.size > 0;
}

/* What the fields of a message said, as far as it matters here. */
struct fields {
	size_t count;
	int hosts;
	int lengths;
	size_t length;
	bool transfer_encoding;
	bool close;
	bool keep_alive;
	bool expects_continue;
	bool expects_more;
};

/* Reads one field. Returns 0, or the status that refuses it. */
static int parse_field(struct http_text line, struct fields *fields)
{
	struct http_text name;
	struct http_text rest = line;
	/* is_token also refuses a blank before the colon and a line that continues the last one,
	 * which programs in a row have read differently: that is how requests are smuggled. */
	if (!is_printable(line) || !take_until(&rest, ':', &name) || !is_token(name))
		return 400;
	if (++fields->count > HTTP_FIELDS_MAX)
		return 431;

	struct http_text value = trim(rest);
	if (text_is_word(name, "Host")) {
		fields->hosts++;
	} else if (text_is_word(name, "Content-Length")) {
		fields->lengths++;
		if (!parse_size(value, HTTP_BODY_MAX, &fields->length))
			return 400;
	} else if (text_is_word(name, "Transfer-Encoding")) {
		fields->transfer_encoding = true;
	} else if (text_is_word(name, "Connection")) {
		fields->close |= list_has(value, "close");
		fields->keep_alive |= list_has(value, "keep-alive");
	} else if (text_is_word(name, "Expect")) {
		fields->expects_continue |= text_is_word(value, "100-continue");
		fields->expects_more |= !text_is_word(value, "100-continue");
	}
	return 0;
}

/* Reads fields up to the empty line. 1 when it was reached, 0 when there is more to come, -1 with
 * *refusal. */
static int parse_fields(struct http_text *rest, struct fields *fields, int *refusal)
{
	struct http_text line;
	while (take_line(rest, &line)) {
		if (line.size == 0)
			return 1;
		*refusal = parse_field(line, fields);
		if (*refusal)
			return -1;
	}
	return 0;
}

/* "HTTP/1.0" or "HTTP/1.1"; a later 1.x is read as 1.1 (RFC 9110 2.5). Returns 0, or a status. */
static int parse_version(struct http_text text, bool *is_1_0)
{
	if (text.size != 8 || memcmp(text.start, "HTTP/", 5) != 0 || !is_digit(text.start[5]) ||
	    text.start[6] != '.' || !is_digit(text.start[7]))
		return 400;
	*is_1_0 = text.start[7] == '0';
	return text.start[5] == '1' ? 0 : 505;
}

/* The path of "/path?query" or of "http://host/path?query" (RFC 9112 3.2). */
static bool parse_target(struct http_text target, struct http_text *path)
{
	for (size_t i = 0; i < target.size; i++) {
		unsigned char c = (unsigned char)target.start[i];
		if (c <= ' ' || c >= 0x7f)
			return false;
	}
	struct http_text rest = target;
	bool absolute = rest.size > 7 && strncasecmp(rest.start, "http://", 7) == 0;
	if (absolute) {
		size_t skip = 7;
		while (skip < rest.size && rest.start[skip] != '/' && rest.start[skip] != '?')
			skip++;
		rest = (struct http_text){ rest.start + skip, rest.size - skip };
	}
	if (!take_until(&rest, '?', path))
		*path = rest;
	if (absolute && path->size == 0)
		*path = (struct http_text){ "/", 1 };
	return path->size > 0 && (path->start[0] == '/' || http_text_is(*path, "*"));
}

/* "GET /path HTTP/1.1". Returns 0, or the status that refuses it. */
static int parse_request_line(struct http_text line, struct http_request *request, bool *is_1_0)
{
	struct http_text method;
	struct http_text target;
	struct http_text rest = line;
	if (!take_until(&rest, ' ', &method) || !is_token(method) ||
	    !take_until(&rest, ' ', &target) || !parse_target(target, &request->path))
		return 400;
	if (http_text_is(method, "GET"))
		request->method = HTTP_GET;
	else if (http_text_is(method, "HEAD"))
		request->method = HTTP_HEAD;
	return parse_version(rest, is_1_0);
}

/* What only all fields together tell. Returns 0, or the status that refuses the request. */
static int judge_fields(const struct fields *fields, bool is_1_0)
{
	if (fields->hosts > 1 || (fields->hosts == 0 && !is_1_0) || fields->lengths > 1)
		return 400;
	/* Two statements on where the body ends are an attack; HTTP/1.0 knows of one only. */
	if (fields->transfer_encoding && (fields->lengths || is_1_0))
		return 400;
	if (fields->transfer_encoding)
		return 501; /* no chunks here, and so no way to find the body's end */
	if (fields->length > HTTP_BODY_MAX)
		return 413;
	return fields->expects_more ? 417 : 0;
}

static ssize_t refuse(struct http_request *request, int status)
{
	request->refusal = status;
	return -1;
}

ssize_t http_parse_request(const char *data, size_t size, struct http_request *request)
{
	*request = (struct http_request){ .method = HTTP_OTHER };
	struct http_text rest = { data, size < HTTP_HEAD_MAX ? size : HTTP_HEAD_MAX };
	struct http_text line = { data, 0 };
	bool whole_line = false;
	do { /* an empty line before a request is forgiven (RFC 9112 2.2) */
		whole_line = take_line(&rest, &line);
	} while (whole_line && line.size == 0);
	/* One byte more while the end is missing: it may be the CR that doesn't count. */
	if (whole_line ? line.size > HTTP_LINE_MAX : rest.size > HTTP_LINE_MAX + 1)
		return refuse(request, 414);

	bool is_1_0 = false;
	int refusal = whole_line ? parse_request_line(line, request, &is_1_0) : 0;
	if (refusal)
		return refuse(request, refusal);
	struct fields fields = { 0 };
	int found = whole_line ? parse_fields(&rest, &fields, &refusal) : 0;
	if (found == 0)
		return size < HTTP_HEAD_MAX ? 0 : refuse(request, 431);
	if (found > 0)
		refusal = judge_fields(&fields, is_1_0);
	if (refusal)
		return refuse(request, refusal);

	request->body_size = fields.length;
	request->keep_alive = !fields.close && (!is_1_0 || fields.keep_alive);
	request->expects_continue = fields.expects_continue && !is_1_0;
	return rest.start - data;
}

/* "HTTP/1.1 200 OK". The reason may be missing, and its blank too. */
static bool parse_status_line(struct http_text line, int *status)
{
	bool is_1_0;
	if (line.size < 12 || !is_printable(line) || line.start[8] != ' ' ||
	    parse_version((struct http_text){ line.start, 8 }, &is_1_0) != 0)
		return false;
	size_t value;
	if (!parse_size((struct http_text){ line.start + 9, 3 }, 999, &value) || value < 100)
		return false;
	*status = (int)value;
	return line.size == 12 || line.start[12] == ' ';
}

ssize_t http_parse_reply(const char *data, size_t size, struct http_reply_head *reply)
{
	*reply = (struct http_reply_head){ 0 };
	struct http_text rest = { data, size < HTTP_HEAD_MAX ? size : HTTP_HEAD_MAX };
	struct http_text line;
	int found = 0;
	int refusal = 0;
	struct fields fields = { 0 };
	if (take_line(&rest, &line)) {
		if (!parse_status_line(line, &reply->status))
			return -1;
		found = parse_fields(&rest, &fields, &refusal);
	}
	if (found == 0)
		return size < HTTP_HEAD_MAX ? 0 : -1;
	/* Chunks must not come: they were not asked for (RFC 9112 6.1). */
	if (found < 0 || fields.transfer_encoding || fields.lengths > 1)
		return -1;
	reply->has_body_size = fields.lengths == 1;
	reply->body_size = fields.length;
	return rest.start - data;
}

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 400, "Bad Request" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 417, "Expectation Failed" },
		{ 431, "Request Header Fields Too Large" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Unknown";
}

void http_respond(struct http_response *response, int status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int size = vsnprintf(response->body, sizeof(response->body), format, args);
	va_end(args);
	response->status = status;
	response->body_size = size < 0 ? 0 : (size_t)size;
	if (response->body_size >= sizeof(response->body))
		response->body_size = sizeof(response->body) - 1;
}

void http_respond_status(struct http_response *response, int status)
{
	http_respond(response, status, "%d %s\n", status, reason(status));
}

size_t http_format_answer(char out[HTTP_ANSWER_MAX], const struct http_response *response,
			  bool head_only, bool keep_alive, time_t now)
{
	char date[64] = "";
	struct tm utc;
	if (gmtime_r(&now, &utc))
		strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
	/* no-store: an answer that a cache repeats would not count. */
	int size = snprintf(out, HTTP_ANSWER_MAX,
			    "HTTP/1.1 %d %s\r\n"
			    "Date: %s\r\n"
			    "Content-Type: text/plain\r\n"
			    "Content-Length: %zu\r\n"
			    "Cache-Control: no-store\r\n"
			    "%s"
			    "Connection: %s\r\n"
			    "\r\n",
			    response->status, reason(response->status), date, response->body_size,
			    response->status == 405 ? "Allow: GET, HEAD\r\n" : "",
			    keep_alive ? "keep-alive" : "close");
	if (!head_only && size > 0) {
		memcpy(out + size, response->body, response->body_size);
		size += (int)response->body_size;
	}
	return (size_t)size;
}
