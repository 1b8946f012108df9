/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/file_send.h"

/*
 * Content from dm-store to peers, over /data-mesher/file/1.0.0: requests are
 * read and opened up to FILE_PIPELINE_MAX ahead and answered in their order.
 * The bytes come from read-only descriptors of immutable files.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "dm-net/mesh/mesh_address.h"
#include "dm-net/mesh/mesh_turn.h"
#include "dm-net/mesh/peer_conn.h"
#include "dm-net/sync/file_wire.h"

#define INBOUND_MAX (FILE_STREAMS_MAX + 4)
/* Files held open for answers: in all, and for one peer. */
#define OPEN_LINK_MAX 32
/* A peer that takes less than this is not waited for: it holds files open,
 * and of the large ones only few are served at once. */
#define STALL_NS (30 * NS_PER_S)
#define STALL_BYTES (32u << 10)

/* Bytes of requests that wait after those that are being answered. */
#define WAITING_MAX (FILE_ASKED_MAX * FILE_HEAD_MAX)

struct file_send;

struct answer {
	struct file_send *serve;
	bool is_opening;
	bool is_counted; /* sync_serve_done() is due */
	bool has_place;	 /* among those that are open */
	bool is_large;	 /* it is in mesh.sending */
	struct send_place place;
	enum file_status status;
	uint8_t head[FILE_HEAD_MAX];
	size_t head_len, head_sent; /* head_len 0: not made yet */
	uint64_t open_id;	    /* at the store */
	uint64_t size;
	uint64_t offset; /* of the next byte */
	int fd;
};

struct file_send {
	struct mesh *mesh;
	struct p2p_stream *stream;
	uint8_t in[FILE_HEAD_MAX];
	size_t in_len;
	/* a ring */
	struct answer answers[FILE_PIPELINE_MAX];
	unsigned first, n;
	bool is_paused;	 /* the ring was full */
	bool is_watched; /* it has a deadline */
	size_t taken;	 /* by the peer, since that was set */
	bool has_eof;
};

static struct peer_conn *
peer_conn_of(const struct file_send *sv)
{
	return p2p_conn_user(p2p_stream_conn(sv->stream));
}

static bool
take_place(struct answer *a)
{
	struct peer_conn *c = peer_conn_of(a->serve);

	if (c->n_serving >= OPEN_LINK_MAX ||
	    c->mesh->n_serving >= c->mesh->settings.descriptors.opens)
		return false;
	c->n_serving++;
	c->mesh->n_serving++;
	a->has_place = true;
	return true;
}

static void
leave_place(struct answer *a)
{
	if (!a->has_place)
		return;
	a->has_place = false;
	peer_conn_of(a->serve)->n_serving--;
	a->serve->mesh->n_serving--;
}

static void
answer_end(struct answer *a)
{
	struct mesh *m = a->serve->mesh;

	if (a->is_opening)
		store_cancel(m->settings.store, a->open_id);
	a->is_opening = false;
	if (a->fd != -1)
		close(a->fd);
	a->fd = -1;
	if (a->is_counted)
		sync_serve_done(m->sync, a->size);
	a->is_counted = false;
	if (a->is_large)
		LIST_REMOVE(&a->place, next);
	a->is_large = false;
	leave_place(a);
}

/* The peer has `taken` bytes more, or there is something else to take. */
static void
watch(struct file_send *sv, size_t taken, bool is_next)
{
	bool is_due = sv->n > 0 && !sv->answers[sv->first].is_opening;

	sv->taken += taken;
	if (is_due && sv->is_watched && !is_next && sv->taken < STALL_BYTES)
		return;
	sv->is_watched = is_due;
	sv->taken = 0;
	p2p_stream_set_deadline(
	    sv->stream, is_due ? clock_mono_ns() + STALL_NS : 0);
}

