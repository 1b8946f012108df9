/* SPDX-License-Identifier: ISC */
/*
 * A world of sync cores in virtual time: nodes with clocks and stores of their
 * own, links that delay, lose and split, all from one seed. world.c moves time,
 * link.c bytes, transfer.c content; store.c stands for dm-store, scenario.c
 * makes things happen, main.c runs seeds and checks what is left at the end.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dm-net/sync/sync.h"

#define MS UINT64_C(1000000)
#define SEC (1000 * MS)
#define MINUTE (60 * SEC)
#define EPOCH_WALL (UINT64_C(1800000000) * SEC)
#define SKEW_MAX (300 * SEC)

#define NODES_MAX 128
#define SIGNERS_MAX 4

struct world;
struct node;

/* One version as the world knows it. */
struct version {
	struct entry entry;
	struct entry_rank rank;
	uint8_t key[16];
	bool is_good; /* its signature verifies */
};

/* The record that a node's store holds of one name. */
struct held {
	const struct version *records[SIGNERS_MAX];
	const struct version *winner;
	bool lacks_content;	 /* of the greatest record */
	struct entry_rank shown; /* greatest ever shown; zero: none */
	bool was_withdrawn;
};

struct ticket {
	uint64_t id;
	const struct version *version;
};

struct node {
	struct world *w;
	size_t index;
	struct peer_id id;
	struct sync *s; /* NULL: down */
	uint64_t epoch, starts;
	int64_t skew_ns;
	uint64_t tick_at; /* of the earliest tick under way */

	bool is_dial_only, is_liar, is_staller, is_phantom;
	size_t peers_max;
	uint64_t interval_ns;
	unsigned side; /* of the partition */
	size_t bootstrap[3], bootstrap_count;

	/* configuration */
	bool *names;	  /* configured? by name */
	unsigned signers; /* bits */
	uint64_t generation;

	struct held *held; /* by name */
	struct ticket tickets[2048];
	size_t ticket_count;
	uint64_t ticket_last;
	struct sync_hint hints[64];
	size_t hint_count;

	size_t judging, reading, fetching;
	uint64_t judged, bytes_out, bytes_max;
};

struct link {
	uint64_t id;
	size_t end[2]; /* who dialled, who was dialled */
	uint64_t epoch[2];
	bool is_open[2]; /* that end was told of no end yet */
	bool is_dead;
	uint64_t delay_ns;
	uint64_t arrives[2]; /* last arrival, towards end i */
	bool is_pulling[2];
};

struct params {
	uint64_t seed;
	const char *scenario; /* NULL: random */
	size_t nodes, names;
	bool verbose;
};

struct event;

struct world {
	struct params p;
	uint64_t now, random, seq;
	struct event *heap;
	size_t heap_count, heap_room;
	struct node *nodes[NODES_MAX];
	size_t node_count, name_count;
	char (*names)[64];
	struct version **versions;
	size_t version_count, version_room;
	struct link **links;
	size_t link_count, link_room;
	struct transfer *transfers;
	uint64_t link_last;
	double loss;
	bool unreachable[NODES_MAX][NODES_MAX]; /* who cannot dial whom */
	bool is_calm;	 /* no more links are cut at random */
	bool lost_store; /* a node came back empty */
	bool config_differs;
	size_t entry_size;
	uint64_t bytes, content_bytes, publishes;
	char failure[256];
};

/* --- world.c ---------------------------------------------------------- */

uint64_t rnd(struct world *, uint64_t bound);
struct world *world_new(const struct params *);
void world_free(struct world *);
/* Runs events up to the moment. */
void world_run(struct world *, uint64_t until);
void world_fail(struct world *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

typedef void event_fn(struct world *, struct node *, void *arg, uint64_t a);
/* Calls fn for the node after a while, unless it went down meanwhile. The
 * argument is freed with the event. */
void world_after(struct world *, struct node *, uint64_t in_ns, event_fn *,
    void *arg, uint64_t a);

void node_start(struct node *);
void node_crash(struct node *, bool loses_store);
void node_configure(struct node *);
/* After any call into the core: does what it asks for. */
void node_drive(struct node *);
uint64_t node_wall(const struct node *);
/* Ends a link; silent: the ends notice late. */
void link_cut(struct world *, struct link *, bool is_silent);
struct link *link_random(struct world *);

/* --- link.c ----------------------------------------------------------- */

struct link *link_find(struct world *, uint64_t id);
/* Which end of it the node is. */
int link_end(const struct link *, const struct node *);
/* Frees it once both ends know of its end. */
void link_sweep(struct world *, struct link *);
bool world_is_parted(const struct world *, size_t a, size_t b);
struct sync_addr sim_addr(size_t index);
void node_dial(struct node *, const struct sync_action *);
void node_write(struct node *, uint64_t link);

/* --- transfer.c ------------------------------------------------------- */

void node_fetch(struct node *, const struct sync_action *);
void node_fetch_cancel(struct node *, uint64_t fetch);
/* The receiving end n learned that the link is over. */
void transfers_end(struct world *, uint64_t link, const struct node *n);
/* Those to a node, or all, are gone. */
void transfers_forget(struct world *, const struct node *to);

/* --- store.c ---------------------------------------------------------- */

struct version *version_new(struct world *, size_t name, unsigned signer,
    enum entry_kind, uint64_t signed_at_ns, uint64_t size);
size_t name_index(const struct world *, const char *name);
/* An upload here; the version, NULL if it is not acceptable here. */
struct version *store_publish(struct node *, size_t name, unsigned signer,
    enum entry_kind, uint64_t size);
/* Puts a version in as if uploaded. */
bool store_upload(struct node *, const struct version *);
/* Is the version acceptable here, apart from what is held? */
enum verdict store_policy(const struct node *, const struct version *);
void store_stream(struct node *); /* the index, at start */
void store_reload(struct node *); /* signers or names changed */
void store_rot(struct node *, size_t name);
void store_judge(struct node *, uint64_t id, const struct entry *);
void store_read(struct node *, uint64_t id, const uint8_t *key);
void store_put_inline(struct node *, uint64_t id, uint64_t ticket,
    const uint8_t *content, size_t len);
enum verdict store_put(struct node *, uint64_t ticket, bool content_is_good);
void store_ticket_drop(struct node *, uint64_t ticket);
void store_clear(struct node *);

/* --- scenario.c ------------------------------------------------------- */

/* Makes the world and lets things happen; at the return all is calm. */
void scenario_run(struct world *);
/* True if the name is one; NULL name: the i-th, NULL at the end. */
const char *scenario_name(size_t i);

#endif
