/* SPDX-License-Identifier: ISC */
/*
 * The sync core: how a version reaches every node. It owns the table of
 * peers, the replica of the index (a Merkle trie of the winners), the queues
 * of announcements, the table of wanted versions and the schedule of fetches.
 *
 * It is pure: events come in by calls, actions come out of sync_next(). It
 * has no clock, no socket, no I/O, no global state and no randomness but from
 * the seed it is given. dm-net drives it with libevent; tests/sim drives many
 * of them in virtual time. Content never passes through it, but for the at
 * most 2 KiB that ride with an announcement.
 *
 * How it is driven, once a turn of the loop:
 *
 *	sync_tick(s, mono, wall);		first: it sets the time
 *	... any event calls ...
 *	while (sync_next(s, &action))		until it is empty
 *		... do it; event calls are fine here ...
 *	arm a timer for sync_deadline(s);
 *
 * Nothing calls back. Pointers in an action and in results of look-ups are
 * valid until the next call of any sync_ function. Times are nanoseconds:
 * `mono` from a clock that never steps, `wall` since 1970.
 */
#ifndef DMNET_SYNC_SYNC_H
#define DMNET_SYNC_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/entry.h"
#include "common/limits.h"
#include "common/verdict.h"
#include "dm-net/libp2p/peer_id.h"
#include "dm-net/sync/file_wire.h"
#include "dm-net/sync/ledger.h"

struct sync;

#define SYNC_PROTOCOL "/data-mesher/sync/1.0.0"
#define SYNC_VERSION 1
#define SYNC_MESSAGE_MAX                                                  \
	(128u << 10)		  /* bytes of a message, its length apart \
				   */
#define SYNC_PULL_MIN (64u << 10) /* least room for sync_pull() */
#define SYNC_ADDR_MAX 256	  /* bytes of a binary multiaddr */
#define SYNC_ADDRS_MAX 16	  /* kept of one peer */
#define SYNC_RECORD_MAX 1024	  /* bytes of a signed peer record */
#define SYNC_AGENT_MAX 64
#define SYNC_SMALL_MAX \
	(64u << 10) /* content that goes over the shared stream */

/* A binary multiaddr, without /p2p. */
struct sync_addr {
	uint16_t len;
	uint8_t bytes[SYNC_ADDR_MAX];
};

/* The facts of a signed peer record. */
struct sync_record {
	struct peer_id peer;
	uint64_t seq;
	size_t addr_count;
	struct sync_addr addrs[SYNC_ADDRS_MAX];
};

/*
 * Opens a signed peer record: true if its signature and form are good. A pure
 * function; the one thing the core calls out for.
 */
typedef bool sync_record_open_fn(
    const uint8_t *bytes, size_t len, struct sync_record *out);

struct sync_settings {
	struct peer_id self;
	const char *agent; /* shown to peers; copied, cut at SYNC_AGENT_MAX */
	uint64_t start;	   /* random, anew at each start of the process */
	uint8_t seed[32];  /* for random choices, and for hashes */
	size_t peers_max;  /* connections, both ways, until the first commit */
	size_t dialled_target; /* 0: the default, 12 */
	sync_record_open_fn *record_open;
	/* Whom work is charged to; outlives the core. NULL: the core has its
	 * own. */
	struct ledger *ledger;
};

struct sync *sync_new(const struct sync_settings *);
void sync_free(struct sync *);

/* --- time ------------------------------------------------------------- */

/* 2026-01-01: an earlier wall clock has not been set yet. */
#define SYNC_CLOCK_FLOOR_NS (1767225600 * NS_PER_S)

/* Sets the time, and does what is due if the deadline has passed. */
void sync_tick(struct sync *, uint64_t mono_ns, uint64_t wall_ns);

/* When sync_tick() has something to do (mono). Moves with every event. */
uint64_t sync_deadline(const struct sync *);

/* --- configuration: a reload is atomic -------------------------------- */

struct sync_config {
	bool has_network;
	uint8_t network[32];
	uint64_t interval_ns;	/* push_pull_interval */
	uint64_t clock_skew_ns; /* max_clock_skew */
	uint64_t file_size_max;
	size_t peers_max; /* max_peers: connections, both ways; 0: as before */
};

