/* SPDX-License-Identifier: ISC */
#include "tests/unit/dm-net/libp2p/pair.h"

#include <errno.h>

#include "dm-net/libp2p/ping.h"

/* A pair that is connected, b serving `b`. */
static void
start(struct pair *p, struct app *b)
{
	pair_init(p);
	if (b != NULL)
		app_serve(&p->b, b);
	pair_connect(p, NULL);
	pair_pump(p);
	assert_int_equal(p->a.established + p->b.established, 2);
}

static void
echoes(size_t bytes, size_t step)
{
	struct app a = {.to_write = bytes, .shuts_at_end = true};
	struct app b = {.is_echo = true};
	struct pair p;

	start(&p, &b);
	p.step = step;
	assert_non_null(app_start(&p.a, &a));
	pair_pump(&p);
	assert_int_equal(a.opened, 1);
	assert_int_equal(b.opened, 1);
	assert_int_equal(a.got, bytes);
	assert_int_equal(b.got, bytes);
	assert_false(a.is_wrong || b.is_wrong);
	assert_int_equal(a.eofs, 1);
	assert_int_equal(b.eofs, 1);
	assert_int_equal(a.closed, 1);
	assert_int_equal(b.closed, 1);
	assert_int_equal(a.end, P2P_END_DONE);
	assert_int_equal(b.end, P2P_END_DONE);
	pair_clear(&p);
}

static void
test_echo(void **state)
{
	echoes(0, 65536);
	echoes(1, 1);
	echoes(100, 7);
	echoes(16372, 65536);
	echoes(300000, 1000);
	echoes(5000000, 65536);
}

/* Proposal, data and end-of-file fit in one flight. */
static void
test_first_flight(void **state)
{
	struct app a = {.to_write = 100, .shuts_at_end = true};
	struct app b = {.is_echo = true};
	struct pair p;

	start(&p, &b);
	app_start(&p.a, &a);
	assert_true(pair_move(&p, &p.a, &p.b));
	assert_int_equal(b.got, 100);
	assert_int_equal(b.eofs, 1);
	assert_true(pair_move(&p, &p.b, &p.a));
	assert_int_equal(a.got, 100);
	assert_int_equal(a.end, P2P_END_DONE);
	pair_clear(&p);
}

static void
refused(size_t bytes, bool shuts)
{
	struct app a = {.to_write = bytes, .shuts_at_end = shuts};
	struct pair p;

	start(&p, NULL);
	app_start(&p.a, &a);
	pair_pump(&p);
	assert_int_equal(a.opened, 0);
	assert_int_equal(a.closed, 1);
	assert_int_equal(a.end, P2P_END_REFUSED);
	pair_wait(&p, SECOND);
	assert_int_equal(p.a.closed + p.b.closed, 0);
	pair_clear(&p);
}

/* The refusal is heard, whatever came with the proposal. */
static void
test_refused_protocol(void **state)
{
	refused(0, false);
	refused(0, true);
	refused(1, false);
	refused(100, true);
	refused(1000000, true);
}

static void
test_reset(void **state)
{
	struct app a = {.to_write = 1000000}, b = {0};
	struct pair p;

	b.resets_at_data = true;
	start(&p, &b);
	app_start(&p.a, &a);
	pair_pump(&p);
	assert_int_equal(b.end, P2P_END_LOCAL);
	assert_int_equal(b.closed, 1);
	assert_int_equal(a.end, P2P_END_RESET);
	assert_int_equal(a.code, 77);
	assert_int_equal(a.closed, 1);
	assert_int_equal(p.a.closed + p.b.closed, 0);
	pair_clear(&p);
}

/* What is not consumed is not granted back, and comes again when asked. */
static void
test_back_pressure(void **state)
{
	struct app a = {.to_write = 4000000, .shuts_at_end = true};
	struct app b = {.is_hoarding = true};
	struct p2p_conn_stats stats;
	struct pair p;

	start(&p, &b);
	app_start(&p.a, &a);
	pair_pump(&p);
	assert_true(a.wrote >= 260000 && a.wrote <= YAMUX_WINDOW_INITIAL);
	p2p_conn_stats(p.b.conn, &stats);
	assert_true(stats.buffered >= a.wrote);
	assert_int_equal(b.got, 0);
	assert_int_equal(b.eofs, 0);
	b.is_hoarding = false;
	p.b.woken = 0;
	p2p_stream_want_read(b.stream);
	p2p_stream_want_read(b.stream);
	assert_int_equal(p.b.woken, 1);
	p2p_conn_turn(p.b.conn, p.now);
	assert_int_equal(b.got, a.wrote);
	pair_pump(&p);
	assert_int_equal(b.got, 4000000);
	assert_false(b.is_wrong);
	assert_int_equal(b.eofs, 1);
	p2p_conn_stats(p.b.conn, &stats);
	assert_int_equal(stats.buffered, 0);
	pair_clear(&p);
}

