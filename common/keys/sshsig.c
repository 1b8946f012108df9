/* SPDX-License-Identifier: ISC */
#include "common/keys/sshsig.h"

#include <string.h>

#include <openssl/evp.h>

#include "common/keys/key_check.h"
#include "common/log.h"
#include "common/keys/sshwire.h"

#define MAGIC "SSHSIG"
#define HASH "sha512"
#define SIGNATURE_SIZE 83 /* bytes of the inner signature string */

/* The only form we accept has no part of variable length. */
#define NAMESPACE_LEN (sizeof(SSHSIG_NAMESPACE) - 1)
#define KEY_OFFSET (6 + 4 + 4 + SSHWIRE_KEY_SIZE - 32)
#define BLOB_SIZE \
	(KEY_OFFSET + 32 + 4 + NAMESPACE_LEN + 4 + 4 + 6 + 4 + SIGNATURE_SIZE)
#define SIGNATURE_OFFSET (BLOB_SIZE - 64)

size_t
sshsig_signed_bytes(
    const char *text, size_t len, uint8_t out[static SSHSIG_SIGNED_MAX])
{
	struct sshwire_writer w = {out, 0, SSHSIG_SIGNED_MAX};
	uint8_t digest[64];

	if (EVP_Digest(text, len, digest, NULL, EVP_sha512(), NULL) != 1)
		fatal("sha512 failed");
	sshwire_put_raw(&w, MAGIC, 6);
	sshwire_put_text(&w, SSHSIG_NAMESPACE);
	sshwire_put_text(&w, "");
	sshwire_put_text(&w, HASH);
	sshwire_put_string(&w, digest, sizeof(digest));
	return w.len;
}

bool
sshsig_verify(struct key_check *check, const uint8_t key[static 32],
    const char *text, size_t len, const uint8_t signature[static 64])
{
	uint8_t bytes[SSHSIG_SIGNED_MAX];
	size_t n = sshsig_signed_bytes(text, len, bytes);

	return check != NULL
		   ? key_check_signature(check, key, bytes, n, signature)
		   : key_verify(key, bytes, n, signature);
}

static void
sshsig_blob(const uint8_t key[static 32], const uint8_t signature[static 64],
    uint8_t blob[static BLOB_SIZE])
{
	struct sshwire_writer w = {blob, 0, BLOB_SIZE};

	sshwire_put_raw(&w, MAGIC, 6);
	sshwire_put_u32(&w, 1); /* version */
	sshwire_put_key(&w, key);
	sshwire_put_text(&w, SSHSIG_NAMESPACE);
	sshwire_put_text(&w, "");
	sshwire_put_text(&w, HASH);
	sshwire_put_u32(&w, SIGNATURE_SIZE);
	sshwire_put_text(&w, SSHWIRE_ED25519);
	sshwire_put_string(&w, signature, 64);
}

bool
sshsig_decode(const uint8_t *blob, size_t len, uint8_t key[static 32],
    uint8_t signature[static 64])
{
	uint8_t same[BLOB_SIZE];

	if (len != BLOB_SIZE)
		return false;
	/* take the two values from where they must be, then compare it all */
	memcpy(key, blob + KEY_OFFSET, 32);
	memcpy(signature, blob + SIGNATURE_OFFSET, 64);
	sshsig_blob(key, signature, same);
	return memcmp(blob, same, BLOB_SIZE) == 0;
}

size_t
sshsig_armor(const uint8_t key[static 32], const uint8_t signature[static 64],
    char out[static SSHSIG_ARMOR_MAX])
{
	uint8_t blob[BLOB_SIZE];

	_Static_assert(
	    SSHWIRE_ARMOR_LEN(BLOB_SIZE) + 2 * 13 + 1 <= SSHSIG_ARMOR_MAX,
	    "an armored signature fits");
	sshsig_blob(key, signature, blob);
	return sshwire_armor("SSH SIGNATURE", blob, sizeof(blob), out);
}
