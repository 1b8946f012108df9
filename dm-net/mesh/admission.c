/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/admission.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/log.h"
#include "common/siphash.h"
#include "dm-net/mesh/rate_table.h"

#define BUCKETS 512

/* The networks that count, and how much more than one source each may hold. */
struct admission_level {
	uint8_t bits, share;
};

static const struct admission_level levels_ip4[] = {{32, 1}, {24, 4}, {0, 0}};
static const struct admission_level levels_ip6[] = {
    {64, 1}, {56, 2}, {48, 4}, {0, 0}};
#define SHARE_MAX 4

/* A source, or a network above it, while somebody there has a place. */
struct admission_holder {
	struct admission_holder *next; /* in its bucket */
	struct admission_holder *above;
	struct netsource id;
	struct admission_level level;
	unsigned count[ADMISSION_TABLES];
	unsigned refs; /* places, and holders below */
};

TAILQ_HEAD(place_list, admission_place);

static const struct limits {
	unsigned all, source;
} limits[ADMISSION_TABLES] = {
    [ADMISSION_HALF_OPEN] = {ADMISSION_HALF_OPEN_MAX,
	ADMISSION_HALF_OPEN_SOURCE_MAX},
    [ADMISSION_KNOWN] = {ADMISSION_KNOWN_MAX, ADMISSION_KNOWN_SOURCE_MAX},
    [ADMISSION_PARKED] = {ADMISSION_PARKED_MAX, ADMISSION_PARKED_SOURCE_MAX},
};

struct admission {
	struct admission_holder *buckets[BUCKETS];
	struct place_list places[ADMISSION_TABLES]; /* oldest first */
	unsigned count[ADMISSION_TABLES];
	struct rate_table *rates, *known_rates;
	struct netsource known[ADMISSION_KNOWN_SOURCES_MAX];
	struct admission_stats stats;
	uint8_t secret[SIPHASH_SECRET_BYTES];
};

struct admission *
admission_new(void)
{
	struct admission *a = xcalloc(1, sizeof(*a));

	if (getrandom(a->secret, sizeof(a->secret), 0) != sizeof(a->secret))
		fatal("cannot get random numbers");
	for (int t = 0; t < ADMISSION_TABLES; t++)
		TAILQ_INIT(&a->places[t]);
	a->rates = rate_table_new(
	    a->secret, ADMISSION_BURST, NS_PER_S / ADMISSION_RATE_PER_S);
	a->known_rates = rate_table_new(a->secret, ADMISSION_KNOWN_BURST,
	    NS_PER_S / ADMISSION_KNOWN_RATE_PER_S);
	return a;
}

/* --- who holds places ------------------------------------------------- */

static struct admission_holder **
bucket(struct admission *a, const struct netsource *id, unsigned bits)
{
	uint8_t key[sizeof(id->bytes) + 1];

	memcpy(key, id->bytes, sizeof(id->bytes));
	key[sizeof(id->bytes)] = (uint8_t)bits;
	return &a->buckets[siphash(a->secret, key, sizeof(key)) % BUCKETS];
}

static struct admission_holder *
hold_level(struct admission *a, const struct netsource *source,
    struct admission_level level)
{
	struct netsource id = netsource_network(source, level.bits);
	struct admission_holder **head = bucket(a, &id, level.bits), *h;

	for (h = *head; h != NULL; h = h->next)
		if (h->level.bits == level.bits &&
		    memcmp(&h->id, &id, sizeof(id)) == 0)
			break;
	if (h == NULL) {
		h = xcalloc(1, sizeof(*h));
		h->id = id;
		h->level = level;
		h->next = *head;
		*head = h;
	}
	h->refs++;
	return h;
}

static void
release(struct admission *a, struct admission_holder *h)
{
	struct admission_holder **p, *above;

	for (; h != NULL && --h->refs == 0; h = above) {
		above = h->above;
		for (p = bucket(a, &h->id, h->level.bits); *p != h;)
			p = &(*p)->next;
		*p = h->next;
		free(h);
	}
}

