/* SPDX-License-Identifier: ISC */
/*
 * What the parts of the mesh share. From the bottom: mesh_turn.c (time, and
 * the core's turn), mesh_address.c, mesh_notes.c (what people are told of
 * peers) and links.c (finds and names a link); then mesh_config.c, accuse.c
 * (who is named in the log), twin.c, announce.c (the sync streams), serve.c
 * (content to peers), transfer.c (content from peers), peers.c (what people are
 * shown); then link.c (one TCP connection); then accept.c and dial.c, which
 * make links; and mesh.c, the core's driver. A part calls those before it, and
 * is called back by pointers. Included by them only.
 */
#ifndef DM_NET_MESH_INTERNAL_H
#define DM_NET_MESH_INTERNAL_H

#include <netinet/in.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "dm-net/admission.h"
#include "dm-net/mesh.h"

#define MESH_LISTENERS_MAX 256
#define MESH_NOTES_MAX 512
#define MESH_ERROR_MAX 160

struct blame;
struct event;
struct dial;
struct transfer;
struct listener;
struct serve;

/* Why a peer could not be reached, for those who ask. */
struct note {
	struct peer_id peer;
	char text[MESH_ERROR_MAX];
};

struct link;
LIST_HEAD(link_list, link);
LIST_HEAD(dial_list, dial);
LIST_HEAD(fetch_list, transfer);
#define LINK_BUCKETS 256

struct mesh {
	struct mesh_settings settings;
	struct event_base *base;
	struct p2p_host *host;
	struct sync *sync;
	struct admission *admission;
	struct event *turn_event;  /* drains the core's actions */
	struct event *timer_event; /* the core's deadline */
	struct event *clock_event; /* wall time for certificates */
	struct event *park_event;  /* parked connections */
	uint64_t timer_at_ns;	   /* 0: not armed */
	struct link_list links;
	struct link_list links_by_id[LINK_BUCKETS];
	struct dial_list dials;
	struct fetch_list fetches;
	uint64_t last_link_id;
	unsigned n_serving;	  /* serve.c: files held open */
	uint64_t n_no_descriptor; /* accept.c: refused for want of one */
	struct listener *listeners[MESH_LISTENERS_MAX];
	size_t n_listeners;
	TAILQ_HEAD(parked_list, parked) parked;
	struct note *notes;
	size_t n_notes;
	size_t next_note;
	/* mesh_tell(): lines since when, and those that were too many */
	uint64_t told_since_ns;
	unsigned told, untold;
	/* accuse.c */
	struct blame *misbehaving, *uninvited;
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
	bool has_gone; /* link.c: a connection, since the last tick */
	bool is_ending;
};

/* --- mesh_turn.c --- */

/* Sets the core's time; the first call of every entry point. Returns mono. */
uint64_t mesh_now(struct mesh *);
/* The core may have actions: they are done before the loop waits. */
void mesh_kick(struct mesh *);
/* How long a timer is to wait, for events of libevent: a little longer than
 * asked, as its clock lags by up to a tick of the kernel and would else call
 * too early, again and again. At most an hour. */
struct timeval mesh_wait(uint64_t now_ns, uint64_t at_ns);

/* --- mesh_address.c --- */

void mesh_address_copy(struct sync_addr *, const struct multiaddr_raw *);
/* "192.0.2.1:7946" or "[2001:db8::1]:7946"; returns out. */
#define LINK_ADDRESS_MAX 80
const char *mesh_address_format(
    const struct sockaddr_storage *, char out[static LINK_ADDRESS_MAX]);
/* What the address counts as for admission. */
void mesh_address_source(
    struct admission_source *, const struct sockaddr_storage *);

/* --- mesh_notes.c --- */

