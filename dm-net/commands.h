/* SPDX-License-Identifier: ISC */
/*
 * The commands of dmctl that dm-net answers: status, peers, why. It changes
 * nothing.
 */
#ifndef DM_NET_COMMANDS_H
#define DM_NET_COMMANDS_H

#include "common/control_serve.h"

/* A control_handler; ctx is the struct net. */
control_handler commands_handle;

#endif