static void
test_many_hoards_stay_within_the_account(void **state)
{
	static struct app apps[20];
	struct app b = {.is_hoarding = true};
	struct p2p_conn_stats stats;
	struct pair p;
	unsigned int squeezed = 0;

	memset(apps, 0, sizeof(apps));
	start(&p, &b);
	for (size_t i = 0; i < COUNT(apps); i++) {
		apps[i].to_write = 1 << 20;
		app_start(&p.a, &apps[i]);
	}
	pair_pump(&p);
	p2p_conn_stats(p.b.conn, &stats);
	assert_true(yamux_charged(p.b.conn->yamux) <= YAMUX_ACCOUNT_BYTES);
	assert_true(stats.buffered > YAMUX_ACCOUNT_BYTES / 2);
	for (size_t i = 0; i < COUNT(apps); i++)
		squeezed += apps[i].closed;
	assert_true(squeezed > 0 && squeezed < COUNT(apps));
	assert_int_equal(p.a.closed + p.b.closed, 0);
	pair_clear(&p);
}

/* --- limits ----------------------------------------------------------- */

static void
test_streams_have_a_limit(void **state)
{
	static struct app apps[P2P_STREAMS_MAX + 1];
	struct app b = {0};
	struct p2p_conn_stats stats;
	struct pair p;

	memset(apps, 0, sizeof(apps));
	start(&p, &b);
	for (size_t i = 0; i < P2P_STREAMS_MAX; i++)
		assert_non_null(app_start(&p.a, &apps[i]));
	assert_null(app_start(&p.a, &apps[P2P_STREAMS_MAX]));
	assert_int_equal(errno, EAGAIN);
	pair_pump(&p);
	assert_int_equal(b.opened, P2P_STREAMS_MAX);
	p2p_conn_stats(p.b.conn, &stats);
	assert_int_equal(stats.streams_in, P2P_STREAMS_MAX);
	p2p_stream_reset(apps[3].stream, 0);
	pair_pump(&p);
	assert_non_null(app_start(&p.a, &apps[3]));
	pair_clear(&p);
}

static void
test_protocols_have_a_limit(void **state)
{
	struct app a[3] = {0}, b = {0};
	struct pair p;

	pair_init(&p);
	p2p_host_serve(
	    p.b.host, TEST_PROTOCOL, P2P_CLASS_SYNC, 2, &app_handlers, &b);
	pair_connect(&p, NULL);
	pair_pump(&p);
	for (size_t i = 0; i < 3; i++)
		app_start(&p.a, &a[i]);
	pair_pump(&p);
	assert_int_equal(b.opened, 2);
	assert_int_equal(a[2].end, P2P_END_RESET);
	assert_int_equal(a[2].code, P2P_RESET_LIMIT);
	p2p_stream_reset(a[0].stream, 0);
	pair_pump(&p);
	app_start(&p.a, &a[2]);
	pair_pump(&p);
	assert_int_equal(b.opened, 3);
	pair_clear(&p);
}

/* A stream that is opened, but asks for nothing, is reset. */
static void
test_silent_stream(void **state)
{
	struct p2p_conn_stats stats;
	struct pair p;
	uint8_t out[16384];
	struct yamux *y = yamux_new(true, &stream_yamux_ops, NULL);

	start(&p, NULL);
	/* As one of another session, whose ids ours has not used yet. */
	for (unsigned int i = 0; i < 10; i++)
		yamux_open(y, NULL, 0);
	yamux_input(p.b.conn->yamux, out,
	    yamux_output(y, out, 12 * 9) > 0 ? 12 * 9 : 0, p.now);
	p2p_conn_turn(p.b.conn, p.now);
	p2p_conn_stats(p.b.conn, &stats);
	assert_true(stats.streams_in > 5);
	pair_wait(&p, 9 * SECOND);
	p2p_conn_stats(p.b.conn, &stats);
	assert_true(stats.streams_in > 5);
	pair_wait(&p, 1 * SECOND);
	p2p_conn_stats(p.b.conn, &stats);
	assert_int_equal(stats.streams_in, 0);
	assert_int_equal(p.b.closed, 0);
	yamux_free(y);
	pair_clear(&p);
}

