/* SPDX-License-Identifier: ISC */
/*
 * Reads a file from a daemon, over the control socket or HTTP: its entry and,
 * piece by piece, its content.
 */
#ifndef DMCTL_RETRIEVE_H
#define DMCTL_RETRIEVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/entry.h"
#include "dmctl/target.h"

/* Takes content; false stops the reading (the taker has said why). */
typedef bool retrieve_fn(void *ctx, const void *data, size_t len);

/*
 * The content in pieces to take(ctx), then the entry, whose network is not
 * known over HTTP. OK means: size and hash of the content are those of the
 * entry; the signature is not looked at. 0, or an exit code after a message.
 */
int retrieve(struct target *, const char *name, retrieve_fn *take, void *ctx,
    struct entry *);

/* The same of an earlier version (control.def: get_version), which only the
 * control socket has. */
int retrieve_version(struct target *, const char *name, const char *which,
    retrieve_fn *take, void *ctx, struct entry *);

#endif
