/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/cert.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/mem.h"

/* 1.3.6.1.4.1.53594.1.1 */
static const uint8_t libp2p_oid[] = {
    0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xa2, 0x5a, 0x01, 0x01};

/* The extension's fixed parts: up to the key, up to the signature. */
static const uint8_t value_head[] = {0x30, 0x68, 0x04, 0x24};
static const uint8_t value_middle[] = {0x04, 0x40};
#define VALUE_KEY sizeof(value_head)
#define VALUE_MIDDLE (VALUE_KEY + PEER_KEY_PROTO_BYTES)
#define VALUE_SIGNATURE (VALUE_MIDDLE + sizeof(value_middle))
_Static_assert(VALUE_SIGNATURE + 64 == CERT_EXTENSION_BYTES, "extension");

#define PREFIX_LEN (sizeof(P2P_TLS_SIGN_PREFIX) - 1)
#define SPKI_MAX 256 /* P-384 has 120 */

struct p2p_tls_key {
	EVP_PKEY *pkey;
	uint8_t spki[P2P_SPKI_LEN];
};

struct p2p_tls_key *
p2p_tls_key_new(void)
{
	struct p2p_tls_key *key = mem_new(sizeof(*key));
	uint8_t *der = key->spki;

	key->pkey = mem_need(EVP_EC_gen("P-256"));
	if (i2d_PUBKEY(key->pkey, NULL) != P2P_SPKI_LEN ||
	    i2d_PUBKEY(key->pkey, &der) != P2P_SPKI_LEN)
		abort();
	return key;
}

void
p2p_tls_key_spki(
    const struct p2p_tls_key *key, uint8_t spki[static P2P_SPKI_LEN])
{
	memcpy(spki, key->spki, P2P_SPKI_LEN);
}

void
p2p_tls_key_free(struct p2p_tls_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey); /* cleanses it */
	free(key);
}

EVP_PKEY *
cert_key(const struct p2p_tls_key *key)
{
	return key->pkey;
}

/* Whether `signature` binds the certificate's key to `identity`. */
static bool
is_bound(const uint8_t *identity, const uint8_t *signature, const uint8_t *spki,
    size_t spki_len)
{
	uint8_t text[PREFIX_LEN + SPKI_MAX];
	EVP_PKEY *pkey;
	EVP_MD_CTX *ctx;
	bool is_good;

	memcpy(text, P2P_TLS_SIGN_PREFIX, PREFIX_LEN);
	memcpy(text + PREFIX_LEN, spki, spki_len);
	pkey = EVP_PKEY_new_raw_public_key(
	    EVP_PKEY_ED25519, NULL, identity, PEER_KEY_BYTES);
	ctx = mem_need(EVP_MD_CTX_new());
	is_good = pkey != NULL &&
		  EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
		  EVP_DigestVerify(
		      ctx, signature, 64, text, PREFIX_LEN + spki_len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return is_good;
}

/* --- ours ------------------------------------------------------------- */

static ASN1_OBJECT *
extension_oid(void)
{
	return mem_need(OBJ_txt2obj("1.3.6.1.4.1.53594.1.1", 1));
}

static int
add_extension(X509 *cert, const struct peer_id *id, const uint8_t *signature)
{
	uint8_t value[CERT_EXTENSION_BYTES];
	ASN1_OCTET_STRING *octets = mem_need(ASN1_OCTET_STRING_new());
	ASN1_OBJECT *oid = extension_oid();
	X509_EXTENSION *ext = NULL;
	int ok;

	memcpy(value, value_head, sizeof(value_head));
	memcpy(value + VALUE_KEY, peer_id_key_proto(id), PEER_KEY_PROTO_BYTES);
	memcpy(value + VALUE_MIDDLE, value_middle, sizeof(value_middle));
	memcpy(value + VALUE_SIGNATURE, signature, 64);
	ok = ASN1_OCTET_STRING_set(octets, value, sizeof(value)) == 1 &&
	     (ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, octets)) !=
		 NULL &&
	     X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(octets);
	ASN1_OBJECT_free(oid);
	return ok;
}

