/* SPDX-License-Identifier: ISC */
/* The message table, its codec and the channel, over a real socketpair. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ipc_table.h"
#include "common/log.h"

#define PATIENCE_NS UINT64_C(300000000) /* for who has stopped reading */

static uint64_t seed = 1;

static uint64_t
draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint8_t noise[IPC_MESSAGE_MAX];

/* Fills a message with values drawn within their limits. */
static void
fill(const struct codec_struct *layout, void *msg)
{
	const struct codec_field *f;
	struct bytes b;
	uint64_t u;
	bool flag;

	for (size_t i = 0; i < layout->n_fields; i++) {
		f = &layout->fields[i];
		uint8_t *at = (uint8_t *)msg + f->offset;

		switch (f->kind) {
		case CODEC_U64:
			u = f->limit == UINT64_MAX ? draw()
						   : draw() % (f->limit + 1);
			memcpy(at, &u, sizeof(u));
			break;
		case CODEC_BOOL:
			flag = draw() & 1;
			memcpy(at, &flag, sizeof(flag));
			break;
		case CODEC_FIXED:
			memcpy(at, noise, (size_t)f->limit);
			break;
		case CODEC_BYTES:
		case CODEC_TEXT:
			b = bytes_of(noise, (size_t)(draw() % (f->limit + 1)));
			memcpy(at, &b, sizeof(b));
			break;
		}
	}
}

static void
assert_equal(const struct codec_struct *layout, const void *a, const void *b)
{
	const struct codec_field *f;
	struct bytes x, y;
	size_t size = 0;

	for (size_t i = 0; i < layout->n_fields; i++) {
		f = &layout->fields[i];
		const uint8_t *p = (const uint8_t *)a + f->offset;
		const uint8_t *q = (const uint8_t *)b + f->offset;

		if (f->kind == CODEC_BYTES || f->kind == CODEC_TEXT) {
			memcpy(&x, p, sizeof(x));
			memcpy(&y, q, sizeof(y));
			assert_int_equal(x.len, y.len);
			assert_memory_equal(x.data, y.data, x.len);
			continue;
		}
		size = f->kind == CODEC_U64 ? sizeof(uint64_t)
		    : f->kind == CODEC_BOOL ? sizeof(bool)
					    : (size_t)f->limit;
		assert_memory_equal(p, q, size);
	}
}

static void
test_round_trip(void **state)
{
	uint8_t in[1024], out[1024], buf[IPC_MESSAGE_MAX];
	size_t len;

	for (unsigned m = 0; m < IPC_MESSAGE_COUNT; m++)
		for (int i = 0; i < 200; i++) {
			const struct codec_struct *l = ipc_message_struct(m);

			assert_true(l->size <= sizeof(in));
			memset(in, 0, sizeof(in));
			fill(l, in);
			len = codec_encode(l, m, in, buf, sizeof(buf));
			assert_true(len > 0);
			assert_true(codec_decode(l, m, out, buf, len));
			assert_equal(l, in, out);
			/* no byte less, none more, no other number */
			assert_false(codec_decode(l, m, out, buf, len - 1));
			if (len < sizeof(buf)) {
				buf[len] = 0;
				assert_false(
				    codec_decode(l, m, out, buf, len + 1));
			}
			assert_false(codec_decode(l, m + 1, out, buf, len));
		}
}

/* The largest of every message fits into one packet. */
static void
test_largest(void **state)
{
	uint8_t msg[1024], buf[IPC_MESSAGE_MAX];

	for (unsigned m = 0; m < IPC_MESSAGE_COUNT; m++) {
		const struct codec_struct *l = ipc_message_struct(m);
		struct bytes b;

		memset(msg, 0, sizeof(msg));
		for (size_t i = 0; i < l->n_fields; i++) {
			if (l->fields[i].kind != CODEC_BYTES &&
			    l->fields[i].kind != CODEC_TEXT)
				continue;
			b = bytes_of(noise, (size_t)l->fields[i].limit);
			memcpy(msg + l->fields[i].offset, &b, sizeof(b));
		}
		assert_true(codec_encode(l, m, msg, buf, sizeof(buf)) > 0);
	}
}

