/* SPDX-License-Identifier: ISC */
/*
 * However bytes come, the same happens. A dialer of TLS and yamux alone, below
 * which there is no p2p_conn, cuts what it sends anywhere: the data of a
 * stream into frames, frames into records of TLS, records into what a socket
 * takes; and with each way of cutting the other end, a real one, has to answer
 * the same as if all of it came at once.
 */

#include "tests/unit/dm-net/libp2p/pair.h"

#define HEADER "\x13/multistream/1.0.0\n"
#define PING "\x11/ipfs/ping/1.0.0\n"
#define IDENT "\x0f/ipfs/id/1.0.0\n"
#define PUSH "\x14/ipfs/id/push/1.0.0\n"
#define APP "\x0c/test/1.0.0\n"
#define NOTHING "\x09/nothing\n"
#define UPGRADE_BYTES 32 /* the header and the choice of TLS, in the clear */
#define TEXT_MAX 4096

/* How it is cut. */
struct cut {
	size_t frame, record, wire; /* at most; SIZE_MAX: as it is */
	unsigned seed;		    /* not 0: at most, and at random */
};

struct talk {
	uint8_t out[TEXT_MAX];
	size_t out_len, sent;
	uint8_t in[TEXT_MAX];
	size_t in_len;
	bool is_eof, is_reset;
};

struct raw {
	struct cut cut;
	struct p2p_host *host; /* its keys */
	struct sendbuf out;
	struct tls *tls;
	struct yamux *y;
	size_t to_skip; /* of the answer in the clear */
	struct node node;
	struct app app;
	struct talk talk; /* the stream that we open */
	struct talk answer; /* ... or that carries the application's */
	bool is_answering;
	uint64_t now;
};

static size_t
piece(const struct raw *r, size_t most, size_t len)
{
	if (len > most)
		len = most;
	return r->cut.seed == 0 || len < 2 ? len : 1 + (size_t)rand() % len;
}

/* --- our streams ------------------------------------------------------- */

static bool
on_open(void *ctx, struct yamux_stream *s)
{
	struct raw *r = ctx;

	/* identify comes first, and is let wait */
	if (r->is_answering && r->answer.in_len == 0 && r->talk.in_len > 0)
		yamux_set_user(s, &r->answer);
	return true;
}

static size_t
on_data(void *ctx, struct yamux_stream *s, const uint8_t *data, size_t len)
{
	struct talk *t = yamux_user(s);

	if (t == NULL)
		return len;
	assert_true(len <= TEXT_MAX - t->in_len);
	memcpy(t->in + t->in_len, data, len);
	t->in_len += len;
	if (t->sent < t->out_len)
		yamux_want_write(s);
	return len;
}

static void
on_eof(void *ctx, struct yamux_stream *s)
{
	struct talk *t = yamux_user(s);

	if (t != NULL)
		t->is_eof = true;
}

static void
on_reset(void *ctx, struct yamux_stream *s, uint32_t code)
{
	struct talk *t = yamux_user(s);

	if (t != NULL)
		t->is_reset = true;
}

static void
on_squeezed(void *ctx, struct yamux_stream *s)
{
	fail();
}

static size_t
on_pull(void *ctx, struct yamux_stream *s, uint8_t *out, size_t room)
{
	struct raw *r = ctx;
	struct talk *t = yamux_user(s);
	size_t n;

	if (t == NULL)
		return 0;
	n = piece(r, r->cut.frame < room ? r->cut.frame : room,
	    t->out_len - t->sent);
	memcpy(out, t->out + t->sent, n);
	t->sent += n;
	if (t->sent == t->out_len)
		yamux_shutdown(s);
	return n;
}

static void
on_pong(void *ctx)
{
}

static const struct yamux_ops ops = {
    .on_open = on_open,
    .on_data = on_data,
    .on_eof = on_eof,
    .on_reset = on_reset,
    .on_squeezed = on_squeezed,
    .on_pull = on_pull,
    .on_pong = on_pong,
};

/* --- our connection ---------------------------------------------------- */

/* To the other end, as much as a socket takes. */
static bool
flush(struct raw *r)
{
	size_t n = piece(r, r->cut.wire, r->out.len), room;
	uint8_t *in;

	if (n == 0)
		return false;
	in = p2p_conn_recv_buffer(r->node.conn, &room);
	if (n > room)
		n = room;
	memcpy(in, r->out.bytes + r->out.head, n);
	sendbuf_taken(&r->out, n);
	p2p_conn_recv_done(r->node.conn, n, r->now);
	return true;
}

static void
put_frames(struct raw *r)
{
	uint8_t frames[TLS_PLAIN_MAX];
	size_t len = yamux_output(r->y, frames, sizeof(frames)), n;

	for (size_t at = 0; at < len; at += n) {
		while (!tls_can_write(r->tls))
			flush(r);
		n = piece(r, r->cut.record, len - at);
		assert_int_equal(tls_write(r->tls, frames + at, n), TLS_OK);
	}
}