static int
add_serial(X509 *cert)
{
	uint64_t serial;

	if (RAND_bytes((unsigned char *)&serial, sizeof(serial)) != 1)
		return 0;
	serial = serial >> 1 | 1; /* positive */
	return ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial);
}

/* Dates that hold even on a machine whose clock is wrong. */
static int
add_dates(X509 *cert)
{
	return ASN1_TIME_set_string(
		   X509_getm_notBefore(cert), "750101000000Z") == 1 &&
	       ASN1_TIME_set_string(
		   X509_getm_notAfter(cert), "40960101000000Z") == 1;
}

X509 *
cert_make(const struct p2p_tls_key *key, const uint8_t identity[static 32],
    const uint8_t signature[static 64])
{
	struct peer_id id;
	X509 *cert;

	if (!peer_id_from_key(&id, identity) ||
	    !is_bound(identity, signature, key->spki, sizeof(key->spki)))
		return NULL;
	cert = mem_need(X509_new());
	if (X509_set_version(cert, X509_VERSION_3) != 1 || !add_serial(cert) ||
	    !add_dates(cert) || X509_set_pubkey(cert, key->pkey) != 1 ||
	    !add_extension(cert, &id, signature) ||
	    X509_sign(cert, key->pkey, EVP_sha256()) == 0)
		abort();
	return cert;
}

/* --- a peer's --------------------------------------------------------- */

static enum cert_error
check_key(X509 *cert)
{
	EVP_PKEY *pkey = X509_get0_pubkey(cert);
	char group[32];

	if (pkey == NULL)
		return CERT_KEY;
	if (EVP_PKEY_is_a(pkey, "ED25519"))
		return CERT_OK;
	if (!EVP_PKEY_is_a(pkey, "EC") ||
	    EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1)
		return CERT_KEY;
	if (strcmp(group, SN_X9_62_prime256v1) != 0 &&
	    strcmp(group, SN_secp384r1) != 0)
		return CERT_KEY;
	return CERT_OK;
}

static enum cert_error
check_algorithm(X509 *cert)
{
	int nid = X509_get_signature_nid(cert);

	if (nid != NID_ecdsa_with_SHA256 && nid != NID_ecdsa_with_SHA384 &&
	    nid != NID_ED25519)
		return CERT_ALGORITHM;
	return CERT_OK;
}

static bool
is_libp2p(X509_EXTENSION *ext)
{
	const ASN1_OBJECT *oid = X509_EXTENSION_get_object(ext);

	return OBJ_length(oid) == sizeof(libp2p_oid) &&
	       memcmp(OBJ_get0_data(oid), libp2p_oid, sizeof(libp2p_oid)) == 0;
}

/* Finds libp2p's extension. Others may be there (but not matter): what is
 * critical we would have to understand. */
static enum cert_error
find_extension(X509 *cert, const uint8_t **value)
{
	*value = NULL;
	for (int i = 0; i < X509_get_ext_count(cert); i++) {
		X509_EXTENSION *ext = X509_get_ext(cert, i);
		const ASN1_OCTET_STRING *octets = X509_EXTENSION_get_data(ext);

		if (!is_libp2p(ext)) {
			if (X509_EXTENSION_get_critical(ext))
				return CERT_CRITICAL;
			continue;
		}
		if (*value != NULL ||
		    ASN1_STRING_length(octets) != CERT_EXTENSION_BYTES)
			return CERT_EXTENSION;
		*value = ASN1_STRING_get0_data(octets);
	}
	return *value == NULL ? CERT_NO_EXTENSION : CERT_OK;
}

/* The value has one form only for ed25519, so comparing is parsing. */
static enum cert_error
check_extension(
    const uint8_t *value, const struct peer_id *expected, struct peer_id *peer)
{
	if (memcmp(value, value_head, sizeof(value_head)) != 0 ||
	    memcmp(value + VALUE_MIDDLE, value_middle, sizeof(value_middle)) !=
		0)
		return CERT_EXTENSION;
	if (!peer_id_from_key_proto(
		peer, value + VALUE_KEY, PEER_KEY_PROTO_BYTES))
		return CERT_IDENTITY;
	if (expected != NULL && !peer_id_equal(expected, peer))
		return CERT_PEER;
	return CERT_OK;
}

