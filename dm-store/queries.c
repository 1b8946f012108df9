/* SPDX-License-Identifier: ISC */
#include "dm-store/queries.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/name.h"
#include "dm-store/judge.h"
#include "dm-store/commit.h"
#include "dm-store/history.h"
#include "dm-store/put.h"
#include "dm-store/rejects.h"
#include "dm-store/reload.h"
#include "dm-store/store_log.h"
#include "dm-store/ticket.h"
#include "dm-store/unplaced.h"
#include "dm-store/verify.h"

/* Hashed within one turn, so only what is small. */
#define FIND_CONTENT_MAX ((uint64_t)1 << 20)

/* --- judge --- */

/* Stored at once when it needs no content, or its content is here. */
static bool
store_now(struct store *s, const struct entry *e,
    const uint8_t version[static 32], const struct accepted *acc,
    const char *from, struct answer *a)
{
	struct stage st;
	bool is_found = false;

	memset(&st, 0, sizeof(st));
	if (e->kind == ENTRY_FILE && !judge_is_expired(s, e)) {
		is_found = e->size <= FIND_CONTENT_MAX &&
			   winner_find_content(s, e, version);
		if (!is_found)
			return false;
		st.is_synced = true;
	}
	a->verdict = judge_success(e, acc);
	a->change = winner_replace(s, e, is_found ? &st : NULL);
	store_log_stored(s, e, from);
	return true;
}

/* True if all depends on the signature now; else *a is the answer. from: who
 * sent it, once the signature is known to be good; NULL before. */
static bool
judge(
    struct store *s, const struct entry *e, const char *from, struct answer *a)
{
	struct accepted acc;
	uint8_t version[32];
	enum verdict v;

	entry_version(e, version);
	reload_name(s, e->name);
	v = winner_judge(
	    s, e, version, from == NULL ? FROM_PEER_UNPROVED : FROM_PEER, &acc);
	a->held_signed_at_ns = acc.held_signed_at_ns;
	if (v == VERDICT_OK)
		v = judge_room(s, e, e->size + puts_reserved(s));
	a->verdict = v;
	if (v != VERDICT_OK)
		return false;
	a->verdict = VERDICT_FETCH;
	a->ticket = ticket_of(s->tickets, version);
	if (a->ticket != 0)
		return false;
	if (from == NULL)
		return true;
	if (!store_now(s, e, version, &acc, from, a))
		a->ticket = ticket_issue(s->tickets, e, version, false);
	return false;
}

/* Things may have changed meanwhile, so it is judged again. */
static void
on_verified(struct store *s, const struct verify_job *job)
{
	const struct reply reply = {REPLY_JUDGE, job->id, job->link, NULL};
	struct answer a = {VERDICT_OK, 0, 0, COMMIT_NO_CHANGE};

	if (job->link != s->link)
		return; /* whoever asked is gone */
	a.verdict = judge_signature(s, job->is_good);
	if (a.verdict == VERDICT_OK)
		judge(s, &job->entry, job->from, &a);
	rejects_refused(s, &job->entry, a.verdict, bytes_text(job->from));
	commit_answer(s, &reply, &a);
}

void
queries_judge(struct store *s, const struct ipc_judge *m)
{
	const struct reply reply = {REPLY_JUDGE, m->id, s->link, NULL};
	struct answer a = {VERDICT_MALFORMED, 0, 0, COMMIT_NO_CHANGE};
	struct verify_job job = {
	    .on_done = on_verified, .id = m->id, .link = s->link};
	struct entry *e = &job.entry;

	bytes_copy_text(m->from, job.from, sizeof(job.from));
	if (m->entry.len > 0 &&
	    entry_decode(e, m->entry.data, m->entry.len) == m->entry.len &&
	    judge(s, e, NULL, &a)) {
		if (verify_ask(s, &job, false))
			return;
		a.verdict = VERDICT_BUSY;
	}
	if (a.verdict != VERDICT_MALFORMED)
		rejects_refused(s, e, a.verdict, m->from);
	commit_answer(s, &reply, &a);
}