/* Starts a new configuration; nothing changes before the commit. */
void sync_config_begin(struct sync *, const struct sync_config *);
/* A name or pattern of [files]; it is valid (name.h). */
void sync_config_name(struct sync *, const char *pattern);
/* A bootstrap peer (addr: without /p2p) or an allowed one. */
void sync_config_bootstrap(
    struct sync *, const struct peer_id *, const struct sync_addr *addr);
void sync_config_allowed(struct sync *, const struct peer_id *);
/* Takes it into use; generation differs from every earlier one. */
void sync_config_commit(struct sync *, uint64_t generation);

/* --- the store -------------------------------------------------------- */

/* The replica starts anew: at first, and after a restart of dm-store. */
void sync_index_begin(struct sync *);
/* One winner; kind, version and signed_at in rank. Any order. */
void sync_index_row(struct sync *, const uint8_t key[static 16],
    const struct entry_rank *, uint64_t size);
/* All rows are there: walks and announcements may start. */
void sync_index_complete(struct sync *);

/* dm-store is gone: judgements, tickets, reads and puts are void. The driver
 * ends running fetches itself and does not report them. */
void sync_store_lost(struct sync *);

/*
 * A new winner. is_origin: it was uploaded here, so content (at most
 * IPC_INLINE_MAX bytes; NULL for none) is announced along with it. Index rows
 * and winners may arrive mixed: the greater stays.
 */
void sync_store_entry(struct sync *, const struct entry *, bool is_origin,
    const uint8_t *content, size_t len);

/* The winner of key is no longer one and nothing took its place. */
void sync_store_retract(struct sync *, const uint8_t key[static 16]);

/* The store follows the newest configuration: what it refused before is asked
 * for and judged again. Our own may have been committed before it. */
void sync_store_configured(struct sync *);

/* Answers SYNC_JUDGE; ticket is meaningful with VERDICT_FETCH only. */
void sync_judged(struct sync *, uint64_t id, enum verdict, uint64_t ticket);

/* Answers SYNC_READ; NULL: no winner of this key. */
void sync_read_done(struct sync *, uint64_t id, const struct entry *);

/* Answers SYNC_PUT_INLINE: VERDICT_CREATED, ..., or why not. */
void sync_put_done(struct sync *, uint64_t id, enum verdict);

/* The store holds a record whose content it lacks, and wants it. */
void sync_store_wants(struct sync *, const uint8_t key[static 16],
    const struct entry_rank *, uint64_t size, uint64_t ticket);

/* --- connections ------------------------------------------------------ */

/*
 * A connection is up and its peer id verified. conn is the driver's, never
 * used twice. Open an outgoing sync stream and pull; the hello is first.
 * addr: the remote address, NULL if unknown.
 */
void sync_connected(struct sync *, uint64_t conn, const struct peer_id *,
    bool is_outbound, const struct sync_addr *addr);

/* It ended, whoever ended it (after SYNC_CLOSE too). Its fetches are void: the
 * driver does not report them. */
void sync_disconnected(struct sync *, uint64_t conn);

/* Answers SYNC_DIAL when no address led to a connection. */
void sync_dial_failed(struct sync *, const struct peer_id *);

/* A connection with this peer, its id verified, is ending because the peer
 * broke the rules of what lies below; before sync_disconnected(). It is neither
 * dialled nor, by the ledger, let in for a while, longer each time. */
void sync_misbehaved(
    struct sync *, const struct peer_id *, const struct netsource *);

/* Does the configuration name this peer? */
bool sync_is_trusted(const struct sync *, const struct peer_id *);

/* Round-trip time of the last ping. */
void sync_rtt(struct sync *, uint64_t conn, uint64_t rtt_ns);

/*
 * Bytes arrived on the peer's sync stream; takes them all. Hostile bytes cause
 * a SYNC_CLOSE; bytes of a connection that is being closed are ignored.
 */
void sync_recv(struct sync *, uint64_t conn, const uint8_t *bytes, size_t len);

