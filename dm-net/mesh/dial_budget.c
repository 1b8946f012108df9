/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/dial_budget.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/ip_class.h"
#include "common/log.h"
#include "common/siphash.h"

#define WAYS 8
#define SETS (DIAL_BUDGET_HOSTS_MAX / WAYS)
#define KEY_BYTES 10 /* family, bytes of the prefix, prefix */

/* A bucket as a time: it was, or will be, full then. A dial moves it by the
 * price of one; it may lie at most a burst ahead. */
struct dialled_host {
	uint8_t key[KEY_BYTES]; /* all zero: a free place */
	uint64_t full_at_ns;
};

struct dial_budget {
	struct dialled_host hosts[SETS][WAYS];
	uint8_t secret[SIPHASH_SECRET_BYTES];
};

/* The debt limit of an account, and the cost of a dial. */
struct price {
	uint64_t dial_ns, most_ns;
};

struct dial_budget *
dial_budget_new(void)
{
	struct dial_budget *b = xcalloc(1, sizeof(*b));

	if (getrandom(b->secret, sizeof(b->secret), 0) != sizeof(b->secret))
		fatal("no random numbers");
	return b;
}

void
dial_budget_free(struct dial_budget *b)
{
	free(b);
}

/* An IPv4-mapped IPv6 address is the IPv4 address. */
static const uint8_t *
address_of(const struct sockaddr *sa, size_t *len)
{
	const struct sockaddr_in6 *in6 = (const void *)sa;

	*len = 4;
	if (sa->sa_family == AF_INET)
		return (const uint8_t *)&(
		    (const struct sockaddr_in *)(const void *)sa)
		    ->sin_addr;
	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return in6->sin6_addr.s6_addr + 12;
	*len = 16;
	return in6->sin6_addr.s6_addr;
}

static struct price
price_of(const uint8_t *address, size_t len, bool is_host)
{
	uint64_t burst =
	    is_host ? DIAL_BUDGET_HOST_BURST : DIAL_BUDGET_NETWORK_BURST;
	struct price p = {
	    is_host ? DIAL_BUDGET_HOST_NS : DIAL_BUDGET_NETWORK_NS, 0};

	p.most_ns = burst * p.dial_ns;
	if (ip_class(address, len) != IP_GLOBAL)
		p.dial_ns /= DIAL_BUDGET_NEAR;
	return p;
}

/* The account of a key; the one that owes least gives way to a new one. */
static struct dialled_host *
host_of(struct dial_budget *b, const uint8_t key[static KEY_BYTES])
{
	struct dialled_host *set =
	    b->hosts[siphash(b->secret, key, KEY_BYTES) % SETS];
	struct dialled_host *least = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (memcmp(set[i].key, key, KEY_BYTES) == 0)
			return &set[i];
		if (set[i].full_at_ns < least->full_at_ns)
			least = &set[i];
	}
	memcpy(least->key, key, KEY_BYTES);
	least->full_at_ns = 0;
	return least;
}

static struct dialled_host *
prefix_of(
    struct dial_budget *b, const uint8_t *address, size_t len, bool is_host)
{
	size_t bytes = len == 4 ? (is_host ? 4 : 3) : (is_host ? 8 : 6);
	uint8_t key[KEY_BYTES] = {(uint8_t)len, (uint8_t)bytes};

	memcpy(key + 2, address, bytes);
	return host_of(b, key);
}

static bool
has_room(struct dialled_host *a, const struct price *p, uint64_t now_ns)
{
	if (a->full_at_ns < now_ns)
		a->full_at_ns = now_ns;
	return a->full_at_ns + p->dial_ns <= now_ns + p->most_ns;
}

bool
dial_budget_take(
    struct dial_budget *b, const struct sockaddr *sa, uint64_t now_ns)
{
	size_t len;
	const uint8_t *address = address_of(sa, &len);
	struct price host = price_of(address, len, true);
	struct price network = price_of(address, len, false);
	struct dialled_host *a = prefix_of(b, address, len, true);

	if (!has_room(a, &host, now_ns))
		return false;
	a->full_at_ns += host.dial_ns;
	/* this may take the place of the other one, if both are in one set */
	a = prefix_of(b, address, len, false);
	if (!has_room(a, &network, now_ns)) {
		a = prefix_of(b, address, len, true);
		if (a->full_at_ns >= host.dial_ns)
			a->full_at_ns -= host.dial_ns;
		return false;
	}
	a->full_at_ns += network.dial_ns;
	return true;
}

static void
give_back(struct dialled_host *a, uint64_t dial_ns, uint64_t now_ns)
{
	a->full_at_ns =
	    a->full_at_ns > now_ns + dial_ns ? a->full_at_ns - dial_ns : now_ns;
}

void
dial_budget_give_back(
    struct dial_budget *b, const struct sockaddr *sa, uint64_t now_ns)
{
	size_t len;
	const uint8_t *address = address_of(sa, &len);

	for (int is_host = 0; is_host <= 1; is_host++)
		give_back(prefix_of(b, address, len, is_host),
		    price_of(address, len, is_host).dial_ns, now_ns);
}
