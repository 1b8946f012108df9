/* SPDX-License-Identifier: ISC */
/*
 * The driver of the sync core. Every event of the node becomes an event of the
 * core and a kick; the kicked turn drains its actions, before the loop waits.
 */
#include "dm-net/mesh/mesh.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/name.h"
#include "common/xevent.h"
#include "dm-net/libp2p/peer_record_open.h"
#include "dm-net/mesh/accept.h"
#include "dm-net/mesh/dial.h"
#include "dm-net/mesh/dial_budget.h"
#include "dm-net/mesh/file_receive.h"
#include "dm-net/mesh/file_send.h"
#include "dm-net/mesh/mesh_address.h"
#include "dm-net/mesh/mesh_internal.h"
#include "dm-net/mesh/mesh_notes.h"
#include "dm-net/mesh/mesh_turn.h"
#include "dm-net/mesh/peer_conn.h"
#include "dm-net/mesh/peer_conns.h"
#include "dm-net/mesh/peer_warnings.h"
#include "dm-net/mesh/sync_streams.h"
#include "dm-net/reject_relay.h"

#define CLOCK_INTERVAL_S 10

/* --- actions ---------------------------------------------------------- */

static const char *const close_names[] = {
    [SYNC_CLOSE_HOSTILE] = "hostile",
    [SYNC_CLOSE_SURPLUS] = "surplus",
    [SYNC_CLOSE_BYE] = "bye",
    [SYNC_CLOSE_SILENT] = "silent",
    [SYNC_CLOSE_NETWORK] =
	"the peer is in another network: see [network] in dm.toml",
};

static void
do_close(struct mesh *m, const struct sync_action *a)
{
	struct peer_conn *c = peer_conn_find(m, a->conn);
	char address[ADDRESS_TEXT_SIZE], peer[PEER_ID_TEXT_SIZE] = "-";

	if (c == NULL)
		return;
	peer_conn_address(c, address);
	if (p2p_conn_peer_id(c->p2p) != NULL) {
		peer_id_format(p2p_conn_peer_id(c->p2p), peer);
		mesh_note(m, p2p_conn_peer_id(c->p2p), "%s%s%s",
		    close_names[a->reason],
		    a->text == NULL || a->text[0] == '\0' ? "" : ": ",
		    a->text == NULL ? "" : a->text);
	}
	if (a->reason == SYNC_CLOSE_HOSTILE)
		peer_warnings_misbehaving(
		    c, "", a->text == NULL ? "" : a->text);
	else
		log_debug("closing %s %s: %s %s", address, peer,
		    close_names[a->reason], a->text == NULL ? "" : a->text);
	p2p_conn_close(c->p2p, 0, close_names[a->reason]);
}

struct asked {
	struct mesh *mesh;
	uint64_t id;
};

static struct asked *
ask(struct mesh *m, uint64_t id)
{
	struct asked *q = xmalloc(sizeof(*q));

	q->mesh = m;
	q->id = id;
	return q;
}

static void
on_judged(void *ctx, enum verdict v, uint64_t ticket, uint64_t held_ns)
{
	struct asked *q = ctx;

	mesh_now(q->mesh);
	sync_judged(q->mesh->sync, q->id, v, ticket);
	mesh_kick(q->mesh);
	free(q);
}

static void
do_judge(struct mesh *m, const struct sync_action *a)
{
	struct asked *q = ask(m, a->id);
	char from[PEER_ID_TEXT_SIZE];
	enum verdict v;

	peer_conn_id_text(peer_conn_find(m, a->conn), from);
	v = store_judge(m->settings.store, a->entry, from, on_judged, q, NULL);
	if (v == VERDICT_OK)
		return;
	free(q);
	sync_judged(m->sync, a->id, v, 0);
}

static void
on_read(void *ctx, enum verdict v, const struct entry *entry)
{
	struct asked *q = ctx;

	mesh_now(q->mesh);
	sync_read_done(q->mesh->sync, q->id, entry);
	mesh_kick(q->mesh);
	free(q);
}

static void
do_read(struct mesh *m, const struct sync_action *a)
{
	struct asked *q = ask(m, a->id);

	if (store_read_entry(m->settings.store, a->key, on_read, q, NULL) ==
	    VERDICT_OK)
		return;
	free(q);
	sync_read_done(m->sync, a->id, NULL);
}

