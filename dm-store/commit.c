/* SPDX-License-Identifier: ISC */
#include "dm-store/commit.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xevent.h"
#include "dm-store/judge.h"
#include "dm-store/notify.h"
#include "dm-store/quarantine.h"
#include "dm-store/store_log.h"
#include "dm-store/history.h"
#include "dm-store/redo.h"
#include "dm-store/restore_due.h"
#include "dm-store/unplaced.h"
#include "dm-store/watch.h"

/* A batch that grows to this is written at once. */
#define CHANGES_MAX 256
#define CONTENT_MAX ((size_t)4 << 20)

struct pending_answer {
	struct reply reply;
	struct answer answer;
};

struct commit {
	commit_lost_fn *on_lost;
	struct event *flush; /* activated: at the end of the turn */
	struct change *change;
	size_t n_changes, cap_changes;
	size_t content; /* bytes of it in the batch */
	struct pending_answer *answer;
	size_t n_answers, cap_answers;
	int *outcome; /* per change: 0 or errno of its placement */
	uint64_t seq;
	uint64_t bytes_before, old_before; /* to take back */
};

static void
on_flush(evutil_socket_t fd, short what, void *arg)
{
	commit_flush(arg);
}

struct commit *
commit_new(struct store *s, commit_lost_fn *on_lost)
{
	struct commit *c = xcalloc(1, sizeof(*c));

	c->on_lost = on_lost;
	c->flush = xevent(s->base, -1, 0, on_flush, s);
	c->seq = table_redo_last(s->index);
	c->bytes_before = s->stats.bytes;
	c->old_before = s->stats.old_bytes;
	return c;
}

void
commit_free(struct commit *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n_answers; i++)
		free(c->answer[i].reply.waiter);
	event_free(c->flush);
	free(c->change);
	free(c->answer);
	free(c->outcome);
	free(c);
}

uint64_t
commit_next_seq(struct store *s)
{
	return ++s->commit->seq;
}

/* --- filling the batch --- */

size_t
commit_change(struct store *s, const struct change *ch)
{
	struct commit *c = s->commit;

	if (c->n_changes == c->cap_changes) {
		c->cap_changes = c->cap_changes != 0 ? 2 * c->cap_changes : 8;
		c->change =
		    xrealloc(c->change, c->cap_changes, sizeof(*c->change));
	}
	c->change[c->n_changes++] = *ch;
	c->content += ch->row_size;
	commit_schedule(s);
	return c->n_changes - 1;
}

void
commit_answer(
    struct store *s, const struct reply *reply, const struct answer *answer)
{
	struct commit *c = s->commit;

	if (!index_is_open(s->index)) {
		notify_answer(s, reply, answer);
		return;
	}
	if (c->n_answers == c->cap_answers) {
		c->cap_answers = c->cap_answers != 0 ? 2 * c->cap_answers : 8;
		c->answer =
		    xrealloc(c->answer, c->cap_answers, sizeof(*c->answer));
	}
	c->answer[c->n_answers].reply = *reply;
	c->answer[c->n_answers++].answer = *answer;
	commit_schedule(s);
	/* here and not in commit_change(): its answer must come with it */
	if (c->n_changes >= CHANGES_MAX || c->content >= CONTENT_MAX)
		commit_flush(s);
}

void
commit_schedule(struct store *s)
{
	event_active(s->commit->flush, EV_TIMEOUT, 0);
}

/* --- placing --- */

/* tmp/VERSION from its redo row: a start had no room for it, or swept it. 0,
 * or errno; ENODATA if there is no such row. */
static int
stage_again(struct store *s, const struct change *ch)
{
	uint8_t *buf;
	struct redo redo;
	int error = 0;

	if (files_is_staged(&s->files, ch->now.rank.version))
		return 0;
	if (ch->row != INDEX_REDO)
		return ENODATA;
	buf = xmalloc(ROW_BODY_MAX);
	if (table_redo(s->index, ch->row, ch->seq, &redo, buf) != FOUND ||
	    memcmp(redo.version, ch->now.rank.version, 32) != 0)
		error = ENODATA;
	else if (files_stage(&s->files, redo.version, redo.content.data,
		     redo.content.len) == -1)
		error = errno;
	free(buf);
	return error;
}

/* Of a version that waits, and is replaced: it never came to files/. */
static int
keep_waiting(struct store *s, const struct change *waiting,
    const uint8_t sha256[static 32])
{
	int error;

	if (!waiting->place || memcmp(waiting->now.sha256, sha256, 32) != 0)
		return 0;
	error = stage_again(s, waiting);
	if (error == 0 && files_keep_staged(&s->files,
			      waiting->now.rank.version, sha256) == -1)
		error = errno;
	errno = error;
	return error == 0 ? 0 : -1;
}

