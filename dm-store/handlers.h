/* SPDX-License-Identifier: ISC */
/*
 * The channels of dm-store: to dmd from the start, to dm-net as dmd links it.
 * Owns the handlers of every message that dm-store may get (ipc_dispatch.h),
 * the once-a-second tick and the end.
 */
#ifndef DM_STORE_HANDLERS_H
#define DM_STORE_HANDLERS_H

#include "dm-store/store.h"

/* Takes fd, the channel to dmd. */
void handlers_start(struct store *, int fd);

/* Closes the channels. */
void handlers_end(struct store *);

#endif
