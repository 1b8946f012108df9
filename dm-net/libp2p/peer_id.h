/* SPDX-License-Identifier: ISC */
/*
 * Peer ids (libp2p specs, peer-ids): the multihash of a public key in its
 * protobuf form. Only ed25519 exists here. Its id is the key itself in an
 * identity multihash, always these 38 bytes:
 *
 *	00 24  08 01 12 20  <32 bytes of key>
 *
 * so a key of any other type or form is refused by comparing a prefix, before
 * anything parses it. Keys of small order and keys that are not canonical are
 * refused too: for them one signature is good for every message.
 *
 * Linked into the privileged parent as well, so it depends on the C library
 * only. No allocation, no I/O.
 */
#ifndef DMNET_LIBP2P_PEER_ID_H
#define DMNET_LIBP2P_PEER_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_ID_BYTES 38
#define PEER_ID_TEXT_SIZE 53 /* 52 characters and the NUL */
#define PEER_KEY_BYTES 32
#define PEER_KEY_PROTO_BYTES 36

struct peer_id {
	uint8_t bytes[PEER_ID_BYTES];
};

/* From the raw public key; false if it is of small order or not canonical. */
bool peer_id_from_key(
    struct peer_id *id, const uint8_t key[static PEER_KEY_BYTES]);

/* From a PublicKey protobuf; false unless it is the 36-byte ed25519 form. */
bool peer_id_from_key_proto(
    struct peer_id *id, const uint8_t *proto, size_t proto_len);

/* From a multihash; false unless it is an ed25519 id. */
bool peer_id_from_bytes(
    struct peer_id *id, const uint8_t *bytes, size_t bytes_len);

/*
 * From text: base58btc ("12D3KooW...") or CIDv1 in base32 ("bafz..."). False
 * unless all `text_len` characters are an ed25519 id.
 */
bool peer_id_parse(struct peer_id *id, const char *text, size_t text_len);

/* As base58btc with a NUL. `id` must have been set by a function above. */
void peer_id_format(
    const struct peer_id *id, char text[static PEER_ID_TEXT_SIZE]);

/* The raw public key in `id`, PEER_KEY_BYTES long. */
const uint8_t *peer_id_key(const struct peer_id *id);

/* The PublicKey protobuf in `id`, PEER_KEY_PROTO_BYTES long. */
const uint8_t *peer_id_key_proto(const struct peer_id *id);

/* Orders ids by their bytes, as memcmp. */
int peer_id_compare(const struct peer_id *a, const struct peer_id *b);

bool peer_id_equal(const struct peer_id *a, const struct peer_id *b);

#endif
