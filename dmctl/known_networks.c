/* SPDX-License-Identifier: ISC */
#include "dmctl/known_networks.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/base64.h"
#include "common/keys/keys.h"

#define KEY_TEXT_LEN BASE64_LEN(32)

bool
known_url(const struct url *url, char out[static KNOWN_URL_MAX])
{
	size_t n = strcspn(url->host, "%"); /* a zone keeps its case */
	struct url again;
	char host[URL_HOST_MAX + 1];

	for (size_t i = 0; i < n; i++)
		host[i] = (char)tolower((unsigned char)url->host[i]);
	host[n] = '\0';
	if ((size_t)snprintf(out, KNOWN_URL_MAX, "http://%s%s%s%s%s:%s%s",
		url->is_ipv6 ? "[" : "", host,
		url->host[n] != '\0' ? "%25" : "",
		url->host[n] != '\0' ? url->host + n + 1 : "",
		url->is_ipv6 ? "]" : "", url->port,
		url->prefix) >= KNOWN_URL_MAX)
		return false;
	return url_parse(out, &again) == NULL;
}

static bool
parse_network(const char *text, size_t len, struct network *out)
{
	memset(out, 0, sizeof(*out));
	if (len == 1 && text[0] == '-')
		return true;
	out->has_key = true;
	return len == KEY_TEXT_LEN &&
	       key_parse_public(text, len, out->key) == KEY_OK;
}

/* One line without its end. The URL must be spelt as known_url() does, and be
 * new. */
static bool
parse_line(const char *line, size_t len, struct known_networks *out)
{
	const char *space = memchr(line, ' ', len);
	size_t n = space != NULL ? (size_t)(space - line) : 0;
	struct known_row *row = &out->row[out->n];
	char spelt[KNOWN_URL_MAX];
	struct url url;

	if (n == 0 || n >= sizeof(row->url) || out->n == KNOWN_ROWS_MAX ||
	    memchr(line, '\0', len) != NULL)
		return false;
	memcpy(row->url, line, n);
	row->url[n] = '\0';
	if (url_parse(row->url, &url) != NULL || !known_url(&url, spelt) ||
	    strcmp(spelt, row->url) != 0 || known_find(out, row->url) != NULL ||
	    !parse_network(space + 1, len - n - 1, &row->network))
		return false;
	out->n++;
	return true;
}

size_t
known_parse(const char *text, size_t len, struct known_networks *out)
{
	size_t number = 1;

	out->n = 0;
	for (; len > 0; number++) {
		const char *end = memchr(text, '\n', len);
		size_t n = end != NULL ? (size_t)(end - text) : 0;

		/* a last line without its end may have been cut */
		if (end == NULL || !parse_line(text, n, out))
			return number;
		text += n + 1;
		len -= n + 1;
	}
	return 0;
}

size_t
known_format(const struct known_networks *k, char out[static KNOWN_TEXT_MAX])
{
	char key[KEY_TEXT_LEN + 1];
	size_t len = 0;

	for (size_t i = 0; i < k->n; i++) {
		const struct known_row *row = &k->row[i];

		base64_encode(row->network.key, sizeof(row->network.key), key);
		len += (size_t)snprintf(out + len, KNOWN_TEXT_MAX - len,
		    "%s %s\n", row->url, row->network.has_key ? key : "-");
	}
	return len;
}

const struct network *
known_find(const struct known_networks *k, const char *url)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->row[i].url, url) == 0)
			return &k->row[i].network;
	return NULL;
}

static void
remove_row(struct known_networks *k, size_t i)
{
	k->n--;
	memmove(&k->row[i], &k->row[i + 1], (k->n - i) * sizeof(k->row[0]));
}

void
known_set(
    struct known_networks *k, const char *url, const struct network *network)
{
	struct known_row *row;

	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->row[i].url, url) == 0)
			remove_row(k, i);
	if (k->n == KNOWN_ROWS_MAX)
		remove_row(k, 0);
	row = &k->row[k->n++];
	snprintf(row->url, sizeof(row->url), "%s", url);
	row->network = *network;
}
