/* SPDX-License-Identifier: ISC */
/*
 * Asks the resolver process for the addresses of a name. dm-net itself never
 * reads a DNS answer.
 *
 * Anybody can sign a record that names hosts, and a question costs the
 * resolver a thread for up to half a minute, and a name server of the
 * record's choice a query. So questions for peers that the configuration does
 * not name are few at a time and few a minute; the others never wait for them.
 */
#ifndef DM_NET_RESOLVE_H
#define DM_NET_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/ipc.h"

#define RESOLVE_ADDRESSES_MAX 16
#define RESOLVE_WAITING_MAX 256
/* Of peers that are not configured: at a time, which leaves half of the
 * resolver's threads to the others; and how many at once, and nanoseconds
 * until one more is allowed. */
#define RESOLVE_STRANGERS_MAX 2
#define RESOLVE_STRANGERS_BURST 8
#define RESOLVE_STRANGERS_NS (2 * NS_PER_S)

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

/* A question. The texts are only read by resolve_start(). */
struct resolve_ask {
	const char *host;
	unsigned family; /* 0 both, 4 or 6 */
	bool is_trusted; /* the configuration names the host or its peer */
};

/*
 * Asks the resolver. Returns an id for resolve_cancel(); 0, with a sentence
 * without its subject in *why, if it cannot be asked now (fn is then not
 * called).
 */
uint32_t resolve_start(struct resolve *, const struct resolve_ask *,
    resolve_fn *, void *ctx, const char **why);

/* fn is not called any more. The question counts until it is answered, since
 * the resolver still works on it. An id that was answered, or 0, is fine. */
void resolve_cancel(struct resolve *, uint32_t id);

/* From the handler of resolved. Unknown ids were cancelled. */
void resolve_on_resolved(struct resolve *, const struct ipc_resolved *);

#endif
