/* SPDX-License-Identifier: ISC */
#include "tests/double/script_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/keys/keys.h"
#include "common/log.h"
#include "common/name.h"
#include "dm-net/sync/wire.h"

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

struct p2p_tls_key *
peer_key(
    uint8_t seed, uint8_t public_key[static 32], uint8_t signature[static 64])
{
	uint8_t text[21 + P2P_SPKI_LEN], bytes[32];
	struct p2p_tls_key *key = p2p_tls_key_new();
	struct key_pair pair;

	memset(bytes, seed, sizeof(bytes));
	key_from_seed(&pair, bytes);
	memcpy(text, P2P_TLS_SIGN_PREFIX, 21);
	p2p_tls_key_spki(key, text + 21);
	key_sign(&pair, text, sizeof(text), signature);
	memcpy(public_key, pair.public_key, 32);
	key_clear(&pair);
	return key;
}

/* --- streams --- */

static size_t
take(const struct peer *p, uint8_t *from, size_t *from_len, uint8_t *out,
    size_t room)
{
	size_t n = *from_len < room ? *from_len : room;

	if (p->cut != 0 && n > p->cut)
		n = p->cut;
	if (n == 0)
		return 0;
	memcpy(out, from, n);
	*from_len -= n;
	memmove(from, from + n, *from_len);
	return n;
}

static size_t
on_sync_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct peer *p = p2p_stream_user(s);

	return take(p, p->sync_out, &p->sync_len, out, room);
}

static void
on_sync_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	struct peer *p = p2p_stream_user(s);

	p->sync = NULL;
}

static const struct p2p_stream_handlers sync_handlers = {
    .on_writable = on_sync_writable, .on_closed = on_sync_closed};
static const struct p2p_stream_handlers sync_in_handlers = {0};

static struct peer_stream *
stream_add(struct peer *p, struct p2p_stream *s)
{
	struct peer_stream *ps = &p->streams[p->n_streams++];

	if (p->n_streams > NODE_STREAMS)
		fatal("more streams than a test needs");
	ps->peer = p;
	ps->stream = s;
	return ps;
}

static void
on_file_open(struct p2p_stream *s)
{
	struct peer *p = p2p_conn_user(p2p_stream_conn(s));
	struct peer_stream *ps;

	if (!p2p_stream_is_inbound(s))
		return;
	ps = stream_add(p, s);
	ps->is_deaf = p->all_deaf;
	p2p_stream_set_user(s, ps);
}

static size_t
on_file_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	struct peer_stream *ps = p2p_stream_user(s);

	ps->unread = len;
	if (ps->is_deaf)
		return 0;
	if (ps->in_len + len > ps->in_room) {
		ps->in_room = 2 * (ps->in_len + len);
		ps->in = xrealloc(ps->in, ps->in_room, 1);
	}
	memcpy(ps->in + ps->in_len, data, len);
	ps->in_len += len;
	return len;
}

static size_t
on_file_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct peer_stream *ps = p2p_stream_user(s);

	return take(ps->peer, ps->out, &ps->out_len, out, room);
}

static void
on_file_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	struct peer_stream *ps = p2p_stream_user(s);

	ps->is_closed = true;
	ps->end = end;
	ps->stream = NULL;
}

static const struct p2p_stream_handlers file_handlers = {
    .on_open = on_file_open,
    .on_data = on_file_data,
    .on_writable = on_file_writable,
    .on_closed = on_file_closed,
};

/* --- the connection --- */

static void
say(struct peer *p, const uint8_t *message, size_t len)
{
	p->sync_out = xrealloc(p->sync_out, p->sync_len + len, 1);
	memcpy(p->sync_out + p->sync_len, message, len);
	p->sync_len += len;
	if (p->sync != NULL)
		p2p_stream_want_write(p->sync);
}

/* Its set is empty as the mesh's: there is nothing to walk for. */
static void
say_hello(struct peer *p)
{
	static const struct trie_prefix all;
	struct wire_hello h = {.version = SYNC_VERSION,
	    .agent = "script",
	    .agent_len = 6,
	    .start = 5,
	    .generation = 1,
	    .is_all = true,
	    .peers = 1};
	struct trie *empty = trie_new();
	uint8_t buf[1024];
	struct msgput m;

	trie_sum(empty, &all, &h.root);
	trie_free(empty);
	wire_begin(&m, buf, sizeof(buf));
	wire_put_hello(&m, &h);
	say(p, buf, wire_end(&m));
}

static void
on_established(struct p2p_conn *conn, const struct peer_id *id)
{
	struct peer *p = p2p_conn_user(conn);

	p->is_up = true;
	p->sync = p2p_stream_open(
	    conn, SYNC_PROTOCOL, P2P_CLASS_SYNC, &sync_handlers, p);
	say_hello(p);
}

static void
on_closed(struct p2p_conn *conn, enum p2p_reason reason, const char *text)
{
	struct peer *p = p2p_conn_user(conn);

	p->is_closed = true;
}

static const struct p2p_callbacks callbacks = {
    .on_established = on_established, .on_closed = on_closed};

void
peer_connect(struct peer *p, int port, const struct peer_id *expected)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	uint8_t public_key[32], signature[64];
	struct p2p_tls_key *key = peer_key(2, public_key, signature);
	int on = 1;

	p->host = p2p_host_new(&(struct p2p_host_config){.tls_key = key,
	    .ed25519_key = public_key,
	    .signature = signature,
	    .agent = "script",
	    .callbacks = &callbacks});
	p2p_tls_key_free(key);
	p2p_host_serve(
	    p->host, SYNC_PROTOCOL, P2P_CLASS_SYNC, 4, &sync_in_handlers, p);
	p2p_host_serve(p->host, FILE_PROTOCOL, P2P_CLASS_SMALL_FILE, 16,
	    &file_handlers, p);
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd == -1 || connect(p->fd, (void *)&sin, sizeof(sin)) == -1 ||
	    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1)
		fatal("connect: %s", strerror(errno));
	p->conn =
	    p2p_conn_new(p->host, P2P_DIALER, expected, NULL, now_ns(), p);
}

