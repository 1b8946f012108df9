/* SPDX-License-Identifier: ISC */
/*
 * The state of the sync core, and the ground that its sources stand on: time,
 * random numbers, ids, the queue of actions. Private to this directory;
 * everyone else sees sync.h. Each source has its own header for the functions
 * that it gives to the others.
 */
#ifndef DMNET_SYNC_CORE_H
#define DMNET_SYNC_CORE_H

#include "common/ip_class.h"
#include "dm-net/sync/keyq.h"
#include "dm-net/sync/names.h"
#include "dm-net/sync/served.h"
#include "dm-net/sync/sync.h"
#include "dm-net/sync/trie.h"
#include "dm-net/sync/wire.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

#define PEERS_MAX 4096	/* but for those that are connected */
#define CONNS_MAX 16384 /* the greatest max_peers */
#define PEERS_ROOM (PEERS_MAX + CONNS_MAX + 1024)
#define PEERS_OF_TELLER_MAX 64
#define PEER_BUCKETS 1024
#define PEER_DAY_NS (86400 * SECOND)
#define DIALS_MAX 4	      /* under way */
#define DIALS_UNPROVEN_MAX 3  /* of these, to peers that never answered */
#define DIALLED_TARGET 12     /* connections that we dialled */
#define HINTS_NS (5 * SECOND) /* between two lists for the store */
#define TRUSTED_TARGET 2      /* of these, to bootstrap or allowed peers */
#define GROUP_MAX 2	      /* dialled, learned peers of one network */
#define PRIVATE_HOST_MAX 4    /* the same, of one private address */
#define BACKOFF_BASE (500 * MS)
#define BACKOFF_KNOWN_MAX (10 * SECOND)
#define BACKOFF_OTHER_MAX (300 * SECOND)
#define RESET_PAUSE (10 * SECOND)
#define BACKOFF_REFUSED (60 * SECOND) /* full, or another network */
/* A hostile peer is not dialled for half of this to all of it, then twice as
 * long, six times over; what it did counts until it was good for so long. */
#define SHUN_NS (60 * SECOND)
#define SHUN_DOUBLINGS_MAX 6
#define SHUN_FORGIVEN_NS (600 * SECOND)
#define CONNS_SPARE 32	 /* above peers_max, to say good-bye */
#define SHED_PEERS_MIN 4 /* connections of a peer that is shed */
#define HELLO_NS (10 * SECOND)
#define TRIAL_NS (1 * SECOND)  /* until a full node says so */
#define FLUSH_NS (1 * SECOND)  /* for last words */
#define DRAIN_NS (10 * SECOND) /* for the fetches of a duplicate */

#define OUT_MAX 2047	       /* keys to send to one peer; see keyq.h */
#define ASK_MAX 4095	       /* keys to ask of one peer */
#define ASK_LOW 1024	       /* below this, walks go on */
#define ASKED_NS (20 * SECOND) /* for the answer to a want */
#define ASKED_MAX 8192	       /* asked of all peers */
#define SERVED_BAD_BURST 4     /* bad-content that is believed, at once */
#define BAD_MAX 4	       /* bad-content to tell one peer */
#define HAS_SLOTS 256
#define ENTRIES_BYTES (32u << 10) /* of one message */
#define CACHE_MAX 512		  /* entries at hand */
#define CACHE_BUCKETS 512
#define READS_MAX 64

#define JUDGING_MAX IPC_JUDGES_MAX
#define JUDGES_MAX 512 /* with those that wait */
#define NEWS_MAX 8     /* records waiting to be handed on, each connection */
#define NEWS_CONNS 12  /* connections that one is handed on to */
#define SOURCES_MAX 8
#define REFUSED_SLOTS 16384 /* versions refused by policy */
#define FUTURE_MAX 128
#define UNPAID_MAX 256 /* entries in a row of one whose source owes all */
#define RECORDS_BURST 128
#define RECORDS_PER_S 4
#define RECORD_PLACES 4096

