/* SPDX-License-Identifier: ISC */
/*
 * This node's peer record: made when the addresses change, at most once a
 * second, and handed to dm-net. Called by daemon.c. The addresses come from
 * advertise.h, the signature from identity.h.
 */
#ifndef DMD_RECORD_H
#define DMD_RECORD_H

#include "dmd/daemon.h"

/* The listeners, the interfaces or `advertise` may have changed. */
void record_update(struct dmd *);

/* The current one to dm-net, which has just started. */
void record_send(struct dmd *);

/* Callback of d->record_timer. */
void record_on_timer(int unused, short what, void *arg);

#endif