static void
test_limits(void **state)
{
	struct ipc_log_level level = { .level = 5 };
	struct ipc_config_peer peer = { .kind = 0 };
	uint8_t buf[IPC_MESSAGE_MAX];
	const uint8_t nul[] = { 0x93, IPC_CONFIG_PEER, 0, 0xa3, 'a', 0, 'b' };

	assert_int_equal(codec_encode(ipc_message_struct(IPC_LOG_LEVEL),
			     IPC_LOG_LEVEL, &level, buf, sizeof(buf)),
	    0);
	peer.text = bytes_of(noise, 513);
	assert_int_equal(codec_encode(ipc_message_struct(IPC_CONFIG_PEER),
			     IPC_CONFIG_PEER, &peer, buf, sizeof(buf)),
	    0);
	assert_false(codec_decode(ipc_message_struct(IPC_CONFIG_PEER),
	    IPC_CONFIG_PEER, &peer, nul, sizeof(nul)));
}

/* --- the channel ------------------------------------------------------ */

struct end {
	struct ipc *ipc;
	unsigned opened, closed, received;
	int last_fd;
	char violation[256];
};

static void
on_any(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	struct end *e = ctx;

	e->received++;
	e->last_fd = fd;
}

static void
on_opened(void *ctx, struct ipc *ipc)
{
	struct end *e = ctx;

	e->opened++;
}

static void
on_closed(void *ctx, struct ipc *ipc, const char *violation)
{
	struct end *e = ctx;

	e->closed++;
	snprintf(e->violation, sizeof(e->violation), "%s",
	    violation == NULL ? "" : violation);
}

static ipc_handler *all[IPC_MESSAGE_COUNT];

static void
start(struct event_base *base, struct end *e, int fd, enum role self,
    enum role peer)
{
	const struct ipc_owner owner = { all, on_opened, on_closed, e };

	memset(e, 0, sizeof(*e));
	e->last_fd = -1;
	e->ipc = ipc_new(base, fd, self, peer, &owner);
}

static void
turn(struct event_base *base)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
test_channel(void **state)
{
	struct event_base *base = event_base_new();
	struct ipc_log_level level = { .level = 3 };
	struct end a, b;
	int fds[2], fd;

	assert_int_equal(ipc_pair(fds), 0);
	start(base, &a, fds[0], ROLE_DMD, ROLE_STORE);
	start(base, &b, fds[1], ROLE_STORE, ROLE_DMD);
	ipc_send(a.ipc, IPC_LOG_LEVEL, &level, -1);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ipc_send(a.ipc, IPC_LOG_SINK, &level, fd);
	turn(base);
	assert_int_equal(a.opened, 1);
	assert_int_equal(b.opened, 1);
	assert_int_equal(b.received, 2);
	assert_int_not_equal(b.last_fd, -1);
	assert_int_equal(fcntl(b.last_fd, F_GETFD), FD_CLOEXEC);
	close(b.last_fd);
	ipc_free(a.ipc);
	turn(base);
	assert_int_equal(b.closed, 1);
	assert_string_equal(b.violation, "");
	ipc_free(b.ipc);
	event_base_free(base);
}

static void
greet(int fd)
{
	struct ipc_hello hello = { .role = ROLE_NET };
	uint8_t buf[256];
	size_t n;

	ipc_table_hash(hello.table_hash);
	n = codec_encode(ipc_message_struct(IPC_HELLO), IPC_HELLO, &hello, buf,
	    sizeof(buf));
	assert_int_equal(send(fd, buf, n, 0), (ssize_t)n);
}

/* What is sent in a turn arrives in one packet, in order; a descriptor has its
 * own; ipc_flush() waits for nothing. */
