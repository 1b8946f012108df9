/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-net/store/store_client_internal.h"

static enum verdict
put_new(struct store_client *link, const struct store_put_owner *owner,
    struct store_put **out)
{
	struct store_put *put;
	unsigned slot = 0;

	if (link->ipc == NULL)
		return VERDICT_NO_STORE;
	while (slot < IPC_PUTS_MAX && link->put[slot] != NULL)
		slot++;
	if (slot == IPC_PUTS_MAX)
		return VERDICT_BUSY;
	put = xcalloc(1, sizeof(*put));
	put->link = link;
	put->id = link->serial++ << SLOT_BITS | slot;
	put->owner = *owner;
	put->owner.from = NULL; /* the caller's */
	link->put[slot] = put;
	link->n_puts++;
	*out = put;
	return VERDICT_OK;
}

enum verdict
store_put_begin(struct store_client *link, const struct entry *e,
    uint64_t ticket, bool sha256_known, const struct store_put_owner *owner,
    struct store_put **out)
{
	uint8_t encoded[ENTRY_SIZE_MAX];
	struct ipc_put_begin m = {
	    .ticket = ticket, .sha256_known = sha256_known};
	enum verdict v = put_new(link, owner, out);

	if (v != VERDICT_OK)
		return v;
	m.id = (*out)->id;
	m.from = bytes_text(owner->from != NULL ? owner->from : "");
	if (e != NULL)
		m.entry = bytes_of(encoded, entry_encode(e, encoded));
	ipc_send(link->ipc, IPC_PUT_BEGIN, &m, -1);
	return VERDICT_OK;
}

enum verdict
store_put_whole(struct store_client *link, const struct entry *e,
    uint64_t ticket, const void *content, size_t len,
    const struct store_put_owner *owner, struct store_put **out)
{
	uint8_t encoded[ENTRY_SIZE_MAX];
	struct ipc_put_whole m = {
	    .ticket = ticket, .content = bytes_of(content, len)};
	enum verdict v = put_new(link, owner, out);

	if (v != VERDICT_OK)
		return v;
	(*out)->is_ended = true;
	m.id = (*out)->id;
	m.from = bytes_text(owner->from != NULL ? owner->from : "");
	if (e != NULL)
		m.entry = bytes_of(encoded, entry_encode(e, encoded));
	ipc_send(link->ipc, IPC_PUT_WHOLE, &m, -1);
	return VERDICT_OK;
}

size_t
store_put_allowed(const struct store_put *put)
{
	return put->allowed;
}

void
store_put_data(struct store_put *put, const void *data, size_t len)
{
	const uint8_t *p = data;
	struct ipc_put_data m = {.id = put->id};

	if (len > put->allowed || put->is_ended)
		fatal("store_put_data: content beyond the store's credit");
	put->allowed -= len;
	for (size_t n; len > 0; p += n, len -= n) {
		n = len < IPC_CHUNK_MAX ? len : IPC_CHUNK_MAX;
		m.data = bytes_of(p, n);
		ipc_send(put->link->ipc, IPC_PUT_DATA, &m, -1);
	}
}

void
store_put_end(struct store_put *put)
{
	struct ipc_put_end m = {.id = put->id};

	put->is_ended = true;
	ipc_send(put->link->ipc, IPC_PUT_END, &m, -1);
}

static void
put_free(struct store_put *put)
{
	put->link->put[put->id & ((1u << SLOT_BITS) - 1)] = NULL;
	put->link->n_puts--;
	free(put);
}

void
store_put_abort(struct store_put *put)
{
	struct ipc_put_abort m;

	if (put == NULL)
		return;
	m.id = put->id;
	if (put->link->ipc != NULL)
		ipc_send(put->link->ipc, IPC_PUT_ABORT, &m, -1);
	put_free(put);
}

void
store_drop_ticket(struct store_client *link, uint64_t ticket)
{
	struct ipc_drop_ticket m = {.ticket = ticket};

	if (link->ipc != NULL)
		ipc_send(link->ipc, IPC_DROP_TICKET, &m, -1);
}

/*
 * The put of an answer. NULL if it was aborted while the answer was under way,
 * which is fine, or never was, which ends the channel.
 */
static struct store_put *
put_find(struct store_client *link, uint64_t id)
{
	unsigned slot = id & ((1u << SLOT_BITS) - 1);

	if (slot < IPC_PUTS_MAX && id >> SLOT_BITS < link->serial) {
		struct store_put *put = link->put[slot];

		return put != NULL && put->id == id ? put : NULL;
	}
	if (link->ipc != NULL)
		ipc_violate(link->ipc, "answered a put that was never begun");
	return NULL;
}

void
store_client_on_put_credit(
    struct store_client *link, const struct ipc_put_credit *m)
{
	struct store_put *put = put_find(link, m->id);

	if (put == NULL)
		return;
	if (m->bytes > IPC_PUT_WINDOW - put->allowed) {
		if (link->ipc != NULL)
			ipc_violate(
			    link->ipc, "more put credit than the window");
		return;
	}
	put->allowed += m->bytes;
	put->owner.credit(put->owner.ctx, put->allowed);
}

void
store_client_on_put_result(
    struct store_client *link, const struct ipc_put_result *m)
{
	struct store_put *put = put_find(link, m->id);
	struct store_put_owner owner;

	if (put == NULL)
		return;
	owner = put->owner;
	put_free(put);
	owner.done(owner.ctx, (enum verdict)m->verdict, m->held_signed_at_ns);
}

void
store_puts_fail(struct store_client *link)
{
	for (unsigned i = 0; i < IPC_PUTS_MAX; i++) {
		struct store_put *put = link->put[i];
		struct store_put_owner owner;

		if (put == NULL)
			continue;
		owner = put->owner;
		put_free(put);
		owner.done(owner.ctx, VERDICT_NO_STORE, 0);
	}
}