static void
do_hints(struct mesh *m)
{
	struct ipc *ipc = m->settings.store_ipc(m->settings.ctx);
	struct sync_hint *list;
	struct ipc_save_peer msg;
	size_t n;

	if (ipc == NULL)
		return;
	list = xcalloc(IPC_PEER_HINTS_MAX, sizeof(*list));
	n = sync_hints_list(m->sync, list, IPC_PEER_HINTS_MAX);
	for (size_t i = 0; i < n; i++) {
		memset(&msg, 0, sizeof(msg));
		msg.first = i == 0;
		memcpy(msg.peer_id, list[i].peer.bytes, PEER_ID_BYTES);
		msg.address = bytes_of(list[i].addr.bytes, list[i].addr.len);
		msg.last_success_s = list[i].last_success_ns / NS_PER_S;
		ipc_send(ipc, IPC_SAVE_PEER, &msg, -1);
	}
	free(list);
}

static void
do_refused(struct mesh *m, const struct sync_action *a)
{
	struct peer_conn *c = peer_conn_find(m, a->conn);
	char from[PEER_ID_TEXT_SIZE];

	if (c == NULL)
		return;
	peer_conn_id_text(c, from);
	reject_relay_note(m->settings.refusals, a->verdict, a->entry, from);
}

static void
do_action(struct mesh *m, const struct sync_action *a)
{
	struct peer_conn *c;

	switch (a->type) {
	case SYNC_DIAL:
		dial_start(m, a);
		break;
	case SYNC_CLOSE:
		do_close(m, a);
		break;
	case SYNC_WANT_WRITE:
		if ((c = peer_conn_find(m, a->conn)) != NULL)
			sync_streams_want_write(c);
		break;
	case SYNC_JUDGE:
		do_judge(m, a);
		break;
	case SYNC_READ:
		do_read(m, a);
		break;
	case SYNC_PUT_INLINE:
		file_receive_inline(m, a);
		break;
	case SYNC_FETCH_START:
		file_receive_start(m, a);
		break;
	case SYNC_FETCH_CANCEL:
		file_receive_cancel(m, a->id);
		break;
	case SYNC_TICKET_DROP:
		store_drop_ticket(m->settings.store, a->ticket);
		break;
	case SYNC_SCRUB:
		store_suspect(m->settings.store, a->key, a->version);
		break;
	case SYNC_REFUSED:
		do_refused(m, a);
		break;
	case SYNC_HINTS:
		do_hints(m);
		break;
	}
}

static void
arm_timer(struct mesh *m, uint64_t now_ns)
{
	uint64_t at_ns = sync_deadline(m->sync);
	struct timeval tv;

	if (at_ns == m->timer_at_ns)
		return;
	m->timer_at_ns = at_ns;
	tv = mesh_wait(now_ns, at_ns);
	event_add(m->timer_event, &tv);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct mesh *m = arg;
	struct sync_action a;
	uint64_t now_ns;

	if (m->is_ending)
		return;
	now_ns = mesh_now(m);
	while (sync_next(m->sync, &a))
		do_action(m, &a);
	arm_timer(m, now_ns);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct mesh *m = arg;

	m->timer_at_ns = 0;
	on_turn(fd, what, arg);
}

static void
on_clock(evutil_socket_t fd, short what, void *arg)
{
	uint64_t wall_ns = clock_unix_ns();
	struct mesh *m = arg;

	peer_warnings_tick(m);
	peer_conn_tick(m);
	if (m->settings.store != NULL)
		store_client_tick(m->settings.store);
	/* dates of certificates are not judged by a clock that lies */
	p2p_host_set_wall_time(m->host,
	    wall_ns < SYNC_CLOCK_FLOOR_NS ? 0 : (int64_t)(wall_ns / NS_PER_S));
}

/* --- life ------------------------------------------------------------- */