static void
test_proposal_without_answer(void **state)
{
	struct app a = {0};
	struct pair p;

	start(&p, NULL);
	app_start(&p.a, &a);
	for (unsigned int i = 0; i < 10; i++) {
		size_t len;

		/* Sent, but lost in a peer that only answers pings. */
		p2p_conn_send_buffer(p.a.conn, &len, p.now);
		if (len > 0)
			p2p_conn_send_done(p.a.conn, len, p.now);
		assert_int_equal(a.closed, 0);
		p.now += SECOND;
		p2p_conn_turn(p.a.conn, p.now);
	}
	assert_int_equal(a.end, P2P_END_TIMEOUT);
	assert_int_equal(a.closed, 1);
	pair_clear(&p);
}

static void
test_deadline(void **state)
{
	struct app a = {0}, b = {0};
	struct pair p;

	start(&p, &b);
	app_start(&p.a, &a);
	pair_pump(&p);
	p2p_stream_set_deadline(a.stream, p.now + 30 * SECOND);
	pair_wait(&p, 29 * SECOND);
	assert_int_equal(a.closed, 0);
	pair_wait(&p, 1 * SECOND);
	assert_int_equal(a.end, P2P_END_TIMEOUT);
	assert_int_equal(b.end, P2P_END_RESET);
	pair_clear(&p);
}

/* --- waking ----------------------------------------------------------- */

static void
test_wake(void **state)
{
	struct app a = {0}, b = {0};
	struct pair p;

	start(&p, &b);
	p.a.woken = 0;
	app_start(&p.a, &a);
	p2p_stream_want_write(a.stream);
	p2p_stream_shutdown(a.stream);
	assert_int_equal(p.a.woken, 1);
	assert_true(p2p_conn_wants_write(p.a.conn));
	assert_true(p2p_conn_next_deadline_ns(p.a.conn) <= p.now);
	p2p_conn_turn(p.a.conn, p.now);
	p2p_stream_reset(a.stream, 0);
	assert_int_equal(p.a.woken, 2);
	assert_int_equal(a.closed, 0);
	p2p_conn_turn(p.a.conn, p.now);
	assert_int_equal(a.closed, 1);
	pair_clear(&p);
}

/* --- identify --------------------------------------------------------- */

static void
test_identify(void **state)
{
	struct multiaddr_raw addrs[2] = {
	    vector_addr("/ip4/127.0.0.1/tcp/4001"),
	    vector_addr("/ip6/::1/tcp/4001"),
	};
	struct bytes envelope = hex(ENVELOPE);
	struct pair p;
	char text[MULTIADDR_TEXT_SIZE];

	pair_init(&p);
	assert_int_equal(p2p_host_set_addresses(p.b.host, addrs, 1), 0);
	/* The record of another peer than the one who says it: no. */
	p2p_host_set_record(p.b.host, envelope.at, envelope.len);
	p2p_host_set_record(p.a.host, envelope.at, envelope.len);
	pair_connect(&p, NULL);
	pair_pump(&p);
	assert_int_equal(p.a.identified, 1);
	assert_false(p.a.identify.has_record);
	assert_int_equal(p.a.identify.addr_count, 1);
	assert_true(p.b.identify.has_record);
	assert_int_equal(p.b.identify.record_seq, 1);
	assert_int_equal(p.b.identify.addr_count, 2);
	multiaddr_to_text(&p.a.identify.observed, text);
	assert_string_equal(text, "/ip4/192.0.2.7/tcp/7");
	/* A change is pushed. */
	p2p_host_set_addresses(p.b.host, addrs, 2);
	p2p_host_set_record(p.b.host, NULL, 0);
	p2p_conn_push_identify(p.b.conn);
	pair_pump(&p);
	assert_int_equal(p.a.identified, 2);
	assert_int_equal(p.a.identify.addr_count, 2);
	pair_clear(&p);
}

static void
test_identify_flood(void **state)
{
	struct pair p;

	start(&p, NULL);
	for (unsigned int i = 0; i < 20; i++) {
		p2p_conn_push_identify(p.b.conn);
		pair_pump(&p);
	}
	assert_int_equal(p.a.identified, 4);
	pair_wait(&p, 3 * SECOND);
	p2p_conn_push_identify(p.b.conn);
	pair_pump(&p);
	assert_int_equal(p.a.identified, 5);
	assert_int_equal(p.a.closed + p.b.closed, 0);
	pair_clear(&p);
}

/* Addresses and record beyond one message: the record goes alone. */
static void
test_identify_is_one_message(void **state)
{
	struct multiaddr_raw addrs[IDENTIFY_ADDRS_MAX];
	uint8_t record[P2P_RECORD_LEN_MAX] = {0};
	char text[300];
	struct pair p;

	pair_init(&p);
	snprintf(
	    text, sizeof(text), "/dns/%063d.%063d.%063d/tcp/4001", 1, 2, 3);
	for (size_t i = 0; i < COUNT(addrs); i++)
		addrs[i] = vector_addr(text);
	p2p_host_set_addresses(p.b.host, addrs, COUNT(addrs));
	p2p_host_set_record(p.b.host, record, sizeof(record));
	pair_connect(&p, NULL);
	pair_pump(&p);
	assert_int_equal(p.a.identified, 1);
	assert_int_equal(p.a.identify.addr_count, 0);
	pair_clear(&p);
}

