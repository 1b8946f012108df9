/* SPDX-License-Identifier: ISC */
#include "common/keys/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "common/base64.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/keys/openssh_key.h"
#include "common/keys/pkcs8_key.h"
#include "common/sha256.h"
#include "common/keys/sshwire.h"

#define BLANK " \t\r\n"

/* The y of the eight points whose order divides 8. */
static const uint8_t small_order[][32] = {
    {0},
    {1},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89,
	0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39,
	0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76,
	0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6,
	0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
};

const char *
key_error_text(enum key_error err)
{
	switch (err) {
	case KEY_OK:
		return "no error";
	case KEY_IO:
		return "cannot be read or written";
	case KEY_MALFORMED:
		return "not a key: expected OpenSSH or PEM for a private key, "
		       "base64 of 32 bytes or a line \"ssh-ed25519 AAAA...\" "
		       "for a public one";
	case KEY_ENCRYPTED:
		return "protected by a passphrase: add it to ssh-agent "
		       "(ssh-add) and sign with --agent";
	case KEY_OTHER_TYPE:
		return "not an ed25519 key: make one with dmctl generate "
		       "keypair or ssh-keygen -t ed25519";
	case KEY_WEAK:
		return "not a usable ed25519 key: no point of the curve, or "
		       "one for which anybody can forge signatures";
	case KEY_PERMISSIONS:
		return "accessible to others, or owned by someone else: chown "
		       "it to you and chmod 600 it";
	case KEY_EXISTS:
		return "exists already: use --force to replace it";
	case KEY_MISMATCH:
		return "damaged: the public key in it does not belong to the "
		       "private one; export it once more, or make a new one";
	}
	return "unknown error";
}

const char *
key_error_public(enum key_error err)
{
	if (err == KEY_MALFORMED)
		return "not a public key: expected base64 of 32 bytes or a "
		       "line \"ssh-ed25519 AAAA...\"";
	return key_error_text(err);
}

/* --- the curve -------------------------------------------------------- */

/*
 * Whether a y below p belongs to a point: x^2 = (y^2 - 1) / (d y^2 + 1) must
 * be a square, which its product with the denominator's square is just then.
 */
static bool
is_on_curve(const uint8_t y_le[static 32])
{
	static const char p_hex[] = "7fffffffffffffffffffffffffffffff"
				    "ffffffffffffffffffffffffffffffed";
	static const char d_hex[] = "52036cee2b6ffe738cc740797779e898"
				    "00700a4d4141d8ab75eb4dca135978a3";
	BIGNUM *p = NULL, *d = NULL, *u = NULL, *v = BN_new();
	BN_CTX *ctx = BN_CTX_new();
	int symbol;

	if (v == NULL || ctx == NULL || BN_hex2bn(&p, p_hex) == 0 ||
	    BN_hex2bn(&d, d_hex) == 0 ||
	    (u = BN_lebin2bn(y_le, 32, NULL)) == NULL ||
	    !BN_mod_sqr(u, u, p, ctx) || !BN_mod_mul(v, d, u, p, ctx) ||
	    !BN_add_word(v, 1) || !BN_sub_word(u, 1) ||
	    !BN_mod_mul(u, u, v, p, ctx) ||
	    (symbol = BN_kronecker(u, p, ctx)) == -2)
		fatal("out of memory (curve)");
	BN_free(p);
	BN_free(d);
	BN_free(u);
	BN_free(v);
	BN_CTX_free(ctx);
	return symbol != -1;
}

static void
y_of(const uint8_t public_key[static 32], uint8_t y[static 32])
{
	memcpy(y, public_key, 32);
	y[31] &= 0x7f; /* the sign of x */
}

bool
key_is_strong_point(const uint8_t public_key[static 32])
{
	uint8_t y[32];
	bool below_p;

	y_of(public_key, y);
	for (size_t i = 0; i < sizeof(small_order) / 32; i++)
		if (memcmp(y, small_order[i], 32) == 0)
			return false;
	/* p = 2^255 - 19 */
	below_p = y[31] != 0x7f || y[0] < 0xed;
	for (size_t i = 1; i < 31 && !below_p; i++)
		below_p = y[i] != 0xff;
	return below_p;
}

bool
key_is_strong(const uint8_t public_key[static 32])
{
	uint8_t y[32];

	y_of(public_key, y);
	return key_is_strong_point(public_key) && is_on_curve(y);
}

/* --- public keys as text ---------------------------------------------- */

/* Cuts blanks off both ends. */
static void
trim(const char **text, size_t *len)
{
	while (*len > 0 && memchr(BLANK, **text, 4) != NULL) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && memchr(BLANK, (*text)[*len - 1], 4) != NULL)
		(*len)--;
}

/* Parses the text after "ssh-ed25519 " in a line of a .pub file. */
static enum key_error
parse_line(const char *text, size_t len, uint8_t public_key[static 32])
{
	uint8_t blob[SSHWIRE_KEY_SIZE];
	struct sshwire_reader r = {blob, sizeof(blob), false};
	size_t word = 0;

	trim(&text, &len);
	if (memchr(text, '\n', len) != NULL)
		return KEY_MALFORMED; /* one key, not a list of them */
	while (word < len && text[word] != ' ' && text[word] != '\t')
		word++;
	if (base64_decode(text, word, blob, sizeof(blob)) !=
	    (ssize_t)sizeof(blob))
		return KEY_MALFORMED;
	sshwire_expect(&r, SSHWIRE_ED25519);
	sshwire_get_fixed(&r, public_key, 32);
	return sshwire_is_done(&r) ? KEY_OK : KEY_MALFORMED;
}

