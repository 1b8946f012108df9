/* SPDX-License-Identifier: ISC */
/*
 * The commands of the control socket that dmd answers itself: status_dmd, id,
 * reload, log, stop, id_rotate. control_serve.h has decoded each request and
 * checked its privilege.
 *
 * status_dmd answers rows of kind value, in this order:
 *
 *   version             text
 *   pid                 number
 *   uptime              ns
 *   started             Unix ns
 *   ready               bool: all children are ready
 *   config              text, the file's path
 *   generation          number: 1, and 1 more with each reload
 *   state_dir           text
 *   control_socket      text
 *   log_level           text
 *   peer_id             text
 *   network             text, base64 or "-"
 *   user                text, "root" or "unprivileged"
 *   sandbox_dmd         text, layers in force, as sandbox.h names them
 * and for each of dm_net, dm_store, resolver, as prefix P
 *   P_state             text: down, starting, ready, ending
 *   P_pid               number, 0 if not running
 *   P_uptime            ns, 0 if not running
 *   P_restarts          number
 *   P_sandbox           text
 * then, as often as there are some
 *   listen              text, "http 127.0.0.1:7331", "libp2p [::]:7946"
 *   waiting_for         text, a configured interface that is not there
 *
 * id answers
 *
 *   peer_id             text
 *   public_key          text, base64 of the 32 bytes
 *   network             text, base64 or "-"
 *   address             text, a multiaddr with /p2p, as often as there are some
 *
 * id_rotate answers one row new_peer_id, text.
 */
#ifndef DMD_COMMANDS_H
#define DMD_COMMANDS_H

#include "common/control_serve.h"

struct dmd;

/* The server that answers them; control_server_free() ends it. */
struct control_server *commands_serve(struct dmd *);

#endif
