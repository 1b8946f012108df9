/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "tests/sim/sim.h"

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

/* --- content ---------------------------------------------------------- */

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

void
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

	if (t == NULL)
		return;
	sync_tick(n->s, w->now, node_wall(n));
	if (t->from->is_staller && t->sent > 0)
		return;
	chunk = t->size - t->sent < 65536 ? t->size - t->sent : 65536;
	/* never all of it: who has sent that is done */
	if (t->from->is_staller && chunk == t->size && chunk > 0)
		chunk--;
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
	enum file_status answer;
	uint64_t size = 0;

	if (t == NULL)
		return;
	if (l == NULL || l->is_dead ||
	    world_is_parted(w, l->end[0], l->end[1]) || t->from->s == NULL ||
	    t->from->epoch != t->from_epoch)
		return; /* the end of the link is still to be noticed */
	sync_tick(t->from->s, w->now, node_wall(t->from));
	answer = sync_serve(t->from->s, t->key, t->version, 0, &size);
	if (answer == FILE_OK && size != t->size)
		world_fail(w, "a version of two sizes");
	t->is_served = answer == FILE_OK;
	sync_tick(n->s, w->now, node_wall(n));
	if (t->from->is_phantom)
		answer = FILE_GONE;
	if (answer == FILE_GONE)
		transfer_done(w, t, SYNC_FETCH_GONE, VERDICT_OK);
	else if (answer == FILE_BUSY)
		transfer_done(w, t, SYNC_FETCH_BUSY, VERDICT_OK);
	else
		world_after(w, n, l->delay_ns + MS, transfer_step, NULL, fetch);
}

/* Of one key one version is under way, from two sources at most. */
static void
transfer_check(struct node *n, const struct sync_action *a)
{
	size_t same = 0;

	for (const struct transfer *t = n->w->transfers; t != NULL;
	     t = t->next) {
		if (t->to != n || memcmp(t->key, a->key, 16) != 0)
			continue;
		if (memcmp(t->version, a->version, 32) != 0 ||
		    t->link == a->conn || ++same > 1)
			world_fail(
			    n->w, "node %zu fetches a key too often", n->index);
	}
}

void
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
	if (++n->fetching > 128)
		world_fail(w, "more than 128 fetches");
	end = link_end(l, n);
	transfer_check(n, a);
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

void
node_fetch_cancel(struct node *n, uint64_t fetch)
{
	struct transfer *t = transfer_find(n->w, n, fetch);

	if (t == NULL)
		return;
	transfer_free(n->w, t);
	n->fetching--;
}

void
transfers_forget(struct world *w, const struct node *to)
{
	for (struct transfer *t = w->transfers, *next; t != NULL; t = next) {
		next = t->next;
		if (to == NULL)
			free(t);
		else if (t->to == to)
			transfer_free(w, t);
	}
}
