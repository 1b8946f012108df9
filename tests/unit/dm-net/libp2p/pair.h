/* SPDX-License-Identifier: ISC */
/*
 * Two hosts of libp2p and one connection between them, over memory and in
 * virtual time; and an application for their streams that notes what happens.
 */
#ifndef TESTS_LIBP2P_PAIR_H
#define TESTS_LIBP2P_PAIR_H

#include "dm-net/libp2p/conn.h"
#include "tests/unit/dm-net/libp2p/badcert.h"

#define SEED2 "2222222222222222222222222222222222222222222222222222222222222222"
#define TEST_PROTOCOL "/test/1.0.0"
#define SECOND 1000000000ull

/* One end of the connection. */
struct node {
	struct p2p_host *host;
	struct p2p_conn *conn;
	bool is_refusing; /* judge_peer says no */
	bool is_closing;  /* on_established closes it */
	bool is_deaf;	  /* what is sent to it stays in the pipe */
	unsigned int judged, established, identified, closed, woken;
	struct peer_id peer;
	struct identify identify;
	enum p2p_reason reason;
	char text[100];
};

struct pair {
	struct node a, b; /* a dials */
	uint64_t now;
	size_t step; /* how much goes over at once */
};

/* What a stream of the application was told. */
struct app {
	struct p2p_stream *stream;
	unsigned int opened, eofs, closed;
	enum p2p_end end;
	uint32_t code;
	size_t got;
	bool is_wrong;
	bool is_hoarding;
	bool is_echo; /* as much as comes goes back */
	bool shuts_at_end, resets_at_data;
	size_t to_write;
	size_t wrote;
};

/* --- the host's side -------------------------------------------------- */

static inline bool
pair_judge(struct p2p_conn *c, const struct peer_id *peer)
{
	struct node *node = p2p_conn_user(c);

	node->judged++;
	node->peer = *peer;
	return !node->is_refusing;
}

static inline void
pair_established(struct p2p_conn *c, const struct peer_id *peer)
{
	struct node *node = p2p_conn_user(c);

	node->established++;
	node->peer = *peer;
	if (node->is_closing)
		p2p_conn_close(c, 0, "enough");
}

static inline void
pair_identify(struct p2p_conn *c, const struct identify *id)
{
	struct node *node = p2p_conn_user(c);

	node->identified++;
	node->identify = *id;
}

static inline void
pair_closed(struct p2p_conn *c, enum p2p_reason reason, const char *text)
{
	struct node *node = p2p_conn_user(c);

	node->closed++;
	node->reason = reason;
	snprintf(node->text, sizeof(node->text), "%s", text);
}

static inline void
pair_wake(struct p2p_conn *c)
{
	((struct node *)p2p_conn_user(c))->woken++;
}

static const struct p2p_callbacks pair_callbacks = {
    .judge_peer = pair_judge,
    .on_established = pair_established,
    .on_identify = pair_identify,
    .on_closed = pair_closed,
    .on_wake = pair_wake,
};

static inline struct p2p_host *
pair_host(const char *seed)
{
	struct p2p_tls_key *key = p2p_tls_key_new();
	EVP_PKEY *identity = badcert_identity(seed);
	uint8_t spki[P2P_SPKI_LEN], signature[64], public_key[32];
	size_t len = sizeof(public_key);
	struct p2p_host *host;

	p2p_tls_key_spki(key, spki);
	badcert_sign(seed, spki, sizeof(spki), signature);
	EVP_PKEY_get_raw_public_key(identity, public_key, &len);
	host = p2p_host_new(&(struct p2p_host_config){
	    .tls_key = key,
	    .ed25519_key = public_key,
	    .signature = signature,
	    .agent = "test",
	    .callbacks = &pair_callbacks,
	});
	assert_non_null(host);
	p2p_host_set_wall_time(host, 1800000000);
	p2p_tls_key_free(key);
	EVP_PKEY_free(identity);
	return host;
}

/* --- the application -------------------------------------------------- */

static inline void
app_open(struct p2p_stream *s)
{
	struct app *app = p2p_stream_user(s);

	app->stream = s;
	app->opened++;
}

static inline size_t
app_data(struct p2p_stream *s, const uint8_t *p, size_t len)
{
	struct app *app = p2p_stream_user(s);

	if (app->is_hoarding)
		return 0;
	for (size_t i = 0; i < len; i++)
		app->is_wrong |= p[i] != (uint8_t)((app->got + i) % 251);
	app->got += len;
	if (app->is_echo) {
		app->to_write += len;
		p2p_stream_want_write(s);
	}
	if (app->resets_at_data)
		p2p_stream_reset(s, 77);
	return len;
}

