/* SPDX-License-Identifier: ISC */
/* The streams of yamux.h: their life, their buffers, their windows. */
#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/mem.h"
#include "dm-net/libp2p/yamux_int.h"

#define BUFFER_MIN 1024

static struct yamux_stream **
bucket(const struct yamux *y, uint32_t id)
{
	/* The lowest bit is the side. */
	return (struct yamux_stream **)&y->bucket[(id / 2 * 2654435761u) >> 26];
}

struct yamux_stream *
yamux_stream_find(const struct yamux *y, uint32_t id)
{
	struct yamux_stream *s = *bucket(y, id);

	while (s != NULL && s->id != id)
		s = s->chain;
	return s;
}

/* The bytes that it could buffer. */
static size_t
promise(const struct yamux_stream *s)
{
	return s->limit < s->window ? s->limit : s->window;
}

struct yamux_stream *
yamux_stream_new(struct yamux *y, uint32_t id, bool is_inbound)
{
	struct yamux_stream *s = mem_new(sizeof(*s));
	struct yamux_stream **head = bucket(y, id);

	s->y = y;
	s->id = id;
	s->is_inbound = is_inbound;
	s->send_window = YAMUX_WINDOW_INITIAL;
	s->recv_window = YAMUX_WINDOW_INITIAL;
	s->window = YAMUX_WINDOW_INITIAL;
	s->limit = YAMUX_WINDOW_MAX;
	y->promised += promise(s);
	s->update_ns = y->now_ns;
	list_init(&s->control);
	list_init(&s->ready);
	s->chain = *head;
	*head = s;
	y->stream_count[is_inbound]++;
	s->has_syn = true;
	yamux_stream_mark(s);
	return s;
}

static void
buffer_drop(struct yamux_stream *s)
{
	s->y->buffered -= s->size;
	free(s->buf);
	s->buf = NULL;
	s->head = 0;
	s->len = 0;
	s->size = 0;
}

void
yamux_stream_free(struct yamux_stream *s)
{
	struct yamux *y = s->y;
	struct yamux_stream **link = bucket(y, s->id);

	while (*link != s)
		link = &(*link)->chain;
	*link = s->chain;
	y->stream_count[s->is_inbound]--;
	y->promised -= promise(s);
	if (y->body_stream == s)
		y->body_stream = NULL;
	buffer_drop(s);
	list_remove(&s->control);
	list_remove(&s->ready);
	free(s);
}

void
yamux_stream_reap(struct yamux_stream *s)
{
	if (s->is_released && list_is_empty(&s->control))
		yamux_stream_free(s);
}

bool
yamux_stream_is_owed(const struct yamux_stream *s)
{
	return s->owed >= s->window / 2 && !s->is_remote_shut && !s->is_dead;
}

void
yamux_stream_mark(struct yamux_stream *s)
{
	if (list_is_empty(&s->control) &&
	    (s->has_syn || s->has_fin || s->has_rst || yamux_stream_is_owed(s)))
		list_append(&s->y->control, &s->control);
}

void
yamux_stream_ready(struct yamux_stream *s)
{
	if (!s->wants_write || s->is_shut || s->is_dead || s->send_window == 0)
		list_remove(&s->ready);
	else if (list_is_empty(&s->ready))
		list_append(&s->y->ready[s->stream_class], &s->ready);
}

/* Everything ends here; what is left to say, if anything, is the caller's. */
static void
end(struct yamux_stream *s)
{
	s->is_dead = true;
	s->has_syn = false;
	s->has_fin = false;
	s->has_rst = false;
	s->wants_write = false;
	buffer_drop(s);
	list_remove(&s->control);
	list_remove(&s->ready);
}

void
yamux_stream_kill(struct yamux_stream *s, uint32_t code)
{
	bool is_told = s->is_dead || s->is_released;

	end(s);
	if (!is_told)
		s->y->ops->on_reset(s->y->ctx, s, code);
	yamux_stream_reap(s);
}

/* --- receiving -------------------------------------------------------- */

size_t
yamux_charged(const struct yamux *y)
{
	size_t streams = y->stream_count[false] + y->stream_count[true];

	return YAMUX_CONN_BYTES + streams * YAMUX_STREAM_BYTES + y->buffered;
}

/* Whether all that is promised would still fit in the account: a stream is not
 * to be squeezed because its siblings' owners are slow, too. */
static bool
is_safe(const struct yamux *y)
{
	return yamux_charged(y) - y->buffered + y->promised <=
	       YAMUX_ACCOUNT_BYTES;
}

static void
set_window(struct yamux_stream *s, uint32_t window)
{
	s->y->promised -= promise(s);
	s->window = window;
	s->y->promised += promise(s);
}

/* A window that was used up within four round trips was too small. */
static void
window_grow(struct yamux_stream *s)
{
	const struct yamux *y = s->y;
	uint32_t window = s->window;

	if (y->rtt_ns == 0 || y->now_ns - s->update_ns >= 4 * y->rtt_ns ||
	    window * 2 > YAMUX_WINDOW_MAX)
		return;
	set_window(s, window * 2);
	if (is_safe(y))
		s->owed += window;
	else
		set_window(s, window);
}

static void
consumed(struct yamux_stream *s, size_t len)
{
	bool was_owed = yamux_stream_is_owed(s);

	s->owed += (uint32_t)len;
	if (!was_owed && yamux_stream_is_owed(s)) {
		window_grow(s);
		yamux_stream_mark(s);
	}
}

uint32_t
yamux_stream_credit(struct yamux_stream *s)
{
	uint32_t credit = s->owed;

	if (!yamux_stream_is_owed(s))
		return 0;
	s->owed = 0;
	s->recv_window += credit;
	s->update_ns = s->y->now_ns;
	return credit;
}

