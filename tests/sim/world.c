/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "tests/sim/sim.h"

struct event {
	uint64_t at, seq;
	struct node *node;
	uint64_t epoch;
	event_fn *fn;
	void *arg;
	uint64_t a;
};

/* Content on its way from one node to another. */
struct transfer {
	struct transfer *next;
	uint64_t fetch, link, ticket, size;
	struct node *to, *from;
	uint64_t from_epoch;
	uint8_t key[16], version[32];
	uint64_t sent;
	bool is_served;
};

uint64_t
rnd(struct world *w, uint64_t bound)
{
	uint64_t z = w->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return bound == 0 ? 0 : z % bound;
}

void
world_fail(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->failure[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(w->failure, sizeof(w->failure), fmt, ap);
	va_end(ap);
}

/* --- events: a heap by time, then by order --------------------------- */

static bool
before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void
heap_push(struct world *w, struct event e)
{
	size_t i = w->heap_count++;

	if (w->heap_count > w->heap_room) {
		w->heap_room = w->heap_room == 0 ? 1024 : w->heap_room * 2;
		w->heap = xrealloc(w->heap, w->heap_room, sizeof(*w->heap));
	}
	while (i > 0 && before(&e, &w->heap[(i - 1) / 2])) {
		w->heap[i] = w->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	w->heap[i] = e;
}

static struct event
heap_pop(struct world *w)
{
	struct event top = w->heap[0], last = w->heap[--w->heap_count];
	size_t i = 0, n = w->heap_count;

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= n)
			break;
		if (c + 1 < n && before(&w->heap[c + 1], &w->heap[c]))
			c++;
		if (!before(&w->heap[c], &last))
			break;
		w->heap[i] = w->heap[c];
		i = c;
	}
	w->heap[i] = last;
	return top;
}

void
world_after(struct world *w, struct node *n, uint64_t in_ns, event_fn *fn,
    void *arg, uint64_t a)
{
	heap_push(w, (struct event){.at = w->now + in_ns,
			 .seq = ++w->seq,
			 .node = n,
			 .epoch = n == NULL ? 0 : n->epoch,
			 .fn = fn,
			 .arg = arg,
			 .a = a});
}

void
world_run(struct world *w, uint64_t until)
{
	while (w->heap_count > 0 && w->heap[0].at <= until &&
	       w->failure[0] == '\0') {
		struct event e = heap_pop(w);

		w->now = e.at;
		if (e.node == NULL ||
		    (e.node->s != NULL && e.node->epoch == e.epoch))
			e.fn(w, e.node, e.arg, e.a);
		free(e.arg);
	}
	w->now = until;
}

/* --- links ----------------------------------------------------------- */

static struct link *
link_find(struct world *w, uint64_t id)
{
	for (size_t i = 0; i < w->link_count; i++) {
		if (w->links[i]->id == id)
			return w->links[i];
	}
	return NULL;
}

static int
link_end(const struct link *l, const struct node *n)
{
	return l->end[0] == n->index && l->epoch[0] == n->epoch ? 0 : 1;
}

static struct node *
link_node(struct world *w, const struct link *l, int end)
{
	struct node *n = w->nodes[l->end[end]];

	return n->s != NULL && n->epoch == l->epoch[end] ? n : NULL;
}

static void
link_sweep(struct world *w, struct link *l)
{
	if (l->is_open[0] || l->is_open[1])
		return;
	for (size_t i = 0; i < w->link_count; i++) {
		if (w->links[i] != l)
			continue;
		w->links[i] = w->links[--w->link_count];
		free(l);
		return;
	}
}

static void transfer_free(struct world *, struct transfer *);

static void
transfers_end(struct world *w, uint64_t link, const struct node *n)
{
	for (struct transfer *t = w->transfers, *next; t != NULL; t = next) {
		next = t->next;
		if (t->link == link && t->to == n) {
			t->to->fetching--;
			transfer_free(w, t);
		}
	}
}

