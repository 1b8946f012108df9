/* SPDX-License-Identifier: ISC */
/*
 * Versions that expire: the file leaves files/, the record stays and still
 * hides older versions. If the clock goes back, by any step, they are visible
 * again at once. Their content is older content from then on, which history.c
 * keeps until the clock has been steady. It looks once a second.
 */
#ifndef DMSTORE_EXPIRE_H
#define DMSTORE_EXPIRE_H

#include "dm-store/store.h"

void expire_tick(struct store *);

#endif