/* Pings as many bytes as it is to write. */
static void
ping_start(struct pair *p, struct app *app)
{
	p2p_stream_open(p->a.conn, PING_PROTOCOL, P2P_CLASS_CONTROL,
	    &app_handlers, app);
}

/* --- ping ------------------------------------------------------------- */

static void
pings(size_t bytes, size_t echoed, size_t step)
{
	struct app a = {.to_write = bytes, .shuts_at_end = true};
	struct pair p;

	start(&p, NULL);
	p.step = step;
	ping_start(&p, &a);
	pair_pump(&p);
	assert_int_equal(a.got, echoed);
	assert_false(a.is_wrong);
	assert_int_equal(a.end, P2P_END_DONE);
	pair_clear(&p);
}

static void
test_ping(void **state)
{
	pings(32, 32, 65536);
	pings(16, 0, 65536);
	pings(70, 64, 65536);
	pings(320, 320, 1);
	pings(1024, 1024, 65536);
}

/* Who does not wait for echoes loses the stream, and no more than that. */
static void
test_waiting_pings(void **state)
{
	struct app a = {.to_write = 16000}, next = {.to_write = 320};
	struct p2p_conn_stats stats;
	struct pair p;

	start(&p, NULL);
	ping_start(&p, &a);
	pair_pump(&p);
	assert_int_equal(a.end, P2P_END_RESET);
	assert_int_equal(a.code, P2P_RESET_LIMIT);
	p2p_conn_stats(p.b.conn, &stats);
	assert_int_equal(stats.buffered, 0);
	ping_start(&p, &next);
	pair_pump(&p);
	assert_int_equal(next.got, 320);
	assert_int_equal(p.a.closed + p.b.closed, 0);
	pair_clear(&p);
}

/* Whatever waits on streams of pings while nothing can be sent. */
static void
test_pings_of_the_deaf(void **state)
{
	static struct app apps[P2P_STREAMS_MAX];
	struct p2p_conn_stats stats;
	size_t most = 0;
	struct pair p;

	memset(apps, 0, sizeof(apps));
	start(&p, NULL);
	p.a.is_deaf = true;
	for (size_t i = 0; i < COUNT(apps); i++) {
		apps[i].to_write = i % 2 == 0 ? 1000 : 20000;
		ping_start(&p, &apps[i]);
	}
	while (pair_move(&p, &p.a, &p.b)) {
		p2p_conn_stats(p.b.conn, &stats);
		most = stats.buffered > most ? stats.buffered : most;
	}
	assert_true(most > 0 && most <= COUNT(apps) * 1024);
	assert_true(yamux_charged(p.b.conn->yamux) <= YAMUX_ACCOUNT_BYTES);
	pair_clear(&p);
}

/* A stream of pings that nobody uses goes away. */
static void
test_idle_ping(void **state)
{
	struct app a = {.to_write = 32};
	struct p2p_conn_stats stats;
	struct pair p;

	start(&p, NULL);
	ping_start(&p, &a);
	pair_wait(&p, 59 * SECOND);
	p2p_conn_stats(p.b.conn, &stats);
	assert_int_equal(stats.streams_in, 1);
	pair_wait(&p, 2 * SECOND);
	p2p_conn_stats(p.b.conn, &stats);
	assert_int_equal(stats.streams_in, 0);
	assert_int_equal(a.end, P2P_END_RESET);
	pair_clear(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_echo),
	    cmocka_unit_test(test_first_flight),
	    cmocka_unit_test(test_refused_protocol),
	    cmocka_unit_test(test_reset),
	    cmocka_unit_test(test_back_pressure),
	    cmocka_unit_test(test_many_hoards_stay_within_the_account),
	    cmocka_unit_test(test_streams_have_a_limit),
	    cmocka_unit_test(test_protocols_have_a_limit),
	    cmocka_unit_test(test_silent_stream),
	    cmocka_unit_test(test_proposal_without_answer),
	    cmocka_unit_test(test_deadline),
	    cmocka_unit_test(test_wake),
	    cmocka_unit_test(test_identify),
	    cmocka_unit_test(test_identify_flood),
	    cmocka_unit_test(test_identify_is_one_message),
	    cmocka_unit_test(test_ping),
	    cmocka_unit_test(test_waiting_pings),
	    cmocka_unit_test(test_pings_of_the_deaf),
	    cmocka_unit_test(test_idle_ping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
