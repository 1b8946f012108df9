/* SPDX-License-Identifier: ISC */
/*
 * The network that a URL belongs to, as the user gave it with --network: the
 * rows of a small file, "URL KEY" a line, "-" in place of KEY for no network.
 * Pure: the file itself is read and written by known_file.h.
 */
#ifndef DMCTL_KNOWN_NETWORKS_H
#define DMCTL_KNOWN_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dmctl/url.h"

struct network {
	bool has_key; /* false: no network */
	uint8_t key[32];
};

#define KNOWN_ROWS_MAX 256
/* "http://", the authority with its end, the prefix. */
#define KNOWN_URL_MAX (7 + URL_AUTHORITY_MAX + URL_PREFIX_MAX)
/* A row, a space, 44 characters of base64 and a line feed. */
#define KNOWN_TEXT_MAX (KNOWN_ROWS_MAX * (KNOWN_URL_MAX + 46))

/* The row that was set last is the last. */
struct known_networks {
	struct known_row {
		char url[KNOWN_URL_MAX];
		struct network network;
	} row[KNOWN_ROWS_MAX];
	size_t n;
};

/* The one spelling of a URL, with its port and in lower case. False if it is
 * too long to be read again. */
bool known_url(const struct url *, char out[static KNOWN_URL_MAX]);

/* 0, or the number of the first line that is wrong, from 1: then *out holds
 * nothing of use. text need not be terminated. */
size_t known_parse(const char *text, size_t len, struct known_networks *out);

/* The text of all rows. Returns its length. */
size_t known_format(
    const struct known_networks *, char out[static KNOWN_TEXT_MAX]);

/* NULL: unknown. url is as known_url() spells it. */
const struct network *known_find(
    const struct known_networks *, const char *url);

/* Sets the network of this URL. If no room is left, the row that was set first
 * is dropped. */
void known_set(
    struct known_networks *, const char *url, const struct network *);

#endif
