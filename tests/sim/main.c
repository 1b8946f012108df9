/* SPDX-License-Identifier: ISC */
/*
 * sim [--seeds A-B] [--nodes N] [--names N] [--scenario NAME|all] [-v]
 *
 * Runs the sync cores of a mesh in virtual time; a seed replays everything.
 * Exit status 1 at the first run whose checks fail; the line says how to see
 * it again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

#define CALM_NS (20 * MINUTE) /* within which all is to be the same */
#define HELD_MAX (64u << 20)  /* bytes of queues of one node */

static bool
is_honest(const struct node *n)
{
	return n->s != NULL && !n->is_liar && !n->is_phantom;
}

/* The greatest version that somebody can give to this node. */
static const struct version *
expected(const struct world *w, const struct node *n, size_t name)
{
	const struct version *best = NULL;

	for (size_t i = 0; i < w->node_count; i++) {
		const struct held *h = &w->nodes[i]->held[name];

		if (!is_honest(w->nodes[i]) || h->winner == NULL ||
		    h->lacks_content ||
		    store_policy(n, h->winner) != VERDICT_OK)
			continue;
		if (best == NULL ||
		    entry_rank_compare(&h->winner->rank, &best->rank) > 0)
			best = h->winner;
	}
	return best;
}

/* NULL if this node is where it should be, else what is wrong. */
static const char *
node_wrong(const struct world *w, const struct node *n)
{
	struct sync_row row;

	for (size_t k = 0; k < w->name_count; k++) {
		const struct version *v = expected(w, n, k);
		const struct held *h = &n->held[k];

		if (v == NULL)
			continue;
		/* a record never falls back: its content may be lost to all */
		if (h->lacks_content &&
		    entry_rank_compare(&h->winner->rank, &v->rank) > 0)
			continue;
		if (h->winner == NULL || h->lacks_content ||
		    entry_rank_compare(&h->winner->rank, &v->rank) < 0)
			return "a version did not arrive";
		if (!sync_lookup(n->s, h->winner->key, &row) ||
		    entry_rank_compare(&row.rank, &h->winner->rank) != 0)
			return "the replica is not what the store holds";
	}
	return NULL;
}

/* With one configuration and no store lost, nothing published is lost. */
static void
check_nothing_lost(struct world *w)
{
	for (size_t i = 0; i < w->version_count; i++) {
		const struct version *v = w->versions[i];
		size_t k = name_index(w, v->entry.name);

		for (size_t j = 0; j < w->node_count; j++) {
			const struct held *h = &w->nodes[j]->held[k];

			if (!is_honest(w->nodes[j]) || h->winner == NULL)
				continue;
			if (entry_rank_compare(&h->winner->rank, &v->rank) <
				0 &&
			    h->records[v->entry.signer[0] - 1] == v)
				world_fail(w, "node %zu hides its greatest", j);
		}
	}
}

static void
check_bounds(struct world *w)
{
	struct sync_stats st;

	for (size_t i = 0; i < w->node_count; i++) {
		if (w->nodes[i]->s == NULL)
			continue;
		sync_stats(w->nodes[i]->s, &st);
		if (st.bytes_held > HELD_MAX || st.judging > 512 ||
		    st.wanted > IPC_TICKETS_MAX || st.peers_known > 4096)
			world_fail(w, "node %zu holds too much", i);
		if (w->nodes[i]->ticket_count > st.wanted)
			world_fail(w, "node %zu leaks tickets: %zu for %zu", i,
			    w->nodes[i]->ticket_count, st.wanted);
		if (st.bytes_held > w->nodes[i]->bytes_max)
			w->nodes[i]->bytes_max = st.bytes_held;
	}
}

static bool
is_done(struct world *w, size_t *node, const char **why)
{
	for (*node = 0; *node < w->node_count; (*node)++) {
		if (!is_honest(w->nodes[*node]))
			continue;
		*why = node_wrong(w, w->nodes[*node]);
		if (*why != NULL)
			return false;
	}
	return true;
}