static bool
open_record(const uint8_t *bytes, size_t len, struct sync_record *out)
{
	struct peer_record record;

	if (peer_record_open(&record, bytes, len) != PEER_RECORD_OK)
		return false;
	out->peer = record.id;
	out->seq = record.seq;
	out->addr_count = record.addr_count < SYNC_ADDRS_MAX ? record.addr_count
							     : SYNC_ADDRS_MAX;
	for (size_t i = 0; i < out->addr_count; i++)
		mesh_address_copy(&out->addrs[i], &record.addrs[i]);
	return true;
}

static struct sync *
new_core(const struct mesh_settings *set, const struct peer_id *self,
    struct ledger *ledger)
{
	struct sync_settings s = {.self = *self,
	    .agent = "dmd/" DMD_VERSION,
	    .peers_max = set->peers_max,
	    .record_open = open_record,
	    .ledger = ledger};

	if (getrandom(s.seed, sizeof(s.seed), 0) != sizeof(s.seed) ||
	    getrandom(&s.start, sizeof(s.start), 0) != sizeof(s.start))
		fatal("cannot get random numbers");
	return sync_new(&s);
}

static struct ledger *
new_ledger(void)
{
	uint8_t secret[SIPHASH_SECRET_BYTES];

	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		fatal("no random numbers");
	return ledger_new(secret);
}

static struct event *
new_event(struct mesh *m, short what, event_callback_fn fn)
{
	return xevent(m->base, -1, what, fn, m);
}

struct mesh *
mesh_new(const struct mesh_settings *set)
{
	struct timeval tv = {.tv_sec = CLOCK_INTERVAL_S};
	struct p2p_host_config config = {.tls_key = set->tls_key,
	    .ed25519_key = set->public_key,
	    .signature = set->signature,
	    .agent = "dmd/" DMD_VERSION,
	    .callbacks = &peer_conn_callbacks};
	struct mesh *m = xcalloc(1, sizeof(*m));

	m->settings = *set;
	m->base = set->base;
	config.user = m;
	m->host = p2p_host_new(&config);
	if (m->host == NULL) {
		free(m);
		return NULL;
	}
	m->ledger = new_ledger();
	m->sync = new_core(set, p2p_host_peer_id(m->host), m->ledger);
	m->notes = xcalloc(MESH_NOTES_MAX, sizeof(*m->notes));
	peer_warnings_init(m);
	LIST_INIT(&m->conns);
	LIST_INIT(&m->dials);
	LIST_INIT(&m->fetches);
	m->turn_event = new_event(m, 0, on_turn);
	m->timer_event = new_event(m, 0, on_timer);
	m->clock_event = new_event(m, EV_PERSIST, on_clock);
	event_add(m->clock_event, &tv);
	on_clock(-1, 0, m);
	accept_init(m);
	m->dial_budget = dial_budget_new();
	sync_streams_serve(m);
	file_send_serve(m);
	mesh_now(m);
	return m;
}

void
mesh_free(struct mesh *m)
{
	struct peer_conn *c;

	if (m == NULL)
		return;
	/* whom to call at the next start, if the bootstrap peers are down */
	do_hints(m);
	m->is_ending = true;
	dial_free_all(m);
	while ((c = LIST_FIRST(&m->conns)) != NULL) {
		peer_conn_say_goodbye(c);
		peer_conn_free(c);
	}
	file_receive_free_all(m);
	accept_free_all(m);
	dial_budget_free(m->dial_budget);
	event_free(m->turn_event);
	event_free(m->timer_event);
	event_free(m->clock_event);
	sync_free(m->sync);
	ledger_free(m->ledger);
	p2p_host_free(m->host);
	free(m->allowed);
	free(m->allowed_next);
	free(m->notes);
	peer_warnings_free(m);
	free(m);
}

/* --- addresses of this node ------------------------------------------- */

void
mesh_network_changed(struct mesh *m)
{
	mesh_now(m);
	sync_network_changed(m->sync);
	mesh_kick(m);
}

bool
mesh_own_record(struct mesh *m, const uint8_t *envelope, size_t len)
{
	struct peer_record record;
	struct peer_conn *c;

	if (peer_record_open(&record, envelope, len) != PEER_RECORD_OK ||
	    !peer_id_equal(&record.id, p2p_host_peer_id(m->host)) ||
	    p2p_host_set_record(m->host, envelope, len) == -1 ||
	    p2p_host_set_addresses(m->host, record.addrs, record.addr_count) ==
		-1)
		return false;
	mesh_now(m);
	if (len <= SYNC_RECORD_MAX)
		sync_own_record(m->sync, envelope, len);
	LIST_FOREACH(c, &m->conns, next)
		if (p2p_conn_is_established(c->p2p))
			p2p_conn_push_identify(c->p2p);
	mesh_kick(m);
	return true;
}

