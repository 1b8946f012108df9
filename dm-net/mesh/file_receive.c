/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/file_receive.h"

/*
 * Content from peers to dm-store, over /data-mesher/file/1.0.0: small files
 * pipelined over one shared stream of a connection, large ones on a stream
 * each. Content that fits in one message to the store waits in the stream until
 * all of it is there. The bytes of larger content go to the store as they come,
 * within its credit: without credit they stay in the stream, whose window then
 * closes.
 *
 * A fetch lives until both its answer on the stream and its put at the store
 * are over. One that nobody waits for any more is void: what still comes is
 * read and dropped.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "dm-net/mesh/mesh_turn.h"
#include "dm-net/mesh/peer_conn.h"
#include "dm-net/mesh/peer_conns.h"
#include "dm-net/sync/file_wire.h"

/* The core gives up a fetch after 30 s; what then still blocks the shared
 * stream ends with it. */
#define IDLE_NS (35 * NS_PER_S)
#define FINISH_NS (10 * NS_PER_S)

struct file_receive {
	LIST_ENTRY(file_receive) next;
	TAILQ_ENTRY(file_receive) next_answer;
	struct mesh *mesh;
	struct peer_conn *conn;	     /* NULL once that is gone */
	struct fetch_stream *stream; /* NULL once its answer is over */
	struct store_put *put;	     /* NULL once that is over */
	uint64_t id;
	uint64_t offset;
	uint64_t size;
	uint64_t got;
	uint64_t ticket;
	bool is_whole; /* goes to the store in one message, once it is here */
	bool is_void;
};

struct fetch_stream {
	struct peer_conn *conn;
	struct p2p_stream *stream;
	bool is_large;
	TAILQ_HEAD(, file_receive) answers; /* due, in order */
	unsigned n_answers;
	uint8_t requests[FILE_ASKED_MAX * FILE_HEAD_MAX];
	size_t requests_len;
	uint8_t head[FILE_HEAD_MAX];
	size_t head_len;
	bool in_body;
	uint64_t body_left;
};

static void
fetch_free(struct file_receive *f)
{
	LIST_REMOVE(f, next);
	store_put_abort(f->put);
	free(f);
}

/* Nobody waits for it any more; it goes when its answer has passed. */
static void
make_void(struct file_receive *f)
{
	f->is_void = true;
	store_put_abort(f->put);
	f->put = NULL;
	if (f->stream == NULL)
		fetch_free(f);
}

/* Takes it off its stream; its put may still be under way. */
static void
leave_stream(struct file_receive *f)
{
	struct fetch_stream *fs = f->stream;

	TAILQ_REMOVE(&fs->answers, f, next_answer);
	fs->n_answers--;
	f->stream = NULL;
	if (f->is_void)
		fetch_free(f);
}

static void
report(struct file_receive *f, enum sync_fetch_end end, enum verdict v)
{
	if (f->is_void)
		return;
	sync_fetch_done(f->mesh->sync, f->id, end, v);
	mesh_kick(f->mesh);
}

/* The answer was a refusal, or it broke off. */
static void
refused(struct file_receive *f, enum sync_fetch_end end)
{
	report(f, end, VERDICT_OK);
	f->is_void = true;
	leave_stream(f);
}

/* How long the peer may be silent: while answers are due, and until it ends
 * its side of a stream that has served its purpose. */
static void
expect(struct fetch_stream *fs)
{
	uint64_t wait_ns = fs->is_large ? FINISH_NS : 0;

	if (fs->n_answers > 0)
		wait_ns = IDLE_NS;
	p2p_stream_set_deadline(
	    fs->stream, wait_ns == 0 ? 0 : clock_mono_ns() + wait_ns);
}

/* --- the store's side ------------------------------------------------- */

static void
on_credit(void *ctx, size_t bytes)
{
	struct file_receive *f = ctx;

	if (f->stream == NULL)
		return;
	expect(f->stream); /* it was us who made the peer wait */
	p2p_stream_want_read(f->stream->stream);
}

