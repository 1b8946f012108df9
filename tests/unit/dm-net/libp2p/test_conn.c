/* SPDX-License-Identifier: ISC */
#include "tests/unit/dm-net/libp2p/pair.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

static struct peer_id
id_of(const char *seed)
{
	EVP_PKEY *key = badcert_identity(seed);
	uint8_t public_key[32];
	size_t len = sizeof(public_key);
	struct peer_id id;

	EVP_PKEY_get_raw_public_key(key, public_key, &len);
	assert_true(peer_id_from_key(&id, public_key));
	EVP_PKEY_free(key);
	return id;
}

/* --- set-up ----------------------------------------------------------- */

static void
connects(enum tls_alpn alpn, size_t step)
{
	struct peer_id a_id = id_of(SEED), b_id = id_of(SEED2);
	struct pair p;

	pair_init(&p);
	p.step = step;
	tls_ctx_set_alpn(p.a.host->tls_ctx, alpn);
	pair_connect(&p, &b_id);
	pair_pump(&p);
	assert_int_equal(p.a.established, 1);
	assert_int_equal(p.b.established, 1);
	assert_int_equal(p.a.judged, 1);
	assert_true(peer_id_equal(&p.a.peer, &b_id));
	assert_true(peer_id_equal(&p.b.peer, &a_id));
	assert_true(p2p_conn_is_established(p.a.conn));
	assert_int_equal(tls_has_muxer(p.a.conn->tls), alpn == TLS_ALPN_MUXER);
	/* Both asked who the other is, and both pinged. */
	assert_int_equal(p.a.identified, 1);
	assert_int_equal(p.b.identified, 1);
	assert_string_equal(p.a.identify.agent_version, "test");
	assert_true(p.a.identify.has_observed);
	assert_true(p2p_conn_rtt_ns(p.a.conn) > 0);
	assert_true(p2p_conn_rtt_ns(p.b.conn) > 0);
	/* And then there is silence. */
	assert_false(p2p_conn_wants_write(p.a.conn));
	assert_true(p2p_conn_wants_read(p.a.conn));
	assert_int_equal(
	    p2p_conn_next_deadline_ns(p.a.conn), p.now + CONN_PING_NS);
	pair_clear(&p);
}

static void
test_connects(void **state)
{
	for (size_t step = 1; step < 70000; step = step * 3 + 1) {
		connects(TLS_ALPN_MUXER, step);
		connects(TLS_ALPN_PLAIN, step);
		connects(TLS_ALPN_NONE, step);
	}
}

static void
test_wrong_peer(void **state)
{
	struct peer_id other = other_id();
	struct pair p;

	pair_init(&p);
	pair_connect(&p, &other);
	pair_pump(&p);
	assert_int_equal(p.a.closed, 1);
	assert_int_equal(p.a.reason, P2P_REASON_WRONG_PEER);
	assert_int_equal(p.a.judged, 0);
	assert_int_equal(p.b.closed, 1);
	assert_int_equal(p.b.reason, P2P_REASON_ALERT);
	assert_int_equal(p.a.established + p.b.established, 0);
	pair_clear(&p);
}

static void
test_ourselves(void **state)
{
	struct pair p;

	pair_init(&p);
	p2p_host_free(p.b.host);
	p.b.host = pair_host(SEED);
	pair_connect(&p, NULL);
	pair_pump(&p);
	assert_int_equal(p.a.reason, P2P_REASON_WRONG_PEER);
	assert_int_equal(p.a.established + p.b.established, 0);
	pair_clear(&p);
}

static void
test_refused_peer(void **state)
{
	struct pair p;

	pair_init(&p);
	p.b.is_refusing = true;
	pair_connect(&p, NULL);
	pair_pump(&p);
	assert_int_equal(p.b.judged, 1);
	assert_int_equal(p.b.reason, P2P_REASON_REFUSED);
	/* It was told nothing: no stream, no identify. */
	assert_int_equal(p.a.identified, 0);
	assert_int_equal(p.a.reason, P2P_REASON_EOF);
	pair_clear(&p);
}

static void
test_setup_has_ten_seconds(void **state)
{
	struct pair p;

	pair_init(&p);
	p.b.is_deaf = true;
	pair_connect(&p, NULL);
	pair_wait(&p, 10 * SECOND - 1);
	assert_int_equal(p.a.closed + p.b.closed, 0);
	pair_wait(&p, 2 * SECOND);
	assert_int_equal(p.b.reason, P2P_REASON_SETUP);
	assert_int_equal(p.a.closed, 1);
	pair_clear(&p);
}

