/* SPDX-License-Identifier: ISC */
#include "tests/interop/cserve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/interop/cloop.h"

#define PERIOD 251
#define ECHO_BYTES (64 * 1024)

struct echo {
	uint8_t bytes[ECHO_BYTES];
	size_t head;
	size_t len;
	bool is_eof;
};

struct counter {
	uint8_t bytes[8];
	size_t have;
	uint64_t count;
	uint64_t done;
};

/* The pattern twice, so that any period of it can be copied from here. */
static const uint8_t *
table(void)
{
	static uint8_t bytes[64 * PERIOD];

	if (bytes[1] == 0) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(i % PERIOD);
	}
	return bytes;
}

void
cserve_pattern(uint8_t *out, size_t len, uint64_t offset)
{
	while (len > 0) {
		size_t at = offset % PERIOD;
		size_t n = 63 * PERIOD < len ? 63 * PERIOD : len;

		memcpy(out, table() + at, n);
		out += n;
		len -= n;
		offset += n;
	}
}

bool
cserve_is_pattern(const uint8_t *in, size_t len, uint64_t offset)
{
	while (len > 0) {
		size_t at = offset % PERIOD;
		size_t n = 63 * PERIOD < len ? 63 * PERIOD : len;

		if (memcmp(in, table() + at, n) != 0)
			return false;
		in += n;
		len -= n;
		offset += n;
	}
	return true;
}

void
cserve_put64(uint8_t out[static 8], uint64_t value)
{
	for (size_t i = 0; i < 8; i++)
		out[i] = (uint8_t)(value >> (56 - 8 * i));
}

uint64_t
cserve_get64(const uint8_t in[static 8])
{
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++)
		value = value << 8 | in[i];
	return value;
}

static void
on_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	free(p2p_stream_user(s));
}

/* --- echo -------------------------------------------------------------- */

static void
echo_open(struct p2p_stream *s)
{
	p2p_stream_set_user(s, calloc(1, sizeof(struct echo)));
}

static size_t
echo_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	struct echo *echo = p2p_stream_user(s);
	size_t room;

	if (echo->head > 0) {
		memmove(echo->bytes, echo->bytes + echo->head, echo->len);
		echo->head = 0;
	}
	room = ECHO_BYTES - echo->len;
	if (len > room)
		len = room;
	memcpy(echo->bytes + echo->len, data, len);
	echo->len += len;
	p2p_stream_want_write(s);
	return len;
}

static size_t
echo_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct echo *echo = p2p_stream_user(s);
	size_t n = echo->len < room ? echo->len : room;

	memcpy(out, echo->bytes + echo->head, n);
	echo->head += n;
	echo->len -= n;
	if (echo->len == 0 && echo->is_eof)
		p2p_stream_shutdown(s);
	else if (n > 0 && echo->len < ECHO_BYTES / 2)
		p2p_stream_want_read(s);
	return n;
}

static void
echo_eof(struct p2p_stream *s)
{
	struct echo *echo = p2p_stream_user(s);

	echo->is_eof = true;
	if (echo->len == 0)
		p2p_stream_shutdown(s);
}

static const struct p2p_stream_handlers echo_handlers = {
    .on_open = echo_open,
    .on_data = echo_data,
    .on_eof = echo_eof,
    .on_writable = echo_writable,
    .on_closed = on_closed,
};

/* --- discard and source ------------------------------------------------ */

static void
counter_open(struct p2p_stream *s)
{
	p2p_stream_set_user(s, calloc(1, sizeof(struct counter)));
}

static size_t
discard_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	struct counter *c = p2p_stream_user(s);

	c->count += len;
	return len;
}

static void
discard_eof(struct p2p_stream *s)
{
	struct counter *c = p2p_stream_user(s);

	cserve_put64(c->bytes, c->count);
	c->have = 8;
	p2p_stream_want_write(s);
}

