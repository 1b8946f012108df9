/* SPDX-License-Identifier: ISC */
/*
 * Records of names and signers that are no longer configured, or of another
 * network: they are kept for a while, so that a name that was taken out by
 * mistake comes back as it was, deletions included; then they are deleted.
 * reload.c says which records they are.
 */
#ifndef DMSTORE_DORMANT_H
#define DMSTORE_DORMANT_H

#include "common/clock.h"
#include "dm-store/store.h"

#define DORMANT_KEPT_NS (UINT64_C(30) * 86400 * NS_PER_S)

/* Once a second: looks through some of them, each of them once an hour, when
 * the clock has been steady (clock.h): what goes does not come back. */
void dormant_tick(struct store *);

#endif
