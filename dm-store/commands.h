/* SPDX-License-Identifier: ISC */
/*
 * The commands of the control socket that dm-store answers: status_store, list,
 * get, show, upload, forget (dmctl(8)).
 */
#ifndef DM_STORE_COMMANDS_H
#define DM_STORE_COMMANDS_H

#include "common/control_serve.h"
#include "dm-store/store.h"

/* The handler; ctx is the store. */
void commands_handle(void *ctx, struct control_client *, enum control_command,
    const void *request, int attached_fd);

#endif