/* One end learns that the link is over. */
static void
link_ended(struct world *w, struct node *n, void *arg, uint64_t id)
{
	struct link *l = link_find(w, id);
	int end;

	(void)arg;
	if (l == NULL)
		return;
	end = link_end(l, n);
	if (!l->is_open[end])
		return;
	l->is_open[end] = false;
	transfers_end(w, id, n);
	sync_tick(n->s, w->now, node_wall(n));
	sync_disconnected(n->s, id);
	link_sweep(w, l);
	node_drive(n);
}

void
link_cut(struct world *w, struct link *l, bool is_silent)
{
	if (l->is_dead)
		return;
	l->is_dead = true;
	for (int i = 0; i < 2; i++) {
		struct node *n = link_node(w, l, i);

		if (n == NULL)
			l->is_open[i] = false;
		else
			world_after(w, n,
			    is_silent ? 10 * SEC + rnd(w, 10 * SEC)
				      : l->delay_ns + rnd(w, 50 * MS),
			    link_ended, NULL, l->id);
	}
	link_sweep(w, l);
}

struct link *
link_random(struct world *w)
{
	return w->link_count == 0 ? NULL : w->links[rnd(w, w->link_count)];
}

static bool
is_parted(const struct world *w, size_t a, size_t b)
{
	return w->nodes[a]->side != w->nodes[b]->side;
}

/* --- bytes on the sync streams --------------------------------------- */

struct packet {
	uint64_t link;
	size_t len;
	uint8_t bytes[];
};

static void
packet_arrives(struct world *w, struct node *n, void *arg, uint64_t a)
{
	struct packet *p = arg;
	struct link *l = link_find(w, p->link);
	size_t at = 0;

	(void)a;
	if (l == NULL || l->is_dead || !l->is_open[link_end(l, n)])
		return;
	if (is_parted(w, l->end[0], l->end[1])) {
		link_cut(w, l, true);
		return;
	}
	sync_tick(n->s, w->now, node_wall(n));
	/* in pieces, as streams are */
	while (at < p->len) {
		size_t len = 1 + rnd(w, p->len - at);

		sync_recv(n->s, p->link, p->bytes + at, len);
		at += len;
	}
	node_drive(n);
}

static void
stream_pull(struct world *w, struct node *n, void *arg, uint64_t id)
{
	static uint8_t buf[SYNC_PULL_MIN];
	struct link *l = link_find(w, id);
	struct packet *p;
	struct node *to;
	uint64_t at;
	size_t len;
	int end;

	(void)arg;
	if (l == NULL)
		return;
	end = link_end(l, n);
	l->is_pulling[end] = false;
	sync_tick(n->s, w->now, node_wall(n));
	len = sync_pull(n->s, id, buf, sizeof(buf));
	node_drive(n);
	l = link_find(w, id);
	if (len == 0 || l == NULL)
		return;
	n->bytes_out += len;
	w->bytes += len;
	l->is_pulling[end] = true;
	world_after(w, n, MS / 10 + len * 10, stream_pull, NULL, id);
	to = link_node(w, l, 1 - end);
	if (to == NULL || l->is_dead)
		return;
	at = w->now + l->delay_ns + rnd(w, l->delay_ns / 2 + 1);
	if (rnd(w, 10000) < (uint64_t)(w->loss * 10000))
		at += 200 * MS + rnd(w, SEC);
	if (at < l->arrives[1 - end])
		at = l->arrives[1 - end];
	l->arrives[1 - end] = at + 1;
	p = xmalloc(sizeof(*p) + len);
	p->link = id;
	p->len = len;
	memcpy(p->bytes, buf, len);
	world_after(w, to, at - w->now, packet_arrives, p, 0);
}

/* --- dialling -------------------------------------------------------- */

static struct sync_addr
addr_of(size_t index)
{
	struct sync_addr a = {.len = 8};
	const uint8_t bytes[8] = {
	    4, 10, 1, (uint8_t)(index >> 8), (uint8_t)index, 6, 0x1f, 0x0a};

	memcpy(a.bytes, bytes, sizeof(bytes));
	return a;
}

