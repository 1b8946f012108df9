/* SPDX-License-Identifier: ISC */
#include "dm-net/http/date.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"

/* The last second that is written with a year of four digits. */
#define LAST_S UINT64_C(253402300799)

static void
split(uint64_t unix_s, struct tm *tm)
{
	time_t t = (time_t)(unix_s > LAST_S ? LAST_S : unix_s);

	memset(tm, 0, sizeof(*tm));
	gmtime_r(&t, tm);
}

/* By hand: strftime() would ask the locale for the names. */
void
http_date(uint64_t unix_s, char out[static HTTP_DATE_SIZE])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm;

	split(unix_s, &tm);
	snprintf(out, HTTP_DATE_SIZE, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
	    days + 3 * tm.tm_wday, (unsigned)tm.tm_mday % 100,
	    months + 3 * tm.tm_mon, (unsigned)(tm.tm_year + 1900) % 10000,
	    (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
	    (unsigned)tm.tm_sec % 100);
}

const char *
http_date_now(struct http_date_cache *cache)
{
	uint64_t now_s = clock_unix_ns() / NS_PER_S;

	if (now_s != cache->unix_s) {
		http_date(now_s, cache->text);
		cache->unix_s = now_s;
	}
	return cache->text;
}

void
http_time(uint64_t unix_ns, char out[static HTTP_TIME_SIZE])
{
	struct tm tm;

	split(unix_ns / NS_PER_S, &tm);
	snprintf(out, HTTP_TIME_SIZE,
	    "%04u-%02u-%02uT%02u:%02u:%02u.%09" PRIu64 "Z",
	    (unsigned)(tm.tm_year + 1900) % 10000,
	    (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100,
	    (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
	    (unsigned)tm.tm_sec % 100, unix_ns % NS_PER_S);
}
