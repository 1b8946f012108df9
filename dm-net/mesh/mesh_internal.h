/* SPDX-License-Identifier: ISC */
/*
 * The state of the mesh and of its connections. Private to this directory;
 * everyone else sees mesh.h. The sources stand on one another in this order: a
 * source calls those before it, and is called back through pointers.
 *
 *	mesh_turn, mesh_address, mesh_notes, peer_conns	the ground
 *	mesh_config, peer_warnings, twin
 *	sync_streams, file_send, file_receive, peer_rows
 *	peer_conn					one TCP connection
 *	accept, dial					they make connections
 *	mesh						drives the core
 */
#ifndef DM_NET_MESH_MESH_INTERNAL_H
#define DM_NET_MESH_MESH_INTERNAL_H

#include <netinet/in.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "dm-net/mesh/admission.h"
#include "dm-net/mesh/mesh.h"
#include "dm-net/mesh/send_places.h"

#define MESH_LISTENERS_MAX 256
#define MESH_NOTES_MAX 512
#define MESH_ERROR_MAX 160

struct warn_limit;
struct event;
struct dial;
struct dial_budget;
struct file_receive;
struct listener;
struct file_send;

/* Why a peer could not be reached, for those who ask. */
struct note {
	struct peer_id peer;
	char text[MESH_ERROR_MAX];
};

struct peer_conn;
LIST_HEAD(peer_conn_list, peer_conn);
LIST_HEAD(dial_list, dial);
LIST_HEAD(fetch_list, file_receive);
#define PEER_CONN_BUCKETS 256

struct mesh {
	struct mesh_settings settings;
	struct event_base *base;
	struct p2p_host *host;
	struct sync *sync;
	struct admission *admission;
	struct ledger *ledger;
	struct event *turn_event;  /* drains the core's actions */
	struct event *timer_event; /* the core's deadline */
	struct event *clock_event; /* wall time for certificates */
	struct event *park_event;  /* parked connections */
	uint64_t timer_at_ns;	   /* 0: not armed */
	struct peer_conn_list conns;
	struct peer_conn_list conns_by_id[PEER_CONN_BUCKETS];
	struct dial_list dials;
	struct dial_budget *dial_budget;
	struct fetch_list fetches;
	uint64_t last_link_id;
	struct send_places sending; /* file_send.c: large files */
	unsigned n_serving;	    /* file_send.c: files held open */
	uint64_t n_no_descriptor;   /* accept.c: refused for want of one */
	uint64_t n_in_debt;	    /* accept.c: refused, their source owes */
	struct listener *listeners[MESH_LISTENERS_MAX];
	size_t n_listeners;
	TAILQ_HEAD(parked_list, parked) parked;
	struct note *notes;
	size_t n_notes;
	size_t next_note;
	/* mesh_tell(): lines since when, and those that were too many */
	uint64_t told_since_ns;
	unsigned told, untold;
	/* peer_warnings.c */
	struct warn_limit *misbehaving, *uninvited;
	uint64_t told_debtor_ns; /* 0: never */
	/* allowed_peers in force, and being read */
	struct peer_id *allowed, *allowed_next;
	size_t n_allowed, n_allowed_next;
	/* perf.c: in force, being read, and ever registered */
	bool is_perf, is_perf_next, has_perf;
	/* twin.c: a peer that came while it was here, since when, how often */
	struct {
		struct peer_id peer;
		uint64_t since_ns;
		unsigned times;
	} twin;
	bool has_gone; /* peer_conn.c: a connection, since the last tick */
	bool is_ending;
};

/* Tells whoever dialled how that ended: one of the two is called, once, and
 * sets the connection's outcome to NULL. */
struct peer_conn_outcome {
	void (*established)(struct peer_conn_outcome *);
	void (*closed)(struct peer_conn_outcome *, const char *why);
};

struct peer_conn {
	LIST_ENTRY(peer_conn) next, same_bucket;
	struct mesh *mesh;
	uint64_t id; /* the core's conn */
	int fd;
	struct p2p_conn *p2p;
	struct event *read_event;
	struct event *write_event;
	struct event *timer_event;
	struct event *turn_event;
	bool reading, writing; /* events that are added */
	uint64_t rtt_ns;       /* as the core was told */
	uint64_t timer_at_ns;
	struct sockaddr_storage remote;
	struct netsource source;
	struct admission_place place;
	bool is_half_open;     /* it has the place */
	uint64_t handshake_ns; /* what that has cost */
	bool is_reported;      /* the core knows it */
	uint64_t since_ns;     /* Unix time when it was established */
	struct peer_conn_outcome *outcome; /* of who dialled; NULL once told */
	/* sync_streams.c */
	struct p2p_stream *sync_out;
	uint8_t *outbox;
	size_t outbox_len, outbox_sent;
	/* file_receive.c: the shared stream for small files, in order of
	 * requests
	 */
	struct fetch_stream *fetch_state;
	unsigned n_serving; /* file_send.c: files held open for it */
};

#endif
