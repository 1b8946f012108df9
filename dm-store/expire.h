/* SPDX-License-Identifier: ISC */
/*
 * Versions come to their end: the file leaves files/, the record stays and goes
 * on hiding what is older. A clock that goes back brings them back, at once and
 * however much it stepped. Their content is older content from then on, which
 * history.c keeps until the clock has been steady. It looks once a second.
 */
#ifndef DMSTORE_EXPIRE_H
#define DMSTORE_EXPIRE_H

#include "dm-store/store.h"

void expire_tick(struct store *);

#endif