/* A byte a second does not make it longer. */
static void
test_slow_dialer(void **state)
{
	struct pair p;
	size_t room;

	pair_init(&p);
	pair_connect(&p, NULL);
	for (unsigned int i = 0; i < 11 && p.b.closed == 0; i++) {
		*p2p_conn_recv_buffer(p.b.conn, &room) =
		    (uint8_t) "\x13/multistream/1.0.0"[i];
		p2p_conn_recv_done(p.b.conn, 1, p.now);
		p.now += SECOND;
	}
	assert_int_equal(p.b.reason, P2P_REASON_SETUP);
	pair_clear(&p);
}

static void
test_plain_garbage(void **state)
{
	static const char *const rows[] = {
	    "00",
	    "ff7f",
	    "8080",
	    "03616263",
	    "132f6d756c746973747265616d2f322e302e300a",
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bytes b = hex(rows[i]);
		struct pair p;
		size_t room;

		pair_init(&p);
		pair_connect(&p, NULL);
		memcpy(p2p_conn_recv_buffer(p.b.conn, &room), b.at, b.len);
		p2p_conn_recv_done(p.b.conn, b.len, p.now);
		assert_int_equal(p.b.reason, P2P_REASON_PROTOCOL);
		assert_int_equal(p.b.closed, 1);
		assert_false(p2p_conn_wants_read(p.b.conn));
		pair_clear(&p);
	}
}

/* --- peers that are not ours ------------------------------------------ */

struct stranger {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out; /* memory */
};

static int
any_cert(X509_STORE_CTX *store, void *arg)
{
	return 1;
}

static void
stranger_init(struct stranger *s, X509 *cert, EVP_PKEY *key, int version)
{
	s->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_max_proto_version(s->ctx, version);
	SSL_CTX_set_security_level(s->ctx, 0);
	SSL_CTX_set_cert_verify_callback(s->ctx, any_cert, NULL);
	if (cert != NULL) {
		assert_int_equal(SSL_CTX_use_certificate(s->ctx, cert), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey(s->ctx, key), 1);
	}
	s->ssl = SSL_new(s->ctx);
	s->in = BIO_new(BIO_s_mem());
	s->out = BIO_new(BIO_s_mem());
	SSL_set_bio(s->ssl, s->in, s->out);
	SSL_set_connect_state(s->ssl);
}

static void
stranger_clear(struct stranger *s)
{
	SSL_free(s->ssl);
	SSL_CTX_free(s->ctx);
	ERR_clear_error();
}

/* Everything there is, in both directions; what we say in the clear first is
 * skipped. */
static void
stranger_pump(struct stranger *s, struct p2p_conn *c, uint64_t now, size_t skip)
{
	uint8_t buf[16384];
	bool moved = true;

	while (moved) {
		size_t room, len;
		const uint8_t *p;
		int n;

		if (!SSL_is_init_finished(s->ssl))
			SSL_do_handshake(s->ssl);
		else
			SSL_read(s->ssl, buf, sizeof(buf));
		n = BIO_read(s->out, p2p_conn_recv_buffer(c, &room), 65536);
		if (n > 0)
			p2p_conn_recv_done(c, (size_t)n, now);
		p = p2p_conn_send_buffer(c, &len, now);
		moved = n > 0 || len > 0;
		if (len == 0)
			continue;
		BIO_write(s->in, p + skip, (int)(len - skip));
		skip = 0;
		p2p_conn_send_done(c, len, now);
	}
}

/* As rust does, the ClientHello comes with the proposal of TLS. */
static void
stranger_dials(struct pair *p, struct stranger *s)
{
	struct bytes select = hex("132f6d756c746973747265616d2f312e302e300a"
				  "0b2f746c732f312e302e300a");
	size_t room;

	pair_init(p);
	pair_connect(p, NULL);
	memcpy(p2p_conn_recv_buffer(p->b.conn, &room), select.at, select.len);
	p2p_conn_recv_done(p->b.conn, select.len, p->now);
	stranger_pump(s, p->b.conn, p->now, 32);
}

static void
refuses(struct stranger *s)
{
	struct pair p;

	stranger_dials(&p, s);
	assert_int_equal(p.b.established, 0);
	assert_int_equal(p.b.judged, 0);
	assert_int_equal(p.b.closed, 1);
	assert_int_equal(p.b.reason, P2P_REASON_TLS);
	pair_clear(&p);
	stranger_clear(s);
}