/*
 * Fills buf with whole messages for our sync stream to conn; size is at least
 * SYNC_PULL_MIN. Returns the bytes written; 0: nothing now, a SYNC_WANT_WRITE
 * will tell. Call it when the stream has room, not earlier: what waits here is
 * coalesced.
 */
size_t sync_pull(struct sync *, uint64_t conn, uint8_t *buf, size_t size);

/* An interface or route came or went: back-off starts anew. */
void sync_network_changed(struct sync *);

/* Our own signed peer record, at most SYNC_RECORD_MAX bytes; replaces. */
void sync_own_record(struct sync *, const uint8_t *bytes, size_t len);

/* The peer's record, which came with identify over the connection. */
void sync_peer_record(
    struct sync *, uint64_t conn, const uint8_t *bytes, size_t len);

/* A peer remembered by the store; untrusted. last_success: wall, 0 never. */
void sync_hint(struct sync *, const struct peer_id *, const struct sync_addr *,
    uint64_t last_success_ns);

/* --- fetches: the driver moves the bytes ------------------------------ */

enum sync_fetch_end {
	SYNC_FETCH_PUT,	    /* all sent to the store; verdict is its result */
	SYNC_FETCH_GONE,    /* peer answered: not held (1) */
	SYNC_FETCH_BUSY,    /* peer answered: busy (2) */
	SYNC_FETCH_HOSTILE, /* malformed answer, bad offset, size not as signed
			     */
	SYNC_FETCH_BROKEN,  /* the stream ended early, or could not open */
};

/* Bytes of content so far; the first call may be with 0, at the answer. */
void sync_fetch_progress(struct sync *, uint64_t fetch, uint64_t bytes);

/* Its end, once; not after SYNC_FETCH_CANCEL. The ticket lives on unless the
 * verdict is that it was stored. */
void sync_fetch_done(
    struct sync *, uint64_t fetch, enum sync_fetch_end, enum verdict);

/* --- serving ---------------------------------------------------------- */

/*
 * A peer asks for content: what is it answered? Current, or replaced less than
 * a minute ago; 4 large ones at once. On OK *size is the file's, and the driver
 * opens (key, version) at the store, answers, and calls sync_serve_done() at
 * the end, also when the connection ended.
 */
enum file_status sync_serve(struct sync *, const uint8_t key[static 16],
    const uint8_t version[static 32], uint64_t offset, uint64_t *size);
void sync_serve_done(struct sync *, uint64_t size);
/* The content is on its way to the peer of this connection, whose word that it
 * is bad counts from now. */
void sync_served(struct sync *, uint64_t conn, const uint8_t key[static 16],
    const uint8_t version[static 32]);

/* --- actions ---------------------------------------------------------- */

enum sync_close {	    /* why; the names are shown to people */
	SYNC_CLOSE_HOSTILE, /* log the line; peer and address back off */
	SYNC_CLOSE_SURPLUS, /* more than we hold, a duplicate, or full */
	SYNC_CLOSE_BYE,	    /* the peer said good-bye */
	SYNC_CLOSE_SILENT,  /* no hello in time */
	SYNC_CLOSE_NETWORK, /* of another network */
};

enum sync_action_type {
	SYNC_DIAL,  /* peer, addrs: try them; answered by connected/failed */
	SYNC_CLOSE, /* conn, reason, text; answered by disconnected */
	SYNC_WANT_WRITE,   /* conn: call sync_pull() when there is room */
	SYNC_JUDGE,	   /* id, entry: answered by sync_judged() */
	SYNC_READ,	   /* id, key: the winner's entry; sync_read_done() */
	SYNC_PUT_INLINE,   /* id, conn, ticket, content: sync_put_done() */
	SYNC_FETCH_START,  /* fetch ... : progress and done */
	SYNC_FETCH_CANCEL, /* id: stop, abort the put, no report; an id not
			    * started: nothing */
	SYNC_TICKET_DROP,  /* ticket: no longer of use */
	SYNC_SCRUB,	   /* key, version: a peer got bad content from us */
	SYNC_REFUSED,	   /* conn, entry, verdict: for the log */
	SYNC_HINTS,	   /* the table of peers changed: sync_hints_list() */
};

