/* SPDX-License-Identifier: ISC */
#include "dmd/advertise.h"

#include <stdlib.h>
#include <string.h>

#include "common/ip_class.h"
#include "common/log.h"

struct address_list {
	struct multiaddr_raw *out;
	size_t n;
	size_t bytes;
	size_t left_out;
};

/* The address that peers should try first has the smallest rank. */
struct candidate {
	unsigned rank;
	size_t order; /* equal ranks stay in it */
	struct multiaddr_raw raw;
};

struct candidates {
	struct candidate *all;
	size_t n;
};

static void
list_add(struct address_list *l, const struct multiaddr_raw *raw)
{
	for (size_t i = 0; i < l->n; i++)
		if (multiaddr_equal(&l->out[i], raw))
			return;
	if (l->n == PEER_RECORD_ADDRS_MAX ||
	    l->bytes + raw->len + PEER_RECORD_ADDR_FIXED >
		ADVERTISE_BYTES_MAX) {
		l->left_out++;
		return;
	}
	l->out[l->n++] = *raw;
	l->bytes += raw->len + PEER_RECORD_ADDR_FIXED;
}

/*
 * The address that this machine reaches others from; then global, private and
 * link-local ones, of each first those of the interface that others are reached
 * by; then those of bridges, which lead to hosts inside this machine.
 */
static unsigned
rank_of(const struct interfaces *t, const struct interface_address *a)
{
	enum interfaces_way way = interfaces_way_out(t, a);
	unsigned rank = 2 * (IP_GLOBAL - ip_class(a->bytes, a->len)) + 1;

	if (way == INTERFACES_WAY_SOURCE)
		return 0;
	if (way == INTERFACES_WAY_NONE)
		rank++;
	return way == INTERFACES_WAY_NONE && a->is_bridge ? rank + 10 : rank;
}

static int
candidate_compare(const void *a, const void *b)
{
	const struct candidate *p = a, *q = b;

	if (p->rank != q->rank)
		return p->rank < q->rank ? -1 : 1;
	return p->order < q->order ? -1 : p->order > q->order;
}

static void
candidate_add(struct candidates *c, const struct interfaces *t,
    const struct interface_address *a, uint16_t port)
{
	struct multiaddr addr = {
	    .host = a->len == 4 ? MULTIADDR_IP4 : MULTIADDR_IP6, .port = port};
	struct candidate *one;

	memcpy(addr.ip, a->bytes, a->len);
	c->all = xrealloc(c->all, c->n + 1, sizeof(*c->all));
	one = &c->all[c->n];
	if (!multiaddr_is_dialable(&addr) ||
	    multiaddr_build(&one->raw, &addr) != MULTIADDR_OK)
		return;
	one->rank = rank_of(t, a);
	one->order = c->n++;
}

/* The addresses that a wildcard listener can be reached at. */
static void
candidates_add_own(struct candidates *c, const struct interfaces *t,
    const struct endpoint *e, bool with_loopback)
{
	const struct interface_address *a;

	for (size_t i = 0; (a = interfaces_address(t, i)) != NULL; i++)
		if (a->len == e->len && !a->is_temporary &&
		    (ip_class(a->bytes, a->len) == IP_LOOPBACK) ==
			with_loopback)
			candidate_add(c, t, a, e->port);
}

/* The address of the table, or one that is gone from it. */
static void
candidates_add_bound(
    struct candidates *c, const struct interfaces *t, const struct endpoint *e)
{
	struct interface_address absent = {.len = e->len};
	const struct interface_address *a;

	for (size_t i = 0; (a = interfaces_address(t, i)) != NULL; i++)
		if (a->len == e->len && memcmp(a->bytes, e->bytes, e->len) == 0)
			break;
	memcpy(absent.bytes, e->bytes, e->len);
	candidate_add(c, t, a != NULL ? a : &absent, e->port);
}

static void
list_add_listeners(struct address_list *l, const struct interfaces *t,
    const struct endpoint *bound, size_t n, bool with_loopback)
{
	struct candidates c = {NULL, 0};

	for (size_t i = 0; i < n; i++) {
		if (bound[i].kind != ENDPOINT_LIBP2P)
			continue;
		if (endpoint_is_wildcard(&bound[i]))
			candidates_add_own(&c, t, &bound[i], with_loopback);
		else if (!with_loopback)
			candidates_add_bound(&c, t, &bound[i]);
	}
	if (c.n > 0)
		qsort(c.all, c.n, sizeof(*c.all), candidate_compare);
	for (size_t i = 0; i < c.n; i++)
		list_add(l, &c.all[i].raw);
	free(c.all);
}

/* A machine with link-local addresses alone counts: its loopback is of no use
 * to peers that reach it by them. */
static bool
is_on_a_network(const struct interfaces *t)
{
	const struct interface_address *a;

	for (size_t i = 0; (a = interfaces_address(t, i)) != NULL; i++)
		if (ip_class(a->bytes, a->len) != IP_LOOPBACK &&
		    !a->is_loopback)
			return true;
	return false;
}

size_t
advertise_addresses(const struct config *config, const struct interfaces *t,
    const struct endpoint *bound, size_t n,
    struct multiaddr_raw out[static PEER_RECORD_ADDRS_MAX], size_t *left_out)
{
	const struct config_list *said = &config->cluster.advertise;
	struct address_list l = {out, 0, 0, 0};
	struct multiaddr_raw raw;

	for (size_t i = 0; i < said->n; i++) {
		if (multiaddr_from_text(&raw, said->item[i],
			strlen(said->item[i])) != MULTIADDR_OK)
			continue;
		multiaddr_strip_peer(&raw);
		list_add(&l, &raw);
	}
	list_add_listeners(&l, t, bound, n, false);
	if (l.n == 0 && !is_on_a_network(t))
		list_add_listeners(&l, t, bound, n, true);
	*left_out = l.left_out;
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
