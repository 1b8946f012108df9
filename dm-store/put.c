/* SPDX-License-Identifier: ISC */
#include "dm-store/put_internal.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sha256.h"
#include "dm-store/disk.h"
#include "dm-store/rejects.h"
#include "dm-store/reload.h"
#include "dm-store/syncer.h"
#include "dm-store/store_log.h"
#include "dm-store/ticket.h"
#include "dm-store/verify.h"

#define PUTS_MAX (IPC_PUTS_MAX + PUT_CONTROL_MAX)
#define CREDIT_STEP (64u << 10) /* consumed before it is given again */

struct puts {
	struct put *put[PUTS_MAX];
	size_t n_net, n_control, n_unknown;
	uint64_t last; /* number */
};

struct puts *
puts_new(void)
{
	return xcalloc(1, sizeof(struct puts));
}

static_assert(IPC_CHUNK_MAX <= REDO_CONTENT_MAX, "what comes whole is small");

static bool
is_small(const struct put *p)
{
	return p->entry.size <= REDO_CONTENT_MAX;
}

uint64_t
puts_reserved(const struct store *s)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < PUTS_MAX; i++) {
		const struct put *p = s->puts->put[i];

		if (p != NULL)
			bytes += p->entry.size - (is_small(p) ? 0 : p->got);
	}
	return bytes;
}

/* --- life --- */

static size_t *
counter(struct puts *puts, const struct put *p)
{
	return p->reply.to == REPLY_PUT ? &puts->n_net : &puts->n_control;
}

/* Its file in tmp/ goes, unless put_keep has taken it. */
static void
put_free(struct put *p)
{
	struct puts *puts = p->store->puts;

	for (size_t i = 0; i < PUTS_MAX; i++)
		if (puts->put[i] == p)
			puts->put[i] = NULL;
	(*counter(puts, p))--;
	if (!p->is_known)
		puts->n_unknown--;
	if (p->fd != -1) {
		close(p->fd);
		files_put_drop(&p->store->files, p->serial);
	}
	if (p->source_fd != -1)
		close(p->source_fd);
	if (p->pull != NULL)
		event_free(p->pull);
	sha256_free(p->hash);
	free(p->buf);
	free(p);
}

void
put_answer(struct store *s, const struct reply *reply, enum verdict v,
    uint64_t held_ns)
{
	const struct answer a = {v, held_ns, 0, COMMIT_NO_CHANGE};

	if (v == VERDICT_BAD_CONTENT)
		judge_count(s, v, 1);
	commit_answer(s, reply, &a);
}

/* The end of a put to whose file the disk has refused something. */
void
put_fail(struct put *p, const char *doing, int error)
{
	char path[48] = "index/tmp/";

	if (p->serial != 0)
		snprintf(path, sizeof(path), "index/tmp/put-%llu",
		    (unsigned long long)p->serial);
	store_log_failure(
	    p->store, doing, path, p->entry.name, strerror(error));
	put_refuse(p, judge_error(error), 0);
}

/* The end of a put that was not stored. */
void
put_refuse(struct put *p, enum verdict v, uint64_t held_ns)
{
	struct store *s = p->store;
	struct reply reply = p->reply;

	rejects_refused(s, &p->entry, v, bytes_text(p->sender));
	put_free(p);
	put_answer(s, &reply, v, held_ns);
}

void
puts_drop_link(struct store *s)
{
	for (size_t i = 0; i < PUTS_MAX; i++) {
		struct put *p = s->puts->put[i];

		if (p != NULL && p->reply.to == REPLY_PUT)
			put_free(p);
	}
}

void
puts_free(struct store *s)
{
	for (size_t i = 0; i < PUTS_MAX; i++) {
		if (s->puts->put[i] == NULL)
			continue;
		free(s->puts->put[i]->reply.waiter);
		put_free(s->puts->put[i]);
	}
	free(s->puts);
	s->puts = NULL;
}

static struct put *
find(struct store *s, uint64_t id)
{
	for (size_t i = 0; i < PUTS_MAX; i++) {
		struct put *p = s->puts->put[i];

		if (p != NULL && p->reply.to == REPLY_PUT && p->reply.id == id)
			return p;
	}
	return NULL;
}

/* --- the beginning --- */

