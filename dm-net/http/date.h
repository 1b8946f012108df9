/* SPDX-License-Identifier: ISC */
/* Times as HTTP and JSON write them. All but http_date_now() is pure. */
#ifndef DM_NET_HTTP_DATE_H
#define DM_NET_HTTP_DATE_H

#include <stdint.h>

/* IMF-fixdate of RFC 9110, 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT". */
#define HTTP_DATE_SIZE 30
void http_date(uint64_t unix_s, char out[static HTTP_DATE_SIZE]);

/* The text of a second, made once for all responses in it. Begins as zeros. */
struct http_date_cache {
	uint64_t unix_s;
	char text[HTTP_DATE_SIZE];
};

/* The value of the Date field now. Valid until the next call. */
const char *http_date_now(struct http_date_cache *);

/* RFC 3339, UTC, nine decimals: "1994-11-06T08:49:37.000000000Z". */
#define HTTP_TIME_SIZE 40
void http_time(uint64_t unix_ns, char out[static HTTP_TIME_SIZE]);

#endif
