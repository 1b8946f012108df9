/* SPDX-License-Identifier: ISC */
/*
 * Requests live in two lanes, one for judgements and one for the rest, each
 * with a fixed number of slots. A slot's number is part of the id that travels
 * to the store, so an answer finds its request without searching; the rest of
 * the id is a serial number, so an answer never meets a later request.
 *
 * A cancelled request that was sent keeps its slot until the answer comes:
 * the store counts it as under way, so must we.
 */
#include "dm-net/store/store_client_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"

static_assert(IPC_OPENS_MAX + STORE_LINK_QUEUE_MAX < 1 << (SLOT_BITS - 1) &&
		  IPC_JUDGES_MAX + STORE_LINK_QUEUE_MAX < 1 << (SLOT_BITS - 1),
    "a slot and its lane fit in an id");

static void
lane_init(struct lane *lane, unsigned sent_max)
{
	unsigned n = sent_max + STORE_LINK_QUEUE_MAX;

	lane->slot = xcalloc(n, sizeof(struct request *));
	lane->unused = xcalloc(n, sizeof(*lane->unused));
	for (unsigned i = 0; i < n; i++)
		lane->unused[i] = (uint16_t)(n - 1 - i);
	lane->n_slots = lane->n_unused = n;
	lane->sent_max = sent_max;
	STAILQ_INIT(&lane->waiting);
}

struct store_client *
store_client_new(void)
{
	struct store_client *link = xcalloc(1, sizeof(*link));

	lane_init(&link->lane[LANE_JUDGE], IPC_JUDGES_MAX);
	lane_init(&link->lane[LANE_ASK], IPC_OPENS_MAX);
	link->serial = 1;
	return link;
}

void
store_client_free(struct store_client *link)
{
	if (link == NULL)
		return;
	for (unsigned l = 0; l < LANE_COUNT; l++) {
		for (unsigned i = 0; i < link->lane[l].n_slots; i++)
			free(link->lane[l].slot[i]);
		free(link->lane[l].slot);
		free(link->lane[l].unused);
	}
	for (unsigned i = 0; i < IPC_PUTS_MAX; i++)
		free(link->put[i]);
	free(link);
}

void
store_client_attach(struct store_client *link, struct ipc *ipc)
{
	store_client_detach(link);
	link->ipc = ipc;
	link->is_late = false;
	link->suspects = IPC_SUSPECT_WINDOW;
	link->epoch++;
}

bool
store_client_is_up(const struct store_client *link)
{
	return link->ipc != NULL;
}

uint64_t
store_client_epoch(const struct store_client *link)
{
	return link->epoch;
}

unsigned
store_client_puts(const struct store_client *link)
{
	return link->n_puts;
}

/* --- requests --------------------------------------------------------- */

struct lane *
store_lane_of(struct store_client *link, uint64_t id)
{
	return &link->lane[id >> (SLOT_BITS - 1) & 1];
}

struct request *
store_request_find(struct store_client *link, uint64_t id)
{
	struct lane *lane = store_lane_of(link, id);
	unsigned slot = id & ((1u << (SLOT_BITS - 1)) - 1);
	struct request *r;

	if (slot >= lane->n_slots)
		return NULL;
	r = lane->slot[slot];
	return r != NULL && r->id == id ? r : NULL;
}

/* A request with a slot, or NULL and why not. */
static struct request *
request_new(struct store_client *link, enum lane_id l, enum ipc_message message,
    enum verdict *why)
{
	struct lane *lane = &link->lane[l];
	struct request *r;
	unsigned slot;

	*why = VERDICT_NO_STORE;
	if (link->ipc == NULL)
		return NULL;
	*why = VERDICT_BUSY;
	if (lane->n_unused == 0)
		return NULL;
	*why = VERDICT_OK;
	slot = lane->unused[--lane->n_unused];
	r = xcalloc(1, sizeof(*r));
	r->id =
	    link->serial++ << SLOT_BITS | (uint64_t)l << (SLOT_BITS - 1) | slot;
	r->message = message;
	lane->slot[slot] = r;
	return r;
}