/* Kept content is a convenience: without it content is fetched again. */
static void
keep_old(struct store *s, const struct change *ch)
{
	const struct change *waiting = unplaced_get(s, ch->key);
	int rc;

	rc = waiting != NULL ? keep_waiting(s, waiting, ch->prev.sha256)
			     : files_keep(&s->files, ch->name, ch->prev.sha256);
	if (rc == -1 && errno != ENOENT)
		store_log_failure(s, "cannot keep older content in",
		    "index/old/", ch->name, strerror(errno));
}

/* 0 or errno. */
static int
place(struct store *s, const struct change *ch)
{
	int rc = 0;

	if (ch->quarantine)
		quarantine_file(&s->files, ch->name);
	if (ch->keep)
		keep_old(s, ch);
	if (ch->place) {
		rc = files_place(&s->files, ch->now.rank.version, ch->name);
		if (rc == 0)
			watch_placed(s, ch->name);
	} else if (ch->remove)
		rc = files_remove(&s->files, ch->name, ch->prune);
	return rc == 0 ? 0 : errno;
}

static void
after_placing(struct store *s, const struct change *ch)
{
	if (ch->had_entry && ch->prev.state == WINNER_SHOWN && ch->has &&
	    (ch->place || ch->remove) &&
	    entry_rank_compare(&ch->prev.rank, &ch->now.rank) != 0)
		recent_add(s, ch->key, ch->prev.rank.version, &ch->prev_entry);
	if (ch->seq == 0)
		return;
	if (ch->row == INDEX_PENDING) {
		/* durable before anybody hears of it; else its row stays */
		if (files_sync(&s->files, ch->name, false) == -1) {
			store_log_unsynced(s, ch->name, errno);
			return;
		}
		/* a link to the file that it replaced is still there */
		files_unstage(&s->files, ch->now.rank.version);
	}
	redo_add(s, ch);
}

/* It waits no longer; its row goes, and its content too unless now, which may
 * be NULL, is of the same version. */
static void
drop_unplaced(
    struct store *s, const uint8_t key[static 16], const struct change *now)
{
	struct change ch;

	if (!unplaced_take(s, key, &ch))
		return;
	if (ch.place && (now == NULL || memcmp(now->now.rank.version,
					    ch.now.rank.version, 32) != 0))
		files_unstage(&s->files, ch.now.rank.version);
	/* it may be in old/ now, where a sync comes before its row goes */
	ch.keep = ch.place;
	memcpy(ch.prev.sha256, ch.now.sha256, sizeof(ch.prev.sha256));
	if (ch.seq != 0)
		redo_add(s, &ch);
	s->stats.is_changed = true;
}

/* Others are placed, and it is tried again. */
static void
set_apart(struct store *s, const struct change *ch, int error)
{
	char path[NAME_LEN_MAX + sizeof("files/")], why[256];

	snprintf(path, sizeof(path), "files/%s", ch->name);
	snprintf(why, sizeof(why), "%s: %s (tried again every second)",
	    strerror(error), unplaced_remedy(error));
	store_log_failure(
	    s, ch->place ? "cannot place" : "cannot remove", path, "", why);
	drop_unplaced(s, ch->key, ch);
	unplaced_add(s, ch);
	s->stats.is_changed = true;
}

static void
place_change(struct store *s, size_t i)
{
	struct commit *c = s->commit;
	const struct change *ch = &c->change[i];
	int error = place(s, ch);

	c->outcome[i] = error;
	if (error != 0) {
		set_apart(s, ch, error);
		return;
	}
	/* a later change of the same name takes the place of one that waits */
	if (ch->place || ch->remove)
		drop_unplaced(s, ch->key, ch);
	after_placing(s, ch);
}

/* --- writing the batch --- */

/* Nothing of the batch has happened: every answer that rests on it becomes an
 * error. */
static void
fail_batch(struct store *s, int error)
{
	struct commit *c = s->commit;

	for (size_t i = 0; i < c->n_changes; i++)
		if (c->change[i].place)
			files_unstage(&s->files, c->change[i].now.rank.version);
	for (size_t i = 0; i < c->n_answers; i++) {
		c->answer[i].answer.verdict = judge_error(error);
		c->answer[i].answer.ticket = 0;
	}
}

/*
 * Uploads over dm-net are answered first: their clients wait for nothing else.
 * A version of a peer is answered after its ENTRY, so that dm-net does not miss
 * it in between.
 */
static void
answer_uploads(struct store *s)
{
	struct commit *c = s->commit;

	for (size_t i = 0; i < c->n_answers; i++) {
		struct pending_answer *p = &c->answer[i];

		if (p->reply.to != REPLY_PUT ||
		    p->answer.change == COMMIT_NO_CHANGE ||
		    !c->change[p->answer.change].is_origin)
			continue;
		notify_answer(s, &p->reply, &p->answer);
		p->reply.to = REPLY_NOBODY;
	}
}