/* The holder of a source, with those above it; for release(). */
static struct admission_holder *
hold(struct admission *a, const struct netsource *source)
{
	const struct admission_level *l =
	    source->bytes[0] == 4 ? levels_ip4 : levels_ip6;
	struct admission_holder *first = hold_level(a, source, *l), *h = first;

	/* whoever was there already has those above it */
	for (l++; h->above == NULL && l->bits != 0; l++, h = h->above)
		h->above = hold_level(a, source, *l);
	return first;
}

/* The most that one of its networks holds for its size, if it held more. */
static unsigned
greed(const struct admission_holder *h, enum admission_table t, unsigned more)
{
	unsigned most = 0, n;

	for (; h != NULL; h = h->above) {
		n = (h->count[t] + more) * (SHARE_MAX / h->level.share);
		if (n > most)
			most = n;
	}
	return most;
}

/* --- tables ----------------------------------------------------------- */

static void
enter(struct admission *a, struct admission_place *p, enum admission_table t)
{
	TAILQ_INSERT_TAIL(&a->places[t], p, next);
	a->count[t]++;
	for (struct admission_holder *h = p->holder; h != NULL; h = h->above)
		h->count[t]++;
	p->table = t;
}

static void
leave_table(struct admission *a, struct admission_place *p)
{
	TAILQ_REMOVE(&a->places[p->table], p, next);
	a->count[p->table]--;
	for (struct admission_holder *h = p->holder; h != NULL; h = h->above)
		h->count[p->table]--;
	p->table = ADMISSION_NO_TABLE;
}

void
admission_leave(struct admission *a, struct admission_place *p)
{
	if (p->table == ADMISSION_NO_TABLE)
		return;
	leave_table(a, p);
	release(a, p->holder);
	p->holder = NULL;
}

void
admission_move(struct admission *a, struct admission_place *to,
    struct admission_place *from)
{
	enum admission_table t = from->table;

	to->holder = from->holder;
	to->source = from->source;
	to->since_ns = from->since_ns;
	to->has_spoken = from->has_spoken;
	to->table = t;
	TAILQ_INSERT_BEFORE(from, to, next);
	TAILQ_REMOVE(&a->places[t], from, next);
	from->table = ADMISSION_NO_TABLE;
	from->holder = NULL;
}

/* When its fair time is over; the parked have spoken for a place in a queue. */
static uint64_t
due_ns(const struct admission_place *p)
{
	if (p->table == ADMISSION_PARKED)
		return p->has_spoken ? UINT64_MAX : p->since_ns;
	return p->since_ns +
	       (p->has_spoken ? ADMISSION_FAIR_NS : ADMISSION_FAIR_SILENT_NS);
}

/* The list has the oldest first: of two alike the first goes. */
static bool
is_worse(const struct admission_place *p, const struct admission_place *than,
    enum admission_table t)
{
	unsigned a = greed(p->holder, t, 0), b = greed(than->holder, t, 0);

	if (a != b)
		return a > b;
	a = p->holder->count[t];
	b = than->holder->count[t];
	if (a != b)
		return a > b;
	return due_ns(p) < due_ns(than);
}

/* Of that source, or of all with NULL. */
static struct admission_place *
worst(struct admission *a, enum admission_table t,
    const struct admission_holder *of)
{
	struct admission_place *p, *found = NULL;

	TAILQ_FOREACH(p, &a->places[t], next)
		if ((of == NULL || p->holder == of) &&
		    (found == NULL || is_worse(p, found, t)))
			found = p;
	return found;
}

/* May it go for one more of h? */
static bool
may_go(const struct admission_place *p, const struct admission_holder *h,
    uint64_t now_ns)
{
	return due_ns(p) <= now_ns ||
	       (p->holder != h &&
		   greed(h, p->table, 1) < greed(p->holder, p->table, 0));
}

/*
 * Is there a place in that table for one more of h? If another has to go for
 * it, that is *out, else NULL.
 */
static bool
find_room(struct admission *a, enum admission_table t,
    const struct admission_holder *h, uint64_t now_ns,
    struct admission_place **out)
{
	bool is_own = h->count[t] >= limits[t].source;

