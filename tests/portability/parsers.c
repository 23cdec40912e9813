/*
 * parsers - what is read out of texts and programs, the same on every machine
 *
 *     parsers texts CORPUS      the seeds of tests/fuzz, and values of its own
 *     parsers elf FILE...       how each of these programs is started
 *
 * Prints a line for each value read.
 */
#include "tests/fuzz/fuzz.h"

#include "common/elf.h"
#include "common/number.h"
#include "task3/conductorfile.h"
#include "task3/limits.h"
#include "task3/pool.h"
#include "task3/sha256.h"
#include "task4/http.h"
#include "task4/url.h"

#include <fcntl.h>
#include <time.h>

static char *read_seed(const char *corpus, const char *seed, size_t *size)
{
	static char text[65536];
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", corpus, seed);
	FILE *file = fopen(path, "r");
	MUST(file);
	*size = fread(text, 1, sizeof(text) - 1, file);
	text[*size] = '\0';
	fclose(file);
	return text;
}

static void print_conductorfile(const char *corpus, const char *seed)
{
	struct conductorfile file;
	size_t size;
	char *text = read_seed(corpus, seed, &size);
	MUST(conductorfile_parse(&file, text, size, seed) == 0);
	for (int i = 0; i < file.count; i++)
		printf("%s:%d: %s [%s]\n", seed, file.instructions[i].line,
		       keyword_names[file.instructions[i].keyword], file.instructions[i].argument);
	conductorfile_free(&file);
}

static void print_request(const char *corpus, const char *seed)
{
	struct http_request request;
	size_t size;
	char *text = read_seed(corpus, seed, &size);
	ssize_t head = http_parse_request(text, size, &request);
	printf("%s: head %d method %d path %.*s body %d refusal %d%s\n", seed, (int)head,
	       request.method, head > 0 ? (int)request.path.size : 0, request.path.start,
	       head > 0 ? (int)request.body_size : 0, request.refusal,
	       head > 0 && request.keep_alive ? " keep-alive" : "");
}

static void print_answer(long long time)
{
	char text[HTTP_ANSWER_MAX];
	struct http_response response;
	http_respond(&response, 200, "%d\n", 41);
	size_t size = http_format_answer(text, &response, false, true, (time_t)time);
	printf("%.*s", (int)size, text);
}

static void print_numbers(void)
{
	static const char *const texts[] = { "0",
					     "-1",
					     "4294967296",
					     "9223372036854775807",
					     "9223372036854775808",
					     "-9223372036854775808",
					     "12x" };
	static const char *const sizes[] = { "64M", "2g", "5G", "1024", "9999999T" };
	long long value;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (parse_number(texts[i], INT64_MIN, INT64_MAX, &value) == 0)
			printf("%s: %lld\n", texts[i], value);
		else
			printf("%s: refused\n", texts[i]);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		if (parse_size(sizes[i], &value) == 0)
			printf("%s: %lld bytes\n", sizes[i], value);
		else
			printf("%s: refused\n", sizes[i]);
	}
}

static void print_addresses(void)
{
	struct link link = { 0 };
	char text[ADDRESS_SIZE];
	uint32_t address;
	MUST(parse_address("192.168.1.2", &address) == 0);
	printf("address 0x%08x %s\n", address, format_address(address, text));
	MUST(pool_parse("10.66.0.0/16:28", &link) == 0);
	printf("pool 0x%08x/%d:%d\n", link.pool, link.pool_prefix, link.prefix);
}

static void print_url(const char *text)
{
	struct http_url url;
	const char *why = "";
	if (url_parse(text, &url, &why) == 0)
		printf("%s: %s %d %s\n", text, url.host, url.port, url.path);
	else
		printf("%s: %s\n", text, why);
}

/* FIPS 180-4's own examples, and one past a block. */
static void print_hashes(void)
{
	static const char *const texts[] = {
		"", "abc", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
	};
	char hex[65];
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct sha256 hash;
		sha256_begin(&hash);
		sha256_add(&hash, texts[i], strlen(texts[i]));
		sha256_end(&hash, hex, sizeof(hex));
		printf("sha256 of \"%s\": %s\n", texts[i], hex);
	}
}

static int print_texts(const char *corpus)
{
	print_conductorfile(corpus, "conductorfile/csfile");
	print_conductorfile(corpus, "conductorfile/esfile");
	print_conductorfile(corpus, "conductorfile/continued");
	print_request(corpus, "http_request/curl");
	print_request(corpus, "http_request/head-1.0");
	print_request(corpus, "http_request/post");
	print_request(corpus, "http_request/smuggled");
	print_answer(0);
	print_answer(4102444800); /* 2100: past what 32 bits can say */
	print_numbers();
	print_addresses();
	print_url("http://203.0.113.1:3000/a?b");
	print_url("http://localhost:65536/");
	print_hashes();
	printf("time_t has %zu bits, off_t %zu\n", 8 * sizeof(time_t), 8 * sizeof(off_t));
	return 0;
}

static int print_starts(char **files)
{
	static struct elf_start start;
	for (; *files; files++) {
		const char *why = "";
		const char *base = strrchr(*files, '/');
		int fd = open(*files, O_RDONLY | O_CLOEXEC);
		MUST(fd >= 0);
		printf("%s: ", base ? base + 1 : *files);
		if (elf_read_start(fd, &start, &why) < 0)
			printf("refused: %s\n", why);
		else if (*start.interpreter)
			printf("started by %s\n", start.interpreter);
		else
			printf("static\n");
		close(fd);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "texts"))
		return print_texts(argv[2]);
	if (argc > 2 && !strcmp(argv[1], "elf"))
		return print_starts(argv + 2);
	fprintf(stderr, "usage: parsers texts CORPUS | parsers elf FILE...\n");
	return 2;
}
