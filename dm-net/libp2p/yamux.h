/* SPDX-License-Identifier: ISC */
/*
 * yamux (libp2p specs, yamux): many streams over one ordered byte stream.
 *
 * A struct yamux is one side of a session. Bytes that came go in through
 * yamux_input(); yamux_output() makes the bytes to send, when there is room to
 * send them, and pulls stream data for it at that moment. Everything to send
 * besides data is state and no queue (one pong, and for each stream its ACK,
 * credit, FIN and RST), so a peer cannot make it grow.
 *
 * A header is checked as a whole before anything is allocated for it. Memory
 * is what streams buffer of data that their owner did not consume, and stays
 * within one account. No I/O, no clock: the caller passes the time.
 *
 * Callbacks run inside yamux_input(), yamux_output() and yamux_offer() only,
 * and may call anything below but these and yamux_free(). A stream lives until
 * its owner calls yamux_release() (never inside a callback).
 */
#ifndef DMNET_LIBP2P_YAMUX_H
#define DMNET_LIBP2P_YAMUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define YAMUX_HEADER_BYTES 12
/* The window that the protocol gives every stream, each way. */
#define YAMUX_WINDOW_INITIAL (256u * 1024)
/* The largest window that this side grants. */
#define YAMUX_WINDOW_MAX (1024u * 1024)
/* Header and body fill one TLS record. */
#define YAMUX_BODY_MAX (16384 - YAMUX_HEADER_BYTES)
#define YAMUX_STREAMS_MAX 256 /* each direction */
/* Refusals of streams beyond that which may wait to be sent. */
#define YAMUX_REFUSALS_MAX 1024
/* The memory that a session may cost: the buffers of its streams (2 MiB, for
 * the windows of eight, all full: others rely on that much), they themselves,
 * and the connection below them ... */
#define YAMUX_ACCOUNT_BYTES (2560u * 1024)
/* ... which is charged from the start for all it ever holds (what waits to be
 * sent, half a TLS record, texts of identify) ... */
#define YAMUX_CONN_BYTES (448u * 1024)
/* ... and each stream, with what its owner keeps about it. */
#define YAMUX_STREAM_BYTES 1024u
#define YAMUX_CLASSES 4

/* Codes of GoAway. */
#define YAMUX_GOAWAY_NORMAL 0u
#define YAMUX_GOAWAY_PROTOCOL 1u

enum yamux_status {
	YAMUX_OK,
	YAMUX_GOAWAY,	 /* the peer ends the session */
	YAMUX_VERSION,	 /* the rest: the peer broke the protocol */
	YAMUX_TYPE,	 /* unknown type of frame */
	YAMUX_FLAGS,	 /* flags that do not go together */
	YAMUX_ID,	 /* zero, or not the peer's to open */
	YAMUX_REUSED,	 /* SYN for a stream that is open */
	YAMUX_LENGTH,	 /* no window of ours is that large */
	YAMUX_CREDIT,	 /* more data than was granted */
	YAMUX_OVERFLOW,	 /* granted us more than 32 bits can hold */
	YAMUX_AFTER_FIN, /* data after its end */
	YAMUX_PONG,	 /* an answer to a ping that was not sent */
	YAMUX_FLOOD	 /* too many streams beyond the limit */
};

struct yamux;
struct yamux_stream;

struct yamux_ops {
	/* The peer opened a stream; its owner sets the user. False: refuse.*/
	bool (*on_open)(void *ctx, struct yamux_stream *);
	/* Returns how much was consumed; the rest is kept and granted back
	 * only once it is consumed. */
	size_t (*on_data)(
	    void *ctx, struct yamux_stream *, const uint8_t *data, size_t len);
	/* FIN came and all data is consumed. Once. */
	void (*on_eof)(void *ctx, struct yamux_stream *);
	/* The peer reset it. Nothing follows. */
	void (*on_reset)(void *ctx, struct yamux_stream *, uint32_t code);
	/* It was reset here: its data did not fit in the account, or was more
	 * than its limit. */
	void (*on_squeezed)(void *ctx, struct yamux_stream *);
	/* Writes up to `room` > 0 bytes; 0: nothing before
	 * yamux_want_write(). */
	size_t (*on_pull)(
	    void *ctx, struct yamux_stream *, uint8_t *out, size_t room);
	/* The answer to yamux_ping(). */
	void (*on_pong)(void *ctx);
};

