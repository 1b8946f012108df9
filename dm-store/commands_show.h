/* SPDX-License-Identifier: ISC */
/*
 * The answers of dm-store to dmctl about one name: its present and earlier
 * versions, the refused ones and the reasons.
 */
#ifndef DM_STORE_COMMANDS_SHOW_H
#define DM_STORE_COMMANDS_SHOW_H

#include "common/control_serve.h"
#include "dm-store/store.h"

/* False if it is no name. */
bool commands_name(struct bytes text, char name[static NAME_LEN_MAX + 1]);

/* The state of a row of kind file. */
uint64_t commands_state(const struct winner *);
void commands_send_file(
    struct control_client *, const struct entry *, uint64_t state);

/* The handlers of these commands (control_dispatch.h); each ends its client. */
void store_command_show(
    struct store *, struct control_client *, const struct control_show *);
void store_command_get_version(struct store *, struct control_client *,
    const struct control_get_version *);
void store_command_rejects(
    struct store *, struct control_client *, const struct control_rejects *);
void store_command_why(
    struct store *, struct control_client *, const struct control_why *);

#endif