/* --- open --- */

bool
queries_entry(struct store *s, const struct winner *w, struct entry *e)
{
	struct record rec;

	if (table_record(s->index, VIEW_COMMITTED, w->name, w->signer, &rec) !=
	    FOUND)
		return false;
	*e = rec.entry;
	return true;
}

enum verdict
queries_content(struct store *s, const uint8_t key[static 16],
    const struct winner *w, int *fd)
{
	bool has_end = w->expires_ns != 0 && clock_is_sane(&s->clock) &&
		       w->expires_ns <= clock_now_ns(&s->clock);
	char path[NAME_LEN_MAX + sizeof("files/")];
	int error;

	*fd = -1;
	switch (w->state) {
	case WINNER_SHOWN:
		break;
	case WINNER_HIDDEN:
		return VERDICT_NOT_FOUND;
	case WINNER_DELETED:
		return VERDICT_DELETED;
	case WINNER_WANTED:
	case WINNER_LOST:
		return VERDICT_WITHDRAWN;
	}
	if (has_end)
		return VERDICT_NOT_FOUND; /* about to be hidden */
	if (unplaced_has(s, key))
		return VERDICT_WITHDRAWN;
	*fd = files_read(&s->files, w->name, w->size);
	if (*fd != -1)
		return VERDICT_OK;
	if (errno != ENOENT && errno != ESTALE && errno != EACCES) {
		error = errno;
		snprintf(path, sizeof(path), "files/%s", w->name);
		store_log_failure(s, "cannot open", path, "", strerror(error));
		return error == EMFILE || error == ENFILE ? VERDICT_BUSY
							  : VERDICT_IO_ERROR;
	}
	log_warn("files/%s %s: fetching it again from peers", w->name,
	    errno == EACCES ? "does not belong to store_user"
			    : "is missing or was changed");
	winner_decide(s, w->name, DECIDE_LOST);
	return VERDICT_WITHDRAWN;
}

/* A version that was replaced less than a minute ago. */
static enum verdict
open_recent(struct store *s, const struct ipc_open *m, const struct winner *w,
    struct entry *e, int *fd)
{
	const struct entry *recent = recent_find(s, m->key, m->version.data);

	if (recent == NULL)
		return VERDICT_NOT_FOUND;
	*e = *recent;
	if (w->state == WINNER_SHOWN && w->size == e->size &&
	    memcmp(w->sha256, e->sha256, 32) == 0)
		return queries_content(s, m->key, w, fd);
	*fd = files_read_old(&s->files, e->sha256, e->size);
	return *fd != -1 ? VERDICT_OK : VERDICT_NOT_FOUND;
}

static enum verdict
open_winner(struct store *s, const struct ipc_open *m, struct entry *e,
    bool *has_entry, int *fd)
{
	struct winner w;
	enum verdict v;

	if (table_winner(s->index, VIEW_COMMITTED, m->key, &w) != FOUND)
		return VERDICT_NOT_FOUND;
	if (m->version.len == 32 &&
	    memcmp(m->version.data, w.rank.version, 32) != 0) {
		v = open_recent(s, m, &w, e, fd);
		*has_entry = v == VERDICT_OK;
		return v;
	}
	v = queries_content(s, m->key, &w, fd);
	*has_entry = (v == VERDICT_OK || v == VERDICT_DELETED) &&
		     queries_entry(s, &w, e);
	if (v == VERDICT_OK && !*has_entry)
		v = VERDICT_WITHDRAWN;
	return v;
}

