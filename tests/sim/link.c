/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "tests/sim/sim.h"

/* --- links ------------------------------------------------------------ */

struct link *
link_find(struct world *w, uint64_t id)
{
	for (size_t i = 0; i < w->link_count; i++) {
		if (w->links[i]->id == id)
			return w->links[i];
	}
	return NULL;
}

int
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

void
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

/* One end learns that the link is over. */
static void
link_ended(struct world *w, struct node *n, void *arg, uint64_t id)
{
	struct link *l = link_find(w, id);
	int end;

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

bool
world_is_parted(const struct world *w, size_t a, size_t b)
{
	return w->nodes[a]->side != w->nodes[b]->side;
}

/* --- bytes on the sync streams ---------------------------------------- */

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

	if (l == NULL || l->is_dead || !l->is_open[link_end(l, n)])
		return;
	if (world_is_parted(w, l->end[0], l->end[1])) {
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

void
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

/* --- dialling --------------------------------------------------------- */

struct sync_addr
sim_addr(size_t index)
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
	sync_tick(n->s, w->now, node_wall(n));
	sync_dial_failed(n->s, arg);
	node_drive(n);
}

static void
link_opens(struct world *w, struct node *n, void *arg, uint64_t target)
{
	struct node *to = w->nodes[target];
	struct sync_addr a = sim_addr(target), b = sim_addr(n->index);
	struct link *l;

	if (to->s == NULL || world_is_parted(w, n->index, target)) {
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

void
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
		 world_is_parted(w, n->index, target))
		world_after(w, n, 3 * SEC, dial_fails, id, 0);
	else
		world_after(
		    w, n, 3 * MS + rnd(w, 150 * MS), link_opens, id, target);
}
