/* SPDX-License-Identifier: ISC */
/*
 * libp2p over TCP, TLS 1.3 and yamux: the public face of this directory.
 *
 * A p2p_host is this node (peer id, TLS certificate, protocols it serves), a
 * p2p_conn one TCP connection, a p2p_stream one stream on it. There is no
 * socket, clock, thread or event loop in here: whoever owns the loop moves
 * bytes and passes monotonic nanoseconds ("now_ns"; any epoch, never 0,
 * never backwards). Everything of a host belongs to one thread.
 *
 * The owner's loop, for each connection:
 *	readable:  buf = p2p_conn_recv_buffer(c, &len); n = recv(fd, buf, len);
 *	           p2p_conn_recv_done(c, n, now), or _recv_eof, or _io_error
 *	writable:  buf = p2p_conn_send_buffer(c, &len, now);
 *	           n = send(fd, buf, len); p2p_conn_send_done(c, n, now);
 *	           again while len was not 0 and all of it was taken
 *	timer at p2p_conn_next_deadline_ns(), or on_wake: p2p_conn_turn(c, now),
 *	           after reading, so that a pause of ours is not held to be one
 *	           of the peer's
 *	then:      ask for events by p2p_conn_wants_read() and _wants_write(),
 *	           set the timer; if p2p_conn_is_closed(): close the socket and
 *	           p2p_conn_free(c)
 * These five (recv_*, io_error, send_buffer, send_done, turn) are the driver
 * calls. Callbacks run inside them only, and never nest into one another. A
 * callback may call anything but a driver call. Nothing is destroyed inside a
 * callback: a stream that ends gets its on_closed, and a connection its own,
 * when the driver call returns to the owner.
 *
 * Strings are borrowed for ever where "static" is said, bytes handed to a
 * callback are borrowed until it returns, everything else is copied. Without
 * memory the process aborts: all that a peer can make it buffer is bounded.
 */
#ifndef P2P_HOST_H
#define P2P_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dm-net/libp2p/identify.h"
#include "dm-net/libp2p/multiaddr.h"
#include "dm-net/libp2p/peer_id.h"

struct p2p_conn;
struct p2p_host;
struct p2p_stream;
struct p2p_tls_key;

#define P2P_SPKI_LEN 91 /* SubjectPublicKeyInfo DER of a P-256 key */
#define P2P_TLS_SIGN_PREFIX "libp2p-tls-handshake:"
#define P2P_RECORD_LEN_MAX 3072 /* our signed peer record */
#define P2P_STREAMS_MAX 256	/* a connection, each direction */

/* --- the TLS key ------------------------------------------------------ */

/*
 * The key of the TLS certificate: P-256, made afresh at each start. The
 * identity key never enters this process: have it sign P2P_TLS_SIGN_PREFIX
 * (21 bytes, no NUL) followed by the SPKI, and give the signature to
 * p2p_host_new().
 */
struct p2p_tls_key *p2p_tls_key_new(void);
void p2p_tls_key_spki(const struct p2p_tls_key *, uint8_t[static P2P_SPKI_LEN]);
void p2p_tls_key_free(struct p2p_tls_key *);

/* --- streams: what an application implements -------------------------- */

/* Which stream goes first when several could fill the next frame. Lower
 * classes still get one frame in eight. */
enum p2p_class {
	P2P_CLASS_CONTROL,
	P2P_CLASS_SYNC,
	P2P_CLASS_SMALL_FILE,
	P2P_CLASS_LARGE_FILE,
};

enum p2p_end {
	P2P_END_DONE,	  /* both directions were finished */
	P2P_END_RESET,	  /* the peer reset it; code is its error code */
	P2P_END_LOCAL,	  /* p2p_stream_reset() here */
	P2P_END_REFUSED,  /* the peer does not speak the protocol */
	P2P_END_TIMEOUT,  /* negotiation (10 s), or the stream's deadline */
	P2P_END_PROTOCOL, /* its negotiation was malformed */
	P2P_END_MEMORY,	  /* too much waited: for its limit, or the account */
	P2P_END_CONN,	  /* the connection ended */
};

