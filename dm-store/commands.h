/* SPDX-License-Identifier: ISC */
/*
 * The commands of the control socket that dm-store answers: those that
 * control.def gives to STORE (dmctl(8)).
 */
#ifndef DM_STORE_COMMANDS_H
#define DM_STORE_COMMANDS_H

#include "common/control_serve.h"
#include "dm-store/store.h"

/* The server that answers them; control_server_free() ends it. */
struct control_server *commands_serve(struct store *);

#endif
