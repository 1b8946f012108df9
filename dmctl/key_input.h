/* SPDX-License-Identifier: ISC */
/*
 * A private key as --key names it: a file, a pipe such as bash's <(command),
 * standard input ("-"), or the text itself. The text is wiped here; the key is
 * the caller's.
 */
#ifndef DMCTL_KEY_INPUT_H
#define DMCTL_KEY_INPUT_H

#include <stdint.h>

#include "common/keys/keys.h"

/*
 * A file must be a regular one or a pipe, of the caller or root and closed to
 * others, as key_read_private() has it; at most KEY_FILE_SIZE_MAX bytes of it
 * are read. The writer of a pipe or of standard input may ask a person first,
 * and has time until deadline_mono_ns (0: for ever): then KEY_IO with
 * ETIMEDOUT. KEY_IO with EINVAL: the file is of a kind that holds no key, such
 * as a device or a socket.
 */
enum key_error key_input(
    const char *key, uint64_t deadline_mono_ns, struct key_pair *);

#endif
