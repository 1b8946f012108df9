/* SPDX-License-Identifier: ISC */
#include "dmctl/time_text.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"

#define YEAR_MAX_S UINT64_C(253402300799) /* the end of 9999 */

int
time_left_ms(uint64_t deadline_mono_ns)
{
	uint64_t now = clock_mono_ns(), ms;

	if (now >= deadline_mono_ns)
		return 0;
	ms = (deadline_mono_ns - now + NS_PER_MS - 1) / NS_PER_MS;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

void
time_sleep_ns(uint64_t ns)
{
	struct timespec ts = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};

	while (nanosleep(&ts, &ts) == -1 && errno == EINTR)
		continue;
}

static void
time_split(uint64_t unix_ns, struct tm *tm)
{
	uint64_t s = unix_ns / NS_PER_S;
	time_t t = (time_t)(s > YEAR_MAX_S ? YEAR_MAX_S : s);

	memset(tm, 0, sizeof(*tm));
	gmtime_r(&t, tm);
}

const char *
time_format(uint64_t unix_ns, char out[static WHEN_TEXT_MAX])
{
	struct tm tm;
	size_t len;

	time_split(unix_ns, &tm);
	len = strftime(out, WHEN_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + len, WHEN_TEXT_MAX - len, ".%09" PRIu64 "Z",
	    unix_ns % NS_PER_S);
	return out;
}

const char *
time_format_s(uint64_t unix_ns, char out[static WHEN_TEXT_MAX])
{
	struct tm tm;

	time_split(unix_ns, &tm);
	strftime(out, WHEN_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return out;
}

/* Digits and fixed characters: '0' in the pattern stands for a digit. */
static bool
is_shaped(const char *text, const char *pattern)
{
	for (; *pattern != '\0'; text++, pattern++)
		if (*pattern == '0' ? *text < '0' || *text > '9'
				    : *text != *pattern)
			return false;
	return true;
}

static int
digits(const char *text, size_t n)
{
	int value = 0;

	for (size_t i = 0; i < n; i++)
		value = value * 10 + (text[i] - '0');
	return value;
}

/* The fraction after the seconds: "Z" or ".1Z" to ".123456789Z". */
static bool
parse_fraction(const char *text, size_t len, uint64_t *ns)
{
	uint64_t unit = NS_PER_S / 10;

	*ns = 0;
	if (len == 0 || len > 11 || text[len - 1] != 'Z')
		return false;
	if (len == 1)
		return true;
	if (text[0] != '.' || len == 2)
		return false;
	for (size_t i = 1; i < len - 1; i++, unit /= 10) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*ns += (uint64_t)(text[i] - '0') * unit;
	}
	return true;
}

bool
time_parse(const char *text, size_t len, uint64_t *unix_ns)
{
	static const char pattern[] = "0000-00-00T00:00:00";
	const size_t whole = sizeof(pattern) - 1;
	struct tm tm = {0}, again;
	uint64_t ns;
	time_t t;

	if (len <= whole || !is_shaped(text, pattern) ||
	    !parse_fraction(text + whole, len - whole, &ns))
		return false;
	tm.tm_year = digits(text, 4) - 1900;
	tm.tm_mon = digits(text + 5, 2) - 1;
	tm.tm_mday = digits(text + 8, 2);
	tm.tm_hour = digits(text + 11, 2);
	tm.tm_min = digits(text + 14, 2);
	tm.tm_sec = digits(text + 17, 2);
	again = tm;
	t = timegm(&again);
	/* timegm() takes the 31st of February: it must come out as it went
	 * in */
	if (t < 0 || again.tm_mon != tm.tm_mon || again.tm_mday != tm.tm_mday ||
	    again.tm_hour != tm.tm_hour || again.tm_min != tm.tm_min ||
	    again.tm_sec != tm.tm_sec || (uint64_t)t > INT64_MAX / NS_PER_S - 1)
		return false;
	*unix_ns = (uint64_t)t * NS_PER_S + ns;
	return true;
}

uint64_t
time_disk_ns(uint64_t bytes)
{
	const uint64_t bytes_per_ms = 4096; /* an SD card's 4 MiB a second */

	return bytes / bytes_per_ms * 1000000;
}

uint64_t
time_network_ns(uint64_t bytes)
{
	const uint64_t bytes_max = UINT64_C(1) << 40; /* two years */

	return (bytes < bytes_max ? bytes : bytes_max) / 16384 * NS_PER_S;
}
