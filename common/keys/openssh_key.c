/* SPDX-License-Identifier: ISC */
#include "common/keys/openssh_key.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "common/base64.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/keys/sshwire.h"

#define MAGIC "openssh-key-v1" /* its terminator is part of it */
#define BLOCK_SIZE 8	       /* of cipher "none" */

/* Whether a borrowed string is this text. */
static bool
is_text(const uint8_t *data, size_t len, const char *text)
{
	return len == strlen(text) && memcmp(data, text, len) == 0;
}

/* Reads the part that a passphrase would protect. */
static enum key_error
parse_secret(struct sshwire_reader *r, const uint8_t public_key[static 32],
    struct key_pair *pair)
{
	uint8_t inner_public[32], both[64];
	enum key_error err = KEY_MALFORMED;
	size_t comment_len;

	if (sshwire_get_u32(r) != sshwire_get_u32(r))
		r->bad = true; /* the two check numbers */
	sshwire_expect(r, SSHWIRE_ED25519);
	sshwire_get_fixed(r, inner_public, sizeof(inner_public));
	sshwire_get_fixed(r, both, sizeof(both));
	(void)sshwire_get_string(r, &comment_len);
	for (size_t i = 0; !r->bad && i < r->len; i++)
		if (r->data[i] != (uint8_t)(i + 1))
			r->bad = true;
	if (!r->bad && r->len < BLOCK_SIZE) {
		key_from_seed(pair, both);
		/* all four copies of the public key must be one key */
		if (memcmp(pair->public_key, public_key, 32) == 0 &&
		    memcmp(pair->public_key, inner_public, 32) == 0 &&
		    memcmp(pair->public_key, both + 32, 32) == 0) {
			err = KEY_OK;
		} else {
			key_clear(pair);
			err = KEY_MISMATCH;
		}
	}
	OPENSSL_cleanse(both, sizeof(both));
	return err;
}

static enum key_error
parse_blob(const uint8_t *blob, size_t blob_len, struct key_pair *pair)
{
	struct sshwire_reader r = {blob, blob_len, false}, part = r;
	const uint8_t *cipher, *type;
	size_t cipher_len, kdf_len, type_len;
	uint8_t public_key[32];

	if (blob_len < sizeof(MAGIC) || memcmp(blob, MAGIC, sizeof(MAGIC)) != 0)
		return KEY_MALFORMED;
	r.data += sizeof(MAGIC);
	r.len -= sizeof(MAGIC);
	cipher = sshwire_get_string(&r, &cipher_len);
	(void)sshwire_get_string(&r, &kdf_len); /* name and options: of use */
	(void)sshwire_get_string(&r, &kdf_len); /* with a cipher only */
	if (sshwire_get_u32(&r) != 1 || r.bad)
		return KEY_MALFORMED;
	part.data = sshwire_get_string(&r, &part.len);
	type = sshwire_get_string(&part, &type_len);
	if (is_text(type, type_len, SSHWIRE_ED25519))
		sshwire_get_fixed(&part, public_key, sizeof(public_key));
	else if (!part.bad)
		return KEY_OTHER_TYPE;
	if (!sshwire_is_done(&part))
		return KEY_MALFORMED;
	if (!is_text(cipher, cipher_len, "none"))
		return KEY_ENCRYPTED;
	part.data = sshwire_get_string(&r, &part.len);
	if (!sshwire_is_done(&r))
		return KEY_MALFORMED;
	return parse_secret(&part, public_key, pair);
}

ssize_t
openssh_key_decode(const char *body, size_t len, uint8_t *out)
{
	char *text = xmalloc(len + 1);
	size_t chars = 0;
	ssize_t n;

	for (size_t i = 0; i < len; i++)
		if (body[i] == '\0' || strchr(" \t\r\n", body[i]) == NULL)
			text[chars++] = body[i];
	n = base64_decode(text, chars, out, len);
	OPENSSL_cleanse(text, len + 1);
	free(text);
	return n;
}

enum key_error
openssh_key_parse(const char *body, size_t len, struct key_pair *pair)
{
	enum key_error err = KEY_MALFORMED;
	uint8_t *blob;
	ssize_t n;

	if (len > KEY_FILE_SIZE_MAX)
		return err;
	blob = xmalloc(len + 1);
	n = openssh_key_decode(body, len, blob);
	if (n >= 0)
		err = parse_blob(blob, (size_t)n, pair);
	OPENSSL_cleanse(blob, len + 1);
	free(blob);
	return err;
}

/* Writes the part that a passphrase would protect, padded. Returns its length.
 */
static size_t
format_secret(
    const struct key_pair *pair, const char *comment, uint8_t *out, size_t cap)
{
	struct sshwire_writer w = {out, 0, cap};
	uint8_t both[64];
	uint32_t check;

	if (RAND_bytes((unsigned char *)&check, sizeof(check)) != 1)
		fatal("no random numbers");
	memcpy(both, pair->seed, 32);
	memcpy(both + 32, pair->public_key, 32);
	sshwire_put_u32(&w, check);
	sshwire_put_u32(&w, check);
	sshwire_put_text(&w, SSHWIRE_ED25519);
	sshwire_put_string(&w, pair->public_key, 32);
	sshwire_put_string(&w, both, sizeof(both));
	sshwire_put_string(
	    &w, comment, strnlen(comment, OPENSSH_KEY_COMMENT_MAX));
	for (uint8_t pad = 1; w.len % BLOCK_SIZE != 0; pad++)
		sshwire_put_raw(&w, &pad, 1);
	OPENSSL_cleanse(both, sizeof(both));
	return w.len;
}

size_t
openssh_key_format(const struct key_pair *pair, const char *comment,
    char out[static OPENSSH_KEY_TEXT_MAX])
{
	uint8_t blob[600], secret[400];
	struct sshwire_writer w = {blob, 0, sizeof(blob)};
	size_t n = format_secret(pair, comment, secret, sizeof(secret));

	_Static_assert(SSHWIRE_ARMOR_LEN(sizeof(blob)) + 2 * 19 + 1 <=
			   OPENSSH_KEY_TEXT_MAX,
	    "a key file fits");
	sshwire_put_raw(&w, MAGIC, sizeof(MAGIC));
	sshwire_put_text(&w, "none"); /* cipher */
	sshwire_put_text(&w, "none"); /* key derivation */
	sshwire_put_text(&w, "");
	sshwire_put_u32(&w, 1); /* keys */
	sshwire_put_key(&w, pair->public_key);
	sshwire_put_string(&w, secret, n);
	n = sshwire_armor(OPENSSH_KEY_LABEL, blob, w.len, out);
	OPENSSL_cleanse(secret, sizeof(secret));
	OPENSSL_cleanse(blob, sizeof(blob));
	return n;
}