#define WANTS_MAX IPC_TICKETS_MAX
#define WANTS_ROOM 512 /* below this many, more are asked for */
#define WANT_BUCKETS 512
#define VERSIONS_MAX 4 /* wanted of one key */
#define FETCHES_MAX 128
#define FETCH_FIRST_NS (250 * MS)
#define FETCH_IDLE_NS (5 * SECOND)
#define FETCH_GIVE_UP_NS (30 * SECOND)
#define FETCH_WINDOW_NS (3 * SECOND) /* over which a rate is measured */
/* Another source is tried if it could end the fetch so much sooner: one whose
 * rate is not known, if that fetch would last so long; one that is known to be
 * so many times as fast. */
#define FETCH_LONG_NS (10 * SECOND)
#define FETCH_FASTER 4
#define FETCH_STREAK_MAX 2 /* failures in a row: others go first */
#define SOURCES_AGAIN_NS                                    \
	(2 * SECOND) /* between two looks for other sources \
		      */
#define FETCH_BACKOFF_MAX (60 * SECOND)
#define SMALL_PER_CONN 64 /* a stalling peer leaves half to the others */
#define LARGE_PER_CONN 4
#define SERVE_LARGE_MAX 4
#define REPLACED_MAX 256
#define REPLACED_NS (60 * SECOND)

#define WALK_OUT_MAX 16	   /* questions without an answer */
#define WALK_ROWS_MAX 3000 /* of these, under way */
/* Two sets of 3,000,000 that have nothing in common need as many. */
#define WALK_PENDING_MAX 8192
#define WALK_PUSH_MAX 64 /* entries sent without being asked for */
#define WALK_SILENT_NS (20 * SECOND)
#define WALK_SOON_NS (2 * SECOND)
#define WALK_CHECKS_MAX 3   /* soon after one another, after a find */
#define WALK_BACKOFF_MAX 16 /* intervals */

static_assert(ASK_LOW + WALK_ROWS_MAX <= ASK_MAX,
    "the queue has room for the rows of a walk");
static_assert(OUT_MAX >= 4 * WIRE_KEYS_MAX + WALK_PUSH_MAX,
    "the queue has room for the requests of a peer");
static_assert(READS_MAX <= IPC_OPENS_MAX && FETCHES_MAX <= IPC_PUTS_MAX,
    "the store takes every request at once");
static_assert(
    WANTS_ROOM + JUDGES_MAX <= WANTS_MAX, "every requested key can be wanted");

enum session_state {
	SESSION_GREETING,
	SESSION_UP,
	SESSION_FLUSHING,
	SESSION_CLOSED
};

/* Where a connection comes from or leads to; see places.h. */
struct place {
	uint64_t network, host; /* 0: no IP address */
	enum ip_class reach;
};

struct bucket {
	uint64_t at_ns;
	uint64_t used_ns; /* credit spent, in time that it takes to come back */
};

struct peer {
	struct peer_id id;
	struct peer *chain;
	size_t at; /* in sync.peers */
	bool is_bootstrap, is_allowed;
	bool has_answered; /* a connection was up, in whichever direction */
	bool is_dialling;
	bool is_unproven; /* was when that dial began */
	bool was_dialled; /* with success, at dialled_ns */
	uint32_t sessions;
	uint32_t failures;
	uint32_t offences;
	uint64_t next_dial_ns;	  /* mono */
	uint64_t shunned_ns;	  /* mono; not dialled before either */
	uint64_t dialled_ns;	  /* mono */
	uint64_t last_success_ns; /* wall */
	struct bucket bad;	  /* its words that content is bad */
	uint64_t teller;	  /* hash of who told us; 0: ourselves */
	struct sync_addr *addrs;
	size_t addr_count, static_count; /* the first ones are configured */
	uint8_t *record;
	size_t record_len;
	uint64_t seq;
};

/* The version of a key that a peer is known to have; lossy. */
struct has {
	uint8_t key[8], version[8];
	uint64_t signed_at_ns;
};

struct bad {
	uint8_t key[16], version[32];
};

enum question_type { Q_START, Q_COMPARE, Q_LIST, Q_TELL };

/* A question of a walk: waiting to be sent, or for its answer. */
struct question {
	enum question_type type;
	struct trie_prefix prefix;
	uint32_t expect; /* rows that the peer has there */
	uint32_t moves;	 /* rows of these that come, once it is asked */
	bool has_cursor;
	uint8_t cursor[16]; /* list: theirs after it; tell: ours */
	bool is_first;	    /* list: it carried our own rows */
	uint8_t last[16];   /* tell: the last row sent */
	bool more;	    /* tell: there are others after it */
};