static void
dial_fails(struct world *w, struct node *n, void *arg, uint64_t a)
{
	(void)a;
	sync_tick(n->s, w->now, node_wall(n));
	sync_dial_failed(n->s, arg);
	node_drive(n);
}

static void
link_opens(struct world *w, struct node *n, void *arg, uint64_t target)
{
	struct node *to = w->nodes[target];
	struct sync_addr a = addr_of(target), b = addr_of(n->index);
	struct link *l;

	if (to->s == NULL || is_parted(w, n->index, target)) {
		dial_fails(w, n, arg, 0);
		return;
	}
	l = xcalloc(1, sizeof(*l));
	l->id = ++w->link_last;
	l->end[0] = n->index;
	l->end[1] = target;
	l->epoch[0] = n->epoch;
	l->epoch[1] = to->epoch;
	l->is_open[0] = l->is_open[1] = true;
	l->delay_ns = MS + rnd(w, 60 * MS);
	if (w->link_count == w->link_room) {
		w->link_room = w->link_room == 0 ? 64 : w->link_room * 2;
		w->links = xrealloc(w->links, w->link_room, sizeof(*w->links));
	}
	w->links[w->link_count++] = l;
	sync_tick(n->s, w->now, node_wall(n));
	sync_connected(n->s, l->id, &to->id, true, &a);
	sync_rtt(n->s, l->id, 2 * l->delay_ns);
	sync_tick(to->s, w->now, node_wall(to));
	sync_connected(to->s, l->id, &n->id, false, &b);
	node_drive(n);
	node_drive(to);
}

static void
node_dial(struct node *n, const struct sync_action *a)
{
	struct world *w = n->w;
	struct peer_id *id = xcalloc(1, sizeof(*id));
	size_t target = NODES_MAX;

	*id = *a->peer;
	for (size_t i = 0; i < a->addr_count; i++) {
		size_t at =
		    (size_t)a->addrs[i].bytes[3] << 8 | a->addrs[i].bytes[4];

		if (at < w->node_count &&
		    peer_id_equal(&w->nodes[at]->id, a->peer))
			target = at;
	}
	if (target == NODES_MAX || w->nodes[target]->s == NULL ||
	    w->nodes[target]->is_dial_only)
		world_after(w, n, MS + rnd(w, 50 * MS), dial_fails, id, 0);
	else if (w->unreachable[n->index][target] ||
		 is_parted(w, n->index, target))
		world_after(w, n, 3 * SEC, dial_fails, id, 0);
	else
		world_after(
		    w, n, 3 * MS + rnd(w, 150 * MS), link_opens, id, target);
}

/* --- content --------------------------------------------------------- */

static struct transfer *
transfer_find(struct world *w, const struct node *to, uint64_t fetch)
{
	struct transfer *t = w->transfers;

	while (t != NULL && (t->to != to || t->fetch != fetch))
		t = t->next;
	return t;
}

static void
transfer_free(struct world *w, struct transfer *t)
{
	struct transfer **at = &w->transfers;

	if (t->is_served && t->from->s != NULL &&
	    t->from->epoch == t->from_epoch)
		sync_serve_done(t->from->s, t->size);
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	free(t);
}

static void
transfer_done(struct world *w, struct transfer *t, enum sync_fetch_end end,
    enum verdict v)
{
	struct node *to = t->to;
	uint64_t fetch = t->fetch;

	transfer_free(w, t);
	to->fetching--;
	sync_fetch_done(to->s, fetch, end, v);
	node_drive(to);
}

static void
transfer_step(struct world *w, struct node *n, void *arg, uint64_t fetch)
{
	struct transfer *t = transfer_find(w, n, fetch);
	uint64_t chunk;

	(void)arg;
	if (t == NULL)
		return;
	sync_tick(n->s, w->now, node_wall(n));
	if (t->from->is_staller && t->sent > 0)
		return;
	chunk = t->size - t->sent < 65536 ? t->size - t->sent : 65536;
	t->sent += chunk;
	sync_fetch_progress(n->s, fetch, t->sent);
	node_drive(n);
	t = transfer_find(w, n, fetch);
	if (t == NULL)
		return;
	if (t->sent < t->size || (t->from->is_staller && t->size > 0)) {
		world_after(w, n, 5 * MS, transfer_step, NULL, fetch);
		return;
	}
	w->content_bytes += t->size;
	transfer_done(
	    w, t, SYNC_FETCH_PUT, store_put(n, t->ticket, !t->from->is_liar));
}

