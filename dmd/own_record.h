/* SPDX-License-Identifier: ISC */
/*
 * This node's peer record: made when the addresses change or the wall clock was
 * set, and now and then, at most once a second, and handed to dm-net. The
 * addresses come from advertise.h, the signature from identity.h.
 */
#ifndef DMD_OWN_RECORD_H
#define DMD_OWN_RECORD_H

#include "common/clock.h"
#include "dmd/daemon.h"

#define RECORD_AGE_NS_MAX (600 * NS_PER_S)
#define RECORD_STEP_NS NS_PER_S /* the clock is slewed by less */

/* True if a record that was signed then has to be signed again now, whatever
 * its content. */
bool own_record_is_stale(const struct own_record_clock *signed_at,
    const struct own_record_clock *now);

/* The listeners, the interfaces, `advertise` or the clock may have changed. */
void own_record_update(struct dmd *);

/* The current one to dm-net, which has just started. */
void own_record_send(struct dmd *);

/* Callback of d->record_timer. */
void own_record_on_timer(int unused, short what, void *arg);

#endif
