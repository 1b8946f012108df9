/* SPDX-License-Identifier: ISC */
/*
 * The fields of a version that a command is about to sign, from its arguments.
 */
#ifndef DMCTL_NEW_ENTRY_H
#define DMCTL_NEW_ENTRY_H

#include "common/entry.h"
#include "dmctl/args.h"
#include "dmctl/network.h"

/*
 * All but size, hash, signer and signature: name (--name, else the last part
 * of path), network, now, --valid-for. 0, or an exit code after a message.
 */
int new_entry_file(struct entry *, const struct args *, const char *path,
    const struct network *);

/* All but signer and signature of a deletion. */
int new_entry_delete(struct entry *, const char *name, const struct network *);

#endif