static void
take(struct raw *r, const uint8_t *in, size_t len)
{
	size_t n = r->to_skip < len ? r->to_skip : len;
	uint8_t plain[TLS_PLAIN_MAX];

	r->to_skip -= n;
	tls_feed(r->tls, in + n, len - n, r->now);
	if (r->y == NULL && tls_handshake(r->tls) == TLS_OK) {
		assert_true(tls_has_muxer(r->tls));
		r->y = yamux_new(true, &ops, r);
	}
	while (r->y != NULL && tls_read(r->tls, plain, &n) == TLS_OK)
		assert_int_equal(
		    yamux_input(r->y, plain, n, r->now), YAMUX_OK);
}

static bool
hear(struct raw *r)
{
	const uint8_t *out;
	size_t len;

	if (p2p_conn_next_deadline_ns(r->node.conn) <= r->now)
		p2p_conn_turn(r->node.conn, r->now);
	out = p2p_conn_send_buffer(r->node.conn, &len, r->now);
	if (len == 0)
		return false;
	take(r, out, len);
	p2p_conn_send_done(r->node.conn, len, r->now);
	return true;
}

static void
pump(struct raw *r)
{
	bool moved;

	do {
		moved = flush(r);
		moved |= hear(r);
		if (r->y != NULL && yamux_has_output(r->y)) {
			put_frames(r);
			moved = true;
		}
	} while (moved);
}

static void
raw_init(struct raw *r, const struct cut *cut)
{
	struct multiaddr_raw remote = vector_addr("/ip4/192.0.2.7/tcp/7");

	memset(r, 0, sizeof(*r));
	r->cut = *cut;
	r->now = 100 * SECOND;
	r->to_skip = UPGRADE_BYTES;
	r->host = pair_host(SEED);
	r->node.host = pair_host(SEED2);
	r->app.is_echo = true;
	app_serve(&r->node, &r->app);
	r->node.conn = p2p_conn_new(
	    r->node.host, P2P_LISTENER, NULL, &remote, r->now, &r->node);
	sendbuf_put(&r->out, HEADER "\x0b/tls/1.0.0\n", UPGRADE_BYTES);
	r->tls = tls_new(r->host->tls_ctx, false, NULL, &r->out);
	assert_int_equal(tls_handshake(r->tls), TLS_WANT);
	pump(r);
	assert_non_null(r->y);
	assert_int_equal(r->node.established, 1);
}

static void
raw_clear(struct raw *r)
{
	yamux_free(r->y);
	tls_free(r->tls);
	sendbuf_clear(&r->out);
	p2p_conn_free(r->node.conn);
	p2p_host_free(r->node.host);
	p2p_host_free(r->host);
}

/* --- what is said ------------------------------------------------------- */

static void
add(struct talk *t, const void *bytes, size_t len)
{
	memcpy(t->out + t->out_len, bytes, len);
	t->out_len += len;
}

static void
add_pattern(struct talk *t, size_t len)
{
	for (size_t i = 0; i < len; i++)
		t->out[t->out_len++] = (uint8_t)(i % 251);
}

#define ADD(t, text) add(t, text, sizeof(text) - 1)

static void
say_pings(struct talk *t)
{
	ADD(t, HEADER PING);
	add_pattern(t, 5 * 32);
}

static void
say_part_of_a_ping(struct talk *t)
{
	ADD(t, HEADER PING);
	add_pattern(t, 40);
}

static void
say_identify(struct talk *t)
{
	ADD(t, HEADER IDENT);
}

/* With what the peer has to say, as it was made by another implementation. */
static void
say_push(struct talk *t)
{
	struct bytes message = hex(IDENTIFY);

	ADD(t, HEADER PUSH);
	add(t, message.at, message.len);
}

static void
say_second_choice(struct talk *t)
{
	ADD(t, HEADER NOTHING NOTHING PING);
	add_pattern(t, 32);
}

static void
say_echo(struct talk *t)
{
	ADD(t, HEADER APP);
	add_pattern(t, 1500);
}

static void
say_nonsense(struct talk *t)
{
	ADD(t, HEADER "\xff\xff\xff\xff");
}

static void
say_no_newline(struct talk *t)
{
	ADD(t, "\x13/multistream/1.0.0x" PING);
}

static void
say_too_little(struct talk *t)
{
	ADD(t, HEADER "\x11/ipfs/pi");
}

static const struct scene {
	const char *name;
	void (*say)(struct talk *);
	bool is_refused; /* what was answered before does not matter */
	unsigned identified;
} scenes[] = {
    {"pings", say_pings, false, 0},
    {"part of a ping", say_part_of_a_ping, false, 0},
    {"identify", say_identify, false, 0},
    {"push", say_push, false, 1},
    {"second choice", say_second_choice, false, 0},
    {"echo", say_echo, false, 0},
    {"nonsense", say_nonsense, true, 0},
    {"no newline", say_no_newline, true, 0},
    {"too little", say_too_little, true, 0},
};

