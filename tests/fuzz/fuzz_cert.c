/* SPDX-License-Identifier: ISC */
/*
 * A peer's certificate, as OpenSSL parses it and we judge it. Whoever passes
 * must have a sound identity, and pass again when that is expected.
 */
#include <stdlib.h>

#include "dm-net/libp2p/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t *p = data;
	struct peer_id id, again;
	X509 *cert;

	if (len > 8192)
		return 0;
	cert = d2i_X509(NULL, &p, (long)len);
	if (cert == NULL)
		return 0;
	if (cert_check(cert, 1800000000, NULL, &id) == CERT_OK) {
		if (!peer_id_from_key(&again, peer_id_key(&id)))
			abort();
		if (cert_check(cert, 1800000000, &again, &id) != CERT_OK)
			abort();
	}
	X509_free(cert);
	return 0;
}