struct walk {
	struct question *pending;
	size_t pending_count, pending_room;
	struct question out[WALK_OUT_MAX];
	size_t out_count;
	uint64_t progress_ns;
	size_t found, pushed;
	bool is_broken;	  /* something was left out */
	uint8_t root[16]; /* ours when it began */
	uint64_t digest;  /* of what the peer said */
};

/* A peer's question that is to be answered. */
struct walk_reply {
	bool is_rows, is_tell;
	struct trie_prefix prefix;
	bool has_cursor;
	uint8_t cursor[16];
	struct trie_sum sum; /* theirs; all zero with rows */
	bool has_children;
	struct trie_sum children[TRIE_FANOUT];
	unsigned next; /* child to look at */
};

struct session {
	uint64_t handle;
	struct peer *peer;
	enum session_state state;
	bool is_outbound, is_visit, is_trial, is_draining, has_addr;
	struct sync_addr addr;
	struct netsource source; /* of addr */
	struct place place;
	uint64_t serial;
	uint64_t since_ns, deadline_ns; /* of hello, trial, flush, drain */
	enum sync_close reason;
	const char *text;

	char agent[SYNC_AGENT_MAX + 1];
	bool is_all;
	uint64_t start, generation, their_peers, rtt_ns;
	uint8_t *interests;
	size_t interest_count;
	struct trie_sum their_root;

	uint8_t *in;
	size_t in_len, in_room;

	bool is_awake; /* a WANT_WRITE is out, and pull has not returned 0 */
	bool hello_due, records_due, records_ask, got_records, busy_due;
	struct peer_id news[NEWS_MAX]; /* whose new records to hand on */
	size_t news_count;
	bool bye_due;
	enum wire_bye bye;
	struct bad bads[BAD_MAX];
	size_t bad_count;
	struct served served;
	struct keyq out, ask, asking;
	uint64_t asking_ns;
	uint8_t missing[WIRE_KEYS_MAX * 16];
	size_t missing_count;
	struct has *has;
	struct bucket record_checks;
	unsigned unpaid; /* entries in a row that were not looked at */

	struct walk *walk;
	struct walk_reply *replies;
	size_t reply_count;
	uint64_t walk_at_ns;
	unsigned walk_backoff;
	bool is_check; /* the next walk sees to what the last one found */
	unsigned walk_checks;
	bool has_last, is_synced;
	/* it holds what is signed in our future; what this walk says of it */
	bool is_ahead, was_ahead;
	uint8_t last_root[16];
	uint64_t last_digest;

	unsigned small, large; /* fetches under way */
	uint64_t rate;	       /* bytes a second of large ones; 0: unknown */
	unsigned streak;       /* fetches that failed since one was good */
};

struct source {
	uint64_t conn;
	uint64_t not_before_ns;
	unsigned failures;
};

struct judge {
	bool is_used, is_sent;
	uint64_t id;
	struct entry entry;
	struct entry_rank rank;
	uint8_t key[16];
	uint64_t sources[SOURCES_MAX]; /* the first one sent it */
	size_t source_count;
	struct ledger_who who; /* who sent it, and pays */
	uint64_t owed_ns;      /* by who, before it came */
	uint8_t *content;
	size_t content_len;
	uint64_t content_conn;
};

struct want {
	bool is_used;
	uint8_t key[16];
	struct entry_rank rank;
	uint64_t size, ticket;
	uint64_t added_ns, not_before_ns;
	uint32_t failures;
	bool may_not_cancel; /* a fetch was cancelled for this one already */
	struct source sources[SOURCES_MAX];
	size_t source_count;
	uint64_t sources_at_ns; /* others are looked for again */
	uint64_t put_id; /* content from an announcement is being put; 0 */
	uint64_t put_conn;
	uint8_t *content;
	size_t content_len;
	unsigned fetching;
	uint32_t chain;
};

struct fetch {
	bool is_used;
	uint64_t id;
	uint32_t want;
	uint64_t conn;
	bool is_large;
	uint64_t start_ns, progress_ns, window_ns;
	uint64_t bytes, window_bytes;
};