/* Error codes of a reset that libp2p gives a meaning. */
#define P2P_RESET_NONE 0u
#define P2P_RESET_NEGOTIATION 0x1001u
#define P2P_RESET_LIMIT 0x1002u
#define P2P_RESET_RATE 0x1003u
#define P2P_RESET_PROTOCOL 0x1004u
#define P2P_RESET_SHUTDOWN 0x1007u

/* Each may be NULL: data is then discarded, nothing is written, end-of-file
 * is answered by p2p_stream_shutdown(). */
struct p2p_stream_handlers {
	/*
	 * The protocol is agreed. Inbound: the first call, p2p_stream_user()
	 * is the user of p2p_host_serve() until it is set. Outbound: the peer
	 * said yes; on_writable may have been called before this, since the
	 * first data travels with the proposal.
	 */
	void (*on_open)(struct p2p_stream *);
	/*
	 * len > 0 bytes have come. Returns how many were consumed; the rest
	 * is kept and offered again, together with what follows, when more
	 * comes or after p2p_stream_want_read(). The peer is granted window
	 * only for what was consumed.
	 */
	size_t (*on_data)(struct p2p_stream *, const uint8_t *, size_t len);
	/* The peer has finished its direction and all its data is consumed. */
	void (*on_eof)(struct p2p_stream *);
	/*
	 * Fill up to room (> 0, <= 16372) bytes of the next frame and return
	 * how many. Called only while the peer's window and the socket have
	 * room. 0 means nothing now: not called again before
	 * p2p_stream_want_write(). May call p2p_stream_shutdown(): the
	 * direction then ends after the bytes returned.
	 */
	size_t (*on_writable)(struct p2p_stream *, uint8_t *, size_t room);
	/*
	 * Exactly once, last, for every stream that had on_open or came from
	 * p2p_stream_open(). The stream is gone when this returns. code is
	 * the peer's with P2P_END_RESET, else 0.
	 */
	void (*on_closed)(struct p2p_stream *, enum p2p_end, uint32_t code);
};

/* --- connections: what the owner implements --------------------------- */

enum p2p_reason {
	P2P_REASON_LOCAL,      /* p2p_conn_close() here */
	P2P_REASON_EOF,	       /* the peer closed */
	P2P_REASON_IO,	       /* p2p_conn_io_error() */
	P2P_REASON_GOAWAY,     /* the peer said GoAway */
	P2P_REASON_SETUP,      /* not set up within 10 s */
	P2P_REASON_TLS,	       /* handshake or record error, refused cert. */
	P2P_REASON_ALERT,      /* the peer ended TLS with an alert */
	P2P_REASON_WRONG_PEER, /* another peer id than expected, or our own */
	P2P_REASON_REFUSED,    /* judge_peer said no */
	P2P_REASON_PROTOCOL,   /* multistream or yamux was violated */
	P2P_REASON_FLOOD,      /* KeyUpdates, pings, streams: too many */
	P2P_REASON_DEAD,       /* silent for 10 s after a ping */
	P2P_REASON_STALLED,    /* took no byte for 10 s while output waited */
};

struct p2p_callbacks {
	/* After the TLS handshake, before anything else is said: may this
	 * peer stay? NULL: yes. */
	bool (*judge_peer)(struct p2p_conn *, const struct peer_id *);
	/* Set-up is complete; streams may be opened from here on. */
	void (*on_established)(struct p2p_conn *, const struct peer_id *);
	/* The peer's identify, or a later push; its key and its signed record
	 * are verified. At most one a second, four at once. To keep any of
	 * it, copy it. */
	void (*on_identify)(struct p2p_conn *, const struct identify *);
	/* Exactly once unless p2p_conn_free() came first. text is printable
	 * and says more than the reason. */
	void (*on_closed)(struct p2p_conn *, enum p2p_reason, const char *text);
	/*
	 * A call made outside of the driver calls of this connection left
	 * work: call p2p_conn_turn() before the loop waits again, then look
	 * at wants_*. Once until that turn. Only mark here; it is the one
	 * callback that runs inside such a call.
	 */
	void (*on_wake)(struct p2p_conn *);
};

