/* SPDX-License-Identifier: ISC */
/*
 * identify (libp2p specs, identify): every side asks the other right after
 * set-up, and answers whoever asks; pushes are sent and accepted. The bytes of
 * a peer are collected until its end-of-file, within the codec's bound.
 */
#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/conn.h"
#include "dm-net/libp2p/mem.h"

#define MESSAGE_MAX (IDENTIFY_ENCODED_MAX + 2)
#define TOKENS_MAX 4
#define CHUNK 1024 /* what a reader grows by */

/* The message that a stream of identify reads or writes. */
struct text {
	uint8_t *bytes;
	size_t len;
	size_t done; /* written so far */
	size_t size;
};

static void
close_text(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	struct text *text = p2p_stream_user(s);

	if (text == NULL)
		return;
	free(text->bytes);
	free(text);
}

static void
open_text(struct p2p_stream *s)
{
	if (p2p_stream_user(s) == NULL)
		p2p_stream_set_user(s, mem_new(sizeof(struct text)));
	p2p_stream_set_limit(s, 0); /* all is taken as it comes */
	p2p_stream_set_deadline(
	    s, p2p_stream_conn(s)->now_ns + CONN_SERVICE_NS);
}

/* --- saying who we are ------------------------------------------------ */

/* If all does not fit in one message, the signed record goes alone: it has the
 * addresses, and peers prefer those. */
static size_t
describe(const struct p2p_conn *c, uint8_t out[static MESSAGE_MAX])
{
	const struct p2p_host *host = c->host;
	struct identify_self self = {
	    .id = &host->id,
	    .agent_version = host->agent,
	    .protocols = host->names,
	    .protocol_count = host->protocol_count,
	    .listen_addrs = host->addrs,
	    .listen_addr_count = host->addr_count,
	    .observed = c->has_remote ? &c->remote : NULL,
	    .record = {host->record, host->record_len},
	};
	size_t len = identify_encode(out, MESSAGE_MAX, &self);

	if (len == 0) {
		self.listen_addr_count = 0;
		len = identify_encode(out, MESSAGE_MAX, &self);
	}
	return len;
}

static struct text *
text_about_us(const struct p2p_conn *c)
{
	struct text *text = mem_new(sizeof(*text));

	text->bytes = mem_new(MESSAGE_MAX);
	text->len = describe(c, text->bytes);
	return text;
}

static void
on_asked(struct p2p_stream *s)
{
	p2p_stream_set_user(s, text_about_us(p2p_stream_conn(s)));
	open_text(s);
}

static size_t
on_say(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct text *text = p2p_stream_user(s);
	size_t n = text->len - text->done;

	if (n > room)
		n = room;
	memcpy(out, text->bytes + text->done, n);
	text->done += n;
	if (text->done == text->len)
		p2p_stream_shutdown(s);
	return n;
}

/* The end of the other direction needs no answer: ours ends by itself. */
static void
on_heard_all(struct p2p_stream *s)
{
}

const struct p2p_stream_handlers service_identify = {
    .on_open = on_asked,
    .on_writable = on_say,
    .on_eof = on_heard_all,
    .on_closed = close_text,
};

static const struct p2p_stream_handlers push_out = {
    .on_open = open_text,
    .on_writable = on_say,
    .on_eof = on_heard_all,
    .on_closed = close_text,
};

/* --- hearing who they are --------------------------------------------- */

static size_t
on_text(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	struct text *text = p2p_stream_user(s);

	if (len > IDENTIFY_STREAM_MAX - text->len) {
		p2p_stream_reset(s, P2P_RESET_PROTOCOL);
		return len;
	}
	if (text->len + len > text->size) {
		text->size = text->len + len + CHUNK;
		text->bytes = mem_resize(text->bytes, text->size);
	}
	memcpy(text->bytes + text->len, data, len);
	text->len += len;
	return len;
}

/* Each costs a signature check, so they are rationed. */
static bool
take_token(struct p2p_conn *c)
{
	uint64_t earned = (c->now_ns - c->identify_ns) / CONN_SECOND_NS;

	if (earned > 0) {
		c->identify_ns = c->now_ns;
		c->identify_tokens =
		    earned >= TOKENS_MAX - c->identify_tokens
			? TOKENS_MAX
			: c->identify_tokens + (unsigned int)earned;
	}
	if (c->identify_tokens == 0)
		return false;
	c->identify_tokens--;
	return true;
}

static void
learn(struct p2p_stream *s, bool is_push)
{
	struct p2p_conn *c = p2p_stream_conn(s);
	struct text *text = p2p_stream_user(s);
	struct identify id;

	if (!take_token(c)) {
		p2p_stream_reset(s, P2P_RESET_RATE);
		return;
	}
	if (identify_decode(&id, text->bytes, text->len, tls_peer(c->tls),
		is_push) != IDENTIFY_OK) {
		p2p_stream_reset(s, P2P_RESET_PROTOCOL);
		return;
	}
	p2p_stream_shutdown(s);
	if (id.protocol_count > 0) /* a push may leave them out */
		c->has_push =
		    identify_has_protocol(&id, IDENTIFY_PUSH_PROTOCOL);
	if (c->host->callbacks->on_identify != NULL)
		c->host->callbacks->on_identify(c, &id);
}

static void
on_answer(struct p2p_stream *s)
{
	learn(s, false);
}

static void
on_push(struct p2p_stream *s)
{
	learn(s, true);
}

const struct p2p_stream_handlers service_push = {
    .on_open = open_text,
    .on_data = on_text,
    .on_eof = on_push,
    .on_closed = close_text,
};

static const struct p2p_stream_handlers ask = {
    .on_open = open_text,
    .on_data = on_text,
    .on_eof = on_answer,
    .on_closed = close_text,
};

void
service_start(struct p2p_conn *c)
{
	c->identify_tokens = TOKENS_MAX;
	c->identify_ns = c->now_ns;
	p2p_stream_open(c, IDENTIFY_PROTOCOL, P2P_CLASS_CONTROL, &ask, NULL);
}

void
p2p_conn_push_identify(struct p2p_conn *c)
{
	struct text *text;

	if (!c->has_push || !p2p_conn_is_established(c))
		return;
	text = text_about_us(c);
	if (p2p_stream_open(c, IDENTIFY_PUSH_PROTOCOL, P2P_CLASS_CONTROL,
		&push_out, text) == NULL) {
		free(text->bytes);
		free(text);
	}
}
