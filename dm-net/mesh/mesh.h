/* SPDX-License-Identifier: ISC */
/*
 * The mesh: drives the sync core (sync/) and the libp2p host (libp2p/) with
 * sockets, clocks and the connection to dm-store. It turns the core's actions
 * into dials, streams and requests, and what happens into the core's events. It
 * decides nothing about versions (the core and dm-store do) and parses nothing
 * from the network itself.
 *
 * Everything runs on one libevent base.
 */
#ifndef DM_NET_MESH_MESH_H
#define DM_NET_MESH_MESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/control.h"
#include "common/descriptors.h"
#include "common/ipc.h"
#include "dm-net/libp2p/host.h"
#include "dm-net/resolve.h"
#include "dm-net/store/store_client.h"
#include "dm-net/sync/sync.h"

struct admission_stats;
struct event_base;
struct mesh;

struct reject_relay;

struct mesh_settings {
	struct event_base *base;
	struct store_client *store; /* both outlive the mesh */
	struct resolve *resolve;
	struct reject_relay *refusals; /* likewise */
	/* Where hints for the store go; NULL while it is away. */
	struct ipc *(*store_ipc)(void *ctx);
	/* One of mesh_listen() accepts no more, and is gone. */
	void (*listener_ended)(void *ctx);
	void *ctx;
	/* The node's identity, and the TLS key it has signed. */
	const struct p2p_tls_key *tls_key;
	const uint8_t *public_key; /* 32 bytes */
	const uint8_t *signature;  /* 64 bytes */
	size_t peers_max;
	struct descriptors descriptors;
};

/* NULL if the signature is not right for the key. */
struct mesh *mesh_new(const struct mesh_settings *);

/* Says good-bye to peers as far as sockets take it, and ends all. */
void mesh_free(struct mesh *);

/* --- configuration, forwarded to the core; atomic at the commit ------- */

void mesh_config_begin(struct mesh *, const struct ipc_config_begin *);
void mesh_config_name(struct mesh *, const char *pattern);
/* A line in the log and false for one that is not usable. */
bool mesh_config_bootstrap(struct mesh *, const char *multiaddr);
bool mesh_config_allowed(struct mesh *, const char *peer_id);
void mesh_config_commit(struct mesh *, uint64_t generation);

/* --- sockets ---------------------------------------------------------- */

/* Takes a bound, listening descriptor. */
void mesh_listen(struct mesh *, uint64_t id, int fd);
/* False if it is not one of the mesh's. */
bool mesh_unlisten(struct mesh *, uint64_t id);
size_t mesh_listeners(const struct mesh *);
/* Addresses of this node changed: back-off starts anew. */
void mesh_network_changed(struct mesh *);
/* Our new signed peer record. False if it is not a good one. */
bool mesh_own_record(struct mesh *, const uint8_t *envelope, size_t len);

/* --- the store -------------------------------------------------------- */

void mesh_store_up(struct mesh *); /* a new channel: rows will follow */
void mesh_store_lost(struct mesh *);
/* False if a row is malformed. */
bool mesh_index_rows(struct mesh *, struct bytes rows);
void mesh_index_complete(struct mesh *);
void mesh_entry(
    struct mesh *, const struct entry *, bool is_origin, struct bytes content);
void mesh_retract(struct mesh *, const uint8_t key[static 16]);
void mesh_want(struct mesh *, const struct entry *, uint64_t ticket);
void mesh_store_configured(struct mesh *);
bool mesh_hint(struct mesh *, const struct ipc_peer_hint *);

/* --- questions --- */

const struct peer_id *mesh_peer_id(const struct mesh *);
struct sync *mesh_sync(struct mesh *);

/*
 * Calls row(arg, ...) for at most max of the peers that are known and worth
 * showing, from *cursor (0: from the first) on. True if there may be more. One
 * that goes or comes between two calls may move another past the cursor.
 */
bool mesh_peers(struct mesh *, size_t *cursor, unsigned max,
    void (*row)(void *arg, const struct row_peer *), void *arg);

const struct ledger *mesh_ledger(const struct mesh *);
uint64_t mesh_refused(const struct mesh *); /* by admission */
const struct admission_stats *mesh_admission(const struct mesh *);
uint64_t mesh_hostile(const struct mesh *); /* connections that broke rules */

#endif