void
queries_open(struct store *s, const struct ipc_open *m)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct ipc_opened reply = {.id = m->id};
	bool has_entry = false;
	struct entry e;
	enum verdict v;
	int fd = -1;

	if (m->version.len != 0 && m->version.len != 32)
		v = VERDICT_MALFORMED;
	else
		v = open_winner(s, m, &e, &has_entry, &fd);
	if (v != VERDICT_OK && fd != -1) {
		close(fd);
		fd = -1;
	}
	reply.verdict = v;
	if (has_entry)
		reply.entry = bytes_of(buf, entry_encode(&e, buf));
	s->send(s, IPC_OPENED, &reply, fd);
}

/* --- entries --- */

void
queries_read_entry(struct store *s, const struct ipc_read_entry *m)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct ipc_entry_read reply = {.id = m->id};
	struct winner w;
	struct entry e;

	if (table_winner(s->index, VIEW_COMMITTED, m->key, &w) != FOUND) {
		reply.verdict = VERDICT_NOT_FOUND;
	} else if (w.state == WINNER_WANTED || w.state == WINNER_LOST ||
		   !queries_entry(s, &w, &e)) {
		reply.verdict = VERDICT_WITHDRAWN;
	} else {
		reply.verdict = VERDICT_OK;
		reply.entry = bytes_of(buf, entry_encode(&e, buf));
	}
	s->send(s, IPC_ENTRY_READ, &reply, -1);
}

struct list_page {
	const char *prefix;
	size_t prefix_len;
	const char *cursor;
	uint64_t limit;
	size_t n;
	bool has_more;
	struct {
		char name[NAME_LEN_MAX + 1];
		uint8_t signer[32];
	} row[IPC_LIST_LIMIT_MAX];
};

static bool
on_visible(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct list_page *p = ctx;

	if (key_len < p->prefix_len || key_len > NAME_LEN_MAX ||
	    memcmp(key, p->prefix, p->prefix_len) != 0)
		return false;
	if (is_damaged || body.len != 32 ||
	    (key_len == strlen(p->cursor) &&
		memcmp(key, p->cursor, key_len) == 0))
		return true;
	if (p->n == p->limit) {
		p->has_more = true;
		return false;
	}
	memcpy(p->row[p->n].name, key, key_len);
	p->row[p->n].name[key_len] = '\0';
	memcpy(p->row[p->n++].signer, body.data, 32);
	return true;
}

static void
send_row(struct store *s, uint64_t id, const char *name,
    const uint8_t signer[static 32])
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct ipc_list_row m = {.id = id};
	struct record rec;

	if (table_record(s->index, VIEW_COMMITTED, name, signer, &rec) != FOUND)
		return; /* the scrub finds it */
	m.entry = bytes_of(buf, entry_encode(&rec.entry, buf));
	s->send(s, IPC_LIST_ROW, &m, -1);
}

void
queries_list(struct store *s, const struct ipc_list *m)
{
	char prefix[NAME_LEN_MAX + 1], cursor[NAME_LEN_MAX + 1];
	struct ipc_list_end end = {.id = m->id};
	const char *from;
	struct list_page p;

	memset(&p, 0, sizeof(p));
	if (!bytes_copy_text(m->prefix, prefix, sizeof(prefix)) ||
	    !bytes_copy_text(m->cursor, cursor, sizeof(cursor)) ||
	    m->limit == 0) {
		end.verdict = VERDICT_MALFORMED;
		s->send(s, IPC_LIST_END, &end, -1);
		return;
	}
	p.prefix = prefix;
	p.prefix_len = strlen(prefix);
	p.cursor = cursor;
	p.limit = m->limit < IPC_LIST_LIMIT_MAX ? m->limit : IPC_LIST_LIMIT_MAX;
	from = strcmp(cursor, prefix) > 0 ? cursor : prefix;
	index_walk(s->index, VIEW_COMMITTED, INDEX_VISIBLE, from, strlen(from),
	    p.limit + 2, on_visible, &p);
	for (size_t i = 0; i < p.n; i++)
		send_row(s, m->id, p.row[i].name, p.row[i].signer);
	end.verdict = VERDICT_OK;
	end.more = p.has_more;
	s->send(s, IPC_LIST_END, &end, -1);
}
