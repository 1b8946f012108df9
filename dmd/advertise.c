/* SPDX-License-Identifier: ISC */
#include "dmd/advertise.h"

#include <string.h>

struct list {
	struct multiaddr_raw *out;
	size_t n;
	size_t bytes;
};

static void
list_add(struct list *l, const struct multiaddr_raw *raw)
{
	if (l->n == PEER_RECORD_ADDRS_MAX ||
	    l->bytes + raw->len > ADVERTISE_BYTES_MAX)
		return;
	for (size_t i = 0; i < l->n; i++)
		if (multiaddr_equal(&l->out[i], raw))
			return;
	l->out[l->n++] = *raw;
	l->bytes += raw->len;
}

static void
list_add_ip(struct list *l, const uint8_t *bytes, size_t len, uint16_t port)
{
	struct multiaddr addr = {
	    .host = len == 4 ? MULTIADDR_IP4 : MULTIADDR_IP6, .port = port};
	struct multiaddr_raw raw;

	memcpy(addr.ip, bytes, len);
	if (multiaddr_is_dialable(&addr) &&
	    multiaddr_build(&raw, &addr) == MULTIADDR_OK)
		list_add(l, &raw);
}

static bool
is_loopback(const uint8_t *bytes, size_t len)
{
	static const uint8_t local6[16] = {[15] = 1};

	return len == 4 ? bytes[0] == 127 : memcmp(bytes, local6, 16) == 0;
}

/* The addresses that a wildcard listener can be reached at. */
static void
list_add_own(struct list *l, const struct interfaces *t,
    const struct endpoint *e, bool with_loopback)
{
	const struct interface_address *a;

	for (size_t i = 0; (a = interfaces_address(t, i)) != NULL; i++)
		if (a->len == e->len && !a->is_temporary &&
		    is_loopback(a->bytes, a->len) == with_loopback)
			list_add_ip(l, a->bytes, a->len, e->port);
}

static void
list_add_bound(struct list *l, const struct interfaces *t,
    const struct endpoint *bound, size_t n, bool with_loopback)
{
	for (size_t i = 0; i < n; i++) {
		if (bound[i].kind != ENDPOINT_LIBP2P)
			continue;
		if (endpoint_is_wildcard(&bound[i]))
			list_add_own(l, t, &bound[i], with_loopback);
		else if (!with_loopback)
			list_add_ip(
			    l, bound[i].bytes, bound[i].len, bound[i].port);
	}
}

/* One with link-local addresses alone counts: its loopback is of no use to
 * those that reach it by them. */
static bool
is_on_a_network(const struct interfaces *t)
{
	const struct interface_address *a;

	for (size_t i = 0; (a = interfaces_address(t, i)) != NULL; i++)
		if (!is_loopback(a->bytes, a->len) && !a->is_loopback)
			return true;
	return false;
}

size_t
advertise_addresses(const struct config *config, const struct interfaces *t,
    const struct endpoint *bound, size_t n,
    struct multiaddr_raw out[static PEER_RECORD_ADDRS_MAX])
{
	const struct config_list *said = &config->cluster.advertise;
	struct list l = {out, 0, 0};
	struct multiaddr_raw raw;

	for (size_t i = 0; i < said->n; i++) {
		if (multiaddr_from_text(&raw, said->item[i],
			strlen(said->item[i])) != MULTIADDR_OK)
			continue;
		multiaddr_strip_peer(&raw);
		list_add(&l, &raw);
	}
	list_add_bound(&l, t, bound, n, false);
	if (l.n == 0 && !is_on_a_network(t))
		list_add_bound(&l, t, bound, n, true);
	return l.n;
}

bool
advertise_equal(const struct multiaddr_raw *a, size_t na,
    const struct multiaddr_raw *b, size_t nb)
{
	if (na != nb)
		return false;
	for (size_t i = 0; i < na; i++)
		if (!multiaddr_equal(&a[i], &b[i]))
			return false;
	return true;
}