static void
test_packed(void **state)
{
	struct event_base *base = event_base_new();
	struct ipc_put_end end_m = { .id = 1 };
	struct ipc_opened opened = { .id = 1 };
	uint8_t buf[IPC_MESSAGE_MAX];
	struct end b;
	int fds[2];
	ssize_t n;

	assert_int_equal(ipc_pair(fds), 0);
	start(base, &b, fds[1], ROLE_STORE, ROLE_NET);
	turn(base);
	assert_true(recv(fds[0], buf, sizeof(buf), 0) > 0); /* hello */
	for (int i = 0; i < 3; i++)
		ipc_send(b.ipc, IPC_PUT_RESULT,
		    &(struct ipc_put_result){ .id = 1 }, -1);
	assert_int_equal(recv(fds[0], buf, sizeof(buf), MSG_DONTWAIT), -1);
	ipc_send(b.ipc, IPC_OPENED, &opened, dup(0));
	n = recv(fds[0], buf, sizeof(buf), MSG_DONTWAIT);
	assert_int_equal(n, 3 * 5);
	assert_int_equal(buf[1], IPC_PUT_RESULT);
	assert_true(recv(fds[0], buf, sizeof(buf), MSG_DONTWAIT) > 0);
	assert_int_equal(buf[1], IPC_OPENED);
	ipc_send(b.ipc, IPC_PUT_RESULT, &(struct ipc_put_result){ .id = 1 }, -1);
	ipc_flush(b.ipc);
	assert_true(recv(fds[0], buf, sizeof(buf), MSG_DONTWAIT) > 0);
	/* and the other way: two, then one that is none */
	greet(fds[0]);
	n = (ssize_t)codec_encode(ipc_message_struct(IPC_PUT_END), IPC_PUT_END,
	    &end_m, buf, sizeof(buf));
	memcpy(buf + n, buf, (size_t)n);
	assert_int_equal(send(fds[0], buf, (size_t)n * 2, 0), n * 2);
	turn(base);
	assert_int_equal(b.received, 2);
	assert_int_equal(b.closed, 0);
	buf[n] = 0xc1;
	assert_int_equal(send(fds[0], buf, (size_t)n * 2, 0), n * 2);
	turn(base);
	assert_int_equal(b.received, 3);
	assert_int_equal(b.closed, 1);
	ipc_free(b.ipc);
	close(fds[0]);
	event_base_free(base);
}

