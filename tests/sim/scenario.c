/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

static void
start_all(struct world *w)
{
	for (size_t i = 0; i < w->node_count; i++)
		node_start(w->nodes[i]);
}

static void
run_for(struct world *w, uint64_t ns)
{
	world_run(w, w->now + ns);
}

static struct node *
random_node(struct world *w)
{
	return w->nodes[rnd(w, w->node_count)];
}

static uint64_t
random_size(struct world *w)
{
	switch (rnd(w, 8)) {
	case 0:
		return 0;
	case 1:
		return 100000 + rnd(w, 3000000);
	case 2:
	case 3:
		return 2049 + rnd(w, 60000);
	default:
		return rnd(w, 2049);
	}
}

static void
publish_some(struct world *w, size_t count, uint64_t apart)
{
	for (size_t i = 0; i < count; i++) {
		store_publish(random_node(w), rnd(w, w->name_count),
		    (unsigned)rnd(w, SIGNERS_MAX),
		    rnd(w, 8) == 0 ? ENTRY_DELETE : ENTRY_FILE, random_size(w));
		run_for(w, rnd(w, apart + 1));
	}
}

static void
restart(struct node *n)
{
	if (n->s != NULL)
		return;
	store_reload(n);
	node_start(n);
}

static void
heal(struct world *w)
{
	w->is_calm = true;
	w->loss = 0.01;
	memset(w->unreachable, 0, sizeof(w->unreachable));
	for (size_t i = 0; i < w->node_count; i++) {
		w->nodes[i]->side = 0;
		w->nodes[i]->is_staller = false;
		restart(w->nodes[i]);
	}
}

/* --- at random -------------------------------------------------------- */

static void
random_crash(struct world *w)
{
	struct node *n = random_node(w);

	if (n->s != NULL)
		node_crash(n, rnd(w, 4) == 0);
	else
		restart(n);
}

static void
random_split(struct world *w)
{
	bool join = rnd(w, 2) == 0;

	for (size_t i = 0; i < w->node_count; i++)
		w->nodes[i]->side = join ? 0 : (unsigned)rnd(w, 2);
}

static void
random_step(struct world *w)
{
	struct link *l;

	switch (rnd(w, 12)) {
	case 0:
		random_crash(w);
		break;
	case 1:
		random_split(w);
		break;
	case 2:
	case 3:
		l = link_random(w);
		if (l != NULL)
			link_cut(w, l, rnd(w, 2) == 0);
		break;
	case 4:
		store_rot(random_node(w), rnd(w, w->name_count));
		break;
	case 5:
		w->unreachable[rnd(w, w->node_count)][rnd(w, w->node_count)] =
		    rnd(w, 2) == 0;
		break;
	case 6:
		random_node(w)->is_staller = rnd(w, 2) == 0;
		break;
	default:
		publish_some(w, 1 + rnd(w, 4), rnd(w, 50) * MS);
		break;
	}
}

static void
run_random(struct world *w)
{
	w->loss = (double)rnd(w, 10) / 100;
	for (size_t i = 0; i < w->node_count; i++) {
		struct node *n = w->nodes[i];

		n->skew_ns = (int64_t)rnd(w, 240 * SEC) - 120 * (int64_t)SEC;
		n->is_dial_only = i > 2 && rnd(w, 5) == 0;
	}
	start_all(w);
	for (size_t i = 0; i < 60; i++) {
		random_step(w);
		run_for(w, rnd(w, 5 * SEC));
	}
	heal(w);
}

/* --- by name ---------------------------------------------------------- */

/* Signers and names are configured node by node while files change. */
static void
run_rollout(struct world *w)
{
	for (size_t i = 0; i < w->node_count; i++) {
		w->nodes[i]->signers = 1;
		for (size_t k = w->name_count / 2; k < w->name_count; k++)
			w->nodes[i]->names[k] = false;
	}
	start_all(w);
	run_for(w, 20 * SEC);
	for (size_t i = 0; i < w->node_count; i++) {
		struct node *n = w->nodes[i];

		n->signers = 3;
		for (size_t k = 0; k < w->name_count; k++)
			n->names[k] = true;
		store_reload(n);
		node_configure(n);
		node_drive(n);
		store_publish(n, rnd(w, w->name_count), (unsigned)rnd(w, 2),
		    ENTRY_FILE, random_size(w));
		run_for(w, rnd(w, 10 * SEC));
	}
	heal(w);
}

/* Configurations differ for good. */
static void
run_differing(struct world *w)
{
	w->config_differs = true;
	for (size_t i = 0; i < w->node_count; i++) {
		w->nodes[i]->signers = 1u | (unsigned)rnd(w, 16);
		for (size_t k = 0; k < w->name_count; k++)
			w->nodes[i]->names[k] = rnd(w, 3) > 0;
	}
	start_all(w);
	publish_some(w, 60, SEC);
	heal(w);
}