/* Where there is room, and no more of a kind than allowed. */
static enum verdict
admit(struct store *s, const struct put *p)
{
	const struct puts *puts = s->puts;

	if (p->reply.to == REPLY_PUT ? puts->n_net >= IPC_PUTS_MAX
				     : puts->n_control >= PUT_CONTROL_MAX)
		return VERDICT_BUSY;
	if (p->is_known)
		return VERDICT_OK;
	if (p->entry.size > ACCEPT_UNKNOWN_MAX)
		return VERDICT_SHA256_REQUIRED;
	return puts->n_unknown >= PUT_UNKNOWN_MAX ? VERDICT_BUSY : VERDICT_OK;
}

static enum verdict
judge(struct put *p, uint64_t needed, struct accepted *a)
{
	struct store *s = p->store;
	enum verdict v;

	reload_name(s, p->entry.name);
	v = winner_judge(
	    s, &p->entry, p->is_known ? p->version : NULL, p->from, a);
	return v == VERDICT_OK ? judge_room(s, &p->entry, needed) : v;
}

static void
prepare(struct put *p)
{
	if (is_small(p)) {
		p->buf = xmalloc(p->entry.size + 1);
		return; /* is hashed at once, at the end */
	}
	p->hash = sha256_new();
}

static void
enlist(struct put *p)
{
	struct puts *puts = p->store->puts;
	size_t i = 0;

	while (puts->put[i] != NULL)
		i++;
	puts->put[i] = p;
	p->number = ++puts->last;
	(*counter(puts, p))++;
	if (!p->is_known)
		puts->n_unknown++;
}

/*
 * A put of an entry that was found worth its content, or NULL: then it has
 * been answered.
 */
struct put *
put_new(struct store *s, const struct entry *e, bool is_known, bool is_verified,
    enum judge_from from, struct bytes sender, const struct reply *reply)
{
	struct put *p = xcalloc(1, sizeof(*p));
	struct accepted a = {0};
	enum verdict v;

	p->store = s;
	p->reply = *reply;
	p->entry = *e;
	p->from = from;
	p->is_known = is_known;
	p->is_verified = is_verified;
	bytes_copy_text(sender, p->sender, sizeof(p->sender));
	p->fd = p->source_fd = -1;
	if (is_known)
		entry_version(e, p->version);
	v = admit(s, p);
	if (v == VERDICT_OK)
		v = judge(p, e->size + puts_reserved(s), &a);
	if (v == VERDICT_OK) {
		prepare(p);
		enlist(p);
		return p;
	}
	rejects_refused(s, e, v, sender);
	free(p);
	put_answer(s, reply, v, a.held_signed_at_ns);
	return NULL;
}

/* Credit for what the window and the size allow, in steps. */
static void
grant(struct put *p, bool is_first)
{
	uint64_t limit = p->got + IPC_PUT_WINDOW;
	struct ipc_put_credit m;

	if (limit > p->entry.size)
		limit = p->entry.size;
	m.id = p->reply.id;
	m.bytes = limit - p->granted;
	if (!is_first &&
	    (m.bytes == 0 || (m.bytes < CREDIT_STEP && limit < p->entry.size)))
		return;
	p->granted = limit;
	p->store->send(p->store, IPC_PUT_CREDIT, &m, -1);
}

static void on_verified(struct store *, const struct verify_job *);

/* Asks for the verdict on its signature. */
static void
put_verify(struct put *p)
{
	struct verify_job job = {
	    .on_done = on_verified, .id = p->number, .entry = p->entry};
	const struct puts *puts = p->store->puts;
	/* neither beside nor, in this turn, before it is there another */
	bool is_alone = puts->n_net + puts->n_control == 1 &&
			!index_is_open(p->store->index);

	p->is_asked = true;
	if (!verify_ask(p->store, &job, is_alone))
		put_refuse(p, VERDICT_BUSY, 0);
}

/* No content before a good signature, unless that needs the content's hash. */
void
put_start(struct put *p)
{
	if (p->is_known && !p->is_verified) {
		put_verify(p);
		return;
	}
	if (p->is_whole) {
		put_end(p);
		return;
	}
	if (!is_small(p))
		p->fd = files_put_new(&p->store->files, &p->serial);
	if (!is_small(p) && p->fd == -1)
		put_fail(p, "cannot create", errno);
	else if (p->pull != NULL)
		event_active(p->pull, EV_TIMEOUT, 0);
	else
		grant(p, true);
}