/* The first word of a .pub file of another kind of key. */
static bool
is_other_type(const char *text, size_t len)
{
	static const char *const types[] = {"ssh-", "ecdsa-", "sk-"};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (len > strlen(types[i]) &&
		    memcmp(text, types[i], strlen(types[i])) == 0)
			return true;
	return false;
}

enum key_error
key_parse_public(const char *text, size_t len, uint8_t public_key[static 32])
{
	const size_t type_len = strlen(SSHWIRE_ED25519);
	enum key_error err;
	uint8_t raw[32];

	trim(&text, &len);
	if (len >= type_len && memcmp(text, SSHWIRE_ED25519, type_len) == 0 &&
	    (len == type_len || text[type_len] == ' ' ||
		text[type_len] == '\t'))
		err = parse_line(text + type_len, len - type_len, raw);
	else if (is_other_type(text, len))
		err = KEY_OTHER_TYPE;
	else
		err = base64_decode(text, len, raw, 32) == 32 ? KEY_OK
							      : KEY_MALFORMED;
	if (err == KEY_OK && !key_is_strong(raw))
		err = KEY_WEAK;
	if (err == KEY_OK)
		memcpy(public_key, raw, 32);
	return err;
}

size_t
key_format_public(const uint8_t public_key[static 32], const char *comment,
    char out[static KEY_PUBLIC_LINE_MAX])
{
	char text[BASE64_LEN(SSHWIRE_KEY_SIZE) + 1];
	uint8_t blob[SSHWIRE_KEY_SIZE + 4];
	struct sshwire_writer w = {blob, 0, sizeof(blob)};
	int room = KEY_PUBLIC_LINE_MAX - (int)sizeof(text) - 16;
	size_t end = strcspn(comment, "\r\n"); /* it is one line */

	if (end < (size_t)room)
		room = (int)end;

	sshwire_put_key(&w, public_key);
	base64_encode(blob + 4, SSHWIRE_KEY_SIZE, text);
	return (size_t)snprintf(out, KEY_PUBLIC_LINE_MAX, "%s %s%s%.*s\n",
	    SSHWIRE_ED25519, text, *comment != '\0' ? " " : "", room, comment);
}

void
key_fingerprint(
    const uint8_t public_key[static 32], char out[static KEY_FINGERPRINT_MAX])
{
	uint8_t blob[SSHWIRE_KEY_SIZE + 4], digest[32];
	struct sshwire_writer w = {blob, 0, sizeof(blob)};
	size_t len;

	sshwire_put_key(&w, public_key);
	sha256_hash(blob + 4, SSHWIRE_KEY_SIZE, digest);
	memcpy(out, "SHA256:", 7);
	len = base64_encode(digest, sizeof(digest), out + 7);
	out[7 + len - 1] = '\0'; /* OpenSSH leaves the padding off */
}

/* --- private keys as text --------------------------------------------- */

/* The text between the lines of a label; NULL if there are none. */
static const char *
find_body(const char *text, size_t len, const char *label, size_t *body_len)
{
	char line[64];
	const char *first, *last;
	int n = snprintf(line, sizeof(line), "-----BEGIN %s-----", label);

	first = memmem(text, len, line, (size_t)n);
	if (first == NULL)
		return NULL;
	first += n;
	n = snprintf(line, sizeof(line), "-----END %s-----", label);
	last = memmem(first, len - (size_t)(first - text), line, (size_t)n);
	if (last == NULL)
		return NULL;
	*body_len = (size_t)(last - first);
	return first;
}

static bool
contains(const char *text, size_t len, const char *what)
{
	return memmem(text, len, what, strlen(what)) != NULL;
}

/* By hand: OpenSSL's PEM leaves parts of the text in memory. */
static enum key_error
parse_pem(const char *text, size_t len, struct key_pair *pair)
{
	enum key_error err = KEY_MALFORMED;
	size_t body_len;
	const char *body = find_body(text, len, PEM_STRING_PKCS8INF, &body_len);
	uint8_t *der;
	ssize_t n;

	if (body != NULL) {
		der = xmalloc(body_len + 1);
		n = openssh_key_decode(body, body_len, der);
		if (n > 0)
			err = pkcs8_key_parse(der, (size_t)n, pair);
		OPENSSL_cleanse(der, body_len + 1);
		free(der);
	} else if (contains(text, len, "BEGIN " PEM_STRING_PKCS8 "-") ||
		   contains(text, len, "4,ENCRYPTED")) {
		err = KEY_ENCRYPTED;
	} else if (contains(text, len, "PRIVATE KEY-----")) {
		err = KEY_OTHER_TYPE; /* RSA, EC, DSA */
	}
	ERR_clear_error();
	return err;
}

enum key_error
key_parse_private(const char *text, size_t len, struct key_pair *pair)
{
	const char *body;
	size_t body_len;

	if (len > KEY_FILE_SIZE_MAX)
		return KEY_MALFORMED;
	if (!contains(text, len, "-----BEGIN " OPENSSH_KEY_LABEL "-----"))
		return parse_pem(text, len, pair);
	body = find_body(text, len, OPENSSH_KEY_LABEL, &body_len);
	return body != NULL ? openssh_key_parse(body, body_len, pair)
			    : KEY_MALFORMED;
}