static void
on_put_done(void *ctx, enum verdict v, uint64_t held_ns)
{
	struct file_receive *f = ctx;

	f->put = NULL;
	mesh_now(f->mesh);
	report(f, SYNC_FETCH_PUT, v);
	f->is_void = true;
	if (f->stream == NULL)
		fetch_free(f);
	else if (f->stream->is_large)
		p2p_stream_reset(f->stream->stream, P2P_RESET_NONE);
	else
		p2p_stream_want_read(f->stream->stream);
}

/* --- the peer's side -------------------------------------------------- */

static size_t
on_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct fetch_stream *fs = p2p_stream_user(s);
	size_t n = fs->requests_len < room ? fs->requests_len : room;

	memcpy(out, fs->requests, n);
	fs->requests_len -= n;
	memmove(fs->requests, fs->requests + n, fs->requests_len);
	return n;
}

static void
body_complete(struct fetch_stream *fs, struct file_receive *f)
{
	fs->in_body = false;
	if (f->put != NULL && !f->is_whole)
		store_put_end(f->put);
	leave_stream(f);
	if (fs->is_large && fs->n_answers == 0)
		p2p_stream_shutdown(fs->stream);
}

static const struct store_put_owner put_owner = {
    on_credit, on_put_done, NULL, NULL};

/* All content of one is here. */
static void
put_whole(struct file_receive *f, const uint8_t *data, size_t len)
{
	struct store_put_owner owner = put_owner;
	char from[PEER_ID_TEXT_SIZE];
	enum verdict v;

	peer_conn_id_text(f->conn, from);
	owner.ctx = f;
	owner.from = from;
	v = store_put_whole(f->mesh->settings.store, NULL, f->ticket, data, len,
	    &owner, &f->put);
	f->got = len;
	if (v == VERDICT_OK)
		return;
	report(f, SYNC_FETCH_PUT, v);
	f->is_void = true;
}

/* False if the peer broke the protocol. */
static bool
on_answer(struct fetch_stream *fs, const struct file_answer *answer)
{
	struct file_receive *f = TAILQ_FIRST(&fs->answers);

	if (f == NULL)
		return false;
	switch (answer->status) {
	case FILE_OK:
		break;
	case FILE_GONE:
		refused(f, SYNC_FETCH_GONE);
		return true;
	case FILE_BUSY:
		refused(f, SYNC_FETCH_BUSY);
		return true;
	case FILE_BAD_OFFSET:
		refused(f, SYNC_FETCH_HOSTILE);
		return true;
	}
	if (answer->size != f->size) {
		/* what follows cannot be told apart from the next answer */
		report(f, SYNC_FETCH_HOSTILE, VERDICT_OK);
		f->is_void = true;
		return false;
	}
	fs->in_body = true;
	fs->body_left = f->size - f->offset;
	if (!f->is_void)
		sync_fetch_progress(f->mesh->sync, f->id, 0);
	if (fs->body_left == 0 && f->is_whole && !f->is_void)
		put_whole(f, NULL, 0);
	if (fs->body_left == 0)
		body_complete(fs, f);
	return true;
}

/* Bytes of a head that were consumed; -1 if it is malformed. */
static ssize_t
take_head(struct fetch_stream *fs, const uint8_t *data, size_t len)
{
	struct file_answer answer;
	size_t before = fs->head_len, n = sizeof(fs->head) - before;
	ssize_t taken;

	if (n > len)
		n = len;
	memcpy(fs->head + before, data, n);
	taken = file_answer_decode(&answer, fs->head, before + n);
	if (taken == 0) {
		fs->head_len = before + n;
		return (ssize_t)n;
	}
	if (taken < 0)
		return -1;
	fs->head_len = 0;
	if (!on_answer(fs, &answer))
		return -1;
	return taken - (ssize_t)before;
}

/* Bytes of a body that were consumed: as many as the store takes. */
static size_t
take_body(struct fetch_stream *fs, const uint8_t *data, size_t len)
{
	struct file_receive *f = TAILQ_FIRST(&fs->answers);
	size_t n = len;

	if (n > fs->body_left)
		n = (size_t)fs->body_left;
	if (!f->is_void && f->is_whole) {
		sync_fetch_progress(f->mesh->sync, f->id, n);
		if (n < fs->body_left)
			return 0;
		put_whole(f, data, n);
	} else if (!f->is_void) {
		if (n > store_put_allowed(f->put))
			n = store_put_allowed(f->put);
		if (n == 0)
			return 0;
		store_put_data(f->put, data, n);
		f->got += n;
		sync_fetch_progress(f->mesh->sync, f->id, f->got);
	}
	fs->body_left -= n;
	if (fs->body_left == 0)
		body_complete(fs, f);
	return n;
}

