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

/* --- events: a heap by time, then by order ---------------------------- */

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

/* --- actions ---------------------------------------------------------- */

static void
node_tick(struct world *w, struct node *n, void *arg, uint64_t a)
{
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
	case SYNC_REFUSED:
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

/* --- nodes ------------------------------------------------------------ */

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
	struct sync_addr a = sim_addr(n->index);
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
	struct sync_config config = {.interval_ns = n->interval_ns,
	    .clock_skew_ns = SKEW_MAX,
	    .file_size_max = 64u << 20};

	sync_config_begin(n->s, &config);
	for (size_t i = 0; i < n->w->name_count; i++) {
		if (n->names[i])
			sync_config_name(n->s, n->w->names[i]);
	}
	for (size_t i = 0; i < n->bootstrap_count; i++) {
		struct sync_addr a = sim_addr(n->bootstrap[i]);

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
	transfers_forget(w, n);
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
	n->interval_ns = 10 * SEC;
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
	transfers_forget(w, NULL);
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
