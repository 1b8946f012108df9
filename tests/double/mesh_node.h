/* SPDX-License-Identifier: ISC */
/*
 * The mesh part of a node for tests: the real mesh and link to the store on
 * one event base, a stand-in for dm-store that judges everything worth
 * fetching, and one peer whose every byte the test decides (over libp2p, on a
 * TCP connection to the mesh's listener).
 */
#ifndef TESTS_DOUBLE_MESH_NODE_H
#define TESTS_DOUBLE_MESH_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/entry.h"
#include "dm-net/libp2p/host.h"
#include "dm-net/mesh/mesh.h"
#include "dm-net/sync/file_wire.h"

#define NODE_TICKETS 8192
#define NODE_PUTS 256
#define NODE_STREAMS 8

/* A transfer to the store. */
struct node_put {
	bool is_whole;		  /* all came with its beginning */
	bool is_used, is_waiting; /* for credit */
	uint64_t id;
	struct entry entry;
	size_t got;
};

struct node_store {
	struct ipc *ipc;
	struct entry *tickets;
	size_t n_tickets;
	struct node_put puts[NODE_PUTS];

	/* what the test may set */
	size_t refuse_at; /* so many bytes into a put; 0: never */
	bool gives_no_credit;
	bool opens_nothing; /* open is not answered before node_open() */
	bool has_nothing;   /* open says NOT_FOUND */
	size_t cut;	    /* bytes that are missing from files */

	/* what the test may look at */
	unsigned begun, ended, aborted, stored, opened;
	size_t received;
	bool is_content_wrong;
	uint64_t last_open_id;
	struct entry served; /* what it hands out for any key */
};

/* A stream of the file protocol, seen from the peer. */
struct peer_stream {
	struct p2p_stream *stream;
	struct peer *peer;
	bool is_deaf;  /* consumes nothing */
	size_t unread; /* then: what came */
	uint8_t *in;   /* what came, all of it */
	size_t in_len, in_room;
	size_t taken; /* of in, by node_next_request() */
	uint8_t *out;
	size_t out_len;
	bool is_closed;
	enum p2p_end end;
};

struct peer {
	struct p2p_host *host;
	struct p2p_conn *conn;
	int fd;
	struct peer_id id;
	struct p2p_stream *sync;
	uint8_t *sync_out;
	size_t sync_len;
	struct peer_stream streams[NODE_STREAMS]; /* of either side */
	size_t n_streams;
	bool is_up, is_closed;
	bool all_deaf; /* new streams of the mesh are deaf */
	size_t cut;    /* bytes that it puts into a frame; 0: any */
	struct p2p_tls_key *key;
};

struct mesh_node {
	struct event_base *base;
	struct store_client *link;
	struct resolve *resolve;
	struct ipc *store_ipc;
	struct node_store store;
	struct mesh *mesh;
	int port;
	struct peer peer;
};

/* A configured mesh with an empty index, and the peer connected to it. Files
 * below f/ are configured. */
struct mesh_node *mesh_node_new(void);
void mesh_node_free(struct mesh_node *);

/* Runs everything until done(n) or for five seconds; what done(n) says. */
bool mesh_node_until(struct mesh_node *, bool (*done)(struct mesh_node *));
/* Runs what is due now. */
void mesh_node_turn(struct mesh_node *);

void mesh_node_stop_store(struct mesh_node *);
void mesh_node_start_store(struct mesh_node *);
/* Answers the last open() with the entry that is served. */
void mesh_node_open(struct mesh_node *);
/* The store gives credit to all that wait. */
void mesh_node_credit(struct mesh_node *);

/* Content of that size: byte i is (i + seed) % 251. */
void node_content(uint8_t *, size_t offset, size_t len, unsigned seed);
/* An entry of it; not signed, the store of tests does not look. */
void node_entry(
    struct entry *, const char *name, uint64_t signed_at_ns, size_t size);
/* The mesh's replica has it. */
void node_has(struct mesh_node *, const struct entry *);

/* The peer announces these. */
void peer_announce(struct mesh_node *, const struct entry *, size_t n);
/* The same of one, along with its content. */
void peer_announce_whole(struct mesh_node *, const struct entry *);
/* The next request on its stream i; false: none. */
bool peer_request(struct mesh_node *, size_t i, struct file_request *);
void peer_write(struct mesh_node *, size_t i, const void *, size_t len);
void peer_answer(struct mesh_node *, size_t i, enum file_status, uint64_t size);
/* Opens a stream to ask the mesh for files; its number. */
size_t peer_open(struct mesh_node *, bool is_deaf);
void peer_ask(struct mesh_node *, size_t i, const struct entry *);
void peer_reset(struct mesh_node *, size_t i);
void peer_hang_up(struct mesh_node *);

#endif