static void
print_node(const struct node *n)
{
	struct sync_stats st;

	if (n->s == NULL)
		return;
	sync_stats(n->s, &st);
	printf("  node %zu: peers %zu conns %zu up %zu out %zu synced %zu | "
	       "wanted %zu judging %zu fetching %zu future %zu | rows %zu "
	       "walks %llu overflows %llu\n",
	    n->index, st.peers_known, st.conns, st.conns_up, st.conns_outbound,
	    st.peers_synced, st.wanted, st.judging, st.fetching, st.future,
	    sync_index_count(n->s), (unsigned long long)st.walks,
	    (unsigned long long)st.overflows);
}

static void
print_result(const struct world *w, uint64_t calm_ns)
{
	uint64_t judged = 0, walks = 0, spread;
	struct sync_stats st;

	for (size_t i = 0; i < w->node_count; i++) {
		judged += w->nodes[i]->judged;
		if (w->nodes[i]->s == NULL)
			continue;
		sync_stats(w->nodes[i]->s, &st);
		walks += st.walks;
	}
	spread = (w->publishes == 0 ? 1 : w->publishes) * w->node_count;
	printf("ok %-9s seed %-5llu nodes %-3zu names %-6zu versions %-4llu "
	       "same after %5.1f s; per node and version: %llu + %llu "
	       "bytes, %.2f checks; walks %llu\n",
	    w->p.scenario, (unsigned long long)w->p.seed, w->node_count,
	    w->name_count, (unsigned long long)w->publishes,
	    (double)calm_ns / (double)SEC,
	    (unsigned long long)(w->bytes / spread),
	    (unsigned long long)(w->content_bytes / spread),
	    (double)judged / (double)spread, (unsigned long long)walks);
}

static bool
run_one(const struct params *p)
{
	struct world *w = world_new(p);
	const char *why = "";
	uint64_t calm;
	size_t node = 0;
	bool ok;

	scenario_run(w);
	calm = w->now;
	while (w->failure[0] == '\0' && !is_done(w, &node, &why) &&
	       w->now - calm < CALM_NS) {
		check_bounds(w);
		world_run(w, w->now + SEC);
	}
	check_bounds(w);
	check_nothing_lost(w);
	if (w->failure[0] == '\0' && !is_done(w, &node, &why))
		world_fail(w, "node %zu: %s", node, why);
	ok = w->failure[0] == '\0';
	if (ok)
		print_result(w, w->now - calm);
	else
		printf("FAILED: %s; again: --scenario %s --seeds %llu-%llu "
		       "--nodes %zu --names %zu -v\n",
		    w->failure, p->scenario, (unsigned long long)p->seed,
		    (unsigned long long)p->seed, p->nodes, p->names);
	for (size_t i = 0; p->verbose && i < w->node_count; i++)
		print_node(w->nodes[i]);
	world_free(w);
	return ok;
}

static int
usage(void)
{
	fprintf(stderr, "usage: sim [--seeds A-B] [--nodes N] [--names N] "
			"[--scenario NAME|all] [-v]\nscenarios:");
	for (size_t i = 0; scenario_name(i) != NULL; i++)
		fprintf(stderr, " %s", scenario_name(i));
	fprintf(stderr, "\n");
	return 64;
}

int
main(int argc, char **argv)
{
	struct params p = {.nodes = 12, .names = 10, .scenario = "random"};
	unsigned long long from = 1, to = 1;
	bool all, known = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-v") == 0)
			p.verbose = true;
		else if (i + 1 == argc)
			return usage();
		else if (strcmp(argv[i], "--seeds") == 0)
			sscanf(argv[++i], "%llu-%llu", &from, &to);
		else if (strcmp(argv[i], "--nodes") == 0)
			p.nodes = strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--names") == 0)
			p.names = strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--scenario") == 0)
			p.scenario = argv[++i];
		else
			return usage();
	}
	all = strcmp(p.scenario, "all") == 0;
	for (size_t i = 0; !all && scenario_name(i) != NULL; i++)
		known |= strcmp(p.scenario, scenario_name(i)) == 0;
	if (!all && !known)
		return usage();
	if (p.nodes < 3 || p.nodes > NODES_MAX || p.names == 0)
		return usage();
	for (unsigned long long seed = from; seed <= to; seed++) {
		p.seed = seed;
		for (size_t i = 0; scenario_name(i) != NULL; i++) {
			if (all)
				p.scenario = scenario_name(i);
			if (!run_one(&p))
				return 1;
			if (!all)
				break;
		}
	}
	return 0;
}