/* The entry of a put, from its ticket or as it was sent. */
static enum verdict
entry_of(
    struct store *s, uint64_t ticket, struct bytes encoded, struct entry *e)
{
	const struct entry *known;

	if (ticket != 0) {
		known = ticket_entry(s->tickets, ticket);
		if (known == NULL)
			return VERDICT_TICKET_GONE; /* it had to make room */
		*e = *known;
	} else if (encoded.len == 0 ||
		   entry_decode(e, encoded.data, encoded.len) != encoded.len) {
		return VERDICT_MALFORMED;
	}
	return VERDICT_OK;
}

/* One that dm-net begins; content: NULL if it follows. *out NULL: it has been
 * answered. False, and why, if dm-net broke the rules. */
static bool
put_from_net(struct store *s, const struct ipc_put_begin *m,
    const struct bytes *content, struct put **out, const char **why)
{
	const struct reply reply = {REPLY_PUT, m->id, s->link, NULL};
	bool has_ticket = m->ticket != 0;
	struct entry e;
	enum verdict v;

	*out = NULL;
	if (find(s, m->id) != NULL) {
		*why = "a put with the number of another";
		return false;
	}
	v = entry_of(s, m->ticket, m->entry, &e);
	if (v == VERDICT_OK && content != NULL && content->len != e.size)
		v = VERDICT_BAD_CONTENT;
	if (v != VERDICT_OK)
		put_answer(s, &reply, v, 0);
	else
		*out = put_new(s, &e, has_ticket || m->sha256_known, has_ticket,
		    has_ticket ? FROM_PEER : FROM_CLIENT, m->from, &reply);
	return true;
}

bool
put_on_begin(struct store *s, const struct ipc_put_begin *m, const char **why)
{
	struct put *p;

	if (!put_from_net(s, m, NULL, &p, why))
		return false;
	if (p != NULL)
		put_start(p);
	return true;
}

bool
put_on_whole(struct store *s, const struct ipc_put_whole *m, const char **why)
{
	const struct ipc_put_begin begin = {.id = m->id,
	    .ticket = m->ticket,
	    .entry = m->entry,
	    .sha256_known = true,
	    .from = m->from};
	struct put *p;

	if (!put_from_net(s, &begin, &m->content, &p, why))
		return false;
	if (p == NULL)
		return true;
	p->is_whole = true;
	p->got = m->content.len;
	if (p->got > 0)
		memcpy(p->buf, m->content.data, p->got);
	put_start(p);
	return true;
}

/* --- content --- */

/* False when that was the end of the put. */
bool
put_feed(struct put *p, const void *data, size_t len)
{
	if (len > p->entry.size - p->got) {
		put_refuse(p, VERDICT_BAD_CONTENT, 0);
		return false;
	}
	if (len == 0)
		return true;
	if (p->hash != NULL)
		sha256_add(p->hash, data, len);
	if (p->buf != NULL) {
		memcpy(p->buf + p->got, data, len);
	} else if (disk_write(p->fd, data, len) == -1) {
		put_fail(p, "cannot write", errno);
		return false;
	}
	p->got += len;
	if (p->fd != -1 && p->got - p->begun >= SYNCER_STEP) {
		syncer_begin(p->store, p->fd);
		p->begun = p->got;
	}
	return true;
}

/* One that has been answered meanwhile is no longer known: fine. */
bool
put_on_data(struct store *s, const struct ipc_put_data *m, const char **why)
{
	struct put *p = find(s, m->id);

	if (p == NULL)
		return true;
	/* even nothing, as long as the signature is not known to be good */
	if (p->granted < p->entry.size &&
	    (p->granted == 0 || m->data.len > p->granted - p->got)) {
		*why = "content beyond its credit";
		return false;
	}
	if (put_feed(p, m->data.data, m->data.len))
		grant(p, false);
	return true;
}

/* --- the end --- */

/* True if the content is the signed one. Computes the sha256 and the version if
 * they were not known before. */
