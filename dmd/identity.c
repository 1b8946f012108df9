/* SPDX-License-Identifier: ISC */
#include "dmd/identity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/keys/keys.h"
#include "common/log.h"

#define TLS_PREFIX "libp2p-tls-handshake:"
#define SPKI_SIZE 91  /* of an uncompressed P-256 key */
#define SPKI_POINT 27 /* where its 64 bytes of coordinates start */

struct identity {
	struct key_pair key;
	struct peer_id id;
	uint64_t sequence;
	uint64_t signed_ns; /* monotonic, of the last record; 0 never */
};

/* SEQUENCE { ecPublicKey, prime256v1 }, BIT STRING, uncompressed point. */
static const uint8_t spki_head[SPKI_POINT] = {0x30, 0x59, 0x30, 0x13, 0x06,
    0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

static int
key_exit_code(enum key_error error)
{
	switch (error) {
	case KEY_IO:
		return EX_IOERR;
	case KEY_EXISTS:
		return EX_CANTCREAT;
	case KEY_PERMISSIONS:
		return EX_NOPERM;
	case KEY_OK:
	case KEY_MALFORMED:
	case KEY_ENCRYPTED:
	case KEY_OTHER_TYPE:
	case KEY_WEAK:
	case KEY_MISMATCH:
		break;
	}
	return EX_CONFIG;
}

static void
key_complain(const char *what, const char *path, enum key_error error)
{
	if (error == KEY_IO)
		log_error("cannot %s the identity key %s: %s", what, path,
		    strerror(errno));
	else
		log_error("cannot %s the identity key %s: %s%s", what, path,
		    key_error_text(error),
		    error == KEY_MALFORMED || error == KEY_OTHER_TYPE ||
			    error == KEY_MISMATCH
			? "; put the right one back, or remove it: a new one "
			  "is made, and peers that name this node need its "
			  "new peer id"
			: "");
}

static enum key_error
key_make(const char *path, struct key_pair *key)
{
	enum key_error error;

	key_generate(key);
	error = key_write_private(path, key, "dmd", false);
	if (error == KEY_OK)
		log_info("made a new identity key: %s", path);
	return error;
}

struct identity *
identity_open(const char *path, int *exit_code)
{
	struct identity *id = xcalloc(1, sizeof(*id));
	const char *what = "read";
	enum key_error error;

	error = key_read_private(path, &id->key);
	if (error == KEY_IO && errno == ENOENT) {
		what = "make";
		error = key_make(path, &id->key);
	}
	if (error != KEY_OK) {
		key_complain(what, path, error);
		*exit_code = key_exit_code(error);
		identity_free(id);
		return NULL;
	}
	if (!peer_id_from_key(&id->id, id->key.public_key))
		fatal("the identity key %s is weak", path);
	return id;
}

void
identity_free(struct identity *id)
{
	if (id == NULL)
		return;
	key_clear(&id->key);
	free(id);
}

const struct peer_id *
identity_peer(const struct identity *id)
{
	return &id->id;
}

bool
identity_sign_tls(const struct identity *id, const uint8_t *spki, size_t len,
    uint8_t signature[static 64])
{
	uint8_t text[sizeof(TLS_PREFIX) - 1 + SPKI_SIZE];
	uint8_t *p = text + sizeof(TLS_PREFIX) - 1;

	if (len != SPKI_SIZE || memcmp(spki, spki_head, SPKI_POINT) != 0)
		return false;
	memcpy(text, TLS_PREFIX, sizeof(TLS_PREFIX) - 1);
	memcpy(p, spki_head, SPKI_POINT);
	memcpy(p + SPKI_POINT, spki + SPKI_POINT, SPKI_SIZE - SPKI_POINT);
	key_sign(&id->key, text, sizeof(text), signature);
	return true;
}

/*
 * Peers take the record with the greatest sequence, and none that is further
 * ahead of their clock than the skew. A record that was made while our clock
 * was ahead by more than that was not believed, and the next sequence need not
 * exceed it.
 */
static uint64_t
sequence_next(uint64_t last, uint64_t unix_ns, uint64_t skew_ns)
{
	if (unix_ns > last || last - unix_ns >= skew_ns)
		return unix_ns;
	return last + 1;
}

size_t
identity_sign_record(struct identity *id, const struct multiaddr_raw *addresses,
    size_t n, const struct identity_time *now,
    uint8_t out[static PEER_RECORD_ENVELOPE_MAX])
{
	uint8_t payload[PEER_RECORD_PAYLOAD_MAX], text[PEER_RECORD_SIGNED_MAX];
	uint8_t signature[64];
	struct envelope_bytes record = {payload, 0};
	size_t len;

	if (id->signed_ns != 0 &&
	    now->mono_ns - id->signed_ns < IDENTITY_RECORD_NS_MIN)
		return 0;
	id->signed_ns = now->mono_ns;
	id->sequence = sequence_next(id->sequence, now->unix_ns, now->skew_ns);
	record.len = peer_record_payload(
	    payload, sizeof(payload), &id->id, id->sequence, addresses, n);
	len = peer_record_signed(text, sizeof(text), record);
	if (record.len == 0 || len == 0)
		fatal("the peer record does not fit");
	key_sign(&id->key, text, len, signature);
	len = peer_record_seal(
	    out, PEER_RECORD_ENVELOPE_MAX, &id->id, record, signature);
	if (len == 0)
		fatal("the peer record does not fit");
	return len;
}

bool
identity_rotate(const char *path, struct peer_id *id)
{
	struct key_pair key;
	enum key_error error;
	bool is_good;

	key_generate(&key);
	error = key_write_private(path, &key, "dmd", true);
	if (error != KEY_OK)
		key_complain("replace", path, error);
	is_good = error == KEY_OK && peer_id_from_key(id, key.public_key);
	key_clear(&key);
	return is_good;
}