/* Its signature is good. */
struct future {
	struct entry entry;
	struct entry_rank rank;
	uint64_t conn;
};

struct cached {
	struct entry entry;
	struct entry_rank rank;
	uint8_t key[16];
	uint8_t *content;
	size_t content_len;
	uint16_t chain; /* index + 1 */
};

struct read {
	bool is_used;
	uint64_t id;
	uint8_t key[16];
};

struct replaced {
	uint8_t key[16], version[32];
	uint64_t size, at_ns;
};

struct refused {
	uint8_t key[4], version[8];
};

/* An entry that was not worth a judgement, to be told. */
struct turned {
	uint64_t conn;
	enum verdict why;
	struct entry entry;
};
#define TURNED_MAX 8

struct act {
	enum sync_action_type type;
	uint64_t id;
	uint8_t key[16], version[32];
	enum sync_close reason;
	const char *text;
	struct peer *peer;
};

struct staged_peer {
	struct peer_id id;
	struct sync_addr addr;
	bool is_bootstrap;
};

struct sync {
	struct sync_settings set;
	struct ledger *ledger, *own_ledger; /* the second may be NULL */
	char agent[SYNC_AGENT_MAX + 1];
	struct sync_config config, next_config;
	uint64_t generation;
	struct names *names, *next_names;
	struct staged_peer *staged;
	size_t staged_count, allowed_count;
	bool is_configured;

	uint64_t now_ns, wall_ns, deadline_ns, random;
	uint64_t ids; /* last given */
	bool hints_due, fetch_due;
	uint64_t hints_at_ns; /* not before */

	struct turned turned[TURNED_MAX + 1]; /* the last: being told */
	size_t turned_count;
	struct act *acts;
	size_t act_first, act_count, act_room;
	struct entry act_entry;
	uint8_t act_content[IPC_INLINE_MAX];

	struct trie *trie;
	bool is_complete;

	struct peer *peers[PEERS_ROOM], *buckets[PEER_BUCKETS];
	struct peer *by_record[RECORD_PLACES]; /* peers.c; lossy */
	size_t peer_count;
	struct session **sessions;
	size_t session_count, session_room;
	uint64_t serial, exchange_at_ns, exchanges;
	size_t dialling, dialling_unproven, dial_turn;
	uint64_t reset_ns; /* mono; the last peer_reset_backoff() */
	uint8_t *own_record;
	size_t own_record_len;

	struct cached *cache[CACHE_MAX];
	uint16_t cache_buckets[CACHE_BUCKETS];
	size_t cache_next;
	struct read reads[READS_MAX];
	size_t reading;
	struct keyq asked;

	struct judge *judges[JUDGES_MAX];
	size_t judge_count, judging;
	struct refused *refused;
	struct future *futures[FUTURE_MAX];
	size_t future_count;

	struct want wants[WANTS_MAX];
	uint32_t want_buckets[WANT_BUCKETS];
	size_t want_count;
	struct fetch fetches[FETCHES_MAX];
	size_t fetch_count, fetch_turn;
	struct replaced replaced[REPLACED_MAX];
	size_t replaced_next, serving;

	struct sync_stats stats;
};

/* The configuration names it. */
static inline bool
peer_is_trusted(const struct peer *p)
{
	return p->is_bootstrap || p->is_allowed;
}

/* Up and to be talked to: not on trial, not closing. */
static inline bool
session_is_live(const struct session *c)
{
	return c->state == SESSION_UP && !c->is_trial;
}

uint64_t core_random_below(struct sync *, uint64_t bound);
/* The secret of every table of keys or ids, which nobody outside knows, and the
 * hash under it. */
const uint8_t *core_hash_secret(const struct sync *);
uint64_t core_hash(const struct sync *, const void *data, size_t len);
/* Queues an action; the caller fills in what else it carries. */
struct act *core_act(struct sync *, enum sync_action_type, uint64_t id);
uint64_t core_id_next(struct sync *);
/* Takes one of `burst` that come back at per_s; false: none left. */
bool core_bucket_take(
    struct sync *, struct bucket *, uint64_t burst, uint64_t per_s);
/* Makes the next tick come at `at_ns` at the latest. */
void core_due_at(struct sync *, uint64_t at_ns);

#endif
