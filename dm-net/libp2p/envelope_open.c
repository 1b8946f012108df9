/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/envelope_open.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "dm-net/libp2p/libp2p.pb-c.h"
#include "dm-net/libp2p/mem.h"
#include "dm-net/libp2p/pb.h"

static const struct pb_rule rules[] = {
    {1, PB_BYTES, 1, PEER_KEY_PROTO_BYTES},
    {2, PB_BYTES, 1, ENVELOPE_LABEL_MAX},
    {3, PB_BYTES, 1, ENVELOPE_PAYLOAD_MAX},
    {5, PB_BYTES, 1, ENVELOPE_SIGNATURE_BYTES},
};

static bool
verify(const struct peer_id *signer, const uint8_t *message, size_t message_len,
    const uint8_t *signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(
	    EVP_PKEY_ED25519, NULL, peer_id_key(signer), PEER_KEY_BYTES);
	bool is_good;

	is_good = key != NULL &&
		  EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
		  EVP_DigestVerify(ctx, signature, ENVELOPE_SIGNATURE_BYTES,
		      message, message_len) == 1;
	EVP_PKEY_free(key);
	EVP_MD_CTX_free(ctx);
	return is_good;
}

/* Judges a decoded envelope; sets `signer`. */
static enum envelope_error
judge(struct peer_id *signer, const Libp2p__Envelope *msg, const char *domain,
    struct envelope_bytes type)
{
	uint8_t message[ENVELOPE_SIGNED_MAX];
	struct envelope_bytes payload = {msg->payload.data, msg->payload.len};
	size_t message_len;

	if (!msg->has_public_key || !msg->has_payload_type ||
	    !msg->has_payload || !msg->has_signature)
		return ENVELOPE_MALFORMED;
	if (!peer_id_from_key_proto(
		signer, msg->public_key.data, msg->public_key.len))
		return ENVELOPE_KEY;
	if (msg->payload_type.len != type.len ||
	    memcmp(msg->payload_type.data, type.bytes, type.len) != 0)
		return ENVELOPE_TYPE;
	if (msg->signature.len != ENVELOPE_SIGNATURE_BYTES)
		return ENVELOPE_SIGNATURE;
	message_len = envelope_signed_bytes(
	    message, sizeof(message), domain, type, payload);
	if (message_len == 0 ||
	    !verify(signer, message, message_len, msg->signature.data))
		return ENVELOPE_SIGNATURE;
	return ENVELOPE_OK;
}

enum envelope_error
envelope_open(struct envelope *env, const uint8_t *bytes, size_t bytes_len,
    const char *domain, struct envelope_bytes type)
{
	Libp2p__Envelope *msg;
	struct peer_id signer;
	enum envelope_error error;

	if (bytes_len > ENVELOPE_BYTES_MAX)
		return ENVELOPE_TOO_LONG;
	if (!pb_check(
		bytes, bytes_len, rules, sizeof(rules) / sizeof(rules[0])))
		return ENVELOPE_MALFORMED;
	msg = libp2p__envelope__unpack(NULL, bytes_len, bytes);
	if (msg == NULL)
		return ENVELOPE_MALFORMED;
	error = judge(&signer, msg, domain, type);
	if (error == ENVELOPE_OK) {
		env->signer = signer;
		env->payload_len = msg->payload.len;
		env->payload = mem_new(msg->payload.len + 1);
		if (msg->payload.len > 0)
			memcpy(
			    env->payload, msg->payload.data, msg->payload.len);
	}
	libp2p__envelope__free_unpacked(msg, NULL);
	return error;
}

void
envelope_clear(struct envelope *env)
{
	free(env->payload);
	env->payload = NULL;
	env->payload_len = 0;
}
