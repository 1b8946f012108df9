/* SPDX-License-Identifier: ISC */
/*
 * multistream-select 1.0 (libp2p specs, connections): agrees on the protocol
 * of a connection or a stream. One state machine for both sides: bytes come
 * in through multistream_input(), bytes to send wait in multistream_output().
 *
 * It never consumes a byte beyond the message that ends the negotiation, so
 * what follows belongs to the next layer (lazy dialers send their first data
 * with their proposal). It has no clock: the caller sets the deadline. It
 * never allocates and does no I/O; the strings it is given must outlive it.
 */
#ifndef DMNET_LIBP2P_MULTISTREAM_H
#define DMNET_LIBP2P_MULTISTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest message read, as its length prefix counts (with the newline). */
#define MULTISTREAM_MESSAGE_MAX 1024
/* Longest protocol of ours, without newline. */
#define MULTISTREAM_PROTOCOL_MAX 126
/* Most proposals a dialer may make on one stream before it is cut. */
#define MULTISTREAM_PROPOSALS_MAX 32
/* Header, a refusal for each proposal, and one echo (or proposal). */
#define MULTISTREAM_OUTPUT_MAX \
	(20 + 4 * MULTISTREAM_PROPOSALS_MAX + 1 + MULTISTREAM_PROTOCOL_MAX + 1)

enum multistream_status {
	MULTISTREAM_MORE,    /* needs more input */
	MULTISTREAM_DONE,    /* agreed: see multistream_protocol() */
	MULTISTREAM_REFUSED, /* dialer: every proposal was answered by na */
	/* The other side broke the protocol: close, or reset the stream. */
	MULTISTREAM_BAD_LENGTH,	 /* zero, over the limit or not minimal */
	MULTISTREAM_BAD_NEWLINE, /* a message does not end in one */
	MULTISTREAM_BAD_HEADER,	 /* the first one is not /multistream/1.0.0 */
	MULTISTREAM_BAD_ANSWER,	 /* dialer: neither the proposal nor na */
	MULTISTREAM_TOO_MANY	 /* listener: too many proposals */
};

/* Private to multistream.c, but callers provide the memory. */
struct multistream {
	const char *const *protocols;
	size_t protocol_count;
	size_t current; /* dialer: proposed; listener: agreed upon */
	enum multistream_status status;
	bool is_dialer;
	bool has_header;	     /* the other side's header was read */
	unsigned int proposal_count; /* read by the listener */
	/* The message being read. */
	uint8_t length[2]; /* its length prefix */
	uint8_t length_used;
	uint16_t need; /* the prefix's value, 0 until known */
	uint16_t have; /* bytes of the message read so far */
	uint8_t last;  /* the last of them */
	uint8_t text[MULTISTREAM_PROTOCOL_MAX + 2]; /* the first of them */
	/* Waiting to be sent: output[output_sent .. output_len). */
	uint16_t output_len;
	uint16_t output_sent;
	uint8_t output[MULTISTREAM_OUTPUT_MAX];
};

/*
 * Starts a dialer that proposes protocols[0], and after each refusal the next
 * one. There is at least one, each 1 to MULTISTREAM_PROTOCOL_MAX bytes without
 * newline (other lengths abort). Header and first proposal are in the output at
 * once; a caller with one proposal may send data after them before the answer
 * is there. A refusal that comes before multistream_sent() has emptied the
 * output is an error of the peer: call it when bytes are handed on, not when
 * they reach the wire.
 */
void multistream_dial(
    struct multistream *ms, const char *const *protocols, size_t count);

/*
 * Starts a listener that accepts any of `protocols`. It sends nothing before
 * the dialer's header is there.
 */
void multistream_listen(
    struct multistream *ms, const char *const *protocols, size_t count);

/*
 * Reads from `in` until the negotiation ends or the bytes do; `*consumed` is
 * how many were taken. After MULTISTREAM_MORE all were. Once the status is
 * another one it stays, and nothing more is consumed. There may be output
 * left to send after any status, DONE too.
 */
enum multistream_status multistream_input(
    struct multistream *ms, const uint8_t *in, size_t in_len, size_t *consumed);

/* The bytes to send now; `*len` is 0 if there are none. Valid until the next
 * call. */
const uint8_t *multistream_output(const struct multistream *ms, size_t *len);

/* Tells that the first `len` bytes of multistream_output() were sent. */
void multistream_sent(struct multistream *ms, size_t len);

/* The protocol agreed upon, one of the given pointers; NULL if not DONE. */
const char *multistream_protocol(const struct multistream *ms);

/* Its index in the array given; only if DONE. */
size_t multistream_index(const struct multistream *ms);

/* A sentence without a full stop. */
const char *multistream_status_text(enum multistream_status status);

#endif
