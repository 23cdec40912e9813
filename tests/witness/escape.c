#include "escape.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { REPLACEMENT = 0xfffd };

static const struct {
	unsigned char first_mask, first_bits;
	uint32_t least; /* a smaller one would be written shorter, which is forbidden: RFC 3629 */
} lengths[] = {
	{ 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 }
};

/* Takes the next character off a text that isn't at its end. What is no UTF-8 is taken a byte at a
 * time. */
static uint32_t next_character(const char **text)
{
	const unsigned char *bytes = (const unsigned char *)*text;
	for (size_t more = 0; more < sizeof(lengths) / sizeof(lengths[0]); more++) {
		if ((bytes[0] & lengths[more].first_mask) != lengths[more].first_bits)
			continue;
		uint32_t code = bytes[0] & (unsigned char)~lengths[more].first_mask;
		size_t i = 1;
		for (; i <= more && (bytes[i] & 0xc0) == 0x80; i++)
			code = code << 6 | (bytes[i] & 0x3f);
		if (i <= more || code < lengths[more].least || code > 0x10ffff ||
		    (code >= 0xd800 && code < 0xe000))
			break;
		*text += more + 1;
		return code;
	}
	*text += 1;
	return REPLACEMENT;
}

static void put_utf8(FILE *out, uint32_t code)
{
	if (code < 0x80) {
		putc((int)code, out);
	} else if (code < 0x800) {
		fprintf(out, "%c%c", (int)(0xc0 | code >> 6), (int)(0x80 | (code & 0x3f)));
	} else if (code < 0x10000) {
		fprintf(out, "%c%c%c", (int)(0xe0 | code >> 12), (int)(0x80 | (code >> 6 & 0x3f)),
			(int)(0x80 | (code & 0x3f)));
	} else {
		fprintf(out, "%c%c%c%c", (int)(0xf0 | code >> 18),
			(int)(0x80 | (code >> 12 & 0x3f)), (int)(0x80 | (code >> 6 & 0x3f)),
			(int)(0x80 | (code & 0x3f)));
	}
}

void put_json(FILE *out, const char *text)
{
	if (!text) {
		fputs("null", out);
		return;
	}
	putc('"', out);
	while (*text) {
		uint32_t code = next_character(&text);
		if (code == '"' || code == '\\')
			fprintf(out, "\\%c", (int)code);
		else if (code < 0x20 || code == 0x7f)
			fprintf(out, "\\u%04x", (unsigned)code);
		else
			put_utf8(out, code);
	}
	putc('"', out);
}

static void put_xml_character(FILE *out, uint32_t code)
{
	switch (code) {
	case '<':
		fputs("&lt;", out);
		break;
	case '>':
		fputs("&gt;", out);
		break;
	case '&':
		fputs("&amp;", out);
		break;
	case '"':
		fputs("&quot;", out);
		break;
	default: /* XML has no way to write a control character */
		put_utf8(out, code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xfffe ||
					      code == 0xffff
				      ? REPLACEMENT
				      : code);
	}
}

void put_xml(FILE *out, const char *text, size_t max)
{
	for (size_t count = 0; *text; count++) {
		if (count == max) {
			fputs("\u2026", out);
			return;
		}
		put_xml_character(out, next_character(&text));
	}
}

/* What would move a terminal's cursor, or turn the direction of what follows. */
static int is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

void put_shown(FILE *out, const char *text, size_t max)
{
	for (size_t count = 0; *text; count++) {
		uint32_t code = next_character(&text);
		if (count >= max) {
			fputs("...", out);
			return;
		}
		if (code == '\n')
			fputs("\\n", out);
		else if (code == '\t')
			fputs("\\t", out);
		else if (is_control(code))
			fprintf(out, "\\x%02x", (unsigned)code);
		else
			put_utf8(out, code);
	}
}

static void put_word(FILE *out, const char *word)
{
	size_t plain = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "%+,-./:=@_^");
	if (*word && !word[plain]) {
		fputs(word, out);
		return;
	}
	putc('\'', out);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", out);
		else
			putc(*word, out);
	}
	putc('\'', out);
}

/* The caller's to free. */
static char *shown_text(const char *text, size_t max)
{
	char *shown = NULL;
	size_t length;
	FILE *out = open_memstream(&shown, &length);
	if (out) {
		put_shown(out, text ? text : "", max);
		fclose(out);
	}
	return shown ? shown : calloc(1, 1);
}

char *shown_words(const char *argv, size_t size, size_t max)
{
	char *words = NULL;
	size_t length;
	FILE *out = open_memstream(&words, &length);
	for (const char *word = argv; out && word < argv + size; word += strlen(word) + 1) {
		if (word > argv)
			putc(' ', out);
		put_word(out, word);
	}
	if (out)
		fclose(out);
	char *shown = shown_text(words, max);
	free(words);
	return shown;
}

char *shown_command(char *const *command, size_t max)
{
	char *words = NULL;
	size_t size;
	FILE *out = open_memstream(&words, &size);
	for (int i = 0; out && command[i]; i++)
		fwrite(command[i], 1, strlen(command[i]) + 1, out);
	if (out)
		fclose(out);
	char *shown = shown_words(words, words ? size : 0, max);
	free(words);
	return shown;
}