static enum cert_error
check_dates(X509 *cert, int64_t unix_s)
{
	time_t now = (time_t)unix_s;

	if (unix_s == 0)
		return CERT_OK;
	/* Both answer 0 for what they cannot read. */
	if (X509_cmp_time(X509_get0_notBefore(cert), &now) >= 0 ||
	    X509_cmp_time(X509_get0_notAfter(cert), &now) <= 0)
		return CERT_DATE;
	return CERT_OK;
}

/* The cheap checks and the identity come before the check of a signature. */
enum cert_error
cert_read(X509 *cert, int64_t unix_s, const struct peer_id *expected,
    struct peer_id *peer)
{
	const uint8_t *value;
	enum cert_error error;

	error = find_extension(cert, &value);
	if (error == CERT_OK)
		error = check_extension(value, expected, peer);
	if (error == CERT_OK)
		error = check_dates(cert, unix_s);
	if (error == CERT_OK)
		error = check_algorithm(cert);
	if (error == CERT_OK)
		error = check_key(cert);
	return error;
}

static enum cert_error
check_binding(X509 *cert, const uint8_t *value)
{
	uint8_t spki[SPKI_MAX];
	uint8_t *der = spki;
	X509_PUBKEY *pubkey = X509_get_X509_PUBKEY(cert);
	int len = i2d_X509_PUBKEY(pubkey, NULL);
	const uint8_t *identity =
	    value + VALUE_KEY + PEER_KEY_PROTO_BYTES - PEER_KEY_BYTES;

	if (len <= 0 || len > SPKI_MAX ||
	    i2d_X509_PUBKEY(pubkey, &der) != len ||
	    !is_bound(identity, value + VALUE_SIGNATURE, spki, (size_t)len))
		return CERT_BINDING;
	return CERT_OK;
}

enum cert_error
cert_prove(X509 *cert)
{
	const uint8_t *value;
	enum cert_error error = find_extension(cert, &value);

	if (error == CERT_OK)
		error = check_binding(cert, value);
	if (error == CERT_OK && X509_verify(cert, X509_get0_pubkey(cert)) != 1)
		error = CERT_SIGNATURE;
	return error;
}

enum cert_error
cert_check(X509 *cert, int64_t unix_s, const struct peer_id *expected,
    struct peer_id *peer)
{
	enum cert_error error = cert_read(cert, unix_s, expected, peer);

	return error == CERT_OK ? cert_prove(cert) : error;
}

const char *
cert_error_text(enum cert_error error)
{
	switch (error) {
	case CERT_OK:
		return "certificate: no error";
	case CERT_FORM:
		return "certificate: malformed";
	case CERT_NONE:
		return "certificate: none";
	case CERT_CHAIN:
		return "certificate: more than one";
	case CERT_LONG:
		return "certificate: longer than 2048 bytes";
	case CERT_KEY:
		return "certificate: a key that is not accepted";
	case CERT_ALGORITHM:
		return "certificate: a signature algorithm that is not "
		       "accepted";
	case CERT_NO_EXTENSION:
		return "certificate: the libp2p extension is missing";
	case CERT_EXTENSION:
		return "certificate: a malformed libp2p extension";
	case CERT_CRITICAL:
		return "certificate: an unknown critical extension";
	case CERT_IDENTITY:
		return "certificate: not a sound ed25519 identity";
	case CERT_PEER:
		return "certificate: of another peer than expected: run dmctl "
		       "id there to see its id";
	case CERT_DATE:
		return "certificate: not valid at this time";
	case CERT_BINDING:
		return "certificate: not signed by the identity it names";
	case CERT_SIGNATURE:
		return "certificate: its own signature does not verify";
	}
	abort();
}
