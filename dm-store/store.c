/* SPDX-License-Identifier: ISC */
#include "dm-store/store.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/log.h"
#include "dm-store/commit.h"
#include "dm-store/history.h"
#include "dm-store/put.h"
#include "dm-store/redo.h"
#include "dm-store/rejects.h"
#include "dm-store/reload.h"
#include "dm-store/scrub.h"
#include "dm-store/restore.h"
#include "dm-store/state_dirs.h"
#include "dm-store/winner.h"
#include "dm-store/index_feed.h"
#include "dm-store/suspects.h"
#include "dm-store/syncer.h"
#include "dm-store/store_log.h"
#include "dm-store/ticket.h"
#include "dm-store/unplaced.h"
#include "dm-store/verify.h"
#include "dm-store/watch.h"

/* Sums over all winners are taken at the start, so that they cannot drift. */
static bool
on_winner(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct store *s = ctx;
	struct winner w;

	if (!is_damaged && row_winner_decode(&w, body.data, body.len) &&
	    w.state == WINNER_SHOWN)
		s->stats.bytes += w.size;
	return true;
}

void
store_setup(struct store *s)
{
	s->stats.bytes = 0;
	s->stats.is_writable = true;
	index_walk(s->index, VIEW_COMMITTED, INDEX_WINNERS, NULL, 0, SIZE_MAX,
	    on_winner, s);
	history_load(s);
	s->rejects = rejects_new(s);
	s->log = store_log_new();
	s->redo = redo_new();
	s->recent = recent_new();
	s->tickets = tickets_new();
	s->puts = puts_new();
	s->commit = commit_new(s, winner_lost);
	s->reload = reload_new(s);
	s->stream = index_feed_new(s);
	s->suspected = suspects_new();
	s->scrub = scrub_new(s);
	s->seek = restore_new(s);
	verify_listen(s);
	syncer_listen(s);
}

void
store_clear(struct store *s)
{
	verifier_free(s->verifier);
	syncer_free(s->syncer);
	puts_free(s);
	scrub_free(s->scrub);
	suspects_free(s->suspected);
	restore_free(s->seek);
	watch_free(s->watch);
	reload_free(s->reload);
	index_feed_free(s->stream);
	commit_free(s->commit);
	tickets_free(s->tickets);
	recent_free(s->recent);
	redo_free(s->redo);
	rejects_free(s->rejects);
	store_log_free(s->log);
	policy_free(s->policy);
	policy_free(s->coming);
	unplaced_clear(s);
	index_close(s->index);
	state_dirs_close(&s->files);
}