/* The request reached the other end, which answers. */
static void
transfer_begin(struct world *w, struct node *n, void *arg, uint64_t fetch)
{
	struct transfer *t = transfer_find(w, n, fetch);
	struct link *l = t == NULL ? NULL : link_find(w, t->link);
	enum sync_serve answer;
	uint64_t size = 0;

	(void)arg;
	if (t == NULL)
		return;
	if (l == NULL || l->is_dead || is_parted(w, l->end[0], l->end[1]) ||
	    t->from->s == NULL || t->from->epoch != t->from_epoch)
		return; /* the end of the link is still to be noticed */
	sync_tick(t->from->s, w->now, node_wall(t->from));
	answer = sync_serve(t->from->s, t->key, t->version, 0, &size);
	if (answer == SYNC_SERVE_OK && size != t->size)
		world_fail(w, "a version of two sizes");
	t->is_served = answer == SYNC_SERVE_OK;
	sync_tick(n->s, w->now, node_wall(n));
	if (t->from->is_phantom)
		answer = SYNC_SERVE_GONE;
	if (answer == SYNC_SERVE_GONE)
		transfer_done(w, t, SYNC_FETCH_GONE, VERDICT_OK);
	else if (answer == SYNC_SERVE_BUSY)
		transfer_done(w, t, SYNC_FETCH_BUSY, VERDICT_OK);
	else
		world_after(w, n, l->delay_ns + MS, transfer_step, NULL, fetch);
}

static void
node_fetch(struct node *n, const struct sync_action *a)
{
	struct world *w = n->w;
	struct link *l = link_find(w, a->conn);
	struct transfer *t;
	int end;

	if (l == NULL || !l->is_open[link_end(l, n)]) {
		world_fail(w, "a fetch over a link that is gone");
		return;
	}
	if (++n->fetching > 64)
		world_fail(w, "more than 64 fetches");
	end = link_end(l, n);
	t = xcalloc(1, sizeof(*t));
	t->next = w->transfers;
	w->transfers = t;
	t->fetch = a->id;
	t->link = a->conn;
	t->ticket = a->ticket;
	t->size = a->size;
	t->to = n;
	t->from = w->nodes[l->end[1 - end]];
	t->from_epoch = l->epoch[1 - end];
	memcpy(t->key, a->key, 16);
	memcpy(t->version, a->version, 32);
	world_after(w, n, 2 * l->delay_ns + MS, transfer_begin, NULL, a->id);
}

static void
node_fetch_cancel(struct node *n, uint64_t fetch)
{
	struct transfer *t = transfer_find(n->w, n, fetch);

	if (t == NULL)
		return;
	transfer_free(n->w, t);
	n->fetching--;
}

/* --- actions --------------------------------------------------------- */

static void
node_tick(struct world *w, struct node *n, void *arg, uint64_t a)
{
	(void)arg;
	(void)a;
	n->tick_at = UINT64_MAX;
	sync_tick(n->s, w->now, node_wall(n));
	node_drive(n);
}

static void
node_close(struct node *n, const struct sync_action *a)
{
	struct world *w = n->w;
	struct link *l = link_find(w, a->conn);

	if (w->p.verbose)
		printf("%9.3f node %zu closes link %llu: %s\n",
		    (double)w->now / (double)SEC, n->index,
		    (unsigned long long)a->conn, a->text);
	if (a->reason == SYNC_CLOSE_HOSTILE) {
		const struct node *o =
		    l == NULL ? NULL : w->nodes[l->end[1 - link_end(l, n)]];

		if (o != NULL && !o->is_liar)
			world_fail(w, "node %zu holds honest %zu hostile: %s",
			    n->index, o->index, a->text);
	}
	if (l != NULL)
		link_cut(w, l, false);
}

