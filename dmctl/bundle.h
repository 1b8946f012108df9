/* SPDX-License-Identifier: ISC */
/*
 * A signed version in one file, made by `dmctl sign` where the key is and
 * uploaded by `dmctl submit` where the mesh is: 8 bytes "dmsign1\n", the
 * length of the entry (u16, big-endian), the entry (MessagePack), the content.
 */
#ifndef DMCTL_BUNDLE_H
#define DMCTL_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/entry.h"

#define BUNDLE_HEAD_MAX (10 + ENTRY_SIZE_MAX)

/* Writes the head, which precedes the content. Returns its length. */
size_t bundle_format(
    const struct entry *, uint8_t head[static BUNDLE_HEAD_MAX]);

/* The entry of a bundle from its first bytes (BUNDLE_HEAD_MAX of them, or all).
 * Returns the length of the head, 0 if the bytes are not a head. Pure. */
size_t bundle_parse(const uint8_t *data, size_t len, struct entry *);

struct content;

/*
 * Opens a bundle ("-": standard input), checks its content's hash and its
 * signature. The content is a copy. 0, or an exit code after a message.
 */
int bundle_open(
    const char *path, struct entry *, struct content *, bool is_sealed);

#endif