static bool
check_content(struct put *p)
{
	uint8_t sha256[32];

	if (p->got != p->entry.size)
		return false;
	if (p->hash != NULL)
		sha256_end(p->hash, sha256);
	else
		sha256_hash(p->buf, p->got, sha256);
	if (p->is_known)
		return memcmp(sha256, p->entry.sha256, 32) == 0;
	memcpy(p->entry.sha256, sha256, 32);
	entry_version(&p->entry, p->version);
	p->is_known = true;
	p->store->puts->n_unknown--;
	return true;
}

/* False: it is over. */
static bool
stage(struct put *p, struct stage *st)
{
	struct files *f = &p->store->files;

	memset(st, 0, sizeof(*st));
	st->is_origin = p->from == FROM_CLIENT;
	if (is_small(p)) {
		st->content = bytes_of(p->buf, p->got);
		if (files_stage(f, p->version, p->buf, p->got) == 0)
			return true;
		put_fail(p, "cannot create a file in", errno);
		return false;
	}
	if (files_put_keep(f, p->serial, p->version) == -1) {
		put_fail(p, "cannot rename", errno);
		return false;
	}
	close(p->fd);
	p->fd = -1;
	st->is_synced = true;
	return true;
}

/* Things may have changed since the beginning, so it is judged again. */
static void
put_store(struct put *p)
{
	struct store *s = p->store;
	struct answer a = {VERDICT_OK, 0, 0, COMMIT_NO_CHANGE};
	struct accepted acc;
	struct stage st;
	bool has_content;

	a.verdict = judge(p, is_small(p) ? p->entry.size : 0, &acc);
	a.held_signed_at_ns = acc.held_signed_at_ns;
	has_content =
	    p->entry.kind == ENTRY_FILE && !judge_is_expired(s, &p->entry);
	if (a.verdict != VERDICT_OK) {
		put_refuse(p, a.verdict, a.held_signed_at_ns);
		return;
	}
	if (has_content && !stage(p, &st))
		return;
	a.verdict = judge_success(&p->entry, &acc);
	a.change = winner_replace(s, &p->entry, has_content ? &st : NULL);
	store_log_stored(s, &p->entry, p->sender);
	commit_answer(s, &p->reply, &a);
	put_free(p);
}

/* NULL: it was given up meanwhile. */
static struct put *
find_number(struct store *s, uint64_t number)
{
	for (size_t i = 0; i < PUTS_MAX; i++)
		if (s->puts->put[i] != NULL &&
		    s->puts->put[i]->number == number)
			return s->puts->put[i];
	return NULL;
}

static void
on_synced(struct store *s, uint64_t number, int error)
{
	struct put *p = find_number(s, number);

	if (p != NULL && error != 0)
		put_fail(p, "cannot sync", error);
	else if (p != NULL)
		put_store(p);
}

/* Nothing is missing any more but, of a large one, that the disk has it. */
static void
put_finish(struct put *p)
{
	if (is_small(p))
		put_store(p);
	else if (!syncer_ask(p->store, p->fd, p->number, on_synced))
		put_refuse(p, VERDICT_BUSY, 0);
}

void
put_end(struct put *p)
{
	if (!check_content(p)) {
		put_refuse(p, VERDICT_BAD_CONTENT, 0);
		return;
	}
	p->is_ended = true;
	if (p->is_verified)
		put_finish(p);
	else if (!p->is_asked)
		put_verify(p);
}

/* More than once, or before there was credit: the answer is the same. */
void
put_on_end(struct store *s, const struct ipc_put_end *m)
{
	struct put *p = find(s, m->id);

	if (p != NULL && !p->is_ended)
		put_end(p);
}

static void
on_verified(struct store *s, const struct verify_job *job)
{
	struct put *p = find_number(s, job->id);
	enum verdict v;

	if (p == NULL)
		return;
	v = judge_signature(s, job->is_good);
	p->is_verified = v == VERDICT_OK;
	if (v != VERDICT_OK)
		put_refuse(p, v, 0);
	else if (p->is_ended)
		put_finish(p);
	else
		put_start(p);
}

void
put_on_abort(struct store *s, const struct ipc_put_abort *m)
{
	struct put *p = find(s, m->id);

	if (p != NULL)
		put_free(p);
}