void
store_request_release(struct store_client *link, struct request *r)
{
	struct lane *lane = store_lane_of(link, r->id);
	unsigned slot = r->id & ((1u << (SLOT_BITS - 1)) - 1);

	if (r->is_sent)
		lane->sent--;
	else
		STAILQ_REMOVE(&lane->waiting, r, request, next);
	lane->slot[slot] = NULL;
	lane->unused[lane->n_unused++] = (uint16_t)slot;
}

static void
send_judge(struct store_client *link, const struct request *r)
{
	struct ipc_judge m = {.id = r->id,
	    .entry = bytes_of(r->ask.judge.data, r->ask.judge.len),
	    .from = bytes_text(r->ask.judge.from)};

	ipc_send(link->ipc, IPC_JUDGE, &m, -1);
}

static void
send_open(struct store_client *link, const struct request *r)
{
	struct ipc_open m = {.id = r->id};

	memcpy(m.key, r->ask.open.key, sizeof(m.key));
	m.version =
	    bytes_of(r->ask.open.version, r->ask.open.has_version ? 32 : 0);
	ipc_send(link->ipc, IPC_OPEN, &m, -1);
}

static void
send_read_entry(struct store_client *link, const struct request *r)
{
	struct ipc_read_entry m = {.id = r->id};

	memcpy(m.key, r->ask.open.key, sizeof(m.key));
	ipc_send(link->ipc, IPC_READ_ENTRY, &m, -1);
}

static void
send_list(struct store_client *link, const struct request *r)
{
	struct ipc_list m = {.id = r->id,
	    .prefix = bytes_text(r->ask.list.prefix),
	    .cursor = bytes_text(r->ask.list.cursor),
	    .limit = r->ask.list.limit};

	ipc_send(link->ipc, IPC_LIST, &m, -1);
}

static void
request_send(struct store_client *link, struct request *r)
{
	if (r->message == IPC_JUDGE)
		send_judge(link, r);
	else if (r->message == IPC_OPEN)
		send_open(link, r);
	else if (r->message == IPC_READ_ENTRY)
		send_read_entry(link, r);
	else
		send_list(link, r);
}

