/* SPDX-License-Identifier: ISC */
#include "dm-net/sync/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

/*
 * A debt is kept as the time when it will be paid back: charging moves that
 * time, and nothing has to be done while it passes. A larger share moves it
 * less.
 */
#define NS_PER_COST (NS_PER_S / LEDGER_SHARE_NS)
#define BURST_TIME_NS (LEDGER_BURST_NS * NS_PER_COST)
#define DEBT_TIME_MAX_NS (LEDGER_DEBT_MAX_NS * NS_PER_COST)

#define PLACES 8 /* of a set: a key has one of these */

/* The networks that an account is charged for, narrowest first. */
static const struct level {
	uint8_t bits;
	uint64_t shares;
} levels4[] = {{32, 1}, {24, 4}}, levels6[] = {{64, 1}, {56, 2}, {48, 4}},
  level_peer = {0, 1};

/* Bytes only, as it is compared and hashed as bytes. */
struct key {
	uint8_t bits; /* of source; 0: peer */
	struct netsource source;
	struct peer_id peer;
};

struct account {
	struct key key;
	uint64_t clear_at_ns; /* owes nothing from then on; 0: free */
	uint64_t refused, cost_ns;
	enum ledger_kind kind;
};

struct table {
	size_t sets;
	struct account *accounts;
};

struct ledger {
	struct table sources, peers, shunned;
	struct ledger_stats stats;
	uint8_t secret[SIPHASH_SECRET_BYTES];
};

static const char *const names[LEDGER_KINDS] = {
    [LEDGER_HANDSHAKE] = "handshake",
    [LEDGER_SIGNATURE] = "signature",
    [LEDGER_RECORD] = "record",
    [LEDGER_ENTRY] = "entry",
    [LEDGER_SUSPECT] = "suspect",
    [LEDGER_OFFENCE] = "offence",
};

const char *
ledger_kind_name(enum ledger_kind kind)
{
	return names[kind];
}

static void
table_init(struct table *t, size_t accounts)
{
	t->sets = accounts / PLACES;
	t->accounts = xcalloc(accounts, sizeof(*t->accounts));
}

struct ledger *
ledger_new(const uint8_t secret[static SIPHASH_SECRET_BYTES])
{
	struct ledger *l = xcalloc(1, sizeof(*l));

	memcpy(l->secret, secret, sizeof(l->secret));
	table_init(&l->sources, LEDGER_SOURCES_MAX);
	table_init(&l->peers, LEDGER_PEERS_MAX);
	table_init(&l->shunned, LEDGER_SHUNNED_MAX);
	return l;
}

void
ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	free(l->sources.accounts);
	free(l->peers.accounts);
	free(l->shunned.accounts);
	free(l);
}

/* --- accounts --------------------------------------------------------- */

static struct account *
set_of(const struct ledger *l, const struct table *t, const struct key *key)
{
	uint64_t h = siphash(l->secret, key, sizeof(*key));

	return &t->accounts[h % t->sets * PLACES];
}

/* The account; failing that, the one of its set that owes least. */
static struct account *
look(const struct ledger *l, const struct table *t, const struct key *key)
{
	struct account *set = set_of(l, t, key), *least = set;

	for (size_t i = 0; i < PLACES; i++) {
		if (set[i].clear_at_ns != 0 &&
		    memcmp(&set[i].key, key, sizeof(*key)) == 0)
			return &set[i];
		if (set[i].clear_at_ns < least->clear_at_ns)
			least = &set[i];
	}
	return least;
}

static bool
is_of(const struct account *a, const struct key *key)
{
	return a->clear_at_ns != 0 && memcmp(&a->key, key, sizeof(*key)) == 0;
}

/* How long until it owes nothing. One that is not in the table may have been:
 * it then owed no more than the least of its set does now. */
static uint64_t
wait_ns(const struct account *a, uint64_t now_ns)
{
	return a->clear_at_ns > now_ns ? a->clear_at_ns - now_ns : 0;
}

