/* SPDX-License-Identifier: ISC */
/*
 * A peer that is hostile in what it says: TLS, yamux and the negotiation are as
 * they should be, by our own libp2p. It has one identity and one connection at
 * a time.
 */
#ifndef TESTS_SIEGE_FOE_PEER_H
#define TESTS_SIEGE_FOE_PEER_H

#include "dm-net/sync/wire.h"
#include "tests/interop/cloop.h"
#include "tests/siege/foe.h"

struct foe_peer {
	struct foe *foe;
	struct cloop loop;
	struct link *link; /* NULL: not connected */
	struct p2p_stream *stream;
	uint8_t *out; /* what waits to be sent */
	size_t len, sent, room;
	uint8_t *in; /* not a whole message yet */
	size_t in_len;
	uint64_t start_ns, spent; /* for the rate */
	bool is_up;		  /* the node greeted */
	bool is_gone;		  /* the node has ended the connection */
	/* Says more, with foe_peer_say(), when all was said; or NULL. */
	void (*more)(struct foe_peer *);
	/* Each message of the node; or NULL. */
	void (*hear)(struct foe_peer *, const struct wire_message *);
	/* Some fifty times a second; or NULL. */
	void (*turn)(struct foe_peer *);
};

/* A new identity; no connection yet. */
void foe_peer_begin(struct foe_peer *, struct foe *);
/* Connects, opens the stream of sync and says hello with so many peers; false:
 * not connected before the end. */
bool foe_peer_connect(struct foe_peer *, uint64_t peers);
/* The same with a connection that came. */
void foe_peer_welcome(struct foe_peer *, struct link *, uint64_t peers);
/* A message as wire_begin() and its kin wrote it. */
void foe_peer_say(struct foe_peer *, const void *bytes, size_t len);
/* Runs until the node closes, or until that time; whether it is open. */
bool foe_peer_run(struct foe_peer *, uint64_t until_ns);
/* The same until the end of the attack, or of the connection. */
bool foe_peer_stay(struct foe_peer *);
/* Until all is sent, at most to the end. */
bool foe_peer_flush(struct foe_peer *);
void foe_peer_hang_up(struct foe_peer *);
/* Hangs up; the identity is gone. */
void foe_peer_end(struct foe_peer *);

#endif