/* --- session ---------------------------------------------------------- */

/* `ops` is static; `ctx` is handed to each of them. */
struct yamux *yamux_new(bool is_dialer, const struct yamux_ops *ops, void *ctx);
/* Frees the session and every stream in it, without callbacks. */
void yamux_free(struct yamux *y);

/*
 * Takes bytes from the peer, all of them. Anything but YAMUX_OK ends the
 * session: it stays, and nothing more is read.
 */
enum yamux_status yamux_input(
    struct yamux *y, const uint8_t *in, size_t in_len, uint64_t now_ns);

/*
 * Writes whole frames into `out` (`out_size` at least 12) and returns how many
 * bytes; 0 if there is nothing to say.
 */
size_t yamux_output(struct yamux *y, uint8_t *out, size_t out_size);
/* Whether yamux_output() may have something. */
bool yamux_has_output(const struct yamux *y);

/* Sends a ping. One at a time: call only if not yamux_is_pinging(). */
void yamux_ping(struct yamux *y);
/* A ping waits to be sent or answered. */
bool yamux_is_pinging(const struct yamux *y);
/* ... and was sent. */
bool yamux_ping_is_sent(const struct yamux *y);
/* The round trip, for the growth of windows; 0 (as at first): unknown. */
void yamux_set_rtt(struct yamux *y, uint64_t rtt_ns);

/* The next output ends with GoAway, and then there is none. */
void yamux_goaway(struct yamux *y, uint32_t code);
/* The code of the peer's GoAway. */
uint32_t yamux_goaway_code(const struct yamux *y);

/* Bytes of buffers. */
size_t yamux_buffered(const struct yamux *y);
/* The bytes on the account: buffers, streams and the connection. */
size_t yamux_charged(const struct yamux *y);
unsigned int yamux_stream_count(const struct yamux *y, bool is_inbound);
/* A sentence without a full stop. */
const char *yamux_status_text(enum yamux_status status);

/* --- streams ---------------------------------------------------------- */

/* Opens one; NULL if there are YAMUX_STREAMS_MAX. It wants to write. */
struct yamux_stream *yamux_open(
    struct yamux *y, void *user, unsigned int stream_class);
void yamux_set_user(struct yamux_stream *s, void *user);
void *yamux_user(const struct yamux_stream *s);
uint32_t yamux_id(const struct yamux_stream *s);
/*
 * Limits the bytes that on_data did not consume; at first its window is the
 * limit. Beyond it the stream is squeezed. The windows of other streams may
 * grow by the bytes that no stream was promised.
 */
void yamux_set_limit(struct yamux_stream *s, size_t limit);
/* 0 goes first, YAMUX_CLASSES - 1 last; each gets one frame in eight. */
void yamux_set_class(struct yamux_stream *s, unsigned int stream_class);

/* on_pull will be called when there is window and room. */
void yamux_want_write(struct yamux_stream *s);
/* Offers what is buffered to on_data, and tells of the end of data. */
void yamux_offer(struct yamux_stream *s, uint64_t now_ns);
/* Sends FIN after what was pulled. */
void yamux_shutdown(struct yamux_stream *s);
/* Sends RST (if the peer knows the stream) and drops what is buffered. */
void yamux_reset(struct yamux_stream *s, uint32_t code);
/* Nobody uses `s` any more. It must have been reset by either side, or both
 * directions have ended. Freed as soon as the peer was told everything. */
void yamux_release(struct yamux_stream *s);

#endif
