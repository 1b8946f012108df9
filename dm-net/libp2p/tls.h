/* SPDX-License-Identifier: ISC */
/*
 * /tls/1.0.0 (libp2p specs, tls): TLS 1.3 with a certificate on both sides,
 * no tickets, no resumption, no names. OpenSSL reads from the bytes it is fed
 * and writes into a sendbuf; it has no socket. Certificates: cert and judged.
 *
 * struct tls_ctx is this node, struct tls one connection. Time comes with the
 * bytes; it is used only to limit KeyUpdates. The program must have told
 * OpenSSL not to load its configuration.
 */
#ifndef DMNET_LIBP2P_TLS_H
#define DMNET_LIBP2P_TLS_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dm-net/libp2p/cert.h"
#include "dm-net/libp2p/sendbuf.h"

#define TLS_PLAIN_MAX 16384
/* Records sent or received under one key; AES-GCM bears 2^24.5. */
#define TLS_REKEY_RECORDS (1u << 24)
/* Messages after the handshake (KeyUpdate, tickets) that a peer may send at
 * once; one more each second. */
#define TLS_MESSAGES_BURST 16

struct tls;
struct tls_ctx;

enum tls_status {
	TLS_OK,
	TLS_WANT,  /* needs more bytes */
	TLS_EOF,   /* the peer said close_notify */
	TLS_ERROR, /* see tls_error(); an alert may be in the sendbuf */
	TLS_FLOOD  /* too many messages after the handshake */
};

/* The protocols that a dialer offers by ALPN. */
enum tls_alpn {
	TLS_ALPN_MUXER, /* yamux at once, or else its negotiation */
	TLS_ALPN_PLAIN, /* "libp2p" only, as rust does */
	TLS_ALPN_NONE
};

/* `cert` was made for `key`; both stay the caller's. */
struct tls_ctx *tls_ctx_new(const struct p2p_tls_key *key, X509 *cert);
void tls_ctx_free(struct tls_ctx *ctx);
/* For the dates of peers' certificates; 0, as at first: not judged. */
void tls_ctx_set_wall_time(struct tls_ctx *ctx, int64_t unix_s);
/* TLS_ALPN_MUXER at first. */
void tls_ctx_set_alpn(struct tls_ctx *ctx, enum tls_alpn alpn);
/* TLS_REKEY_RECORDS at first. */
void tls_ctx_set_rekey(struct tls_ctx *ctx, uint64_t records);

/* `expected` (or NULL: anyone) is copied; `out` outlives it. */
struct tls *tls_new(struct tls_ctx *ctx, bool is_server,
    const struct peer_id *expected, struct sendbuf *out);
void tls_free(struct tls *tls);

/* Sets the bytes that the next calls read. They are borrowed until a call
 * returns TLS_WANT: then all of them have been taken. */
void tls_feed(
    struct tls *tls, const uint8_t *in, size_t in_len, uint64_t now_ns);
enum tls_status tls_handshake(struct tls *tls);
/* TLS_OK: `*len` > 0 bytes, at most TLS_PLAIN_MAX, which `buf` must hold. */
enum tls_status tls_read(struct tls *tls, uint8_t *buf, size_t *len);
/* Whether tls_write() of a full record may be called. */
bool tls_can_write(const struct tls *tls);
/* All of 1 to TLS_PLAIN_MAX bytes as one record; TLS_OK or TLS_ERROR. */
enum tls_status tls_write(struct tls *tls, const uint8_t *buf, size_t len);
/* Says close_notify. */
void tls_close(struct tls *tls);

/* After the handshake: who it is, proven; and whether yamux was agreed on. */
const struct peer_id *tls_peer(const struct tls *tls);
bool tls_has_muxer(const struct tls *tls);
/* Its owner may stay: the signatures in its certificate were verified and need
 * not be when it comes back with the same. */
void tls_remember(struct tls *tls);
/* The handshake failed because it was another peer than expected. */
bool tls_is_wrong_peer(const struct tls *tls);

/* After TLS_ERROR: the peer ended it with an alert; it is we who displease it,
 * as one who expects another peer at our address. */
bool tls_is_alert(const struct tls *tls);
/* OpenSSL's side of it, for tests. */
SSL *tls_ssl(struct tls *tls);
/* Why it failed; static. */
const char *tls_error(const struct tls *tls);

#endif
