/* SPDX-License-Identifier: ISC */
/*
 * Handles the messages of the children to dmd: ready, sign_tls, log_sink_lost,
 * listener_ended, violated. No other message has a handler. Called through the
 * channels of children.c.
 */
#ifndef DMD_HANDLERS_H
#define DMD_HANDLERS_H

#include "common/ipc.h"

/* The table for children.c; the handlers' context is the struct child, whose
 * owner is the struct dmd. */
ipc_handler *const *handlers_table(void);

#endif