/* A file expires while a node is away; the expired version still wins. */
static void
run_expiry(struct world *w)
{
	struct node *away = w->nodes[w->node_count - 1];
	struct version *v;

	start_all(w);
	publish_some(w, 10, SEC);
	run_for(w, 20 * SEC);
	node_crash(away, false);
	v = version_new(w, 0, 0, ENTRY_FILE, node_wall(w->nodes[0]) + SEC, 500);
	v->entry.valid_for_s = 60;
	entry_rank(&v->entry, &v->rank);
	store_upload(w->nodes[0], v);
	run_for(w, 3 * MINUTE);
	heal(w);
}

/* Two versions of one instant, at two nodes at once; then a delete as well. */
static void
run_instant(struct world *w)
{
	uint64_t at;

	start_all(w);
	run_for(w, 15 * SEC);
	for (size_t k = 0; k < w->name_count; k++) {
		at = node_wall(w->nodes[0]);
		for (size_t i = 0; i < 3 && i < w->node_count; i++) {
			struct version *v = version_new(w, k, (unsigned)i % 2,
			    i == 2 && k % 2 ? ENTRY_DELETE : ENTRY_FILE, at,
			    random_size(w));

			store_upload(w->nodes[i], v);
		}
		run_for(w, rnd(w, SEC));
	}
	heal(w);
}

/* A node is away for a year; nothing that was deleted comes back. */
static void
run_year(struct world *w)
{
	struct node *away = w->nodes[w->node_count - 1];

	start_all(w);
	publish_some(w, 20, SEC);
	run_for(w, 30 * SEC);
	node_crash(away, false);
	for (size_t i = 0; i < w->node_count; i++)
		w->nodes[i]->skew_ns += (int64_t)(365 * 86400 * SEC);
	for (size_t k = 0; k < w->name_count; k += 2)
		store_publish(w->nodes[0], k, 0, ENTRY_DELETE, 0);
	run_for(w, 60 * SEC);
	heal(w);
}

static void
run_stall(struct world *w)
{
	for (size_t i = 1; i < w->node_count; i += 3)
		w->nodes[i]->is_staller = true;
	start_all(w);
	publish_some(w, 30, 2 * SEC);
	run_for(w, 60 * SEC);
	heal(w);
}

/* Some serve content that is not what was signed. */
static void
run_lies(struct world *w)
{
	for (size_t i = 2; i < w->node_count; i += 5)
		w->nodes[i]->is_liar = true;
	start_all(w);
	publish_some(w, 30, SEC);
	heal(w);
}

/* A node announces what it never serves; older versions still arrive. */
static void
run_nobody(struct world *w)
{
	struct node *phantom = w->nodes[w->node_count - 1];

	phantom->is_phantom = true;
	start_all(w);
	run_for(w, 15 * SEC);
	for (size_t k = 0; k < w->name_count; k++) {
		store_publish(phantom, k, 0, ENTRY_FILE, 50000);
		store_publish(
		    w->nodes[k % (w->node_count - 1)], k, 1, ENTRY_FILE, 4000);
		run_for(w, 100 * MS);
	}
	heal(w);
}

/* All bootstrap peers are dead while the others restart. */
static void
run_bootstrap(struct world *w)
{
	start_all(w);
	publish_some(w, 10, SEC);
	run_for(w, 40 * SEC);
	node_crash(w->nodes[0], false);
	node_crash(w->nodes[1], false);
	for (size_t i = 2; i < w->node_count; i++) {
		node_crash(w->nodes[i], false);
		run_for(w, SEC);
		restart(w->nodes[i]);
	}
	run_for(w, 60 * SEC);
	for (size_t k = 0; k < w->name_count; k++)
		store_publish(w->nodes[2], k, 0, ENTRY_FILE, 1000);
	run_for(w, 120 * SEC);
	for (size_t i = 3; i < w->node_count; i++) {
		for (size_t k = 0; k < w->name_count; k++) {
			if (w->nodes[i]->held[k].winner !=
			    w->nodes[2]->held[k].winner)
				world_fail(w,
				    "without bootstrap peers node "
				    "%zu is behind",
				    i);
		}
	}
	heal(w);
}

/* Everybody but one can only dial out. */
static void
run_star(struct world *w)
{
	for (size_t i = 1; i < w->node_count; i++)
		w->nodes[i]->is_dial_only = true;
	start_all(w);
	publish_some(w, 30, SEC);
	heal(w);
}

/* The bootstrap peers hold few connections; dial-only nodes need them. */
static void
run_full(struct world *w)
{
	for (size_t i = 0; i < 2; i++)
		w->nodes[i]->peers_max = 4 + w->node_count / 4;
	for (size_t i = 2; i < w->node_count; i += 4)
		w->nodes[i]->is_dial_only = true;
	start_all(w);
	publish_some(w, 30, SEC);
	heal(w);
}

/* All dial one hub at the same moment: they find each other at once, not only
 * with the next exchange. */