static struct yamux_stream *
largest(const struct yamux *y)
{
	struct yamux_stream *most = NULL;

	for (size_t i = 0; i < YAMUX_BUCKETS; i++) {
		struct yamux_stream *s = y->bucket[i];

		for (; s != NULL; s = s->chain) {
			if (most == NULL || s->size > most->size)
				most = s;
		}
	}
	return most;
}

static void
squeeze_out(struct yamux_stream *s)
{
	yamux_reset(s, YAMUX_CODE_LIMIT);
	s->y->ops->on_squeezed(s->y->ctx, s);
}

/* Resets the streams that buffer most until `more` bytes fit in the account.
 * False if `s` itself had to go. */
static bool
squeeze(struct yamux_stream *s, size_t more)
{
	struct yamux *y = s->y;

	while (yamux_charged(y) + more > YAMUX_ACCOUNT_BYTES) {
		struct yamux_stream *victim = largest(y);

		if (victim == NULL || victim->size < s->size + more)
			victim = s;
		squeeze_out(victim);
		if (victim == s)
			return false;
	}
	return true;
}

/* The window bounds `len` and what is buffered. */
static void
append(struct yamux_stream *s, const uint8_t *p, size_t len)
{
	size_t size = s->size == 0 ? BUFFER_MIN : s->size;

	if (s->len + len > s->limit) {
		squeeze_out(s);
		return;
	}
	if (s->head + s->len + len > s->size && s->head > 0) {
		memmove(s->buf, s->buf + s->head, s->len);
		s->head = 0;
	}
	while (size < s->len + len)
		size *= 2;
	if (size > s->size) {
		if (!squeeze(s, size - s->size))
			return;
		s->buf = mem_resize(s->buf, size);
		s->y->buffered += size - s->size;
		s->size = size;
	}
	memcpy(s->buf + s->head + s->len, p, len);
	s->len += len;
}

static size_t
give(struct yamux_stream *s, const uint8_t *p, size_t len)
{
	size_t n = s->y->ops->on_data(s->y->ctx, s, p, len);

	if (n > len)
		abort();
	if (!s->is_dead)
		consumed(s, n);
	return n;
}

static void
give_buffered(struct yamux_stream *s)
{
	size_t n;

	if (s->len > 0) {
		n = give(s, s->buf + s->head, s->len);
		if (s->is_dead)
			return;
		s->head += n;
		s->len -= n;
	}
	if (s->len > 0)
		return;
	buffer_drop(s);
	if (s->is_remote_shut && !s->is_eof_told) {
		s->is_eof_told = true;
		s->y->ops->on_eof(s->y->ctx, s);
	}
}

void
yamux_stream_data(struct yamux_stream *s, const uint8_t *p, size_t len)
{
	size_t n = 0;

	if (s->is_dead || s->is_released)
		return;
	if (s->len == 0) {
		n = give(s, p, len);
		if (n < len && !s->is_dead)
			append(s, p + n, len - n);
		return;
	}
	append(s, p, len);
	if (!s->is_dead)
		give_buffered(s);
}

void
yamux_stream_fin(struct yamux_stream *s)
{
	if (s->is_dead || s->is_released || s->is_remote_shut)
		return;
	s->is_remote_shut = true;
	if (s->len == 0)
		give_buffered(s);
}

void
yamux_offer(struct yamux_stream *s, uint64_t now_ns)
{
	if (s->is_dead || s->is_released)
		return;
	s->y->now_ns = now_ns;
	give_buffered(s);
}

/* --- for the owner ---------------------------------------------------- */

struct yamux_stream *
yamux_open(struct yamux *y, void *user, unsigned int stream_class)
{
	struct yamux_stream *s;

	if (y->stream_count[false] >= YAMUX_STREAMS_MAX || y->has_away ||
	    y->next_id > UINT32_MAX - 2)
		return NULL;
	s = yamux_stream_new(y, y->next_id, false);
	y->next_id += 2;
	s->user = user;
	s->stream_class = stream_class;
	yamux_want_write(s);
	return s;
}

void
yamux_set_user(struct yamux_stream *s, void *user)
{
	s->user = user;
}

void *
yamux_user(const struct yamux_stream *s)
{
	return s->user;
}

uint32_t
yamux_id(const struct yamux_stream *s)
{
	return s->id;
}

void
yamux_set_limit(struct yamux_stream *s, size_t limit)
{
	s->y->promised -= promise(s);
	s->limit =
	    limit < YAMUX_WINDOW_MAX ? (uint32_t)limit : YAMUX_WINDOW_MAX;
	s->y->promised += promise(s);
}

void
yamux_set_class(struct yamux_stream *s, unsigned int stream_class)
{
	s->stream_class = stream_class;
	list_remove(&s->ready);
	yamux_stream_ready(s);
}

void
yamux_want_write(struct yamux_stream *s)
{
	s->wants_write = true;
	yamux_stream_ready(s);
}

void
yamux_shutdown(struct yamux_stream *s)
{
	if (s->is_shut || s->is_dead)
		return;
	s->is_shut = true;
	s->has_fin = true;
	yamux_stream_ready(s);
	yamux_stream_mark(s);
}

void
yamux_reset(struct yamux_stream *s, uint32_t code)
{
	bool is_unknown = s->has_syn && !s->is_inbound;
	bool is_over = s->is_remote_shut && s->is_shut && !s->has_fin;

	if (s->is_dead)
		return;
	end(s);
	if (is_unknown || is_over)
		return;
	s->has_rst = true;
	s->rst_code = code;
	yamux_stream_mark(s);
}

void
yamux_release(struct yamux_stream *s)
{
	s->is_released = true;
	s->user = NULL;
	yamux_stream_reap(s);
}