static inline size_t
app_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct app *app = p2p_stream_user(s);
	size_t n = app->to_write < room ? app->to_write : room;

	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)((app->wrote + i) % 251);
	app->wrote += n;
	app->to_write -= n;
	if (app->to_write == 0 && app->shuts_at_end)
		p2p_stream_shutdown(s);
	return n;
}

static inline void
app_eof(struct p2p_stream *s)
{
	struct app *app = p2p_stream_user(s);

	app->eofs++;
	app->shuts_at_end |= app->is_echo;
	p2p_stream_want_write(s);
}

static inline void
app_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	struct app *app = p2p_stream_user(s);

	app->closed++;
	app->end = end;
	app->code = code;
	app->stream = NULL;
}

static const struct p2p_stream_handlers app_handlers = {
    .on_open = app_open,
    .on_data = app_data,
    .on_eof = app_eof,
    .on_writable = app_writable,
    .on_closed = app_closed,
};

/* Serves TEST_PROTOCOL with this one application; before any connection. */
static inline void
app_serve(struct node *node, struct app *app)
{
	p2p_host_serve(node->host, TEST_PROTOCOL, P2P_CLASS_SMALL_FILE,
	    P2P_STREAMS_MAX, &app_handlers, app);
}

static inline struct p2p_stream *
app_start(struct node *node, struct app *app)
{
	app->stream = p2p_stream_open(node->conn, TEST_PROTOCOL,
	    P2P_CLASS_SMALL_FILE, &app_handlers, app);
	return app->stream;
}

/* --- the pair --------------------------------------------------------- */

static inline void
pair_init(struct pair *p)
{
	memset(p, 0, sizeof(*p));
	p->now = 100 * SECOND;
	p->step = 65536;
	p->a.host = pair_host(SEED);
	p->b.host = pair_host(SEED2);
}

static inline void
pair_connect(struct pair *p, const struct peer_id *expected)
{
	struct multiaddr_raw remote = vector_addr("/ip4/192.0.2.7/tcp/7");

	p->a.conn = p2p_conn_new(
	    p->a.host, P2P_DIALER, expected, &remote, p->now, &p->a);
	p->b.conn =
	    p2p_conn_new(p->b.host, P2P_LISTENER, NULL, &remote, p->now, &p->b);
}

/* Moves what fits in one step; false if nothing moved. */
static inline bool
pair_move(struct pair *p, struct node *from, struct node *to)
{
	size_t len, room;
	const uint8_t *out;
	uint8_t *in;

	if (p2p_conn_next_deadline_ns(from->conn) <= p->now)
		p2p_conn_turn(from->conn, p->now);
	out = p2p_conn_send_buffer(from->conn, &len, p->now);
	if (len == 0)
		return false;
	if (to->is_deaf) {
		p2p_conn_send_done(from->conn, 0, p->now);
		return false;
	}
	if (len > p->step)
		len = p->step;
	in = p2p_conn_recv_buffer(to->conn, &room);
	memcpy(in, out, len);
	p2p_conn_send_done(from->conn, len, p->now);
	p2p_conn_recv_done(to->conn, len, p->now);
	return true;
}

/* Until nothing moves any more. */
static inline void
pair_pump(struct pair *p)
{
	bool moved;

	do {
		moved = pair_move(p, &p->a, &p->b);
		moved |= pair_move(p, &p->b, &p->a);
	} while (moved);
}

/* Lets time pass, with everything that is due. */
static inline void
pair_wait(struct pair *p, uint64_t ns)
{
	uint64_t end = p->now + ns;

	while (p->now < end) {
		uint64_t at = p2p_conn_next_deadline_ns(p->a.conn);
		uint64_t b_at = p2p_conn_next_deadline_ns(p->b.conn);

		if (b_at < at)
			at = b_at;
		p->now = at < end ? (at > p->now ? at : p->now + 1) : end;
		p2p_conn_turn(p->a.conn, p->now);
		p2p_conn_turn(p->b.conn, p->now);
		pair_pump(p);
	}
}

static inline void
pair_clear(struct pair *p)
{
	p2p_conn_free(p->a.conn);
	p2p_conn_free(p->b.conn);
	p2p_host_free(p->a.host);
	p2p_host_free(p->b.host);
}

#endif
