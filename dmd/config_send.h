/* SPDX-License-Identifier: ISC */
/*
 * The messages that carry the configuration to the children. Only dmd reads
 * dm.toml; each child gets the part that concerns it.
 */
#ifndef DMD_CONFIG_SEND_H
#define DMD_CONFIG_SEND_H

#include "common/config/config.h"
#include "common/ipc.h"
#include "dmd/interfaces.h"

/*
 * Sends all of it to dm-net or dm-store: begin, names, peers, commit. Zones of
 * addresses (/ip6zone/eth0) are sent as the interface's number, where there is
 * such an interface.
 */
void config_send(struct ipc *, enum role, const struct config *,
    uint32_t generation, const struct interfaces *);

/* The digest of the messages that config_send() would send, without the
 * generation. */
void config_send_digest(enum role, const struct config *,
    const struct interfaces *, uint8_t out[static 32]);

/* Changes when a zone of bootstrap_peers means another interface than before,
 * or one that was not there. */
uint64_t config_send_zones(const struct config *, const struct interfaces *);

#endif