	*out = NULL;
	if (!is_own && a->count[t] < limits[t].all)
		return true;
	*out = worst(a, t, is_own ? h : NULL);
	return may_go(*out, h, now_ns);
}

/* Its place is h's; its owner is still to be told. */
static void
evict(struct admission *a, struct admission_place *p,
    const struct admission_holder *h)
{
	if (h->count[p->table] >= limits[p->table].source)
		a->stats.dropped_of_source++;
	else
		a->stats.dropped_of_all++;
	admission_leave(a, p);
}

/* --- rates, and who is known ------------------------------------------ */

static struct netsource *
known_slot(struct admission *a, const struct netsource *id)
{
	uint64_t h = siphash(a->secret, id->bytes, sizeof(id->bytes));

	return &a->known[h % ADMISSION_KNOWN_SOURCES_MAX];
}

void
admission_know(struct admission *a, const struct netsource *id)
{
	if (id->bytes[0] != 0)
		*known_slot(a, id) = *id;
}

bool
admission_is_known(struct admission *a, const struct netsource *id)
{
	return memcmp(known_slot(a, id), id, sizeof(*id)) == 0;
}

/* --- arrivals --------------------------------------------------------- */

/* Takes a place, and another's if that is needed and it may; not in a table
 * for which there is no token. */
static bool
take(struct admission *a, struct admission_place *p, enum admission_table t,
    struct rate_table *rates, bool may_drop, uint64_t now_ns)
{
	struct admission_place *other;

	if (!find_room(a, t, p->holder, now_ns, &other) ||
	    (other != NULL && !may_drop) ||
	    (rates != NULL && !rate_table_take(rates, &p->source, now_ns)))
		return false;
	if (other != NULL)
		evict(a, other, p->holder);
	if (p->table != ADMISSION_NO_TABLE)
		leave_table(a, p);
	p->since_ns = now_ns;
	enter(a, p, t);
	if (other != NULL)
		other->drop(other);
	return true;
}

static bool
take_known(struct admission *a, struct admission_place *p, bool may_drop,
    uint64_t now_ns)
{
	return admission_is_known(a, &p->source) &&
	       take(a, p, ADMISSION_KNOWN, a->known_rates, may_drop, now_ns);
}

enum admission_answer
admission_arrive(struct admission *a, struct admission_place *p,
    const struct netsource *id, bool has_room, uint64_t now_ns)
{
	p->source = *id;
	p->holder = hold(a, id);
	/* those that wait go first */
	if (has_room && p->holder->count[ADMISSION_PARKED] == 0 &&
	    take(a, p, ADMISSION_HALF_OPEN, a->rates, true, now_ns))
		return ADMISSION_ADMIT;
	if (take_known(a, p, true, now_ns))
		return ADMISSION_ADMIT;
	if (take(a, p, ADMISSION_PARKED, NULL, true, now_ns))
		return ADMISSION_PARK;
	release(a, p->holder);
	p->holder = NULL;
	a->stats.refused++;
	return ADMISSION_REFUSE;
}

bool
admission_unpark(struct admission *a, struct admission_place *p, bool has_room,
    uint64_t now_ns)
{
	bool may_drop = p->has_spoken;

	if (has_room &&
	    take(a, p, ADMISSION_HALF_OPEN, a->rates, may_drop, now_ns))
		return true;
	return take_known(a, p, may_drop, now_ns);
}

void
admission_spoke(struct admission_place *p)
{
	p->has_spoken = true;
}

const struct admission_stats *
admission_stats(const struct admission *a)
{
	return &a->stats;
}

void
admission_free(struct admission *a)
{
	struct admission_place *p;

	if (a == NULL)
		return;
	for (int t = 0; t < ADMISSION_TABLES; t++)
		while ((p = TAILQ_FIRST(&a->places[t])) != NULL)
			admission_leave(a, p);
	rate_table_free(a->rates);
	rate_table_free(a->known_rates);
	free(a);
}
