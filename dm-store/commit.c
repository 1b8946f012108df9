/* SPDX-License-Identifier: ISC */
#include "dm-store/commit.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-store/accept.h"
#include "dm-store/announce.h"
#include "dm-store/failures.h"
#include "dm-store/history.h"
#include "dm-store/redo.h"
#include "dm-store/seek.h"
#include "dm-store/watch.h"

/* A batch that grows to this is written at once. */
#define CHANGES_MAX 256
#define CONTENT_MAX ((size_t)4 << 20)

struct pending_answer {
	struct reply reply;
	struct answer answer;
};

struct commit {
	struct event *flush; /* activated: at the end of the turn */
	struct change *change;
	size_t n_changes, cap_changes;
	size_t content; /* bytes of it in the batch */
	struct pending_answer *answer;
	size_t n_answers, cap_answers;
	int *outcome; /* per change: 0 or errno of its placement */
	struct change *unplaced;
	size_t n_unplaced, cap_unplaced;
	uint64_t seq;
	uint64_t bytes_before, old_before; /* to take back */
};

static void
on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	commit_flush(arg);
}

struct commit *
commit_new(struct store *s)
{
	struct commit *c = xcalloc(1, sizeof(*c));

	c->flush = event_new(s->base, -1, 0, on_flush, s);
	if (c->flush == NULL)
		fatal("an event could not be made");
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
	free(c->unplaced);
	free(c);
}

uint64_t
commit_next_seq(struct store *s)
{
	return ++s->commit->seq;
}

/* --- filling the batch --- */

static void
push_change(
    struct change **list, size_t *n, size_t *cap, const struct change *ch)
{
	if (*n == *cap) {
		*cap = *cap != 0 ? 2 * *cap : 8;
		*list = xrealloc(*list, *cap, sizeof(**list));
	}
	(*list)[(*n)++] = *ch;
}

size_t
commit_change(struct store *s, const struct change *ch)
{
	struct commit *c = s->commit;

	push_change(&c->change, &c->n_changes, &c->cap_changes, ch);
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
		announce_answer(s, reply, answer);
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

bool
commit_is_unplaced(const struct store *s, const uint8_t key[static 16])
{
	const struct commit *c = s->commit;

	for (size_t i = 0; i < c->n_unplaced; i++)
		if (memcmp(c->unplaced[i].key, key, 16) == 0)
			return true;
	for (size_t i = 0; i < s->n_blocked; i++)
		if (memcmp(s->blocked[i], key, 16) == 0)
			return true;
	return false;
}

/* What is kept is a convenience: without it content is fetched again. */
static void
keep_old(struct store *s, const struct change *ch)
{
	if (files_keep(&s->files, ch->name, ch->prev.sha256) == -1 &&
	    errno != ENOENT)
		failures_tell(s, "keeping older content in", "index/old/",
		    ch->name, strerror(errno));
}

/* 0 or errno. */
static int
place(struct store *s, const struct change *ch)
{
	int rc = 0;

	if (ch->quarantine)
		files_quarantine(&s->files, ch->name);
	if (ch->keep && !commit_is_unplaced(s, ch->key))
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
			failures_tell(s,
			    "syncing (done again at the next "
			    "start)",
			    "files/", ch->name, strerror(errno));
			return;
		}
		/* a link to the file that it replaced is still there */
		files_unstage(&s->files, ch->now.rank.version);
	}
	redo_add(s, ch);
}

/* It waits no longer; its content and its row go. */
static void
drop_unplaced(struct store *s, size_t i)
{
	struct commit *c = s->commit;
	struct change *ch = &c->unplaced[i];

	if (ch->place)
		files_unstage(&s->files, ch->now.rank.version);
	if (ch->seq != 0)
		redo_add(s, ch);
	*ch = c->unplaced[--c->n_unplaced];
}