static void
receive(struct peer *p)
{
	size_t len;
	uint8_t *buf = p2p_conn_recv_buffer(p->conn, &len);
	ssize_t n = recv(p->fd, buf, len, MSG_DONTWAIT);

	p2p_conn_recv_done(p->conn, n > 0 ? (size_t)n : 0, now_ns());
	if (n == 0)
		p2p_conn_recv_eof(p->conn, now_ns());
	else if (n == -1 && errno != EAGAIN)
		p2p_conn_io_error(p->conn, errno, now_ns());
}

static void
transmit(struct peer *p)
{
	const uint8_t *buf;
	size_t len;
	ssize_t n;

	do {
		buf = p2p_conn_send_buffer(p->conn, &len, now_ns());
		if (len == 0)
			return;
		n = send(p->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		p2p_conn_send_done(p->conn, n > 0 ? (size_t)n : 0, now_ns());
	} while (n > 0 && (size_t)n == len);
}

void
peer_drive(struct peer *p)
{
	if (p->conn == NULL || p->is_closed)
		return;
	p2p_conn_turn(p->conn, now_ns());
	if (p2p_conn_wants_read(p->conn))
		receive(p);
	if (!p2p_conn_is_closed(p->conn))
		transmit(p);
}

void
peer_clear(struct peer *p)
{
	p2p_conn_free(p->conn);
	p2p_host_free(p->host);
	if (p->fd > 0)
		close(p->fd);
	free(p->sync_out);
	for (size_t i = 0; i < p->n_streams; i++) {
		free(p->streams[i].in);
		free(p->streams[i].out);
	}
}

/* --- what the test has it do --- */

void
peer_announce(struct mesh_node *n, const struct entry *e, size_t count)
{
	size_t room = 1024 + count * (ENTRY_SIZE_MAX + 16);
	uint8_t *buf = xmalloc(room), encoded[ENTRY_SIZE_MAX];
	struct msgput m;

	wire_begin(&m, buf, room);
	wire_put_entries(&m, count);
	for (size_t i = 0; i < count; i++)
		wire_put_item(
		    &m, encoded, entry_encode(&e[i], encoded), NULL, 0);
	wire_put_missing(&m, NULL, 0);
	say(&n->peer, buf, wire_end(&m));
	free(buf);
}

void
peer_announce_whole(struct mesh_node *n, const struct entry *e)
{
	uint8_t buf[IPC_INLINE_MAX + 2048], encoded[ENTRY_SIZE_MAX];
	uint8_t content[IPC_INLINE_MAX];
	struct msgput m;

	node_content(
	    content, 0, (size_t)e->size, (unsigned)(e->signed_at_ns % 251));
	wire_begin(&m, buf, sizeof(buf));
	wire_put_entries(&m, 1);
	wire_put_item(&m, encoded, entry_encode(e, encoded), content,
	    (size_t)e->size);
	wire_put_missing(&m, NULL, 0);
	say(&n->peer, buf, wire_end(&m));
}

bool
peer_request(struct mesh_node *n, size_t i, struct file_request *r)
{
	struct peer_stream *ps = &n->peer.streams[i];
	ssize_t taken;

	if (i >= n->peer.n_streams || ps->in_len == ps->taken)
		return false;
	taken =
	    file_request_decode(r, ps->in + ps->taken, ps->in_len - ps->taken);
	if (taken < 0)
		fatal("the mesh sent a malformed request");
	ps->taken += (size_t)taken;
	return taken > 0;
}

void
peer_write(struct mesh_node *n, size_t i, const void *bytes, size_t len)
{
	struct peer_stream *ps = &n->peer.streams[i];

	if (len == 0)
		return;
	ps->out = xrealloc(ps->out, ps->out_len + len, 1);
	memcpy(ps->out + ps->out_len, bytes, len);
	ps->out_len += len;
	if (ps->stream != NULL)
		p2p_stream_want_write(ps->stream);
}

void
peer_answer(
    struct mesh_node *n, size_t i, enum file_status status, uint64_t size)
{
	struct file_answer a = {.status = status, .size = size};
	uint8_t head[FILE_HEAD_MAX];

	peer_write(n, i, head, file_answer_encode(&a, head));
}

size_t
peer_open(struct mesh_node *n, bool is_deaf)
{
	size_t i = n->peer.n_streams;
	struct peer_stream *ps = stream_add(&n->peer, NULL);

	ps->is_deaf = is_deaf;
	ps->stream = p2p_stream_open(n->peer.conn, FILE_PROTOCOL,
	    P2P_CLASS_SMALL_FILE, &file_handlers, ps);
	if (ps->stream == NULL)
		fatal("no stream");
	return i;
}

void
peer_ask(struct mesh_node *n, size_t i, const struct entry *e)
{
	struct file_request r = {.offset = 0};
	uint8_t head[FILE_HEAD_MAX];
	struct entry_rank rank;

	name_key(e->name, r.key);
	entry_rank(e, &rank);
	memcpy(r.version, rank.version, sizeof(r.version));
	peer_write(n, i, head, file_request_encode(&r, head));
}

void
peer_reset(struct mesh_node *n, size_t i)
{
	p2p_stream_reset(n->peer.streams[i].stream, 0);
}

void
peer_hang_up(struct mesh_node *n)
{
	shutdown(n->peer.fd, SHUT_RDWR);
}