void
store_lane_pump(struct store_client *link, struct lane *lane)
{
	struct request *r;

	while (link->ipc != NULL && lane->sent < lane->sent_max &&
	       (r = STAILQ_FIRST(&lane->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&lane->waiting, next);
		r->is_sent = true;
		r->sent_s = clock_mono_s();
		lane->sent++;
		request_send(link, r);
	}
}

static enum verdict
request_submit(struct store_client *link, struct request *r, uint64_t *id)
{
	struct lane *lane = store_lane_of(link, r->id);

	if (id != NULL)
		*id = r->id;
	STAILQ_INSERT_TAIL(&lane->waiting, r, next);
	store_lane_pump(link, lane);
	return VERDICT_OK;
}

enum verdict
store_judge(struct store_client *link, const struct entry *e, const char *from,
    store_judged_fn *fn, void *ctx, uint64_t *id)
{
	enum verdict why;
	struct request *r = request_new(link, LANE_JUDGE, IPC_JUDGE, &why);

	if (r == NULL)
		return why;
	r->owner.judged = fn;
	r->ctx = ctx;
	r->ask.judge.len = entry_encode(e, r->ask.judge.data);
	if (!bytes_copy_text(
		bytes_text(from), r->ask.judge.from, sizeof(r->ask.judge.from)))
		fatal("store_judge: the sender's name is too long");
	return request_submit(link, r, id);
}

enum verdict
store_open(struct store_client *link, const uint8_t key[static 16],
    const uint8_t *version, store_opened_fn *fn, void *ctx, uint64_t *id)
{
	enum verdict why;
	struct request *r = request_new(link, LANE_ASK, IPC_OPEN, &why);

	if (r == NULL)
		return why;
	r->owner.opened = fn;
	r->ctx = ctx;
	memcpy(r->ask.open.key, key, sizeof(r->ask.open.key));
	if (version != NULL) {
		memcpy(
		    r->ask.open.version, version, sizeof(r->ask.open.version));
		r->ask.open.has_version = true;
	}
	return request_submit(link, r, id);
}

enum verdict
store_read_entry(struct store_client *link, const uint8_t key[static 16],
    store_entry_fn *fn, void *ctx, uint64_t *id)
{
	enum verdict why;
	struct request *r = request_new(link, LANE_ASK, IPC_READ_ENTRY, &why);

	if (r == NULL)
		return why;
	r->owner.entry = fn;
	r->ctx = ctx;
	memcpy(r->ask.open.key, key, sizeof(r->ask.open.key));
	return request_submit(link, r, id);
}

enum verdict
store_list(struct store_client *link, const char *prefix, const char *cursor,
    unsigned limit, const struct store_list_owner *owner, uint64_t *id)
{
	enum verdict why;
	struct request *r = request_new(link, LANE_ASK, IPC_LIST, &why);

	if (r == NULL)
		return why;
	r->owner.list = *owner;
	if (!bytes_copy_text(bytes_text(prefix), r->ask.list.prefix,
		sizeof(r->ask.list.prefix)) ||
	    !bytes_copy_text(bytes_text(cursor), r->ask.list.cursor,
		sizeof(r->ask.list.cursor)))
		fatal("store_list: prefix or cursor is longer than a name");
	r->ask.list.limit = limit;
	return request_submit(link, r, id);
}

void
store_cancel(struct store_client *link, uint64_t id)
{
	struct request *r = store_request_find(link, id);

	if (r == NULL)
		return;
	if (r->is_sent) {
		r->is_cancelled = true;
		return;
	}
	store_request_release(link, r);
	free(r);
}

void
store_suspect(struct store_client *link, const uint8_t key[static 16],
    const uint8_t version[static 32])
{
	struct ipc_suspect m;

	if (link->ipc == NULL || link->suspects == 0)
		return;
	link->suspects--;
	memcpy(m.key, key, sizeof(m.key));
	memcpy(m.version, version, sizeof(m.version));
	ipc_send(link->ipc, IPC_SUSPECT, &m, -1);
}

void
store_client_on_suspect_credit(
    struct store_client *link, const struct ipc_suspect_credit *m)
{
	if (m->messages > IPC_SUSPECT_WINDOW - link->suspects) {
		ipc_violate(link->ipc, "more suspect credit than the window");
		return;
	}
	link->suspects += (unsigned)m->messages;
}

void
store_refused(struct store_client *link, const struct ipc_refused *m)
{
	if (store_client_is_up(link))
		ipc_send(link->ipc, IPC_REFUSED, m, -1);
}

/* --- the store goes away ---------------------------------------------- */

static bool
is_late(const struct lane *lane)
{
	uint64_t now = clock_mono_s();

	for (unsigned i = 0; i < lane->n_slots; i++) {
		const struct request *r = lane->slot[i];

		if (r != NULL && r->is_sent &&
		    now - r->sent_s > STORE_ANSWER_S_MAX)
			return true;
	}
	return false;
}

void
store_client_tick(struct store_client *link)
{
	bool was_late = link->is_late;

	link->is_late =
	    link->ipc != NULL && (is_late(&link->lane[LANE_JUDGE]) ||
				     is_late(&link->lane[LANE_ASK]));
	/* once more, or a pause of ours would be held to be the store's */
	if (was_late && link->is_late)
		ipc_violate(link->ipc, "does not answer");
}

static void
request_fail(struct store_client *link, struct request *r)
{
	store_request_release(link, r);
	if (r->is_cancelled)
		;
	else if (r->message == IPC_JUDGE)
		r->owner.judged(r->ctx, VERDICT_NO_STORE, 0, 0);
	else if (r->message == IPC_OPEN)
		r->owner.opened(r->ctx, VERDICT_NO_STORE, NULL, -1);
	else if (r->message == IPC_READ_ENTRY)
		r->owner.entry(r->ctx, VERDICT_NO_STORE, NULL);
	else
		r->owner.list.end(r->owner.list.ctx, VERDICT_NO_STORE, false);
	free(r);
}

void
store_client_detach(struct store_client *link)
{
	if (link->ipc == NULL)
		return;
	link->ipc = NULL; /* new requests are refused from here on */
	link->epoch++;
	for (unsigned l = 0; l < LANE_COUNT; l++)
		for (unsigned i = 0; i < link->lane[l].n_slots; i++)
			if (link->lane[l].slot[i] != NULL)
				request_fail(link, link->lane[l].slot[i]);
	store_puts_fail(link);
}
