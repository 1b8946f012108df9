/* SPDX-License-Identifier: ISC */
/*
 * An entry as the X- fields of HTTP carry it (dmd(8)), both ways. Pure. No
 * field carries the network: the reader of an answer must know it.
 */
#ifndef DMCTL_ENTRY_FIELDS_H
#define DMCTL_ENTRY_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/entry.h"
#include "dmctl/http_response.h"

/* "X-Signedat: ...\r\n" and the others, terminated. */
#define ENTRY_FIELDS_TEXT_MAX 512
void entry_fields_format(
    const struct entry *, char out[static ENTRY_FIELDS_TEXT_MAX]);

/*
 * The entry of a response to GET /files/NAME: its fields and Content-Length.
 * has_network, network and name are the caller's. False if a field is missing
 * or malformed, or the whole is not entry_is_sane().
 */
bool entry_fields_parse(const struct http_response *, struct entry *);

#endif
