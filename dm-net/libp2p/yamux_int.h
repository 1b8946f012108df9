/* SPDX-License-Identifier: ISC */
/*
 * The insides of a yamux session, shared by yamux.c (input), yamux_out.c
 * (output) and yamux_stream.c (streams and their buffers). Nobody else.
 */
#ifndef DMNET_LIBP2P_YAMUX_INT_H
#define DMNET_LIBP2P_YAMUX_INT_H

#include "dm-net/libp2p/list.h"
#include "dm-net/libp2p/yamux.h"

enum { YAMUX_DATA, YAMUX_WINDOW, YAMUX_PING, YAMUX_AWAY };
enum { YAMUX_SYN = 1, YAMUX_ACK = 2, YAMUX_FIN = 4, YAMUX_RST = 8 };

#define YAMUX_BUCKETS 64
/* The code with which streams beyond a limit are reset. */
#define YAMUX_CODE_LIMIT 0x1002u
/* Beyond this much on the account no new stream is taken. */
#define YAMUX_ACCOUNT_HIGH (YAMUX_ACCOUNT_BYTES / 4 * 3)

struct yamux_stream {
	struct yamux *y;
	void *user;
	uint32_t id;
	unsigned int stream_class;
	struct yamux_stream *chain; /* in its bucket */
	struct list control;	    /* on y->control: something to say */
	struct list ready;	    /* on y->ready[class]: to be pulled */
	/* Sending. */
	uint64_t send_window;
	bool is_inbound;
	bool has_syn; /* SYN (or, inbound, ACK) waits to be sent */
	bool has_fin; /* FIN waits */
	bool has_rst; /* RST waits, with rst_code */
	bool wants_write;
	bool is_shut;	  /* no more data from here: FIN sent or waiting */
	bool is_dead;	  /* reset by either side */
	bool is_released; /* no owner */
	uint32_t rst_code;
	/* Receiving. */
	bool is_remote_shut; /* FIN came */
	bool is_eof_told;
	uint32_t limit;	      /* what may be buffered */
	uint32_t window;      /* what the peer may have outstanding */
	uint64_t recv_window; /* of that, what it has not used */
	uint32_t owed;	      /* consumed (or grown), not granted yet */
	uint64_t update_ns;   /* when credit was last given */
	uint8_t *buf;	      /* not consumed: buf[head .. head + len) */
	size_t head;
	size_t len;
	size_t size;
};

struct yamux {
	const struct yamux_ops *ops;
	void *ctx;
	bool is_dialer;
	enum yamux_status status;
	uint64_t now_ns;
	uint64_t rtt_ns;
	uint32_t next_id;
	unsigned int stream_count[2]; /* ours, the peer's */
	size_t buffered;	      /* by all streams */
	size_t promised;	      /* what they could buffer */
	struct yamux_stream *bucket[YAMUX_BUCKETS];
	/* Input. */
	uint8_t header[YAMUX_HEADER_BYTES];
	size_t header_len;
	uint32_t body_left;
	bool body_has_fin;
	struct yamux_stream *body_stream; /* NULL: dropped */
	uint32_t away_code;
	/* Output. */
	struct list control;
	struct list ready[YAMUX_CLASSES];
	unsigned int turn;
	bool has_pong;
	uint32_t pong;
	bool has_ping; /* waits to be sent */
	bool is_ping_sent;
	uint32_t ping;
	bool has_away; /* GoAway waits to be sent, with away_out */
	bool is_away;  /* it was: there is no more output */
	uint32_t away_out;
	size_t refusal_count;
	uint32_t *refusals; /* ids; allocated when first needed */
};

/* yamux_stream.c */
struct yamux_stream *yamux_stream_new(
    struct yamux *y, uint32_t id, bool is_inbound);
struct yamux_stream *yamux_stream_find(const struct yamux *y, uint32_t id);
void yamux_stream_free(struct yamux_stream *s);
/* Frees `s` if it is released and has nothing left to say. */
void yamux_stream_reap(struct yamux_stream *s);
/* Puts `s` on y->control if it has something to say. */
void yamux_stream_mark(struct yamux_stream *s);
/* Puts `s` on, or takes it off, y->ready. */
void yamux_stream_ready(struct yamux_stream *s);
/* The peer's reset: everything ends, nothing is said. */
void yamux_stream_kill(struct yamux_stream *s, uint32_t code);
/* Data of a frame that fits in the window. */
void yamux_stream_data(struct yamux_stream *s, const uint8_t *p, size_t len);
void yamux_stream_fin(struct yamux_stream *s);
/* The credit that is due, 0 if too little; it counts as given. */
uint32_t yamux_stream_credit(struct yamux_stream *s);
bool yamux_stream_is_owed(const struct yamux_stream *s);

#endif