static void
on_opened(void *ctx, enum verdict v, const struct entry *entry, int fd)
{
	struct answer *a = ctx;

	mesh_now(a->serve->mesh);
	a->is_opening = false;
	a->fd = fd;
	if (v != VERDICT_OK || fd == -1)
		a->status = v == VERDICT_BUSY || v == VERDICT_NO_STORE
				? FILE_BUSY
				: FILE_GONE;
	watch(a->serve, 0, false);
	p2p_stream_want_write(a->serve->stream);
	mesh_kick(a->serve->mesh);
}

/* Ends a transfer of another peer, so that this one finds a place. */
static bool
make_room(struct mesh *m, const struct peer_conn *newcomer)
{
	struct netsource source = mesh_address_source(&newcomer->remote);
	struct send_place *p = send_places_yield(
	    &m->sending, &source, newcomer->id, clock_mono_ns());
	struct answer *a;

	if (p == NULL)
		return false;
	a = (struct answer *)((char *)p - offsetof(struct answer, place));
	answer_end(a);
	p2p_stream_reset(a->serve->stream, P2P_RESET_NONE);
	return true;
}

static void
begin_large(struct answer *a)
{
	struct peer_conn *c = peer_conn_of(a->serve);

	a->place =
	    (struct send_place){.source = mesh_address_source(&c->remote),
		.conn = c->id,
		.since_ns = clock_mono_ns(),
		.size = a->size - a->offset};
	a->is_large = true;
	LIST_INSERT_HEAD(&c->mesh->sending, &a->place, next);
	p2p_stream_set_class(a->serve->stream, P2P_CLASS_LARGE_FILE);
}

static enum file_status
may_serve(struct answer *a, const struct file_request *r)
{
	struct mesh *m = a->serve->mesh;
	enum file_status status =
	    sync_serve(m->sync, r->key, r->version, r->offset, &a->size);

	if (status == FILE_BUSY && make_room(m, peer_conn_of(a->serve)))
		status = sync_serve(
		    m->sync, r->key, r->version, r->offset, &a->size);
	return status;
}

static void
judge(struct answer *a, const struct file_request *r)
{
	struct mesh *m = a->serve->mesh;
	enum verdict v;

	a->status = may_serve(a, r);
	if (a->status != FILE_OK)
		return;
	a->is_counted = true;
	if (!take_place(a)) {
		a->status = FILE_BUSY;
		return;
	}
	sync_served(m->sync, peer_conn_of(a->serve)->id, r->key, r->version);
	v = store_open(
	    m->settings.store, r->key, r->version, on_opened, a, &a->open_id);
	if (v == VERDICT_OK)
		a->is_opening = true;
	else
		a->status = FILE_BUSY;
	if (a->size > SYNC_SMALL_MAX)
		begin_large(a);
}

static void
add_request(struct file_send *sv, const struct file_request *r)
{
	struct answer *a =
	    &sv->answers[(sv->first + sv->n++) % FILE_PIPELINE_MAX];

	memset(a, 0, sizeof(*a));
	a->serve = sv;
	a->fd = -1;
	a->offset = r->offset;
	judge(a, r);
	watch(sv, 0, false);
	mesh_kick(sv->mesh);
	p2p_stream_want_write(sv->stream);
}

static size_t
on_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	struct file_send *sv = p2p_stream_user(s);
	struct file_request r;
	size_t used = 0, n, before;
	ssize_t taken;

	while (used < len) {
		if (sv->n == FILE_PIPELINE_MAX) {
			sv->is_paused = true;
			break;
		}
		before = sv->in_len;
		n = sizeof(sv->in) - before;
		if (n > len - used)
			n = len - used;
		memcpy(sv->in + before, data + used, n);
		taken = file_request_decode(&r, sv->in, before + n);
		if (taken < 0) {
			p2p_stream_reset(s, P2P_RESET_PROTOCOL);
			return len;
		}
		if (taken == 0) {
			sv->in_len = before + n;
			used += n;
			continue;
		}
		sv->in_len = 0;
		used += (size_t)taken - before;
		add_request(sv, &r);
	}
	return used;
}

