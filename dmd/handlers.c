/* SPDX-License-Identifier: ISC */
#include "dmd/handlers.h"

#include <string.h>

#include "common/log.h"
#include "dmd/daemon.h"
#include "dmd/listening.h"
#include "dmd/own_record.h"
#include "dmd/reload.h"

#define IPC_RECEIVER_DMD
#define IPC_CONTEXT struct child
#include "common/ipc_dispatch.h"

ipc_handler *const *
handlers_table(void)
{
	return dmd_handlers;
}

void
dmd_on_ready(struct child *c, struct ipc *ipc, const struct ipc_ready *msg)
{
	child_is_ready(c, (uint32_t)msg->layers);
}

/* Its TLS key is signed: from now on it takes messages, first those that it
 * needs to work. */
static void
net_signed(struct dmd *d, struct child *c)
{
	reload_send(d, c);
	listening_send_addresses(d);
	/* the last dm-net may have left sockets that accept nothing */
	listening_update(d);
	listen_attach(d->listen, c->ipc);
	own_record_send(d);
	children_send_restarts(d->children);
}

/* Once in a life of dm-net: an honest dm-net has no use for a second key. */
void
dmd_on_sign_tls(
    struct child *c, struct ipc *ipc, const struct ipc_sign_tls *msg)
{
	struct dmd *d = child_owner(c);
	struct ipc_signature answer;

	if (c->has_signed) {
		ipc_violate(ipc, "a second TLS key to sign");
		return;
	}
	c->has_signed = true;
	if (!identity_sign_tls(
		d->identity, msg->spki.data, msg->spki.len, answer.signature)) {
		ipc_violate(ipc, "a TLS key that is not P-256");
		return;
	}
	memcpy(answer.public_key, peer_id_key(identity_peer(d->identity)),
	    sizeof(answer.public_key));
	ipc_send(ipc, IPC_SIGNATURE, &answer, -1);
	net_signed(d, c);
}

void
dmd_on_listener_ended(
    struct child *c, struct ipc *ipc, const struct ipc_listener_ended *msg)
{
	listening_on_ended(child_owner(c));
}

/* It gets a new one at the next tick. */
void
dmd_on_log_sink_lost(
    struct child *c, struct ipc *ipc, const struct ipc_log_sink_lost *msg)
{
	struct dmd *d = child_owner(c);

	if (d->log == SPAWN_LOG_SYSLOG)
		d->sinks_lost |= 1u << c->role;
}

void
dmd_on_violated(
    struct child *c, struct ipc *ipc, const struct ipc_violated *msg)
{
	char reason[201];

	if (!bytes_copy_text(msg->reason, reason, sizeof(reason)))
		reason[0] = '\0';
	child_is_accused(c, msg->role, reason);
}