static size_t
on_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	struct fetch_stream *fs = p2p_stream_user(s);
	size_t used = 0, n;
	ssize_t head;

	while (used < len) {
		if (fs->in_body) {
			n = take_body(fs, data + used, len - used);
			if (n == 0)
				break;
			used += n;
			continue;
		}
		head = take_head(fs, data + used, len - used);
		if (head < 0) {
			p2p_stream_reset(s, P2P_RESET_PROTOCOL);
			return len;
		}
		used += (size_t)head;
	}
	if (used > 0) {
		expect(fs);
		mesh_kick(fs->conn->mesh);
	}
	return used;
}

static void
on_eof(struct p2p_stream *s)
{
	struct fetch_stream *fs = p2p_stream_user(s);

	if (fs->n_answers > 0)
		p2p_stream_reset(s, P2P_RESET_PROTOCOL);
	else
		p2p_stream_shutdown(s);
}

/* The answers that were due on the stream will not come. */
static void
on_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	struct fetch_stream *fs = p2p_stream_user(s);
	struct file_receive *f;

	while ((f = TAILQ_FIRST(&fs->answers)) != NULL) {
		if (end != P2P_END_CONN)
			report(f, SYNC_FETCH_BROKEN, VERDICT_OK);
		f->is_void = true;
		leave_stream(f);
	}
	if (fs->conn->fetch_state == fs)
		fs->conn->fetch_state = NULL;
	free(fs);
}

