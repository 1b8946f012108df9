/* SPDX-License-Identifier: ISC */
/*
 * Versions come to their end: the file leaves files/, the record stays and
 * goes on hiding what is older. A clock that goes back brings them back.
 * Called once a second.
 */
#ifndef DMSTORE_EXPIRE_H
#define DMSTORE_EXPIRE_H

#include "dm-store/store.h"

void expire_tick(struct store *);

#endif
