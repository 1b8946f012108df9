/* SPDX-License-Identifier: ISC */
/*
 * The insides of hosts, connections and streams, shared by the sources that
 * implement host.h and by nobody else:
 *
 *	host.c        the host
 *	conn.c        a connection's life: driver calls, timers, its end
 *	conn_state.c  the state of a connection, changed and read
 *	upgrade.c     from TCP to yamux: what is done with bytes that came
 *	stream.c      streams: negotiation, callbacks, their end
 *	service.c     identify, both ways, and its push
 *	ping.c        ping, answered
 */
#ifndef DMNET_LIBP2P_CONN_H
#define DMNET_LIBP2P_CONN_H

#include "dm-net/libp2p/host.h"
#include "dm-net/libp2p/list.h"
#include "dm-net/libp2p/multistream.h"
#include "dm-net/libp2p/sendbuf.h"
#include "dm-net/libp2p/tls.h"
#include "dm-net/libp2p/yamux.h"

#define CONN_SECOND_NS 1000000000ull
#define CONN_SETUP_NS (10 * CONN_SECOND_NS)
#define CONN_NEGOTIATE_NS (10 * CONN_SECOND_NS)
/* A peer that was silent for so long is pinged. The listener leaves it to the
 * dialer, whose ping tells it as much. */
#define CONN_PING_NS (10 * CONN_SECOND_NS)
#define CONN_PING_LISTENER_NS (12 * CONN_SECOND_NS)
/* One that was not, for the round trip. */
#define CONN_RTT_NS (60 * CONN_SECOND_NS)
#define CONN_DEAD_NS (10 * CONN_SECOND_NS)
#define CONN_STALL_NS (10 * CONN_SECOND_NS)
#define CONN_CLOSE_NS (1 * CONN_SECOND_NS)
/* Streams that this directory serves itself. */
#define CONN_SERVICE_NS (10 * CONN_SECOND_NS)
#define CONN_PING_IDLE_NS (60 * CONN_SECOND_NS)
/* Bytes of pings that may wait until the echo of one has left. Those who ping
 * wait for each. */
#define CONN_PING_WAITING 1024
#define CONN_NEVER UINT64_MAX

#define HOST_BUILTINS 3
#define HOST_PROTOCOLS_MAX (HOST_BUILTINS + 16)
#define HOST_AGENT_MAX 64
#define HOST_RX_BYTES (256 * 1024)

/* Its own message, before any answer. */
#define MULTISTREAM_HEADER_BYTES 20

#define PING_PROTOCOL "/ipfs/ping/1.0.0"

enum p2p_conn_state {
	CONN_SELECT_TLS, /* agreeing on /tls/1.0.0 */
	CONN_HANDSHAKE,
	CONN_SELECT_MUXER, /* agreeing on yamux, within TLS */
	CONN_OPEN,
	CONN_CLOSING, /* last words are on their way */
	CONN_CLOSED
};

struct protocol {
	const char *name;
	enum p2p_class stream_class;
	unsigned int inbound_max;
	const struct p2p_stream_handlers *handlers;
	void *user;
};

struct p2p_host {
	struct tls_ctx *tls_ctx;
	struct peer_id id;
	const struct p2p_callbacks *callbacks;
	void *user;
	char agent[HOST_AGENT_MAX + 1];
	size_t protocol_count;
	struct protocol protocols[HOST_PROTOCOLS_MAX];
	const char *names[HOST_PROTOCOLS_MAX]; /* theirs */
	size_t addr_count;
	struct multiaddr_raw addrs[IDENTIFY_ADDRS_MAX];
	size_t record_len;
	uint8_t record[P2P_RECORD_LEN_MAX];
	unsigned int conn_count;
	/* Scratch for the connection that is being driven: bytes from the
	 * socket, a record decrypted, a record to be encrypted. */
	uint8_t rx[HOST_RX_BYTES];
	uint8_t plain[TLS_PLAIN_MAX];
	uint8_t frames[TLS_PLAIN_MAX];
};

struct p2p_conn {
	struct p2p_host *host;
	void *user;
	enum p2p_role role;
	enum p2p_conn_state state;
	bool has_expected;
	struct peer_id expected;
	bool has_remote;
	struct multiaddr_raw remote;