/* --- the store -------------------------------------------------------- */

void
mesh_store_up(struct mesh *m)
{
	mesh_now(m);
	sync_index_begin(m->sync);
	mesh_kick(m);
}

void
mesh_store_lost(struct mesh *m)
{
	mesh_now(m);
	file_receive_store_lost(m);
	sync_store_lost(m->sync);
	mesh_kick(m);
}

static uint64_t
get_u64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

bool
mesh_index_rows(struct mesh *m, struct bytes rows)
{
	struct entry_rank rank;
	const uint8_t *p;
	uint64_t last;

	if (rows.len % IPC_INDEX_ROW_SIZE != 0)
		return false;
	mesh_now(m);
	for (size_t at = 0; at < rows.len; at += IPC_INDEX_ROW_SIZE) {
		p = rows.data + at;
		memcpy(rank.version, p + 16, 32);
		rank.signed_at_ns = get_u64(p + 48);
		last = get_u64(p + 56);
		rank.kind = last >> 63 ? ENTRY_DELETE : ENTRY_FILE;
		sync_index_row(m->sync, p, &rank, last & ~(UINT64_C(1) << 63));
	}
	mesh_kick(m);
	return true;
}

void
mesh_index_complete(struct mesh *m)
{
	mesh_now(m);
	sync_index_complete(m->sync);
	mesh_kick(m);
}

void
mesh_entry(struct mesh *m, const struct entry *entry, bool is_origin,
    struct bytes content)
{
	bool has_content = is_origin && entry->kind == ENTRY_FILE &&
			   content.len == entry->size;

	mesh_now(m);
	sync_store_entry(m->sync, entry, is_origin,
	    has_content ? content.data : NULL, has_content ? content.len : 0);
	mesh_kick(m);
}

void
mesh_retract(struct mesh *m, const uint8_t key[static 16])
{
	mesh_now(m);
	sync_store_retract(m->sync, key);
	mesh_kick(m);
}

void
mesh_want(struct mesh *m, const struct entry *entry, uint64_t ticket)
{
	struct entry_rank rank;
	uint8_t key[16];

	entry_rank(entry, &rank);
	name_key(entry->name, key);
	mesh_now(m);
	sync_store_wants(m->sync, key, &rank, entry->size, ticket);
	mesh_kick(m);
}

void
mesh_store_configured(struct mesh *m)
{
	mesh_now(m);
	sync_store_configured(m->sync);
	mesh_kick(m);
}

bool
mesh_hint(struct mesh *m, const struct ipc_peer_hint *h)
{
	struct multiaddr_raw raw;
	struct sync_addr addr;
	struct peer_id peer;

	if (!peer_id_from_bytes(&peer, h->peer_id, sizeof(h->peer_id)) ||
	    multiaddr_from_bytes(&raw, h->address.data, h->address.len) !=
		MULTIADDR_OK)
		return false;
	mesh_address_copy(&addr, &raw);
	mesh_now(m);
	sync_hint(m->sync, &peer, &addr,
	    h->last_success_s > UINT64_MAX / NS_PER_S
		? 0
		: h->last_success_s * NS_PER_S);
	mesh_kick(m);
	return true;
}

/* --- questions -------------------------------------------------------- */

const struct peer_id *
mesh_peer_id(const struct mesh *m)
{
	return p2p_host_peer_id(m->host);
}

struct sync *
mesh_sync(struct mesh *m)
{
	return m->sync;
}

const struct ledger *
mesh_ledger(const struct mesh *m)
{
	return m->ledger;
}

uint64_t
mesh_refused(const struct mesh *m)
{
	return admission_stats(m->admission)->refused + m->n_no_descriptor +
	       m->n_in_debt;
}

const struct admission_stats *
mesh_admission(const struct mesh *m)
{
	return admission_stats(m->admission);
}