/* --- host ------------------------------------------------------------- */

struct p2p_host_config {
	const struct p2p_tls_key *tls_key;
	const uint8_t *ed25519_key; /* 32 bytes: our public identity key */
	const uint8_t *signature;   /* 64 bytes, see p2p_tls_key_new() */
	const char *agent;	    /* identify's agentVersion; <= 64, copied */
	const struct p2p_callbacks *callbacks; /* static */
	void *user;
};

/* NULL with errno EINVAL if the signature is not one by ed25519_key over this
 * tls_key. The key and the configuration may be freed afterwards. */
struct p2p_host *p2p_host_new(const struct p2p_host_config *);
/* Every connection must have been freed. */
void p2p_host_free(struct p2p_host *);
void *p2p_host_user(const struct p2p_host *);
const struct peer_id *p2p_host_peer_id(const struct p2p_host *);

/* Serve a protocol. The name (<= 64, "/...") and the handlers are static;
 * inbound_max streams of it at once on a connection, others are reset. For
 * streams that are opened from now on; at most 16 protocols. identify and ping
 * are built in. */
void p2p_host_serve(struct p2p_host *, const char *protocol, enum p2p_class,
    unsigned inbound_max, const struct p2p_stream_handlers *, void *user);

/* Sets the addresses and the record that identify sends from now on; copied.
 * Addresses come without /p2p. -1 with EINVAL beyond IDENTIFY_ADDRS_MAX or
 * P2P_RECORD_LEN_MAX. An empty record means none. Where all do not fit into the
 * 4096 bytes that a message may have, the record goes out alone, it has the
 * addresses too. */
int p2p_host_set_addresses(
    struct p2p_host *, const struct multiaddr_raw *addrs, size_t count);
int p2p_host_set_record(struct p2p_host *, const uint8_t *envelope, size_t);

/* Seconds since 1970, for the dates of certificates; to be refreshed by the
 * owner now and then. 0, as at first, means that the clock is not to be
 * trusted: dates are then not judged. */
void p2p_host_set_wall_time(struct p2p_host *, int64_t unix_s);

/* --- connection ------------------------------------------------------- */

enum p2p_role { P2P_DIALER, P2P_LISTENER };

/* For a connected socket. expected (copied) or NULL: any peer. remote: the
 * other end, which identify tells to it; copied, or NULL. Never fails: an
 * error shows as closed. */
struct p2p_conn *p2p_conn_new(struct p2p_host *, enum p2p_role,
    const struct peer_id *expected, const struct multiaddr_raw *remote,
    uint64_t now_ns, void *user);
/* Any time, even in a callback (the memory then goes when the driver call
 * ends). If it was not closed, its streams get on_closed, it does not; called
 * outside of its own driver calls, they get it at once. */
void p2p_conn_free(struct p2p_conn *);

/* Room to receive into, valid until recv_done; meanwhile no other connection
 * of the host may be driven. len is at least 16 KiB. recv_done with 0 bytes is
 * allowed. */
uint8_t *p2p_conn_recv_buffer(struct p2p_conn *, size_t *len);
void p2p_conn_recv_done(struct p2p_conn *, size_t n, uint64_t now_ns);
void p2p_conn_recv_eof(struct p2p_conn *, uint64_t now_ns);
void p2p_conn_io_error(struct p2p_conn *, int err, uint64_t now_ns);

