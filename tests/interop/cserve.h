/* SPDX-License-Identifier: ISC */
/*
 * The protocols that all peers of the interoperability tests serve
 * (gopeer and jspeer have the same):
 *
 *	/echo/1.0.0	what comes goes back; FIN is answered by FIN
 *	/discard/1.0.0	all is read; at FIN the count goes back
 *	/source/1.0.0	a count comes, so many pattern bytes go back, and FIN
 *	/known/1.0.0	at FIN, what is known about the dialer goes to it: each
 *			of its addresses and protocols on a line
 *
 * Counts have 8 bytes, big-endian. The pattern is 0, 1, ... 250, 0, ...
 */
#ifndef TESTS_INTEROP_CSERVE_H
#define TESTS_INTEROP_CSERVE_H

#include "dm-net/libp2p/host.h"

#define ECHO_PROTOCOL "/echo/1.0.0"
#define DISCARD_PROTOCOL "/discard/1.0.0"
#define SOURCE_PROTOCOL "/source/1.0.0"
#define KNOWN_PROTOCOL "/known/1.0.0"

void cserve(struct p2p_host *host);

/* The bytes of the pattern from `offset` on. */
void cserve_pattern(uint8_t *out, size_t len, uint64_t offset);
bool cserve_is_pattern(const uint8_t *in, size_t len, uint64_t offset);
void cserve_put64(uint8_t out[static 8], uint64_t value);
uint64_t cserve_get64(const uint8_t in[static 8]);

#endif