static void
shutdown_if_over(struct file_send *sv)
{
	if (sv->has_eof && sv->n == 0)
		p2p_stream_shutdown(sv->stream);
}

static void
next_answer(struct file_send *sv)
{
	answer_end(&sv->answers[sv->first]);
	sv->first = (sv->first + 1) % FILE_PIPELINE_MAX;
	sv->n--;
	if (sv->is_paused) {
		sv->is_paused = false;
		p2p_stream_want_read(sv->stream);
	}
	shutdown_if_over(sv);
}

/* Bytes of the body into out; 0 if the file is not what the store said. */
static size_t
read_body(struct answer *a, uint8_t *out, size_t room)
{
	uint64_t left = a->size - a->offset;
	ssize_t n;

	if (room > left)
		room = (size_t)left;
	do
		n = pread(a->fd, out, room, (off_t)a->offset);
	while (n == -1 && errno == EINTR);
	if (n <= 0)
		return 0;
	a->offset += (uint64_t)n;
	a->place.sent += (uint64_t)n;
	return (size_t)n;
}

/* Its status is final now. */
static void
make_head(struct answer *a)
{
	struct file_answer head = {.status = a->status};

	if (a->status == FILE_OK)
		head.size = a->size;
	else
		a->offset = a->size;
	a->head_len = file_answer_encode(&head, a->head);
}

/* Bytes of one answer into out; -1 if the file cannot be read. */
static ssize_t
write_answer(struct answer *a, uint8_t *out, size_t room)
{
	size_t used, n;

	if (a->head_len == 0)
		make_head(a);
	used = a->head_len - a->head_sent;
	if (used > room)
		used = room;
	memcpy(out, a->head + a->head_sent, used);
	a->head_sent += used;
	if (a->offset == a->size || used == room)
		return (ssize_t)used;
	n = read_body(a, out + used, room - used);
	return n == 0 ? -1 : (ssize_t)(used + n);
}

static bool
is_complete(const struct answer *a)
{
	return a->head_len > 0 && a->head_sent == a->head_len &&
	       a->offset == a->size;
}

static size_t
on_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct file_send *sv = p2p_stream_user(s);
	struct answer *a;
	size_t used = 0;
	bool is_next = false;
	ssize_t n;

	while (sv->n > 0 && used < room) {
		a = &sv->answers[sv->first];
		if (a->is_opening)
			break;
		n = write_answer(a, out + used, room - used);
		if (n == -1) {
			p2p_stream_reset(s, P2P_RESET_NONE);
			break;
		}
		used += (size_t)n;
		if (is_complete(a)) {
			next_answer(sv);
			is_next = true;
		}
	}
	watch(sv, used, is_next);
	mesh_kick(sv->mesh);
	return used;
}

static void
on_eof(struct p2p_stream *s)
{
	struct file_send *sv = p2p_stream_user(s);

	sv->has_eof = true;
	shutdown_if_over(sv);
}

static void
on_open(struct p2p_stream *s)
{
	struct file_send *sv = xcalloc(1, sizeof(*sv));

	sv->mesh = p2p_stream_user(s);
	sv->stream = s;
	p2p_stream_set_user(s, sv);
	p2p_stream_set_limit(s, WAITING_MAX);
}

static void
on_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	struct file_send *sv = p2p_stream_user(s);

	for (; sv->n > 0; sv->n--) {
		answer_end(&sv->answers[sv->first]);
		sv->first = (sv->first + 1) % FILE_PIPELINE_MAX;
	}
	free(sv);
}

static const struct p2p_stream_handlers handlers = {
    .on_open = on_open,
    .on_data = on_data,
    .on_eof = on_eof,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

void
file_send_serve(struct mesh *m)
{
	p2p_host_serve(m->host, FILE_PROTOCOL, P2P_CLASS_SMALL_FILE,
	    INBOUND_MAX, &handlers, m);
}
