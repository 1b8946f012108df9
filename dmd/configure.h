/* SPDX-License-Identifier: ISC */
/*
 * The configuration on its way from the file to the children. Only dmd reads
 * the file; each child is told what concerns it.
 */
#ifndef DMD_CONFIGURE_H
#define DMD_CONFIGURE_H

#include "common/config.h"
#include "common/ipc.h"
#include "dmd/interfaces.h"

/* config_load() with libp2p's checks. */
int configure_load(
    const char *path, struct config **out, struct config_errors *errors);

/* Who can write the file decides what this node accepts: if that is not its
 * owner and group alone, a warning that says what to do, else NULL. */
#define CONFIGURE_DOUBT_MAX 512
const char *configure_doubt(
    const char *path, char out[static CONFIGURE_DOUBT_MAX]);

/* The same into the log. */
void configure_log_doubt(const char *path);

/*
 * Sends all of it to dm-net or dm-store: begin, names, peers, commit. Zones of
 * addresses (/ip6zone/eth0) are sent as the interface's number, where there is
 * such an interface.
 */
void configure_send(struct ipc *, enum role, const struct config *,
    uint32_t generation, const struct interfaces *);

/* Of what configure_send() would send, but for the generation. */
void configure_digest(enum role, const struct config *,
    const struct interfaces *, uint8_t out[static 32]);

/* Changes when a zone of bootstrap_peers means another interface than before,
 * or one that was not there. */
uint64_t configure_zones(const struct config *, const struct interfaces *);

#endif
