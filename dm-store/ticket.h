/* SPDX-License-Identifier: ISC */
/*
 * Tickets: versions whose signature has been verified and whose content
 * dm-net may bring. IPC_TICKETS_MAX of them; when all are out, one makes
 * room. They are good for one link to dm-net.
 */
#ifndef DMSTORE_TICKET_H
#define DMSTORE_TICKET_H

#include "dm-store/store.h"

struct tickets *tickets_new(void);
void tickets_free(struct tickets *);
void tickets_clear(struct tickets *);

/* The number for a version, the same as long as its ticket lives; never 0. */
uint64_t ticket_issue(struct tickets *, const struct entry *,
    const uint8_t version[static 32], bool is_want);

/* 0 if there is none. */
uint64_t ticket_of(const struct tickets *, const uint8_t version[static 32]);

/* NULL if there is none (any more). Borrowed. */
const struct entry *ticket_entry(const struct tickets *, uint64_t number);

/* dm-net wants the content no longer; a want of the store's own stays. */
void ticket_return(struct tickets *, uint64_t number);

/* The version is here. */
void ticket_drop(struct tickets *, const uint8_t version[static 32]);

/* Tickets issued for wants that still live. */
size_t tickets_wants(const struct tickets *);

#endif
