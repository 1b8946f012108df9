/* SPDX-License-Identifier: ISC */
/*
 * The part of OpenSSL that a connection may use: an own library context whose
 * one provider hands on a short list of the default provider's algorithms and
 * nothing else. For two reasons. A peer's certificate is decoded before anybody
 * has judged it, and a key of a kind that is not on the list is then not
 * decoded at all. And OpenSSL 3.0 looks at all decoders it knows, of every kind
 * of key, for each certificate: with two of them it is ten times faster, a
 * sixth of a handshake. Random bytes are those of the default context.
 *
 * No I/O.
 */
#ifndef DMNET_LIBP2P_ALGORITHMS_H
#define DMNET_LIBP2P_ALGORITHMS_H

#include <openssl/types.h>

struct algorithms {
	OSSL_LIB_CTX *context;
	OSSL_PROVIDER *provider;
};

void algorithms_init(struct algorithms *algorithms);
/* After all that was made with the context has been freed. */
void algorithms_clear(struct algorithms *algorithms);

#endif
