/* SPDX-License-Identifier: ISC */
#include "dm-net/sync/places.h"

#include <stdlib.h>
#include <string.h>

#include "common/ip_class.h"
#include "common/log.h"

#define MULTICODEC_IP4 4
#define MULTICODEC_IP6 41

struct place
place_of(const struct sync_addr *a)
{
	struct place p = {.reach = IP_LOOPBACK};
	uint8_t network[8] = {0}, host[8] = {0};

	if (a->len >= 5 && a->bytes[0] == MULTICODEC_IP4) {
		memcpy(network, a->bytes, 4);
		memcpy(host, a->bytes, 5);
		p.reach = ip_class(a->bytes + 1, 4);
	} else if (a->len >= 17 && a->bytes[0] == MULTICODEC_IP6) {
		memcpy(network, a->bytes, 7);
		memcpy(host, a->bytes + 1, 8);
		p.reach = ip_class(a->bytes + 1, 16);
	} else {
		return p;
	}
	memcpy(&p.network, network, sizeof(p.network));
	memcpy(&p.host, host, sizeof(p.host));
	return p;
}

/* --- inbound places --------------------------------------------------- */

/* A session that may be asked to go, with the share that its place has. */
struct holder {
	struct session *session;
	size_t of_network, of_host;
};

static int
compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* By network, then by host, then the newest first. */
static int
holder_compare(const void *a, const void *b)
{
	const struct session *x = ((const struct holder *)a)->session;
	const struct session *y = ((const struct holder *)b)->session;
	int order = compare(x->place.network, y->place.network);

	if (order == 0)
		order = compare(x->place.host, y->place.host);
	return order != 0 ? order : compare(y->serial, x->serial);
}

static bool
is_same_network(const struct session *a, const struct session *b)
{
	return a->place.network == b->place.network;
}

static bool
is_same_host(const struct session *a, const struct session *b)
{
	return is_same_network(a, b) && a->place.host == b->place.host;
}

/* The length of the run of holders at i that are alike. */
static size_t
run_length(const struct holder *h, size_t i, size_t n,
    bool (*is_same)(const struct session *, const struct session *))
{
	size_t end = i;

	while (end < n && is_same(h[i].session, h[end].session))
		end++;
	return end - i;
}

static void
count_shares(struct holder *h, size_t n)
{
	size_t len;

	for (size_t i = 0; i < n; i += len) {
		len = run_length(h, i, n, is_same_network);
		for (size_t k = 0; k < len; k++)
			h[i + k].of_network = len;
	}
	for (size_t i = 0; i < n; i += len) {
		len = run_length(h, i, n, is_same_host);
		for (size_t k = 0; k < len; k++)
			h[i + k].of_host = len;
	}
}

/* The holders for which `may` is true, in order. Frees nothing; the caller
 * frees the array. */
static struct holder *
holders_new(struct sync *s, const struct session *newcomer,
    bool (*may)(const struct session *), size_t *n)
{
	struct holder *h = xcalloc(s->session_count + 1, sizeof(*h));

	*n = 0;
	for (size_t i = 0; i < s->session_count; i++)
		if (s->sessions[i] != newcomer && may(s->sessions[i]))
			h[(*n)++].session = s->sessions[i];
	qsort(h, *n, sizeof(*h), holder_compare);
	count_shares(h, *n);
	return h;
}

/* The places that the newcomer's network and host have already. */
static struct holder
share_of(const struct session *newcomer, const struct holder *h, size_t n)
{
	struct holder share = {0};

	for (size_t i = 0; i < n; i++) {
		share.of_network += is_same_network(newcomer, h[i].session);
		share.of_host += is_same_host(newcomer, h[i].session);
	}
	return share;
}

/* Would the newcomer have fewer places than the holder afterwards? */
static bool
is_greedier(const struct holder *h, const struct session *newcomer,
    const struct holder *share)
{
	if (is_same_network(newcomer, h->session))
		return h->of_host > share->of_host + 1;
	return h->of_network > share->of_network + 1;
}

static bool
is_worse(const struct holder *a, const struct holder *b)
{
	if (a->of_network != b->of_network)
		return a->of_network > b->of_network;
	return a->of_host > b->of_host;
}

static struct session *
greediest(const struct session *newcomer, const struct holder *h, size_t n)
{
	struct holder share = share_of(newcomer, h, n);
	const struct holder *worst = NULL;

	for (size_t i = 0; i < n; i++)
		if (is_greedier(&h[i], newcomer, &share) &&
		    (worst == NULL || is_worse(&h[i], worst)))
			worst = &h[i];
	return worst == NULL ? NULL : worst->session;
}

/* Those that we dialled before, or that the configuration names, stay. */
static bool
may_yield(const struct session *c)
{
	return session_is_live(c) && !c->is_outbound &&
	       !peer_is_trusted(c->peer) && !c->peer->was_dialled;
}

/* One that others can dial and that has other peers. */
static bool
finds_others(const struct session *c)
{
	return c->peer->record != NULL && c->peer->addr_count > 0 &&
	       c->their_peers >= SHED_PEERS_MIN;
}

/* Anybody can say that nobody can dial him: that takes no place from a network
 * that has no more than his own. */
static struct session *
one_that_finds_others(struct sync *s, const struct session *newcomer,
    const struct holder *h, size_t n)
{
	struct holder share = share_of(newcomer, h, n);
	struct session *picked = NULL;
	size_t seen = 0;

	for (size_t i = 0; i < n; i++) {
		if (!finds_others(h[i].session) ||
		    (!is_same_host(newcomer, h[i].session) &&
			h[i].of_network <= share.of_network) ||
		    core_random_below(s, ++seen) != 0)
			continue;
		picked = h[i].session;
	}
	return picked;
}

struct session *
places_yield(struct sync *s, const struct session *newcomer)
{
	size_t n;
	struct holder *h = holders_new(s, newcomer, may_yield, &n);
	struct session *picked = greediest(newcomer, h, n);

	if (picked == NULL && newcomer->peer->addr_count == 0)
		picked = one_that_finds_others(s, newcomer, h, n);
	free(h);
	return picked;
}

static bool
is_not_judged(const struct session *c)
{
	return !c->is_outbound && !peer_is_trusted(c->peer) &&
	       (c->state == SESSION_GREETING ||
		   (c->state == SESSION_UP && c->is_trial));
}

struct session *
places_yield_early(struct sync *s, const struct session *newcomer)
{
	size_t n;
	struct holder *h = holders_new(s, newcomer, is_not_judged, &n);
	struct session *picked = greediest(newcomer, h, n);

	free(h);
	return picked;
}

/* --- dialled places --------------------------------------------------- */

static size_t
dialled_max(const struct place *p)
{
	switch (p->reach) {
	case IP_GLOBAL:
		return GROUP_MAX;
	case IP_PRIVATE:
		return PRIVATE_HOST_MAX;
	case IP_LOOPBACK:
	case IP_LINK_LOCAL:
		break;
	}
	return SIZE_MAX;
}

bool
places_dialled_enough(
    const struct sync *s, const struct place *p, const struct session *except)
{
	size_t n = 0;

	for (size_t i = 0; i < s->session_count; i++) {
		const struct session *c = s->sessions[i];

		if (c == except || !c->is_outbound ||
		    peer_is_trusted(c->peer) || c->state == SESSION_CLOSED ||
		    c->state == SESSION_FLUSHING ||
		    c->place.network != p->network)
			continue;
		/* others than global networks are no sign of one owner */
		n += p->reach == IP_GLOBAL || c->place.host == p->host;
	}
	return n >= dialled_max(p);
}