	struct multistream ms; /* in the CONN_SELECT_* states */
	struct sendbuf out;
	struct tls *tls;     /* from CONN_HANDSHAKE on */
	struct yamux *yamux; /* from CONN_OPEN on */
	uint64_t bytes_in;
	uint64_t bytes_out;

	uint64_t now_ns; /* of the latest driver call */
	uint64_t setup_ns;
	uint64_t close_ns;
	uint64_t ping_ns;      /* the next one's time */
	uint64_t ping_sent_ns; /* 0: none is on its way */
	uint64_t heard_ns;     /* when bytes last came */
	uint64_t stall_ns;     /* since when output waits; 0: none does */
	uint64_t rtt_ns;
	uint64_t rtt_at_ns; /* when it was measured */

	struct list streams;  /* all but the ended */
	struct list ended;    /* to be told, and freed */
	struct list resumed;  /* whose data is to be offered again */
	uint64_t deadline_ns; /* no stream's is earlier */
	bool has_undated;     /* a stream's negotiation has no time yet */
	unsigned int inbound[HOST_PROTOCOLS_MAX];
	bool has_push; /* the peer takes identify pushes */
	unsigned int identify_tokens;
	uint64_t identify_ns; /* when they were last filled up */

	unsigned int depth; /* of driver calls, 0 or 1 */
	bool is_woken;
	bool is_free_asked;
	/* Set once, applied when the driver call ends. */
	bool is_ending;
	bool is_abrupt;	 /* nothing more can be said */
	bool has_goaway; /* say GoAway with goaway_code */
	uint32_t goaway_code;
	enum p2p_reason reason;
	const char *text;
	char text_buf[96];
};

struct p2p_stream {
	struct p2p_conn *conn;
	struct yamux_stream *ys;
	struct list link;   /* conn->streams, or conn->ended */
	struct list resume; /* conn->resumed */
	const struct p2p_stream_handlers *handlers; /* inbound: once agreed */
	void *user;
	const char *protocol;
	const struct protocol *served; /* inbound: whose count it is in */
	struct multistream *ms;	       /* until agreed, and all said */
	bool is_inbound;
	bool is_open; /* agreed upon */
	bool is_shut; /* p2p_stream_shutdown() was called ... */
	bool has_fin; /* ... and passed on to yamux */
	bool is_eof;  /* the peer's end was told */
	bool is_ended;
	bool is_refused; /* inbound, agreed on nothing: what comes is dropped */
	size_t said;	 /* bytes of the negotiation */
	enum p2p_end end;
	uint32_t code;
	uint64_t negotiate_ns; /* 0: not dated yet */
	uint64_t deadline_ns;  /* the owner's; 0: none */
};

/* conn_state.c. The end of a connection; the first one counts. `text` is static
 * or in c->text_buf. */
void conn_fail(struct p2p_conn *c, enum p2p_reason reason, const char *text);
/* The same, after GoAway. */
void conn_fail_goaway(struct p2p_conn *c, enum p2p_reason reason,
    uint32_t goaway_code, const char *text);
/* Work was made; tells the owner unless it is in a driver call anyway. */
void conn_wake(struct p2p_conn *c);
void conn_enter(struct p2p_conn *c, enum p2p_conn_state state);
/* The answer to the ping came. */
void conn_on_pong(struct p2p_conn *c);

/* upgrade.c */
void upgrade_start(struct p2p_conn *c);
void upgrade_input(struct p2p_conn *c, const uint8_t *in, size_t in_len);

/* stream.c */
extern const struct yamux_ops stream_yamux_ops;
/* Ends every stream. */
void stream_end_all(struct p2p_conn *c);
/* Tells and frees those that ended by now. */
void stream_reap(struct p2p_conn *c);
/* Offers data again to those that asked for it by now. */
void stream_resume(struct p2p_conn *c);
/* Gives times to new streams; ends those whose time is over. */
void stream_timers(struct p2p_conn *c);

/* service.c */
extern const struct p2p_stream_handlers service_identify;
extern const struct p2p_stream_handlers service_push;
/* Asks the peer to identify itself. */
void service_start(struct p2p_conn *c);

#endif