static void
node_write(struct node *n, uint64_t id)
{
	struct link *l = link_find(n->w, id);
	int end;

	if (l == NULL)
		return;
	end = link_end(l, n);
	if (l->is_pulling[end])
		return;
	l->is_pulling[end] = true;
	world_after(n->w, n, MS / 5, stream_pull, NULL, id);
}

static void
node_hints(struct node *n)
{
	n->hint_count = sync_hints_list(n->s, n->hints, 64);
}

static void
node_act(struct node *n, const struct sync_action *a)
{
	switch (a->type) {
	case SYNC_DIAL:
		node_dial(n, a);
		break;
	case SYNC_CLOSE:
		node_close(n, a);
		break;
	case SYNC_WANT_WRITE:
		node_write(n, a->conn);
		break;
	case SYNC_JUDGE:
		store_judge(n, a->id, a->entry);
		break;
	case SYNC_READ:
		store_read(n, a->id, a->key);
		break;
	case SYNC_PUT_INLINE:
		store_put_inline(
		    n, a->id, a->ticket, a->content, a->content_len);
		break;
	case SYNC_FETCH_START:
		node_fetch(n, a);
		break;
	case SYNC_FETCH_CANCEL:
		node_fetch_cancel(n, a->id);
		break;
	case SYNC_TICKET_DROP:
		store_ticket_drop(n, a->ticket);
		break;
	case SYNC_HINTS:
		node_hints(n);
		break;
	case SYNC_SCRUB:
		break;
	}
}

void
node_drive(struct node *n)
{
	struct world *w = n->w;
	struct sync_action a;
	uint64_t at;

	if (n->s == NULL)
		return;
	while (sync_next(n->s, &a))
		node_act(n, &a);
	at = sync_deadline(n->s);
	if (at < w->now)
		at = w->now;
	if (at >= n->tick_at && n->tick_at > w->now)
		return;
	n->tick_at = at;
	world_after(w, n, at - w->now, node_tick, NULL, 0);
}

/* --- nodes ----------------------------------------------------------- */

uint64_t
node_wall(const struct node *n)
{
	return EPOCH_WALL + n->w->now + (uint64_t)n->skew_ns;
}

/* A record of the simulation: id, sequence, address. */
static bool
record_open(const uint8_t *bytes, size_t len, struct sync_record *r)
{
	if (len != PEER_ID_BYTES + 16)
		return false;
	memcpy(r->peer.bytes, bytes, PEER_ID_BYTES);
	memcpy(&r->seq, bytes + PEER_ID_BYTES, 8);
	r->addr_count = 1;
	r->addrs[0].len = 8;
	memcpy(r->addrs[0].bytes, bytes + PEER_ID_BYTES + 8, 8);
	return true;
}

static void
node_record(struct node *n)
{
	uint8_t bytes[PEER_ID_BYTES + 16];
	struct sync_addr a = addr_of(n->index);
	uint64_t seq = n->w->now + 1;

	memcpy(bytes, n->id.bytes, PEER_ID_BYTES);
	memcpy(bytes + PEER_ID_BYTES, &seq, 8);
	memcpy(bytes + PEER_ID_BYTES + 8, a.bytes, 8);
	if (!n->is_dial_only)
		sync_own_record(n->s, bytes, sizeof(bytes));
}

void
node_configure(struct node *n)
{
	struct sync_config config = {.interval_ns = 10 * SEC,
	    .clock_skew_ns = SKEW_MAX,
	    .file_size_max = 64u << 20};

	sync_config_begin(n->s, &config);
	for (size_t i = 0; i < n->w->name_count; i++) {
		if (n->names[i])
			sync_config_name(n->s, n->w->names[i]);
	}
	for (size_t i = 0; i < n->bootstrap_count; i++) {
		struct sync_addr a = addr_of(n->bootstrap[i]);

		if (n->bootstrap[i] != n->index)
			sync_config_bootstrap(
			    n->s, &n->w->nodes[n->bootstrap[i]]->id, &a);
	}
	sync_config_commit(n->s, ++n->generation);
}

