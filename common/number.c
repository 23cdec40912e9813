#include "common/number.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int parse_number(const char *text, long long min, long long max, long long *value)
{
	/* strtoll alone would take leading blanks and a plus sign. */
	const char *digits = *text == '-' ? text + 1 : text;
	if (!isdigit((unsigned char)*digits)) {
		errno = EINVAL;
		return -1;
	}

	char *end;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (*end) {
		errno = EINVAL;
		return -1;
	}
	if (errno || number < min || number > max) {
		errno = ERANGE;
		return -1;
	}
	*value = number;
	return 0;
}

int parse_cpus(const char *text, long *millicores)
{
	size_t whole = strspn(text, "0123456789");
	const char *point = text + whole;
	size_t decimals = *point == '.' ? strspn(point + 1, "0123456789") : 0;
	if (whole == 0 || whole > 4 || decimals > 3 || (*point == '.' && decimals == 0) ||
	    text[whole + (*point == '.') + decimals]) {
		errno = EINVAL;
		return -1;
	}

	long value = strtol(text, NULL, 10) * 1000;
	long scale = 100;
	for (size_t i = 1; i <= decimals; i++, scale /= 10)
		value += (point[i] - '0') * scale;
	if (value < 10 || value > 1024 * 1000L) {
		errno = ERANGE;
		return -1;
	}
	*millicores = value;
	return 0;
}