static void
place_batch(struct store *s)
{
	struct commit *c = s->commit;

	c->outcome = xrealloc(c->outcome, c->n_changes, sizeof(*c->outcome));
	for (size_t i = 0; i < c->n_changes; i++)
		place_change(s, i);
	for (size_t i = 0; i < c->n_answers; i++) {
		struct answer *a = &c->answer[i].answer;

		if (a->change != COMMIT_NO_CHANGE && c->outcome[a->change] != 0)
			a->verdict = judge_error(c->outcome[a->change]);
	}
	answer_uploads(s);
	ipc_flush(s->net);
	for (size_t i = 0; i < c->n_changes; i++)
		if (c->outcome[i] == 0)
			notify_change(s, &c->change[i]);
}

/* The lists are taken out first: what is told now may begin the next batch. */
static void
answer_all(struct store *s)
{
	struct commit *c = s->commit;
	struct pending_answer *list = c->answer;
	size_t n = c->n_answers;

	c->answer = NULL;
	c->n_answers = c->cap_answers = 0;
	for (size_t i = 0; i < n; i++)
		notify_answer(s, &list[i].reply, &list[i].answer);
	free(list);
}

static int
write_batch(struct store *s)
{
	struct commit *c = s->commit;
	struct stats before = s->stats;
	int saved;

	if (index_commit(s->index) == 0) {
		place_batch(s);
		s->stats.is_writable = true;
		saved = 0;
	} else {
		saved = errno;
		store_log_failure(s, "cannot commit to", "index/data.mdb", "",
		    index_failure(s->index));
		fail_batch(s, saved);
		s->stats.bytes = c->bytes_before;
		s->stats.old_bytes = c->old_before;
		s->stats.is_writable = false;
	}
	if (c->n_changes > 0 || before.is_writable != s->stats.is_writable)
		s->stats.is_changed = true;
	return saved;
}

/* Syncs the placed files; their redo rows go with the next batch. */
static void
clean_redo(struct store *s)
{
	if (!redo_has_any(s))
		return;
	redo_clean(s);
	commit_schedule(s);
}

int
commit_flush(struct store *s)
{
	struct commit *c = s->commit;
	int error = 0;

	event_del(c->flush);
	/* dm-net works on while the disk is waited for */
	ipc_flush(s->net);
	if (index_is_open(s->index))
		error = write_batch(s);
	c->n_changes = 0;
	c->content = 0;
	c->bytes_before = s->stats.bytes;
	c->old_before = s->stats.old_bytes;
	answer_all(s);
	if (error == 0 && redo_is_due(s))
		clean_redo(s);
	errno = error;
	return error == 0 ? 0 : -1;
}

/* --- what waits --- */

/* Only what is still so: else a later change has taken its place. */
static bool
is_still_so(struct store *s, const struct change *ch)
{
	struct winner now;
	enum index_found found =
	    table_winner(s->index, VIEW_COMMITTED, ch->key, &now);

	if (!ch->has)
		return found == FOUND_NONE;
	return found == FOUND && now.state == ch->now.state &&
	       entry_rank_compare(&now.rank, &ch->now.rank) == 0;
}

/* It is the list's: copied before the list changes. */
static void
retry(struct store *s, const struct change *waiting)
{
	struct change ch = *waiting;
	int error;

	if (!is_still_so(s, &ch)) {
		drop_unplaced(s, ch.key, NULL);
		return;
	}
	/* done, or not known to be what it was */
	ch.keep = ch.quarantine = false;
	error = ch.place ? stage_again(s, &ch) : 0;
	if (error == ENODATA && s->policy != NULL) {
		drop_unplaced(s, ch.key, NULL);
		s->commit->on_lost(s, ch.name);
		return;
	}
	/* a directory that the last run made may not be durable yet */
	if (error == 0 && ch.place && ch.row == INDEX_PENDING &&
	    files_sync_try(&s->files, ch.name, false) == -1)
		return;
	if (error != 0 || place(s, &ch) != 0)
		return;
	unplaced_take(s, ch.key, NULL);
	s->stats.is_changed = true;
	log_info("files/%s is %s now", ch.name,
	    ch.place ? "in its place" : "removed");
	after_placing(s, &ch);
	notify_change(s, &ch);
}

static void
retry_some(struct store *s)
{
	size_t n = s->unplaced.n;

	if (n > UNPLACED_TRIES_MAX)
		n = UNPLACED_TRIES_MAX;
	for (; n > 0 && s->unplaced.n > 0; n--)
		retry(s, unplaced_next(s));
}

void
commit_tick(struct store *s)
{
	retry_some(s);
	clean_redo(s);
	/* trimming takes files away at once, so it has a batch of its own:
	 * no change in it counts on what goes, nor does what is looked for */
	commit_flush(s);
	if (!index_is_open(s->index) && !restore_is_busy(s) && history_trim(s))
		commit_schedule(s);
}

void
commit_settle(struct store *s)
{
	commit_flush(s);
	clean_redo(s);
	commit_flush(s);
}