void
node_start(struct node *n)
{
	struct world *w = n->w;
	struct sync_settings set = {.self = n->id,
	    .agent = "sim",
	    .start = rnd(w, UINT64_MAX),
	    .peers_max = n->peers_max,
	    .record_open = record_open};

	for (size_t i = 0; i < sizeof(set.seed); i++)
		set.seed[i] = (uint8_t)rnd(w, 256);
	n->epoch++;
	n->starts++;
	n->judging = n->reading = n->fetching = n->ticket_count = 0;
	n->tick_at = UINT64_MAX;
	n->s = sync_new(&set);
	sync_tick(n->s, w->now, node_wall(n));
	node_record(n);
	node_configure(n);
	for (size_t i = 0; i < n->hint_count; i++)
		sync_hint(n->s, &n->hints[i].peer, &n->hints[i].addr,
		    n->hints[i].last_success_ns);
	store_stream(n);
	node_drive(n);
}

void
node_crash(struct node *n, bool loses_store)
{
	struct world *w = n->w;

	if (n->s == NULL)
		return;
	for (struct transfer *t = w->transfers, *next; t != NULL; t = next) {
		next = t->next;
		if (t->to == n)
			transfer_free(w, t);
	}
	sync_free(n->s);
	n->s = NULL;
	for (size_t i = w->link_count; i-- > 0;) {
		struct link *l = w->links[i];

		if (!(l->end[0] == n->index && l->epoch[0] == n->epoch) &&
		    !(l->end[1] == n->index && l->epoch[1] == n->epoch))
			continue;
		l->is_open[link_end(l, n)] = false;
		if (l->is_dead)
			link_sweep(w, l);
		else
			link_cut(w, l, rnd(w, 2) == 0);
	}
	if (loses_store) {
		store_clear(n);
		n->hint_count = 0;
		w->lost_store = true;
	}
}

static struct node *
node_new(struct world *w, size_t index)
{
	static const uint8_t head[6] = {0x00, 0x24, 0x08, 0x01, 0x12, 0x20};
	struct node *n = xcalloc(1, sizeof(*n));

	n->w = w;
	n->index = index;
	memcpy(n->id.bytes, head, sizeof(head));
	for (size_t i = sizeof(head); i < PEER_ID_BYTES; i++)
		n->id.bytes[i] = (uint8_t)rnd(w, 256);
	n->peers_max = 512;
	n->names = xcalloc(w->name_count, sizeof(*n->names));
	for (size_t i = 0; i < w->name_count; i++)
		n->names[i] = true;
	n->signers = (1u << SIGNERS_MAX) - 1;
	n->held = xcalloc(w->name_count, sizeof(*n->held));
	n->bootstrap[0] = 0;
	n->bootstrap[1] = 1;
	n->bootstrap_count = 2;
	return n;
}

struct world *
world_new(const struct params *p)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->p = *p;
	w->random = p->seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
	w->now = SEC;
	w->name_count = p->names;
	w->names = xcalloc(p->names, sizeof(*w->names));
	for (size_t i = 0; i < p->names; i++)
		snprintf(
		    w->names[i], sizeof(*w->names), "dir%zu/file%zu", i % 3, i);
	w->node_count = p->nodes;
	for (size_t i = 0; i < p->nodes; i++)
		w->nodes[i] = node_new(w, i);
	return w;
}

void
world_free(struct world *w)
{
	for (size_t i = 0; i < w->node_count; i++) {
		struct node *n = w->nodes[i];

		sync_free(n->s);
		free(n->names);
		free(n->held);
		free(n);
	}
	while (w->heap_count > 0)
		free(w->heap[--w->heap_count].arg);
	for (struct transfer *t = w->transfers, *next; t != NULL; t = next) {
		next = t->next;
		free(t);
	}
	for (size_t i = 0; i < w->link_count; i++)
		free(w->links[i]);
	for (size_t i = 0; i < w->version_count; i++)
		free(w->versions[i]);
	free(w->links);
	free(w->versions);
	free(w->heap);
	free(w->names);
	free(w);
}
