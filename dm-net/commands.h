/* SPDX-License-Identifier: ISC */
/*
 * The commands of dmctl that dm-net answers: status, peers, why. It changes
 * nothing.
 */
#ifndef DM_NET_COMMANDS_H
#define DM_NET_COMMANDS_H

#include "common/control_serve.h"

struct net;

/* The server that answers them; control_server_free() ends it. */
struct control_server *commands_serve(struct net *);

#endif