/* Far more than a socket holds: nothing is lost, nothing blocks. */
static void
test_queue(void **state)
{
	struct event_base *base = event_base_new();
	struct ipc_put_data data = { .id = 1 };
	struct end a, b;
	int fds[2];

	data.data = bytes_of(noise, IPC_CHUNK_MAX);
	assert_int_equal(ipc_pair(fds), 0);
	start(base, &a, fds[0], ROLE_NET, ROLE_STORE);
	start(base, &b, fds[1], ROLE_STORE, ROLE_NET);
	for (int i = 0; i < 200; i++)
		ipc_send(a.ipc, IPC_PUT_DATA, &data, -1);
	assert_true(ipc_queued(a.ipc) > 0);
	for (int i = 0; i < 1000 && b.received < 200; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(b.received, 200);
	assert_int_equal(ipc_queued(a.ipc), 0);
	ipc_free(a.ipc);
	ipc_free(b.ipc);
	event_base_free(base);
}

/* Much more than 64 MiB for one that is busy: it is waited for, while it takes a
 * packet now and then, and nothing is lost. */
static void
test_slow_reader(void **state)
{
	struct event_base *base = event_base_new();
	struct ipc_put_data data = { .id = 1 };
	static uint8_t buf[IPC_MESSAGE_MAX];
	const size_t n = ((size_t)96 << 20) / IPC_CHUNK_MAX;
	size_t received = 0;
	struct end a;
	int fds[2];

	data.data = bytes_of(noise, IPC_CHUNK_MAX);
	assert_int_equal(ipc_pair(fds), 0);
	start(base, &a, fds[0], ROLE_NET, ROLE_STORE);
	ipc_set_patience(a.ipc, PATIENCE_NS);
	for (size_t i = 0; i < n; i++)
		ipc_send(a.ipc, IPC_PUT_DATA, &data, -1);
	/* the hello, too, is a packet */
	assert_true(recv(fds[1], buf, sizeof(buf), 0) > 0);
	for (int i = 0; i < 20; i++) {
		usleep(PATIENCE_NS / 3000);
		received += recv(fds[1], buf, sizeof(buf), 0) > 0;
		turn(base);
		assert_int_equal(a.closed, 0);
	}
	while (received < n && recv(fds[1], buf, sizeof(buf), 0) > 0) {
		received++;
		turn(base);
	}
	assert_int_equal(received, n);
	assert_int_equal(ipc_queued(a.ipc), 0);
	ipc_free(a.ipc);
	close(fds[1]);
	event_base_free(base);
}

/* Asks and never reads: what is kept for it is bounded, as memory and as
 * descriptors, and it is found out. */
static void
never_reads(bool has_fds)
{
	struct event_base *base = event_base_new();
	struct ipc_opened opened = { .id = 1 };
	struct ipc_ping ping = { .number = 1 };
	struct mallinfo2 before = mallinfo2();
	uint8_t buf[64];
	struct end b;
	int fds[2];
	size_t most = 0, n;

	assert_int_equal(ipc_pair(fds), 0);
	start(base, &b, fds[1], ROLE_STORE, ROLE_NET);
	n = codec_encode(
	    ipc_message_struct(IPC_PING), IPC_PING, &ping, buf, sizeof(buf));
	greet(fds[0]);
	ipc_set_patience(b.ipc, PATIENCE_NS);
	for (int i = 0; i < 4000000 && b.closed == 0; i++) {
		if (has_fds)
			ipc_send(b.ipc, IPC_OPENED, &opened, dup(0));
		else
			while (send(fds[0], buf, n, MSG_DONTWAIT) != -1)
				continue;
		event_base_loop(base, EVLOOP_NONBLOCK);
		if (ipc_queued_fds(b.ipc) > most)
			most = ipc_queued_fds(b.ipc);
		if (i % 1000 == 0)
			assert_true(mallinfo2().uordblks <
			    before.uordblks + ((size_t)80 << 20));
	}
	assert_int_equal(b.closed, 1);
	assert_non_null(strstr(b.violation, "stopped reading"));
	assert_true(most <= IPC_OPENS_MAX);
	assert_int_equal(most > 0, has_fds);
	ipc_free(b.ipc);
	close(fds[0]);
	event_base_free(base);
}

static uint64_t ponged;

static void
on_pong(void *ctx, struct ipc *ipc, uint64_t number)
{
	struct end *e = ctx;

	assert_ptr_equal(e->ipc, ipc);
	ponged = number;
}

/* An answered ping says that what came before it was handled. */
static void
test_pong(void **state)
{
	struct event_base *base = event_base_new();
	struct ipc_log_level level = { .level = 3 };
	struct end a, b;
	int fds[2];

	ponged = 0;
	assert_int_equal(ipc_pair(fds), 0);
	start(base, &a, fds[0], ROLE_DMD, ROLE_STORE);
	start(base, &b, fds[1], ROLE_STORE, ROLE_DMD);
	ipc_on_pong(a.ipc, on_pong);
	ipc_is_active(a.ipc);
	assert_false(ipc_is_active(a.ipc));
	ipc_send(a.ipc, IPC_LOG_LEVEL, &level, -1);
	assert_int_equal(ipc_ping(a.ipc), 1);
	turn(base);
	assert_int_equal(ponged, 1);
	assert_int_equal(b.received, 1);
	assert_true(ipc_is_active(a.ipc));
	assert_false(ipc_is_active(a.ipc));
	assert_int_equal(ipc_ping(a.ipc), 2);
	turn(base);
	assert_int_equal(ponged, 2);
	ipc_free(a.ipc);
	ipc_free(b.ipc);
	event_base_free(base);
}

static void
test_never_reads(void **state)
{
	never_reads(true);
	never_reads(false);
}

/* What a taken-over sibling might send: each ends the channel with a reason. */
static void
violate(const void *packet, size_t len, int fd, size_t n_fds,
    const char *reason)
{
	struct event_base *base = event_base_new();
	struct iovec iov = { (void *)(uintptr_t)packet, len };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = { .space = { 0 } };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct end b;
	int fds[2];

	assert_int_equal(ipc_pair(fds), 0);
	start(base, &b, fds[1], ROLE_STORE, ROLE_NET);
	greet(fds[0]);
	if (n_fds > 0) {
		struct cmsghdr *c = (struct cmsghdr *)control.space;

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), (int[2]){ fd, fd }, n_fds * sizeof(int));
		msg.msg_control = control.space;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	}
	assert_int_equal(sendmsg(fds[0], &msg, 0), (ssize_t)len);
	turn(base);
	assert_int_equal(b.received, 0);
	assert_int_equal(b.closed, 1);
	if (strstr(b.violation, reason) == NULL)
		fail_msg("'%s' instead of '%s'", b.violation, reason);
	ipc_free(b.ipc);
	close(fds[0]);
	event_base_free(base);
}

