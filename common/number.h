/* Numbers from the command line and from files, read strictly: the whole text or nothing. */
#ifndef COMMON_NUMBER_H
#define COMMON_NUMBER_H

/* Reads a decimal number from min to max. 0, or -1 with errno EINVAL (no number) or ERANGE. */
int parse_number(const char *text, long long min, long long max, long long *value);

/*
 * Reads a number of cores, such as "0.5" or "2", with at most three decimals, into thousandths.
 * From 0.01 to 1024 cores. 0, or -1 with errno EINVAL or ERANGE.
 */
int parse_cpus(const char *text, long *millicores);

#endif
