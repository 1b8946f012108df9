/* SPDX-License-Identifier: ISC */
/*
 * What happens to files, as lines of the log at level info: every version that
 * is stored, with who signed it and who brought it, what expired and what was
 * refused. Many at once are cut short and counted, so that a node that joins,
 * or somebody hostile, does not fill the log. It decides nothing.
 */
#ifndef DMSTORE_TELL_H
#define DMSTORE_TELL_H

#include "dm-store/store.h"

#define TELL_BURST 200
#define TELL_PER_SECOND 20

struct tell *tell_new(void);
void tell_free(struct tell *);

/* The version is decided to be stored here. from: a peer's id, an address,
 * "dmctl" or "". */
void tell_stored(struct store *, const struct entry *, const char *from);

/* The file is no longer visible, for its time is over. */
void tell_expired(struct store *, const char *name);

/* A refusal that was not told before; the caller bounds their number. code:
 * the stable code of the reason. name "" and a signer of zeros: not known. */
void tell_refused(const char *name, const uint8_t signer[static 32],
    const char *code, const char *from);

/* Once a second: a line when there is no room on the disk any more, and when
 * there is again. */
void tell_room(struct store *, bool has_room);

/* Once a second: allows more, and says how many were left out. */
void tell_tick(struct store *);

#endif
