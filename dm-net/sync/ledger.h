/* SPDX-License-Identifier: ISC */
/*
 * The costs that others have caused on this node: one account for each source,
 * over all of its connections. Costs are nanoseconds of CPU, measured or
 * estimated, of work that has brought nothing (yet): handshakes, signatures to
 * check, records, refused entries. An account may owe LEDGER_BURST_NS and pays
 * back LEDGER_SHARE_NS a second; a source that owes all of that gets no more
 * work done.
 *
 * A source is an IPv4 address or an IPv6 /64. The networks above it (/24; /56
 * and /48) have accounts with larger shares, so that many addresses of one
 * owner are not as many shares. A peer that the configuration names has an
 * account of its own, by its id, and pays for no neighbour.
 *
 * The tables have a fixed size. Where there is no room the account that owes
 * least makes room, and who takes its place takes over what it owes: nobody
 * gets rid of a debt by filling the table. It would be a way to be forgotten
 * otherwise.
 *
 * Pure: the owner has the clock, one that never steps ("now_ns").
 */
#ifndef DMNET_SYNC_LEDGER_H
#define DMNET_SYNC_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/siphash.h"
#include "dm-net/libp2p/peer_id.h"
#include "dm-net/sync/netsource.h"

/* A tenth of a core, and a second of it at once. */
#define LEDGER_SHARE_NS (NS_PER_S / 10)
#define LEDGER_BURST_NS NS_PER_S
/* The most that is ever held against an account: a minute of its share. */
#define LEDGER_DEBT_MAX_NS (60 * LEDGER_SHARE_NS)

/* The costs of work that is not measured, rounded up. */
#define LEDGER_COST_HANDSHAKE (2 * NS_PER_MS) /* of TLS; before it begins */
#define LEDGER_COST_SIGNATURE (NS_PER_MS / 4) /* an entry, in dm-store */
#define LEDGER_COST_RECORD (NS_PER_MS / 5)    /* a peer record */
#define LEDGER_COST_ENTRY (NS_PER_MS / 200)   /* refused without a signature */
#define LEDGER_COST_SUSPECT NS_PER_MS	      /* and each MiB that is read */
/* Not work, but what broken rules are worth: a hundred at once, ten a second.
 */
#define LEDGER_COST_OFFENCE (10 * NS_PER_MS)

#define LEDGER_SOURCES_MAX 4096 /* with the networks above them */
#define LEDGER_PEERS_MAX 1024
#define LEDGER_SHUNNED_MAX 1024

enum ledger_kind {
	LEDGER_HANDSHAKE,
	LEDGER_SIGNATURE,
	LEDGER_RECORD,
	LEDGER_ENTRY,
	LEDGER_SUSPECT,
	LEDGER_OFFENCE,
	LEDGER_KINDS
};

/* "handshake", ... */
const char *ledger_kind_name(enum ledger_kind);

/* The source that pays. */
struct ledger_who {
	struct netsource source;
	bool has_account; /* of its own, which pays instead of the source */
	struct peer_id peer;
};

struct ledger;

/* The secret is random bytes, chosen anew at each start. */
struct ledger *ledger_new(const uint8_t secret[static SIPHASH_SECRET_BYTES]);
void ledger_free(struct ledger *);

/* Is there room for that cost? Before work that will be charged. */
bool ledger_has_room(const struct ledger *, const struct ledger_who *,
    uint64_t cost_ns, uint64_t now_ns);

/* Before work: charges it and returns true, or counts that it was refused. */
bool ledger_take(struct ledger *, const struct ledger_who *, enum ledger_kind,
    uint64_t cost_ns, uint64_t now_ns);

/* After work that was done: charged in any case. */
void ledger_charge(struct ledger *, const struct ledger_who *, enum ledger_kind,
    uint64_t cost_ns, uint64_t now_ns);

/* The work was worth it: what was taken is not owed. */
void ledger_give_back(struct ledger *, const struct ledger_who *,
    enum ledger_kind, uint64_t cost_ns, uint64_t now_ns);

/* Something was refused by other means for want of room. */
void ledger_refused(struct ledger *, const struct ledger_who *,
    enum ledger_kind, uint64_t now_ns);

/* Its debt, of LEDGER_BURST_NS; without the networks above it. */
uint64_t ledger_owes(
    const struct ledger *, const struct ledger_who *, uint64_t now_ns);

/* This identity broke rules: it is not let in before that time. When the table
 * is full the one whose time is over first makes room. */
void ledger_shun(struct ledger *, const struct peer_id *, uint64_t until_ns);
bool ledger_is_shunned(
    const struct ledger *, const struct peer_id *, uint64_t now_ns);

/* --- for people ------------------------------------------------------- */

struct ledger_stats {
	uint64_t cost_ns[LEDGER_KINDS]; /* charged, less what was given back */
	uint64_t refused[LEDGER_KINDS]; /* times */
};

const struct ledger_stats *ledger_stats(const struct ledger *);

/* The account that owes most of those that were refused something. */
struct ledger_worst {
	bool is_peer;
	struct netsource source; /* the first bits of it */
	unsigned bits;
	struct peer_id peer;
	enum ledger_kind kind; /* refused last */
	uint64_t refused;      /* times, since it last owed nothing */
	uint64_t cost_ns;      /* likewise */
};

/* "192.0.2.1 (signature: 312 times refused, 4.1s of CPU)" */
#define LEDGER_WORST_TEXT_SIZE (PEER_ID_TEXT_SIZE + 100)
const char *ledger_worst_text(
    const struct ledger_worst *, char out[static LEDGER_WORST_TEXT_SIZE]);

/* False: nobody is being limited. */
bool ledger_worst(
    const struct ledger *, uint64_t now_ns, struct ledger_worst *);

#endif