/* --- the ways ------------------------------------------------------------ */

static const struct cut whole = {SIZE_MAX, SIZE_MAX, SIZE_MAX, 0};

static void
play(const struct scene *scene, const struct cut *cut, struct talk *out)
{
	static struct raw r;

	srand(cut->seed);
	raw_init(&r, cut);
	scene->say(&r.talk);
	assert_non_null(yamux_open(r.y, &r.talk, 0));
	pump(&r);
	assert_false(p2p_conn_is_closed(r.node.conn));
	assert_int_equal(r.node.identified, scene->identified);
	assert_false(r.app.is_wrong);
	*out = r.talk;
	raw_clear(&r);
}

static void
compare(const struct scene *scene, const struct cut *cut,
    const struct talk *expected)
{
	static struct talk got;

	play(scene, cut, &got);
	if (got.is_reset != expected->is_reset ||
	    (!scene->is_refused &&
		(got.is_eof != expected->is_eof ||
		    got.in_len != expected->in_len ||
		    memcmp(got.in, expected->in, got.in_len) != 0)))
		fail_msg("%s: cut at %zu, %zu, %zu, seed %u: %zu of %zu bytes",
		    scene->name, cut->frame, cut->record, cut->wire, cut->seed,
		    got.in_len, expected->in_len);
}

static void
test_streams(void **state)
{
	static const struct cut cuts[] = {
	    {1, SIZE_MAX, SIZE_MAX, 0},
	    {SIZE_MAX, 1, SIZE_MAX, 0},
	    {SIZE_MAX, SIZE_MAX, 1, 0},
	    {1, 1, SIZE_MAX, 0},
	    {7, 5, 3, 0},
	    {31, 11, 1000, 0},
	};
	static struct talk expected;

	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		play(&scenes[i], &whole, &expected);
		assert_true(expected.is_reset || expected.is_eof);
		assert_int_equal(expected.is_reset, scenes[i].is_refused);
		for (size_t j = 0; j < sizeof(cuts) / sizeof(cuts[0]); j++)
			compare(&scenes[i], &cuts[j], &expected);
		for (unsigned seed = 1; seed <= 20; seed++)
			compare(&scenes[i],
			    &(struct cut){seed * 3, seed * 7, seed * 50, seed},
			    &expected);
	}
}

/* What was expected above is right, too. */
static void
test_whole(void **state)
{
	static struct talk t;

	play(&scenes[0], &whole, &t);
	assert_int_equal(t.in_len, sizeof(HEADER PING) - 1 + 5 * 32);
	assert_memory_equal(t.in, t.out, t.in_len);
	play(&scenes[1], &whole, &t);
	assert_int_equal(t.in_len, sizeof(HEADER PING) - 1 + 32);
	play(&scenes[4], &whole, &t);
	assert_memory_equal(
	    t.in, HEADER "\3na\n\3na\n" PING, sizeof(HEADER PING) - 1 + 8);
	assert_int_equal(t.in_len, sizeof(HEADER PING) - 1 + 8 + 32);
	play(&scenes[5], &whole, &t);
	assert_int_equal(t.in_len, t.out_len);
	assert_memory_equal(t.in, t.out, t.in_len);
}

/* A stream that the other end opens: our answer to it is cut. */
static void
answer(const struct cut *cut)
{
	static struct raw r;
	struct app app = {.to_write = 100, .shuts_at_end = true};

	srand(cut->seed);
	raw_init(&r, cut);
	ADD(&r.answer, HEADER APP);
	add_pattern(&r.answer, 1000);
	r.is_answering = true;
	r.talk.in_len = 1;
	assert_non_null(app_start(&r.node, &app));
	pump(&r);
	assert_int_equal(app.opened, 1);
	assert_int_equal(app.got, 1000);
	assert_false(app.is_wrong);
	assert_int_equal(app.eofs, 1);
	assert_int_equal(app.closed, 1);
	assert_int_equal(app.end, P2P_END_DONE);
	assert_int_equal(r.answer.in_len, sizeof(HEADER APP) - 1 + 100);
	assert_true(r.answer.is_eof);
	raw_clear(&r);
}

static void
test_answers(void **state)
{
	answer(&whole);
	answer(&(struct cut){1, SIZE_MAX, SIZE_MAX, 0});
	answer(&(struct cut){SIZE_MAX, 1, 1, 0});
	answer(&(struct cut){1, 1, 1, 0});
	for (unsigned seed = 1; seed <= 20; seed++)
		answer(&(struct cut){seed * 3, seed * 7, seed * 50, seed});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_streams),
	    cmocka_unit_test(test_answers),
	};

	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