static void
test_violations(void **state)
{
	const uint8_t not_a_message[] = { 0xc1 };
	const uint8_t number[] = { 0x91, 0xcc, 0xff };
	const uint8_t stop[] = { 0x91, IPC_STOP };
	const uint8_t short_put_end[] = { 0x91, IPC_PUT_END };
	const uint8_t put_end[] = { 0x92, IPC_PUT_END, 1 };
	const uint8_t huge[] = { 0x93, IPC_PUT_DATA, 1, 0xc6, 0xff, 0xff, 0xff,
		0xff };
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	violate(not_a_message, sizeof(not_a_message), -1, 0, "no message");
	violate(number, sizeof(number), -1, 0, "no message");
	violate(stop, sizeof(stop), -1, 0, "may not send stop");
	violate(short_put_end, sizeof(short_put_end), -1, 0, "malformed put_end");
	violate(huge, sizeof(huge), -1, 0, "malformed put_data");
	violate(put_end, sizeof(put_end), fd, 1, "may not send put_end");
	violate(put_end, sizeof(put_end), fd, 2, "descriptors");
	close(fd);
}

static void
test_before_hello(void **state)
{
	struct event_base *base = event_base_new();
	const uint8_t put_end[] = { 0x92, IPC_PUT_END, 1 };
	struct end b;
	int fds[2];

	assert_int_equal(ipc_pair(fds), 0);
	start(base, &b, fds[1], ROLE_STORE, ROLE_NET);
	assert_int_equal(send(fds[0], put_end, 3, 0), 3);
	turn(base);
	assert_int_equal(b.closed, 1);
	assert_int_equal(b.received, 0);
	ipc_free(b.ipc);
	close(fds[0]);
	event_base_free(base);
}

/* An upgraded binary must not talk past an old one. */
static void
test_other_table(void **state)
{
	struct event_base *base = event_base_new();
	struct ipc_hello hello = { .role = ROLE_NET };
	uint8_t buf[256];
	struct end b;
	int fds[2];
	size_t n;

	assert_int_equal(ipc_pair(fds), 0);
	start(base, &b, fds[1], ROLE_STORE, ROLE_NET);
	n = codec_encode(ipc_message_struct(IPC_HELLO), IPC_HELLO, &hello, buf,
	    sizeof(buf));
	assert_int_equal(send(fds[0], buf, n, 0), (ssize_t)n);
	turn(base);
	assert_int_equal(b.closed, 1);
	assert_non_null(strstr(b.violation, "restart dmd"));
	ipc_free(b.ipc);
	close(fds[0]);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_channel),
		cmocka_unit_test(test_packed),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_never_reads),
		cmocka_unit_test(test_pong),
		cmocka_unit_test(test_violations),
		cmocka_unit_test(test_before_hello),
		cmocka_unit_test(test_other_table),
	};

	for (unsigned i = 0; i < IPC_MESSAGE_COUNT; i++)
		all[i] = on_any;
	memset(noise, 'x', sizeof(noise));
	log_init("test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