static struct account *
open_account(const struct ledger *l, const struct table *t,
    const struct key *key, uint64_t now_ns)
{
	struct account *a = look(l, t, key);

	if (!is_of(a, key) || a->clear_at_ns <= now_ns) {
		a->key = *key;
		a->refused = a->cost_ns = 0;
	}
	if (a->clear_at_ns < now_ns)
		a->clear_at_ns = now_ns;
	return a;
}

/* --- who pays --------------------------------------------------------- */

static struct key
key_of(const struct ledger_who *who, uint8_t bits)
{
	struct key key = {.bits = bits};

	if (bits == 0)
		key.peer = who->peer;
	else
		key.source = netsource_network(&who->source, bits);
	return key;
}

/* All of these pay; returns how many. */
static size_t
levels_of(const struct ledger_who *who, const struct level **out)
{
	*out = &level_peer;
	if (who->has_account)
		return 1;
	*out = who->source.bytes[0] == 4 ? levels4 : levels6;
	return who->source.bytes[0] == 4 ? sizeof(levels4) / sizeof(*levels4)
					 : sizeof(levels6) / sizeof(*levels6);
}

static const struct table *
table_of(const struct ledger *l, const struct ledger_who *who)
{
	return who->has_account ? &l->peers : &l->sources;
}

static uint64_t
time_of(const struct level *level, uint64_t cost_ns)
{
	if (cost_ns > LEDGER_DEBT_MAX_NS)
		cost_ns = LEDGER_DEBT_MAX_NS;
	return cost_ns * NS_PER_COST / level->shares;
}

/* The first level that has no room for it; NULL: there is room. */
static const struct level *
full_level(const struct ledger *l, const struct ledger_who *who,
    uint64_t cost_ns, uint64_t now_ns)
{
	const struct table *t = table_of(l, who);
	const struct level *levels;
	size_t n = levels_of(who, &levels);

	for (size_t i = 0; i < n; i++) {
		struct key key = key_of(who, levels[i].bits);

		if (wait_ns(look(l, t, &key), now_ns) +
			time_of(&levels[i], cost_ns) >
		    BURST_TIME_NS)
			return &levels[i];
	}
	return NULL;
}

/* --- the interface ---------------------------------------------------- */

bool
ledger_has_room(const struct ledger *l, const struct ledger_who *who,
    uint64_t cost_ns, uint64_t now_ns)
{
	return full_level(l, who, cost_ns, now_ns) == NULL;
}

void
ledger_charge(struct ledger *l, const struct ledger_who *who,
    enum ledger_kind kind, uint64_t cost_ns, uint64_t now_ns)
{
	const struct level *levels;
	size_t n = levels_of(who, &levels);

	l->stats.cost_ns[kind] += cost_ns;
	for (size_t i = 0; i < n; i++) {
		struct key key = key_of(who, levels[i].bits);
		struct account *a =
		    open_account(l, table_of(l, who), &key, now_ns);

		a->cost_ns += cost_ns;
		a->clear_at_ns += time_of(&levels[i], cost_ns);
		if (a->clear_at_ns > now_ns + DEBT_TIME_MAX_NS)
			a->clear_at_ns = now_ns + DEBT_TIME_MAX_NS;
	}
}

static void
note_refused(struct ledger *l, const struct ledger_who *who,
    const struct level *level, enum ledger_kind kind, uint64_t now_ns)
{
	struct key key = key_of(who, level->bits);
	struct account *a = open_account(l, table_of(l, who), &key, now_ns);

	l->stats.refused[kind]++;
	a->refused++;
	a->kind = kind;
}

bool
ledger_take(struct ledger *l, const struct ledger_who *who,
    enum ledger_kind kind, uint64_t cost_ns, uint64_t now_ns)
{
	const struct level *full = full_level(l, who, cost_ns, now_ns);

	if (full != NULL) {
		note_refused(l, who, full, kind, now_ns);
		return false;
	}
	ledger_charge(l, who, kind, cost_ns, now_ns);
	return true;
}

void
ledger_refused(struct ledger *l, const struct ledger_who *who,
    enum ledger_kind kind, uint64_t now_ns)
{
	const struct level *levels;

	levels_of(who, &levels);
	note_refused(l, who, &levels[0], kind, now_ns);
}

