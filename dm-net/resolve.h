/* SPDX-License-Identifier: ISC */
/*
 * Asks the resolver process for the addresses of a name. dm-net itself never
 * reads a DNS answer.
 */
#ifndef DM_NET_RESOLVE_H
#define DM_NET_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

#include "common/ipc.h"

#define RESOLVE_ADDRESSES_MAX 16
#define RESOLVE_WAITING_MAX 256

struct resolve;

struct resolve_address {
	uint8_t len; /* 4 or 16 */
	uint8_t bytes[16];
};

/* error: "" when n > 0, else what the resolver said. */
typedef void resolve_fn(
    void *ctx, const struct resolve_address *, size_t n, const char *error);

struct resolve *resolve_new(void);
void resolve_free(struct resolve *);

/* The channel to the resolver, NULL while there is none: what waits fails. */
void resolve_attach(struct resolve *, struct ipc *);

/*
 * Asks. family: 0 both, 4 or 6. Returns an id for resolve_cancel(), 0 if there
 * is no resolver or too many wait (fn is then not called).
 */
uint32_t resolve_start(struct resolve *, const char *host, unsigned family,
    resolve_fn *, void *ctx);
void resolve_cancel(struct resolve *, uint32_t id);

/* From the handler of resolved. Unknown ids were cancelled. */
void resolve_on_resolved(struct resolve *, const struct ipc_resolved *);

#endif