static void
run_meet(struct world *w)
{
	size_t expected = w->node_count < 13 ? w->node_count - 1 : 12;
	struct sync_stats st;

	for (size_t i = 0; i < w->node_count; i++) {
		w->nodes[i]->interval_ns = 60 * MINUTE;
		w->nodes[i]->bootstrap_count = 1;
	}
	node_start(w->nodes[0]);
	run_for(w, SEC);
	for (size_t i = 1; i < w->node_count; i++)
		node_start(w->nodes[i]);
	run_for(w, 20 * SEC);
	for (size_t i = 0; i < w->node_count; i++) {
		sync_stats(w->nodes[i]->s, &st);
		if (st.conns_up < expected)
			world_fail(w, "node %zu has %zu connections, not %zu",
			    i, st.conns_up, expected);
	}
}

/* An empty node joins a full set. */
static void
run_join(struct world *w)
{
	uint64_t at = node_wall(w->nodes[0]);
	struct node *late = w->nodes[w->node_count - 1];

	for (size_t k = 0; k < w->name_count; k++) {
		struct version *v = version_new(
		    w, k, 0, ENTRY_FILE, at - SEC * k % MINUTE, 100);

		for (size_t i = 0; i + 1 < w->node_count; i++) {
			w->nodes[i]->held[k].records[0] = v;
			w->nodes[i]->held[k].winner = v;
		}
	}
	for (size_t i = 0; i + 1 < w->node_count; i++)
		node_start(w->nodes[i]);
	run_for(w, 10 * SEC);
	node_start(late);
	heal(w);
}

/* In a mesh at rest an announcement alone reaches everybody, once, soon. */
static void
run_spread(struct world *w)
{
	uint64_t judged = 0;
	const size_t rounds = 20;

	start_all(w);
	run_for(w, 60 * SEC);
	for (size_t i = 0; i < rounds; i++) {
		size_t k = rnd(w, w->name_count);
		const struct version *v = store_publish(
		    random_node(w), k, 0, ENTRY_FILE, rnd(w, 60000));

		run_for(w, 3 * SEC);
		for (size_t j = 0; j < w->node_count; j++) {
			if (w->nodes[j]->held[k].winner != v)
				world_fail(
				    w, "node %zu is behind after 3 s", j);
		}
	}
	for (size_t j = 0; j < w->node_count; j++)
		judged += w->nodes[j]->judged;
	if (judged != rounds * (w->node_count - 1))
		world_fail(w, "%llu checks for %zu versions",
		    (unsigned long long)judged, rounds);
	heal(w);
}

/* Clocks differ by more than is allowed; what is refused comes in time. */
static void
run_clocks(struct world *w)
{
	for (size_t i = 0; i < w->node_count; i++)
		w->nodes[i]->skew_ns =
		    i % 4 == 3 ? 400 * (int64_t)SEC : (int64_t)(i * SEC);
	start_all(w);
	publish_some(w, 30, SEC);
	heal(w);
	run_for(w, 110 * SEC);
}

/* How many versions a node wants and lacks. */
static size_t
wanted(const struct node *n)
{
	struct sync_stats st;

	sync_stats(n->s, &st);
	return st.wanted;
}

/* Many versions spread, but their content is lost with the only node that had
 * it. A node that wants them all must still get what others publish while it
 * is away. With 800 names or more. */
static void
run_lost(struct world *w)
{
	struct node *origin = w->nodes[w->node_count - 1];
	struct node *away = w->nodes[0];
	size_t many = w->name_count / 2;

	start_all(w);
	run_for(w, 30 * SEC);
	for (size_t k = 0; k < many; k++)
		store_publish(origin, k, 0, ENTRY_FILE, 50000);
	run_for(w, 60 * MS);
	node_crash(origin, true);
	run_for(w, MINUTE);
	for (size_t i = 0; i + 1 < w->node_count; i++)
		if (wanted(w->nodes[i]) > wanted(away))
			away = w->nodes[i];
	away->side = 1;
	run_for(w, 30 * SEC);
	for (size_t k = many; k < w->name_count; k++)
		store_publish(
		    w->nodes[away->index == 0], k, 1, ENTRY_FILE, 500);
	run_for(w, 30 * SEC);
	heal(w);
}

static const struct {
	const char *name;
	void (*run)(struct world *);
} scenarios[] = {
    {"lost", run_lost},
    {"random", run_random},
    {"rollout", run_rollout},
    {"differing", run_differing},
    {"expiry", run_expiry},
    {"instant", run_instant},
    {"year", run_year},
    {"stall", run_stall},
    {"lies", run_lies},
    {"nobody", run_nobody},
    {"bootstrap", run_bootstrap},
    {"star", run_star},
    {"full", run_full},
    {"clocks", run_clocks},
    {"join", run_join},
    {"meet", run_meet},
    {"spread", run_spread},
};

const char *
scenario_name(size_t i)
{
	return i < sizeof(scenarios) / sizeof(scenarios[0]) ? scenarios[i].name
							    : NULL;
}

void
scenario_run(struct world *w)
{
	for (size_t i = 0; scenario_name(i) != NULL; i++) {
		if (strcmp(scenarios[i].name, w->p.scenario) == 0)
			scenarios[i].run(w);
	}
}
