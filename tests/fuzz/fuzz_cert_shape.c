/* SPDX-License-Identifier: ISC */
/*
 * A peer's Certificate message. Where the look finds a certificate and a key,
 * OpenSSL must find the same ones, or what was looked at is not what is used.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/cert_shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_key(X509 *cert, const struct cert_shape *shape)
{
	uint8_t *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	if (len < 0 || (size_t)len != shape->spki_len ||
	    memcmp(der, shape->spki, shape->spki_len) != 0)
		abort();
	OPENSSL_free(der);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cert_shape shape;
	const uint8_t *p;
	X509 *cert;

	if (cert_shape_look(data, len, &shape) != CERT_OK)
		return 0;
	if (shape.cert_len > CERT_BYTES_MAX || shape.spki < shape.cert ||
	    shape.spki + shape.spki_len > shape.cert + shape.cert_len)
		abort();
	p = shape.cert;
	cert = d2i_X509(NULL, &p, (long)shape.cert_len);
	if (cert != NULL)
		check_key(cert, &shape);
	X509_free(cert);
	return 0;
}