static void
refuses_cert(const struct badcert *bad)
{
	struct stranger s;
	EVP_PKEY *key;
	X509 *cert = badcert_make(bad, &key);

	stranger_init(&s, cert, key, TLS1_3_VERSION);
	refuses(&s);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void
test_bad_certificates(void **state)
{
	refuses_cert(&(struct badcert){.not_after = "20260101000000Z"});
	refuses_cert(&(struct badcert){.has_bad_binding = true});
	refuses_cert(&(struct badcert){.extensions = -1});
	refuses_cert(&(struct badcert){.foreign = 2});
	refuses_cert(&(struct badcert){.key = EVP_RSA_gen(2048)});
}

static void
test_good_stranger(void **state)
{
	struct stranger s;
	struct pair p;
	EVP_PKEY *key;
	X509 *cert = badcert_make(&(struct badcert){0}, &key);

	stranger_init(&s, cert, key, TLS1_3_VERSION);
	SSL_set_alpn_protos(
	    s.ssl, (const unsigned char *)"\x0c/yamux/1.0.0", 13);
	stranger_dials(&p, &s);
	assert_int_equal(p.b.established, 1);
	pair_clear(&p);
	stranger_clear(&s);
	/* Offering only muxers we do not have is refused by TLS. */
	stranger_init(&s, cert, key, TLS1_3_VERSION);
	SSL_set_alpn_protos(
	    s.ssl, (const unsigned char *)"\x0b/mplex/6.7.0", 12);
	refuses(&s);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void
test_two_certificates(void **state)
{
	struct stranger s;
	EVP_PKEY *key, *key2;
	X509 *cert = badcert_make(&(struct badcert){0}, &key);
	X509 *cert2 = badcert_make(&(struct badcert){0}, &key2);

	stranger_init(&s, cert, key, TLS1_3_VERSION);
	assert_int_equal(SSL_add1_chain_cert(s.ssl, cert2), 1);
	refuses(&s);
	X509_free(cert);
	X509_free(cert2);
	EVP_PKEY_free(key);
	EVP_PKEY_free(key2);
}

static void
test_no_certificate_and_old_tls(void **state)
{
	struct stranger s;
	EVP_PKEY *key;
	X509 *cert = badcert_make(&(struct badcert){0}, &key);

	stranger_init(&s, NULL, NULL, TLS1_3_VERSION);
	refuses(&s);
	stranger_init(&s, cert, key, TLS1_2_VERSION);
	refuses(&s);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* --- keys ------------------------------------------------------------- */

static unsigned int key_updates;

static void
count_key_updates(int is_write, int version, int type, const void *buf,
    size_t len, SSL *ssl, void *arg)
{
	if (is_write && type == SSL3_RT_HANDSHAKE && len > 0 &&
	    *(const uint8_t *)buf == SSL3_MT_KEY_UPDATE)
		key_updates++;
}

static void
test_rekeying(void **state)
{
	struct app a = {.to_write = 1 << 20, .shuts_at_end = true};
	struct app b = {.is_echo = true};
	struct pair p;

	pair_init(&p);
	app_serve(&p.b, &b);
	tls_ctx_set_rekey(p.a.host->tls_ctx, 8);
	pair_connect(&p, NULL);
	pair_pump(&p);
	assert_non_null(app_start(&p.a, &a));
	key_updates = 0;
	SSL_set_msg_callback(tls_ssl(p.a.conn->tls), count_key_updates);
	for (unsigned int i = 0; i < 60; i++)
		pair_wait(&p, SECOND / 2);
	assert_int_equal(a.got, 1 << 20);
	assert_true(key_updates >= 8); /* of 64 records or more */
	assert_false(a.is_wrong);
	assert_int_equal(a.end, P2P_END_DONE);
	assert_int_equal(p.a.closed + p.b.closed, 0);
	pair_clear(&p);
}

static void
test_key_update_flood(void **state)
{
	struct pair p;

	pair_init(&p);
	pair_connect(&p, NULL);
	pair_pump(&p);
	for (unsigned int i = 0; i < 10 * TLS_MESSAGES_BURST; i++) {
		if (p.b.closed > 0)
			break;
		SSL_key_update(
		    tls_ssl(p.a.conn->tls), SSL_KEY_UPDATE_REQUESTED);
		SSL_do_handshake(tls_ssl(p.a.conn->tls));
		pair_pump(&p);
	}
	assert_int_equal(p.b.reason, P2P_REASON_FLOOD);
	pair_clear(&p);
}

/* --- life and death --------------------------------------------------- */

static void
test_pings_go_on(void **state)
{
	struct pair p;

	pair_init(&p);
	pair_connect(&p, NULL);
	pair_pump(&p);
	pair_wait(&p, 300 * SECOND);
	assert_int_equal(p.a.closed + p.b.closed, 0);
	pair_clear(&p);
}

/* One side's pings tell both that the other is there. */
static void
test_one_side_pings(void **state)
{
	struct pair p;
	uint64_t start;
	size_t len;

	pair_init(&p);
	pair_connect(&p, NULL);
	pair_pump(&p);
	start = p.now;
	pair_wait(&p, 55 * SECOND);
	assert_int_equal(p.a.conn->rtt_at_ns, start + 50 * SECOND);
	assert_int_equal(p.b.conn->rtt_at_ns, start);
	/* now and then the listener measures the round trip, too */
	pair_wait(&p, 10 * SECOND);
	assert_int_equal(p.b.conn->rtt_at_ns, start + 60 * SECOND);
	/* and it pings a dialer that has become silent */
	p.now = p.b.conn->heard_ns + CONN_PING_LISTENER_NS - 1;
	p2p_conn_turn(p.b.conn, p.now);
	assert_false(p2p_conn_wants_write(p.b.conn));
	p2p_conn_turn(p.b.conn, p.now + 1);
	assert_true(p2p_conn_wants_write(p.b.conn));
	p2p_conn_send_buffer(p.b.conn, &len, p.now + 1);
	assert_true(len > 0);
	p2p_conn_send_done(p.b.conn, len, p.now + 1);
	p2p_conn_turn(p.b.conn, p.now + CONN_DEAD_NS);
	assert_int_equal(p.b.closed, 0);
	p2p_conn_turn(p.b.conn, p.now + CONN_DEAD_NS + 1);
	assert_int_equal(p.b.reason, P2P_REASON_DEAD);
	pair_clear(&p);
}

/* TCP takes our bytes, but nobody is there. */
static void
test_dead_peer(void **state)
{
	struct pair p;
	size_t len;

	pair_init(&p);
	pair_connect(&p, NULL);
	pair_pump(&p);
	for (unsigned int i = 0; i < 21; i++) {
		p.now += SECOND;
		p2p_conn_turn(p.a.conn, p.now);
		p2p_conn_send_buffer(p.a.conn, &len, p.now);
		if (len > 0)
			p2p_conn_send_done(p.a.conn, len, p.now);
		assert_int_equal(p.a.closed, i >= 19);
	}
	assert_int_equal(p.a.reason, P2P_REASON_DEAD);
	pair_clear(&p);
}

static void
test_stalled_peer(void **state)
{
	struct app a = {.to_write = 10 << 20}, b = {0};
	struct pair p;

	pair_init(&p);
	app_serve(&p.b, &b);
	pair_connect(&p, NULL);
	pair_pump(&p);
	p.b.is_deaf = true;
	app_start(&p.a, &a);
	pair_wait(&p, 10 * SECOND - 10);
	assert_int_equal(p.a.closed, 0);
	pair_wait(&p, 20);
	assert_int_equal(p.a.closed, 1);
	assert_int_equal(p.a.reason, P2P_REASON_STALLED);
	assert_int_equal(a.end, P2P_END_CONN);
	pair_clear(&p);
}

static void
test_close(void **state)
{
	struct app a = {0}, b = {0};
	struct pair p;

	pair_init(&p);
	app_serve(&p.b, &b);
	pair_connect(&p, NULL);
	pair_pump(&p);
	app_start(&p.a, &a);
	pair_pump(&p);
	p.a.woken = 0;
	p2p_conn_close(p.a.conn, 5, "that is all");
	p2p_conn_close(p.a.conn, 6, "said again");
	assert_int_equal(p.a.woken, 1);
	assert_int_equal(a.closed, 0); /* not inside of a call */
	pair_pump(&p);
	assert_int_equal(a.closed, 1);
	assert_int_equal(a.end, P2P_END_CONN);
	assert_int_equal(b.end, P2P_END_CONN);
	assert_int_equal(p.a.closed, 1);
	assert_int_equal(p.a.reason, P2P_REASON_LOCAL);
	assert_string_equal(p.a.text, "that is all");
	assert_int_equal(p.b.closed, 1);
	assert_int_equal(p.b.reason, P2P_REASON_GOAWAY);
	assert_non_null(strstr(p.b.text, "0x5"));
	assert_null(app_start(&p.a, &a));
	assert_int_equal(errno, ENOTCONN);
	pair_clear(&p);
}

/* The last words have one second. */
static void
test_close_does_not_wait_long(void **state)
{
	struct pair p;

	pair_init(&p);
	pair_connect(&p, NULL);
	pair_pump(&p);
	p.b.is_deaf = true;
	p2p_conn_close(p.a.conn, 0, "bye");
	pair_wait(&p, SECOND / 2);
	assert_int_equal(p.a.closed, 0);
	pair_wait(&p, SECOND);
	assert_int_equal(p.a.closed, 1);
	pair_clear(&p);
}

static void
test_close_in_callback(void **state)
{
	struct pair p;

	pair_init(&p);
	p.b.is_closing = true;
	pair_connect(&p, NULL);
	pair_pump(&p);
	assert_int_equal(p.b.closed, 1);
	assert_int_equal(p.b.reason, P2P_REASON_LOCAL);
	assert_int_equal(p.a.closed, 1);
	pair_clear(&p);
}

static void
free_on_close(struct p2p_conn *c, enum p2p_reason reason, const char *text)
{
	pair_closed(c, reason, text);
	p2p_conn_free(c);
}

static const struct p2p_callbacks freeing_callbacks = {
    .on_closed = free_on_close,
};

static void
test_free_in_callback(void **state)
{
	struct pair p;

	pair_init(&p);
	p.a.host->callbacks = &freeing_callbacks;
	pair_connect(&p, NULL);
	pair_pump(&p);
	p2p_conn_recv_eof(p.a.conn, p.now);
	assert_int_equal(p.a.closed, 1);
	p.a.conn = NULL;
	pair_clear(&p);
}

static size_t
free_on_data(struct p2p_stream *s, const uint8_t *p, size_t len)
{
	p2p_conn_free(p2p_stream_conn(s));
	return len;
}

/* A connection may be freed by what is served on it. */
static void
test_free_in_stream(void **state)
{
	static const struct p2p_stream_handlers handlers = {
	    .on_data = free_on_data, .on_closed = app_closed};
	struct app a = {.to_write = 500000}, b = {0};
	struct pair p;

	pair_init(&p);
	p2p_host_serve(
	    p.b.host, TEST_PROTOCOL, P2P_CLASS_SYNC, 1, &handlers, &b);
	pair_connect(&p, NULL);
	pair_pump(&p);
	app_start(&p.a, &a);
	pair_move(&p, &p.a, &p.b);
	p.b.conn = NULL;
	assert_int_equal(b.closed, 1);
	assert_int_equal(b.end, P2P_END_CONN);
	assert_int_equal(p.b.closed, 0);
	pair_clear(&p);
}

static void
test_free_while_open(void **state)
{
	struct app a = {0};
	struct pair p;

	pair_init(&p);
	pair_connect(&p, NULL);
	pair_pump(&p);
	app_start(&p.a, &a);
	pair_clear(&p);
	assert_int_equal(a.closed, 1);
	assert_int_equal(a.end, P2P_END_CONN);
	assert_int_equal(p.a.closed, 0);
}

static void
test_socket_ends(void **state)
{
	struct pair p;

	pair_init(&p);
	pair_connect(&p, NULL);
	pair_pump(&p);
	p2p_conn_recv_eof(p.a.conn, p.now);
	assert_int_equal(p.a.reason, P2P_REASON_EOF);
	p2p_conn_io_error(p.b.conn, ECONNRESET, p.now);
	assert_int_equal(p.b.reason, P2P_REASON_IO);
	assert_int_equal(p.a.closed, 1);
	assert_int_equal(p.b.closed, 1);
	pair_clear(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_connects),
	    cmocka_unit_test(test_wrong_peer),
	    cmocka_unit_test(test_ourselves),
	    cmocka_unit_test(test_refused_peer),
	    cmocka_unit_test(test_setup_has_ten_seconds),
	    cmocka_unit_test(test_slow_dialer),
	    cmocka_unit_test(test_plain_garbage),
	    cmocka_unit_test(test_bad_certificates),
	    cmocka_unit_test(test_good_stranger),
	    cmocka_unit_test(test_two_certificates),
	    cmocka_unit_test(test_no_certificate_and_old_tls),
	    cmocka_unit_test(test_rekeying),
	    cmocka_unit_test(test_key_update_flood),
	    cmocka_unit_test(test_pings_go_on),
	    cmocka_unit_test(test_one_side_pings),
	    cmocka_unit_test(test_dead_peer),
	    cmocka_unit_test(test_stalled_peer),
	    cmocka_unit_test(test_close),
	    cmocka_unit_test(test_close_does_not_wait_long),
	    cmocka_unit_test(test_close_in_callback),
	    cmocka_unit_test(test_free_in_callback),
	    cmocka_unit_test(test_free_in_stream),
	    cmocka_unit_test(test_free_while_open),
	    cmocka_unit_test(test_socket_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
