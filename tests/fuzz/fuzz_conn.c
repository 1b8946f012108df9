/* SPDX-License-Identifier: ISC */
/*
 * A whole listener. First byte odd: what comes before TLS, and the records of
 * TLS itself, raw. Even: the input is what a peer with a sound certificate
 * says inside of TLS (multistream, yamux, streams, identify, ping). Whatever
 * it is, the connection ends once and its streams end with it.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "dm-net/libp2p/conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct end {
	struct p2p_host *host;
	struct p2p_conn *conn;
	unsigned int closed;
	int streams; /* open ones of our protocol */
};

static uint64_t now;

static void
on_closed(struct p2p_conn *c, enum p2p_reason reason, const char *text)
{
	struct end *end = p2p_conn_user(c);

	if (strlen(text) == 0 || p2p_reason_name(reason) == NULL)
		abort();
	end->closed++;
}

static const struct p2p_callbacks callbacks = {.on_closed = on_closed};

static void
app_open(struct p2p_stream *s)
{
	((struct end *)p2p_conn_user(p2p_stream_conn(s)))->streams++;
}

static size_t
app_data(struct p2p_stream *s, const uint8_t *p, size_t len)
{
	if (p[0] == 'R')
		p2p_stream_reset(s, 1);
	if (p[0] == 'C')
		p2p_conn_close(p2p_stream_conn(s), 0, "asked for");
	if (p[0] == 'W')
		p2p_stream_want_read(s);
	p2p_stream_want_write(s);
	return p[0] == 'H' ? len / 2 : len;
}

static size_t
app_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	memset(out, 'x', room < 40 ? room : 40);
	return room < 40 ? room : 40;
}

static void
app_closed(struct p2p_stream *s, enum p2p_end e, uint32_t code)
{
	((struct end *)p2p_conn_user(p2p_stream_conn(s)))->streams--;
}

static const struct p2p_stream_handlers app = {.on_open = app_open,
    .on_data = app_data,
    .on_writable = app_writable,
    .on_closed = app_closed};

static struct p2p_host *
make_host(void)
{
	EVP_PKEY *identity = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	struct p2p_tls_key *key = p2p_tls_key_new();
	uint8_t text[21 + P2P_SPKI_LEN], public_key[32], signature[64];
	size_t key_len = 32, signature_len = 64;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct p2p_host *host;

	memcpy(text, P2P_TLS_SIGN_PREFIX, 21);
	p2p_tls_key_spki(key, text + 21);
	EVP_PKEY_get_raw_public_key(identity, public_key, &key_len);
	EVP_DigestSignInit(ctx, NULL, NULL, NULL, identity);
	EVP_DigestSign(ctx, signature, &signature_len, text, sizeof(text));
	host = p2p_host_new(&(struct p2p_host_config){.tls_key = key,
	    .ed25519_key = public_key,
	    .signature = signature,
	    .agent = "fuzz",
	    .callbacks = &callbacks});
	if (host == NULL)
		abort();
	p2p_host_serve(host, "/t", P2P_CLASS_SYNC, 9, &app, NULL);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(identity);
	p2p_tls_key_free(key);
	return host;
}

static bool
move(struct end *from, struct end *to)
{
	size_t len, room;
	const uint8_t *p = p2p_conn_send_buffer(from->conn, &len, now);

	if (len == 0)
		return false;
	memcpy(p2p_conn_recv_buffer(to->conn, &room), p,
	    len < 65536 ? len : 65536);
	if (len > 65536)
		len = 65536;
	p2p_conn_send_done(from->conn, len, now);
	p2p_conn_recv_done(to->conn, len, now);
	return true;
}

static void
pump(struct end *a, struct end *b)
{
	for (unsigned int i = 0; i < 1000; i++) {
		bool moved = move(a, b);

		moved |= move(b, a);
		p2p_conn_turn(a->conn, now);
		p2p_conn_turn(b->conn, now);
		if (!moved)
			return;
	}
}

/* The dialer goes through the handshake, and then says what it likes. */
static void
say_inside(struct end *a, struct end *b, const uint8_t *data, size_t len)
{
	tls_ctx_set_alpn(
	    a->host->tls_ctx, len % 2 == 0 ? TLS_ALPN_MUXER : TLS_ALPN_NONE);
	for (unsigned int i = 0; i < 20 && a->conn->state < CONN_SELECT_MUXER;
	     i++) {
		move(a, b);
		move(b, a);
	}
	if (a->conn->state < CONN_SELECT_MUXER)
		abort();
	/* Not what the dialer's own muxer would say: that stays unsent. */
	for (size_t i = 0; i < len && tls_can_write(a->conn->tls); i += 1000) {
		size_t n = len - i < 1000 ? len - i : 1000;

		tls_write(a->conn->tls, data + i, n);
	}
	while (a->conn->out.len > 0) {
		size_t room, n = a->conn->out.len;

		n = n < 7000 ? n : 7000;
		memcpy(p2p_conn_recv_buffer(b->conn, &room),
		    a->conn->out.bytes + a->conn->out.head, n);
		sendbuf_taken(&a->conn->out, n);
		p2p_conn_recv_done(b->conn, n, now);
		p2p_conn_send_buffer(b->conn, &n, now);
		if (n > 0)
			p2p_conn_send_done(b->conn, n, now);
	}
}

static void
say_raw(struct end *b, const uint8_t *data, size_t len)
{
	size_t room;

	for (size_t i = 0; i < len; i += 500) {
		size_t n = len - i < 500 ? len - i : 500;

		memcpy(p2p_conn_recv_buffer(b->conn, &room), data + i, n);
		p2p_conn_recv_done(b->conn, n, now);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct end a, b;

	if (len < 1)
		return 0;
	if (a.host == NULL) {
		a.host = make_host();
		b.host = make_host();
	}
	now = 1000000000;
	a.closed = b.closed = 0;
	a.streams = b.streams = 0;
	a.conn = p2p_conn_new(a.host, P2P_DIALER, NULL, NULL, now, &a);
	b.conn = p2p_conn_new(b.host, P2P_LISTENER, NULL, NULL, now, &b);
	if (data[0] % 2 == 1)
		say_raw(&b, data + 1, len - 1);
	else
		say_inside(&a, &b, data + 1, len - 1);
	/* Time passes, until it is over for both. */
	pump(&a, &b);
	for (unsigned int i = 0; i < 40; i++) {
		now += 1000000000;
		p2p_conn_turn(b.conn, now);
	}
	p2p_conn_recv_eof(b.conn, now);
	if (b.closed != 1 || b.streams != 0 || !p2p_conn_is_closed(b.conn))
		abort();
	p2p_conn_free(a.conn);
	p2p_conn_free(b.conn);
	return 0;
}
