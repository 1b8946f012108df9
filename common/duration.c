/* SPDX-License-Identifier: ISC */
#include "common/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"

#define DURATION_NS_MAX (UINT64_C(1) << 63)
#define SIZE_BYTES_MAX (UINT64_C(1) << 62)

/* Falling, "ms" before "m" and "s" so that the longer one is tried first. */
static const struct {
	const char *unit;
	uint64_t ns;
} units[] = {
    {"d", 86400 * NS_PER_S},
    {"h", 3600 * NS_PER_S},
    {"m", 60 * NS_PER_S},
    {"s", NS_PER_S},
    {"ms", NS_PER_MS},
};
#define UNITS (sizeof(units) / sizeof(units[0]))

/* Digits at *text, which moves past them; false if none or over max. */
static bool
parse_digits(const char **text, uint64_t max, uint64_t *out)
{
	const char *p = *text;
	uint64_t v = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (p == *text)
		return false;
	*text = p;
	*out = v;
	return true;
}

bool
duration_parse(const char *text, uint64_t *ns)
{
	uint64_t sum = 0, n;
	size_t next = 0; /* units from here on may still come */

	if (strcmp(text, "0") == 0) {
		*ns = 0;
		return true;
	}
	do {
		size_t len = 0, i;

		if (!parse_digits(&text, DURATION_NS_MAX, &n))
			return false;
		while (text[len] >= 'a' && text[len] <= 'z')
			len++;
		for (i = next; i < UNITS; i++)
			if (strlen(units[i].unit) == len &&
			    memcmp(units[i].unit, text, len) == 0)
				break;
		if (i == UNITS || n > (DURATION_NS_MAX - sum) / units[i].ns)
			return false;
		sum += n * units[i].ns;
		next = i + 1;
		text += len;
	} while (*text != '\0');
	*ns = sum;
	return true;
}

const char *
duration_format(uint64_t ns, char out[static DURATION_TEXT_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < UNITS; i++) {
		uint64_t n = ns / units[i].ns;

		if (n == 0)
			continue;
		ns -= n * units[i].ns;
		len += (size_t)snprintf(out + len, DURATION_TEXT_MAX - len,
		    "%" PRIu64 "%s", n, units[i].unit);
	}
	if (len == 0)
		snprintf(out, DURATION_TEXT_MAX, "0s");
	return out;
}

bool
size_parse(const char *text, uint64_t *bytes)
{
	static const char letters[] = "KMG";
	const char *letter;
	unsigned shift = 0;
	uint64_t n;

	if (!parse_digits(&text, SIZE_BYTES_MAX, &n))
		return false;
	if (*text != '\0') {
		letter = strchr(letters, *text++);
		if (letter == NULL || *text != '\0')
			return false;
		shift = 10 * ((unsigned)(letter - letters) + 1);
	}
	if (n > SIZE_BYTES_MAX >> shift)
		return false;
	*bytes = n << shift;
	return true;
}

const char *
size_format(uint64_t bytes, char out[static SIZE_TEXT_MAX])
{
	static const char letters[] = "\0KMG";
	size_t i = 0;

	while (i < 3 && bytes > 0 && bytes % 1024 == 0) {
		bytes /= 1024;
		i++;
	}
	snprintf(out, SIZE_TEXT_MAX, "%" PRIu64 "%.1s", bytes, letters + i);
	return out;
}
