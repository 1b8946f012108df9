/* SPDX-License-Identifier: ISC */
/*
 * What dm-store tells dmctl of one name: what there is and was, what was
 * refused and why.
 */
#ifndef DMSTORE_CONTROL_SHOW_H
#define DMSTORE_CONTROL_SHOW_H

#include "common/control_serve.h"
#include "dm-store/store.h"

/* False if it is no name. */
bool control_name(struct bytes text, char name[static NAME_LEN_MAX + 1]);

/* The state of a row of kind file. */
uint64_t control_state(const struct winner *);
void control_send_file(
    struct control_client *, const struct entry *, uint64_t state);

/* The commands; each ends its client. */
void control_show(
    struct store *, struct control_client *, const struct control_show *);
void control_get_version(struct store *, struct control_client *,
    const struct control_get_version *);
void control_rejects(struct store *, struct control_client *);
void control_why(
    struct store *, struct control_client *, const struct control_why *);

#endif