void
ledger_give_back(struct ledger *l, const struct ledger_who *who,
    enum ledger_kind kind, uint64_t cost_ns, uint64_t now_ns)
{
	const struct level *levels;
	size_t n = levels_of(who, &levels);

	l->stats.cost_ns[kind] -=
	    cost_ns < l->stats.cost_ns[kind] ? cost_ns : l->stats.cost_ns[kind];
	for (size_t i = 0; i < n; i++) {
		struct key key = key_of(who, levels[i].bits);
		struct account *a = look(l, table_of(l, who), &key);
		uint64_t time_ns = time_of(&levels[i], cost_ns);

		if (!is_of(a, &key))
			continue;
		a->cost_ns -= cost_ns < a->cost_ns ? cost_ns : a->cost_ns;
		a->clear_at_ns = wait_ns(a, now_ns) > time_ns
				     ? a->clear_at_ns - time_ns
				     : now_ns;
	}
}

uint64_t
ledger_owes(
    const struct ledger *l, const struct ledger_who *who, uint64_t now_ns)
{
	const struct table *t = table_of(l, who);
	const struct level *levels;
	struct key key;

	levels_of(who, &levels);
	key = key_of(who, levels[0].bits);
	return wait_ns(look(l, t, &key), now_ns) / NS_PER_COST;
}

/* --- identities that are not let in ----------------------------------- */

void
ledger_shun(struct ledger *l, const struct peer_id *peer, uint64_t until_ns)
{
	struct ledger_who who = {.has_account = true, .peer = *peer};
	struct key key = key_of(&who, 0);
	struct account *a = look(l, &l->shunned, &key);

	if (is_of(a, &key) && a->clear_at_ns > until_ns)
		return;
	a->key = key;
	a->clear_at_ns = until_ns;
}

bool
ledger_is_shunned(
    const struct ledger *l, const struct peer_id *peer, uint64_t now_ns)
{
	struct ledger_who who = {.has_account = true, .peer = *peer};
	struct key key = key_of(&who, 0);
	const struct account *a = look(l, &l->shunned, &key);

	return is_of(a, &key) && a->clear_at_ns > now_ns;
}

/* --- for people ------------------------------------------------------- */

const struct ledger_stats *
ledger_stats(const struct ledger *l)
{
	return &l->stats;
}

static const struct account *
worst_of(const struct table *t, const struct account *worst, uint64_t now_ns)
{
	for (size_t i = 0; i < t->sets * PLACES; i++) {
		const struct account *a = &t->accounts[i];

		if (a->refused > 0 && a->clear_at_ns > now_ns &&
		    (worst == NULL || a->clear_at_ns > worst->clear_at_ns))
			worst = a;
	}
	return worst;
}

bool
ledger_worst(const struct ledger *l, uint64_t now_ns, struct ledger_worst *out)
{
	const struct account *a = worst_of(&l->sources, NULL, now_ns);

	a = worst_of(&l->peers, a, now_ns);
	if (a == NULL)
		return false;
	*out = (struct ledger_worst){.is_peer = a->key.bits == 0,
	    .source = a->key.source,
	    .bits = a->key.bits,
	    .peer = a->key.peer,
	    .kind = a->kind,
	    .refused = a->refused,
	    .cost_ns = a->cost_ns};
	return true;
}

const char *
ledger_worst_text(
    const struct ledger_worst *worst, char out[static LEDGER_WORST_TEXT_SIZE])
{
	char whom[PEER_ID_TEXT_SIZE + NETSOURCE_TEXT_SIZE];
	uint64_t tenths = worst->cost_ns / (NS_PER_S / 10);

	if (worst->is_peer)
		peer_id_format(&worst->peer, whom);
	else
		netsource_text(&worst->source, worst->bits, whom);
	snprintf(out, LEDGER_WORST_TEXT_SIZE,
	    "%s (%s: %llu times refused, %llu.%llus of CPU)", whom,
	    ledger_kind_name(worst->kind), (unsigned long long)worst->refused,
	    (unsigned long long)tenths / 10, (unsigned long long)tenths % 10);
	return out;
}