struct sync_action {
	enum sync_action_type type;
	uint64_t conn;
	uint64_t id; /* of the judgement, read, put or fetch */
	uint64_t ticket;
	const struct entry *entry;
	const uint8_t *key;	/* 16 bytes */
	const uint8_t *version; /* 32 bytes */
	const uint8_t *content;
	size_t content_len;
	uint64_t offset; /* where to start in the file */
	uint64_t size;	 /* of the whole file, as signed */
	bool is_large;	 /* a stream of its own, else the shared one */
	const struct peer_id *peer;
	bool is_trusted; /* the peer: the configuration names it */
	const struct sync_addr *addrs;
	size_t addr_count;
	enum verdict verdict;
	enum sync_close reason;
	const char *text; /* of SYNC_CLOSE: a few words for the log */
};

/* The next thing to do; false: none. */
bool sync_next(struct sync *, struct sync_action *);

/* --- questions -------------------------------------------------------- */

struct sync_row {
	uint8_t key[16];
	struct entry_rank rank;
	uint64_t size;
};

/* The winner of key in the replica; false: none. */
bool sync_lookup(
    const struct sync *, const uint8_t key[static 16], struct sync_row *);

bool sync_index_is_complete(const struct sync *);
size_t sync_index_count(const struct sync *);
/* The memory that it takes, about. */
size_t sync_index_bytes(const struct sync *);

enum sync_peer_state {
	SYNC_PEER_IDLE, /* known, not connected; next_dial_ns says when */
	SYNC_PEER_DIALLING,
	SYNC_PEER_GREETING, /* connected, no hello yet */
	SYNC_PEER_UP,
};

struct sync_peer_info {
	struct peer_id peer;
	enum sync_peer_state state;
	bool is_outbound;
	bool is_bootstrap;
	bool is_synced;		  /* see dmctl(8), peers */
	uint64_t conn;		  /* 0: none */
	uint64_t since_ns;	  /* mono, of the connection */
	uint64_t rtt_ns;	  /* 0: unknown */
	uint64_t count;		  /* winners the peer said it holds */
	uint64_t last_success_ns; /* wall, 0: never */
	uint32_t failures;
	struct sync_addr addr; /* of the connection, or the first known */
	const char *agent;     /* "" before its hello; outside text */
};

/* Peers one by one: *cursor starts at 0. False at the end. */
bool sync_peers(const struct sync *, size_t *cursor, struct sync_peer_info *);

struct sync_hint {
	struct peer_id peer;
	struct sync_addr addr;
	uint64_t last_success_ns;
};

/* Peers worth remembering, best first; returns how many of at most max. */
size_t sync_hints_list(const struct sync *, struct sync_hint *, size_t max);

struct sync_stats {
	uint64_t bytes_in, bytes_out;		  /* of sync streams */
	uint64_t messages_in[9], messages_out[9]; /* by type */
	uint64_t entries_in, entries_out;
	uint64_t judged;		 /* SYNC_JUDGE actions */
	uint64_t refused[VERDICT_COUNT]; /* policy, by verdict */
	uint64_t hostile;		 /* connections ended for it */
	uint64_t overflows;		 /* of any bounded queue or table */
	uint64_t walks, walks_equal, walks_idle;
	uint64_t fetches, fetches_failed;
	size_t peers_known, conns, conns_up, conns_outbound, peers_synced;
	/* connected, with versions signed, as verified, in our future */
	size_t peers_ahead;
	size_t wanted, judging, fetching, future;
	size_t bytes_held; /* by queues, tables of conns and receive buffers */
};

void sync_stats(const struct sync *, struct sync_stats *);

/* A version that is wanted and not here yet: *cursor starts at 0. */
struct sync_want_info {
	uint8_t key[16];
	struct entry_rank rank;
	uint64_t size;
	size_t sources;
	uint32_t failures;
	bool is_fetching;
};
bool sync_wants(const struct sync *, size_t *cursor, struct sync_want_info *);

#endif