static const struct p2p_stream_handlers handlers = {
    .on_data = on_data,
    .on_eof = on_eof,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

/* --- for the core ----------------------------------------------------- */

static struct fetch_stream *
stream_open(struct peer_conn *c, bool is_large)
{
	struct fetch_stream *fs;

	if (!is_large && c->fetch_state != NULL)
		return c->fetch_state;
	fs = xcalloc(1, sizeof(*fs));
	fs->conn = c;
	fs->is_large = is_large;
	TAILQ_INIT(&fs->answers);
	fs->stream = p2p_stream_open(c->p2p, FILE_PROTOCOL,
	    is_large ? P2P_CLASS_LARGE_FILE : P2P_CLASS_SMALL_FILE, &handlers,
	    fs);
	if (fs->stream == NULL) {
		free(fs);
		return NULL;
	}
	if (!is_large)
		c->fetch_state = fs;
	return fs;
}

static void
request(struct fetch_stream *fs, const struct sync_action *a)
{
	struct file_request r = {.offset = a->offset};

	memcpy(r.key, a->key, sizeof(r.key));
	memcpy(r.version, a->version, sizeof(r.version));
	fs->requests_len +=
	    file_request_encode(&r, fs->requests + fs->requests_len);
	expect(fs);
	p2p_stream_want_write(fs->stream);
}

/* Has it room for one more? Requests wait in it when the peer's window is
 * shut, even if it answers what it cannot have read. */
static bool
has_room(const struct fetch_stream *fs)
{
	return fs->n_answers < FILE_ASKED_MAX &&
	       fs->requests_len + FILE_HEAD_MAX <= sizeof(fs->requests);
}

static enum verdict
put_begin(struct file_receive *f)
{
	struct store_put_owner owner = put_owner;
	char from[PEER_ID_TEXT_SIZE];

	peer_conn_id_text(f->conn, from);
	owner.ctx = f;
	owner.from = from;
	return store_put_begin(
	    f->mesh->settings.store, NULL, f->ticket, true, &owner, &f->put);
}

void
file_receive_start(struct mesh *m, const struct sync_action *a)
{
	struct peer_conn *c = peer_conn_find(m, a->conn);
	struct fetch_stream *fs = NULL;
	struct file_receive *f;
	enum verdict v;

	if (c != NULL)
		fs = stream_open(c, a->is_large);
	if (fs == NULL || !has_room(fs)) {
		sync_fetch_done(m->sync, a->id,
		    fs == NULL ? SYNC_FETCH_BROKEN : SYNC_FETCH_BUSY,
		    VERDICT_OK);
		return;
	}
	f = xcalloc(1, sizeof(*f));
	f->mesh = m;
	f->conn = c;
	f->id = a->id;
	f->offset = a->offset;
	f->size = a->size;
	f->ticket = a->ticket;
	f->is_whole =
	    !a->is_large && a->offset == 0 && a->size <= IPC_CHUNK_MAX;
	v = f->is_whole ? VERDICT_OK : put_begin(f);
	if (v != VERDICT_OK) {
		free(f);
		if (a->is_large)
			p2p_stream_reset(fs->stream, P2P_RESET_NONE);
		sync_fetch_done(m->sync, a->id, SYNC_FETCH_PUT, v);
		return;
	}
	LIST_INSERT_HEAD(&m->fetches, f, next);
	f->stream = fs;
	TAILQ_INSERT_TAIL(&fs->answers, f, next_answer);
	fs->n_answers++;
	request(fs, a);
}

void
file_receive_cancel(struct mesh *m, uint64_t id)
{
	struct file_receive *f;

	LIST_FOREACH(f, &m->fetches, next)
		if (f->id == id && !f->is_void)
			break;
	if (f == NULL)
		return;
	if (f->stream != NULL && f->stream->is_large)
		p2p_stream_reset(f->stream->stream, P2P_RESET_NONE);
	else if (f->stream != NULL)
		p2p_stream_want_read(f->stream->stream);
	make_void(f);
}

void
file_receive_conn_gone(struct peer_conn *c)
{
	struct file_receive *f, *next;

	for (f = LIST_FIRST(&c->mesh->fetches); f != NULL; f = next) {
		next = LIST_NEXT(f, next);
		if (f->conn != c)
			continue;
		f->conn = NULL;
		if (f->stream != NULL || f->is_void)
			continue;  /* ends with its stream */
		f->is_void = true; /* all is sent: the store may finish */
	}
}

void
file_receive_store_lost(struct mesh *m)
{
	struct file_receive *f, *next;

	for (f = LIST_FIRST(&m->fetches); f != NULL; f = next) {
		next = LIST_NEXT(f, next);
		if (f->stream != NULL && f->stream->is_large && !f->is_void)
			p2p_stream_reset(f->stream->stream, P2P_RESET_NONE);
		else if (f->stream != NULL)
			p2p_stream_want_read(f->stream->stream);
		make_void(f);
	}
}

void
file_receive_free_all(struct mesh *m)
{
	struct file_receive *f;

	/* with the connections went the streams; what is left waits for the
	 * store */
	while ((f = LIST_FIRST(&m->fetches)) != NULL)
		fetch_free(f);
}

/* --- content that came with an announcement --------------------------- */

struct inline_put {
	struct mesh *mesh;
	uint64_t id;
};

static_assert(IPC_INLINE_MAX <= IPC_CHUNK_MAX, "one message to the store");

static void
on_inline_done(void *ctx, enum verdict v, uint64_t held_ns)
{
	struct inline_put *p = ctx;

	mesh_now(p->mesh);
	sync_put_done(p->mesh->sync, p->id, v);
	mesh_kick(p->mesh);
	free(p);
}

void
file_receive_inline(struct mesh *m, const struct sync_action *a)
{
	struct store_put_owner owner = {NULL, on_inline_done, NULL, NULL};
	struct inline_put *p = xcalloc(1, sizeof(*p));
	struct store_put *put;
	char from[PEER_ID_TEXT_SIZE];
	enum verdict v;

	p->mesh = m;
	p->id = a->id;
	owner.ctx = p;
	peer_conn_id_text(peer_conn_find(m, a->conn), from);
	owner.from = from;
	v = store_put_whole(m->settings.store, NULL, a->ticket, a->content,
	    a->content_len, &owner, &put);
	if (v == VERDICT_OK)
		return;
	free(p);
	sync_put_done(m->sync, a->id, v);
}