/* Keeps why the peer could not be reached; the oldest notes make room. */
void mesh_note(struct mesh *, const struct peer_id *, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void mesh_note_clear(struct mesh *, const struct peer_id *);
/* "" if there is none. */
const char *mesh_note_find(const struct mesh *, const struct peer_id *);
/* A line of the log, at info, on who comes and goes; too many at once are cut
 * short and counted. */
void mesh_tell(struct mesh *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* --- mesh_config.c --- */

bool mesh_is_allowed(const struct mesh *, const struct peer_id *);

/* --- link.c: one TCP connection --------------------------------------- */

/* Tells whoever dialled how that ended: one of the two is called, once, and
 * sets the link's outcome to NULL. */
struct link_outcome {
	void (*established)(struct link_outcome *);
	void (*closed)(struct link_outcome *, const char *why);
};

struct link {
	LIST_ENTRY(link) next, same_bucket;
	struct mesh *mesh;
	uint64_t id; /* the core's conn */
	int fd;
	struct p2p_conn *conn;
	struct event *read_event;
	struct event *write_event;
	struct event *timer_event;
	struct event *turn_event;
	bool reading, writing; /* events that are added */
	uint64_t rtt_ns;       /* as the core was told */
	uint64_t timer_at_ns;
	struct sockaddr_storage remote;
	struct admission_source source;
	bool is_half_open;	      /* counted by admission */
	bool is_reported;	      /* the core knows it */
	uint64_t since_ns;	      /* Unix time when it was established */
	struct link_outcome *outcome; /* of who dialled; NULL once told */
	/* announce.c */
	struct p2p_stream *sync_out;
	uint8_t *outbox;
	size_t outbox_len, outbox_sent;
	/* transfer.c: the shared stream for small files, in order of requests
	 */
	struct fetch_stream *fetch_state;
	unsigned n_serving; /* serve.c: files held open for it */
};

/* Takes fd, connected. expected NULL: inbound. The outcome, if not NULL, lives
 * until it is told, or the caller sets it to NULL in the link. */
struct link *link_new(struct mesh *, int fd, enum p2p_role,
    const struct peer_id *expected, const struct sockaddr *remote,
    socklen_t remote_len, struct link_outcome *);
/* Gives back what those that are gone have used; every few seconds. */
void link_tick(struct mesh *);
/* Before its end is due: tells the core. Never inside a p2p callback. */
void link_free(struct link *);
/* The callbacks of the p2p host. */
extern const struct p2p_callbacks link_callbacks;
/* Last words, as far as the socket takes them now; link_free() follows. */
void link_say_goodbye(struct link *);

/* --- links.c --- */

/* NULL if it is gone. */
struct link *link_find(struct mesh *, uint64_t id);
/* The address of the other side as text; returns out. */
const char *link_address(
    const struct link *, char out[static LINK_ADDRESS_MAX]);
/* The peer id as text; "" for NULL and before it is known. */
void link_peer(const struct link *, char out[static PEER_ID_TEXT_SIZE]);

/* --- dial.c --- */

/* Tries the addresses, a few at once; dial_failed() of the core, or an
 * established link, follows. */
void dial_start(
    struct mesh *, const struct peer_id *, const struct sync_addr *, size_t n);
void dial_free_all(struct mesh *);

/* --- accuse.c: who is named in the log --- */

void accuse_init(struct mesh *);
void accuse_free(struct mesh *);
/* Tells what was left out and is due; to be called every few seconds. */
void accuse_tick(struct mesh *);
/* The peer broke rules; reason may be "". Nobody is named for a connection that
 * was dialled and on which no id was proved. */
void accuse_misbehaving(
    const struct link *, const char *reason, const char *text);
/* It is not in allowed_peers. */
void accuse_uninvited(const struct link *, const struct peer_id *);

/* --- twin.c: two nodes with one identity --- */

/* The link is established with that peer: warns if it came in from elsewhere
 * than another one, for the third time in a minute. */
void twin_look(const struct link *, const struct peer_id *);

/* --- accept.c --- */

void accept_init(struct mesh *);
void accept_free_all(struct mesh *);

/* --- announce.c: the sync streams --- */

void announce_serve(struct mesh *); /* before any connection */
void announce_open(struct link *);
void announce_want_write(struct link *);

/* --- transfer.c --- */

void transfer_start(struct mesh *, const struct sync_action *);
void transfer_cancel(struct mesh *, uint64_t id);
/* The link is going: its fetches end without a report. */
void transfer_link_gone(struct link *);
/* The store is gone: all fetches end without a report. */
void transfer_store_lost(struct mesh *);
void transfer_inline(struct mesh *, const struct sync_action *);
void transfer_free_all(struct mesh *);

/* --- serve.c --- */

void serve_serve(struct mesh *); /* before any connection */

/* --- perf.c --- */

/* Serves the libp2p perf protocol from now on, or no longer. */
void perf_set(struct mesh *, bool is_on);

#endif
