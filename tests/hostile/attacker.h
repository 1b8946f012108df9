/* SPDX-License-Identifier: ISC */
/*
 * One connection of an attacker to a libp2p listener, or of one whom it
 * dialled: TLS by OpenSSL, every other byte as the attack writes it, so nothing
 * of the code under test helps. Every call waits at most until `until_s`.
 */
#ifndef TESTS_HOSTILE_ATTACKER_H
#define TESTS_HOSTILE_ATTACKER_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEADER "\x13/multistream/1.0.0\n"
#define TLS HEADER "\x0b/tls/1.0.0\n"
#define YAMUX HEADER "\x0d/yamux/1.0.0\n"
#define FLOOD 200000

enum { DATA, WINDOW, PING, AWAY };
enum { SYN = 1, ACK = 2, FIN = 4, RST = 8 };

struct attacker {
	struct in_addr target;
	uint16_t port;
	struct in_addr address; /* ours */
	bool is_listener;	/* its seed is 00 01 .. 1f, not random */
	int fd;
	SSL *ssl;
	bool is_closed;		 /* by the other side */
	double until_s;		 /* by attacker_now_s() */
	const atomic_bool *stop; /* it is true earlier; or NULL */
	uint64_t sent, received; /* bytes, counted at the end */
};

/* What is wrong with our certificate. */
enum flaw {
	FLAW_NONE,
	FLAW_ABSENT,
	FLAW_TWO,
	FLAW_EXPLICIT,
	FLAW_EXPLICIT_CHAIN,
	FLAW_RSA,
	FLAW_EXPIRED,
	FLAW_BINDING,
	FLAW_CRITICAL,
	FLAW_NO_EXTENSION,
	FLAW_TLS12,
	FLAW_SELF_SIGNATURE
};

/* --- time --------------------------------------------------------------- */

/* Monotonic seconds. */
double attacker_now_s(void);
void attacker_pause_ms(long ms);
/* The other side has closed, the time is up, or somebody said stop. */
bool attacker_is_over(const struct attacker *);

/* --- the connection ----------------------------------------------------- */

/* Connects from `address` to target:port. False: it was not let in. */
bool attacker_dial(struct attacker *);
/* Short time-outs for a socket that came by accept(2). */
void attacker_set_timeouts(const struct attacker *);
/* Reads until the connection is over. */
void attacker_wait(struct attacker *);
/* Closes the socket and frees what belongs to it. */
void attacker_end(struct attacker *);

/* --- bytes, through TLS once that is up --------------------------------- */

/* How many bytes a call to TLS or a socket took that returned n; notes an end
 * of the connection. */
size_t attacker_result(struct attacker *, int n);
/* The bytes that were read; 0: none now, or the other side has closed. */
size_t attacker_take(struct attacker *, void *buf, size_t size);
/* Reads what is there, and forgets it. */
void attacker_drain(struct attacker *);
/* All of it, reading meanwhile if `reads`. */
void attacker_put(struct attacker *, const void *bytes, size_t len, bool reads);
/* Past TLS, if that is up. */
void attacker_put_raw(struct attacker *, const void *bytes, size_t len);
void attacker_put_text(struct attacker *, const char *text);
/* 4 KiB that mean nothing, the same each time. */
void attacker_put_garbage(struct attacker *);

/* A header of yamux, and a frame of data. */
void attacker_frame(struct attacker *, unsigned type, unsigned flags,
    uint32_t id, uint32_t length, bool reads);
void attacker_data(struct attacker *, unsigned flags, uint32_t id,
    const void *bytes, size_t len);
void attacker_data_text(
    struct attacker *, unsigned flags, uint32_t id, const char *text);

/* --- getting there ------------------------------------------------------ */

/* Agrees on TLS; the handshake with an early choice of yamux, or one of
 * `alpn`: a length and a name; all up to a session. */
void attacker_to_tls(struct attacker *);
void attacker_tls(struct attacker *, enum flaw, const char *alpn);
void attacker_to_muxer(struct attacker *);
void attacker_to_yamux(struct attacker *);

#endif
