/* SPDX-License-Identifier: ISC */
/*
 * Files that may not be what the index says, named by the sources that noticed
 * it, until the scrub reads them. Bounded. It reads nothing itself: it wakes
 * the scrub by its events.
 */
#ifndef DMSTORE_SUSPECTS_H
#define DMSTORE_SUSPECTS_H

#include "dm-store/store.h"

struct suspects *suspects_new(void);
void suspects_free(struct suspects *); /* NULL is fine */

/* The file of this key may have changed: it is read soon. Too many to name:
 * all files are, with the next pass. */
void suspects_add(struct store *, const uint8_t key[static 16]);

/* The scrub's first look again: changes may have been missed. */
void suspects_look_again(struct store *);

/* For the scrub: its events, activated by suspects_look_again() and
 * suspects_add(); the caller's own. */
void suspects_listen(struct store *, struct event *look, struct event *wake);

bool suspects_has_any(const struct store *);

/* The last one added, which leaves; false if there is none. */
bool suspects_take(struct store *, uint8_t key[static 16]);

/* Whether the first look is to begin anew, and whether there were more than
 * could be named, since this was asked before. */
bool suspects_take_look(struct store *);
bool suspects_take_all(struct store *);

#endif
