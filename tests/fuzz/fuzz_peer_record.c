/* SPDX-License-Identifier: ISC */
/*
 * A signed envelope (first byte even), or a payload that is signed here as it
 * should be, so that what is behind the signature is reached as well. A record
 * that is accepted must come out of its own encoding again.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "dm-net/libp2p/peer_record.h"
#include "dm-net/libp2p/peer_record_open.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static uint8_t envelope[ENVELOPE_BYTES_MAX];

/* The key of the corpus: the seed 00 01 .. 1f. */
static EVP_PKEY *
signer(struct peer_id *id)
{
	static EVP_PKEY *pkey;
	uint8_t seed[32], key[PEER_KEY_BYTES];
	size_t key_len = sizeof(key);

	for (size_t i = 0; i < sizeof(seed); i++)
		seed[i] = (uint8_t)i;
	if (pkey == NULL)
		pkey = EVP_PKEY_new_raw_private_key(
		    EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	if (EVP_PKEY_get_raw_public_key(pkey, key, &key_len) != 1 ||
	    !peer_id_from_key(id, key))
		abort();
	return pkey;
}

/* Signs `payload` into `envelope`; returns its length, 0 if too long. */
static size_t
seal(struct envelope_bytes payload)
{
	static uint8_t message[ENVELOPE_SIGNED_MAX];
	uint8_t signature[ENVELOPE_SIGNATURE_BYTES];
	size_t signature_len = sizeof(signature), len;
	struct peer_id id;
	EVP_PKEY *pkey = signer(&id);
	EVP_MD_CTX *ctx;

	len = peer_record_signed(message, sizeof(message), payload);
	if (len == 0)
		return 0;
	ctx = EVP_MD_CTX_new();
	if (EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) != 1 ||
	    EVP_DigestSign(ctx, signature, &signature_len, message, len) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	return peer_record_seal(
	    envelope, sizeof(envelope), &id, payload, signature);
}

static void
check(const struct peer_record *record)
{
	static struct peer_record again;
	uint8_t payload[PEER_RECORD_PAYLOAD_MAX];
	struct envelope_bytes p = {payload, 0};
	struct peer_id id;
	size_t len;

	(void)signer(&id);
	if (record->addr_count > PEER_RECORD_ADDRS_MAX)
		abort();
	if (!peer_id_equal(&record->id, &id) || record->seq > INT64_MAX)
		return;
	p.len = peer_record_payload(payload, sizeof(payload), &id, record->seq,
	    record->addrs, record->addr_count);
	len = seal(p);
	if (p.len == 0 || len == 0 ||
	    peer_record_open(&again, envelope, len) != PEER_RECORD_OK ||
	    again.seq != record->seq)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct peer_record record;
	enum peer_record_error error;

	if (len == 0)
		return 0;
	if (data[0] & 1) {
		len = seal((struct envelope_bytes){data + 1, len - 1});
		error = peer_record_open(&record, envelope, len);
	} else {
		error = peer_record_open(&record, data + 1, len - 1);
	}
	if (error == PEER_RECORD_OK)
		check(&record);
	return 0;
}