/* A later change of the same name takes the place of one that waits. */
static void
forget_unplaced(struct store *s, const uint8_t key[static 16])
{
	for (size_t i = s->commit->n_unplaced; i-- > 0;)
		if (memcmp(s->commit->unplaced[i].key, key, 16) == 0)
			drop_unplaced(s, i);
}

static void
place_change(struct store *s, size_t i)
{
	struct commit *c = s->commit;
	const struct change *ch = &c->change[i];
	char path[NAME_LEN_MAX + sizeof("files/")];
	int error = place(s, ch);

	c->outcome[i] = error;
	if (error != 0) {
		snprintf(path, sizeof(path), "files/%s", ch->name);
		failures_tell(s,
		    ch->place ? "placing (tried again every second)"
			      : "removing (tried again every second)",
		    path, "", strerror(error));
		forget_unplaced(s, ch->key);
		push_change(&c->unplaced, &c->n_unplaced, &c->cap_unplaced, ch);
		return;
	}
	if (ch->place || ch->remove)
		forget_unplaced(s, ch->key);
	after_placing(s, ch);
}

/* --- writing the batch --- */

/* Nothing of the batch has happened: no answer that rests on it holds. */
static void
fail_batch(struct store *s, int error)
{
	struct commit *c = s->commit;

	for (size_t i = 0; i < c->n_changes; i++)
		if (c->change[i].place)
			files_unstage(&s->files, c->change[i].now.rank.version);
	for (size_t i = 0; i < c->n_answers; i++) {
		c->answer[i].answer.verdict = accept_error(error);
		c->answer[i].answer.ticket = 0;
	}
}

/*
 * Who uploaded over dm-net waits for nothing else: told first. (Who brought a
 * peer's version hears of it after its ENTRY, so that dm-net does not miss it
 * in between.)
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
		announce_answer(s, &p->reply, &p->answer);
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
			a->verdict = accept_error(c->outcome[a->change]);
	}
	answer_uploads(s);
	ipc_flush(s->net);
	for (size_t i = 0; i < c->n_changes; i++)
		if (c->outcome[i] == 0)
			announce_change(s, &c->change[i]);
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
		announce_answer(s, &list[i].reply, &list[i].answer);
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
		failures_tell(s, "committing to", "index/data.mdb", "",
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
		redo_clean(s);
	errno = error;
	return error == 0 ? 0 : -1;
}

/* --- what waits --- */

/* Only for what is still so: else a later change has taken its place. */
static void
retry(struct store *s, size_t i)
{
	struct commit *c = s->commit;
	struct change ch = c->unplaced[i];
	struct winner now;
	enum index_found found;
	bool is_current;

	found = table_winner(s->index, VIEW_COMMITTED, ch.key, &now);
	is_current = ch.has
			 ? found == FOUND && now.state == ch.now.state &&
			       entry_rank_compare(&now.rank, &ch.now.rank) == 0
			 : found == FOUND_NONE;
	if (!is_current) {
		drop_unplaced(s, i);
		return;
	}
	/* done, or not known to be what it was */
	ch.keep = ch.quarantine = false;
	if (ch.place && !files_is_staged(&s->files, ch.now.rank.version)) {
		drop_unplaced(s, i);
		settle_name(s, ch.name, SETTLE_LOST);
		return;
	}
	if (place(s, &ch) != 0)
		return;
	c->unplaced[i] = c->unplaced[--c->n_unplaced];
	log_info("%s is in place now", ch.name);
	after_placing(s, &ch);
	announce_change(s, &ch);
}

void
commit_tick(struct store *s)
{
	for (size_t i = s->commit->n_unplaced; i-- > 0;)
		retry(s, i);
	if (redo_has_any(s))
		redo_clean(s);
	/* trimming takes files away at once, so it has a batch of its own:
	 * no change in it counts on what goes, nor does what is looked for */
	commit_flush(s);
	if (!index_is_open(s->index) && !seek_is_busy(s) && history_trim(s))
		commit_schedule(s);
}

void
commit_settle(struct store *s)
{
	commit_flush(s);
	redo_clean(s);
	commit_flush(s);
}
