/* SPDX-License-Identifier: ISC */
/*
 * /ipfs/ping/1.0.0 (libp2p specs, ping): answered in units of 32 bytes, any
 * number of them on a stream; a unit that the peer did not complete before
 * its end-of-file gets no answer. It never holds more than one unit: what the
 * peer sends beyond is not granted back before the echo has left.
 *
 * Our own liveness checks are yamux pings (conn.c), which need no stream and
 * which no implementation limits in time. No I/O.
 */
#ifndef DMNET_LIBP2P_PING_H
#define DMNET_LIBP2P_PING_H

#include "dm-net/libp2p/host.h"

#define PING_BYTES 32

extern const struct p2p_stream_handlers ping_handlers;

#endif