/* Makes frames, asking streams for data, until there is about 192 KiB to send
 * or no more to say. *len 0: nothing. Valid until send_done, which must
 * follow unless *len is 0 (n of 0: the socket took nothing). */
const uint8_t *p2p_conn_send_buffer(
    struct p2p_conn *, size_t *len, uint64_t now_ns);
void p2p_conn_send_done(struct p2p_conn *, size_t n, uint64_t now_ns);

void p2p_conn_turn(struct p2p_conn *, uint64_t now_ns);
bool p2p_conn_wants_read(const struct p2p_conn *);
bool p2p_conn_wants_write(const struct p2p_conn *);
/* UINT64_MAX: none. May be earlier than needed, never later. */
uint64_t p2p_conn_next_deadline_ns(const struct p2p_conn *);
bool p2p_conn_is_closed(const struct p2p_conn *);

/* Ends streams, says GoAway with this code (0: normal) and close_notify,
 * gives them 1 s to leave, then closes. text is static. */
void p2p_conn_close(struct p2p_conn *, uint32_t goaway_code, const char *text);
/* Send our identify again, to a peer that listed the push protocol. */
void p2p_conn_push_identify(struct p2p_conn *);

struct p2p_host *p2p_conn_host(const struct p2p_conn *);
void *p2p_conn_user(const struct p2p_conn *);
enum p2p_role p2p_conn_role(const struct p2p_conn *);
bool p2p_conn_is_established(const struct p2p_conn *);
/* NULL before the handshake. */
const struct peer_id *p2p_conn_peer_id(const struct p2p_conn *);
/* Of the latest answered ping; 0 before the first. */
uint64_t p2p_conn_rtt_ns(const struct p2p_conn *);

struct p2p_conn_stats {
	uint64_t bytes_in, bytes_out; /* on the socket */
	size_t buffered;	      /* bytes on the account */
	unsigned streams_in, streams_out;
};
void p2p_conn_stats(const struct p2p_conn *, struct p2p_conn_stats *);
const char *p2p_reason_name(enum p2p_reason);

/* --- stream ----------------------------------------------------------- */

/* Opens a stream and proposes the protocol (static); data may be written at
 * once and leaves in the same flight. NULL with errno: ENOTCONN not
 * established or closing, EAGAIN too many streams. */
struct p2p_stream *p2p_stream_open(struct p2p_conn *, const char *protocol,
    enum p2p_class, const struct p2p_stream_handlers *, void *user);

/* There is something to write: on_writable will be called. New streams are
 * in this state. */
void p2p_stream_want_write(struct p2p_stream *);
/* Offer again what on_data did not consume. */
void p2p_stream_want_read(struct p2p_stream *);
/* Half-close: nothing more will be written; the peer sees end-of-file after
 * what on_writable returned before. */
void p2p_stream_shutdown(struct p2p_stream *);
/* End both directions at once. on_closed(P2P_END_LOCAL) follows when the
 * driver call, or the next turn, ends; no other callback before it. */
void p2p_stream_reset(struct p2p_stream *, uint32_t code);
/* The stream is reset at this time (P2P_END_TIMEOUT); 0: never. While the
 * protocol is being agreed the 10 s for that apply as well. */
void p2p_stream_set_deadline(struct p2p_stream *, uint64_t at_ns);
void p2p_stream_set_class(struct p2p_stream *, enum p2p_class);
/* Limits the bytes that on_data did not consume, for an owner for whom a whole
 * window is too much. The stream is reset beyond that (P2P_END_MEMORY). The
 * windows of others may grow by the rest. */
void p2p_stream_set_limit(struct p2p_stream *, size_t bytes);

struct p2p_conn *p2p_stream_conn(const struct p2p_stream *);
bool p2p_stream_is_inbound(const struct p2p_stream *);
void *p2p_stream_user(const struct p2p_stream *);
void p2p_stream_set_user(struct p2p_stream *, void *);

#endif