static size_t
discard_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct counter *c = p2p_stream_user(s);
	size_t n = c->have < room ? c->have : room;

	memcpy(out, c->bytes + 8 - c->have, n);
	c->have -= n;
	if (n > 0 && c->have == 0)
		p2p_stream_shutdown(s);
	return n;
}

static size_t
source_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	struct counter *c = p2p_stream_user(s);

	for (size_t i = 0; i < len && c->have < 8; i++) {
		c->bytes[c->have++] = data[i];
		if (c->have == 8) {
			c->count = cserve_get64(c->bytes);
			p2p_stream_want_write(s);
		}
	}
	return len;
}

static void
source_eof(struct p2p_stream *s)
{
}

static size_t
source_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct counter *c = p2p_stream_user(s);
	uint64_t left = c->count - c->done;
	size_t n = left < room ? (size_t)left : room;

	if (c->have < 8)
		return 0;
	cserve_pattern(out, n, c->done);
	c->done += n;
	if (c->done == c->count)
		p2p_stream_shutdown(s);
	return n;
}

static const struct p2p_stream_handlers discard_handlers = {
    .on_open = counter_open,
    .on_data = discard_data,
    .on_eof = discard_eof,
    .on_writable = discard_writable,
    .on_closed = on_closed,
};

static const struct p2p_stream_handlers source_handlers = {
    .on_open = counter_open,
    .on_data = source_data,
    .on_eof = source_eof,
    .on_writable = source_writable,
    .on_closed = on_closed,
};

/* --- what is known -------------------------------------------------------- */

struct text {
	char *bytes;
	size_t len;
	size_t done;
};

static void
known_eof(struct p2p_stream *s)
{
	const struct cloop *loop =
	    p2p_host_user(p2p_conn_host(p2p_stream_conn(s)));
	const struct identify *id = loop->identify;
	struct text *text = calloc(1, sizeof(*text));
	FILE *f = open_memstream(&text->bytes, &text->len);
	char line[MULTIADDR_TEXT_SIZE];

	for (size_t i = 0; id != NULL && i < id->addr_count; i++) {
		multiaddr_to_text(&id->addrs[i], line);
		fprintf(f, "%s\n", line);
	}
	for (size_t i = 0; id != NULL && i < id->protocol_count; i++)
		fprintf(f, "%s\n", id->protocols[i]);
	fclose(f);
	p2p_stream_set_user(s, text);
	p2p_stream_want_write(s);
}

static size_t
known_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct text *text = p2p_stream_user(s);
	size_t left = text == NULL ? 0 : text->len - text->done;
	size_t n = left < room ? left : room;

	if (text == NULL)
		return 0; /* the question has not ended */
	memcpy(out, text->bytes + text->done, n);
	text->done += n;
	if (text->done == text->len)
		p2p_stream_shutdown(s);
	return n;
}

static void
known_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	struct text *text = p2p_stream_user(s);

	if (text != NULL)
		free(text->bytes);
	on_closed(s, end, code);
}

static const struct p2p_stream_handlers known_handlers = {
    .on_eof = known_eof,
    .on_writable = known_writable,
    .on_closed = known_closed,
};

void
cserve(struct p2p_host *host)
{
	p2p_host_serve(host, KNOWN_PROTOCOL, P2P_CLASS_CONTROL, P2P_STREAMS_MAX,
	    &known_handlers, NULL);
	p2p_host_serve(host, ECHO_PROTOCOL, P2P_CLASS_SMALL_FILE,
	    P2P_STREAMS_MAX, &echo_handlers, NULL);
	p2p_host_serve(host, DISCARD_PROTOCOL, P2P_CLASS_LARGE_FILE,
	    P2P_STREAMS_MAX, &discard_handlers, NULL);
	p2p_host_serve(host, SOURCE_PROTOCOL, P2P_CLASS_LARGE_FILE,
	    P2P_STREAMS_MAX, &source_handlers, NULL);
}
