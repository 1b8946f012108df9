/* SPDX-License-Identifier: ISC */
#include "tests/unit/dm-net/libp2p/vectors.h"

#include "dm-net/libp2p/yamux.h"

#define STREAMS_MAX 2000
#define MS 1000000u

/* One side of a session, and what it heard. */
struct side {
	struct yamux *y;
	struct yamux_stream *streams[STREAMS_MAX];
	size_t count;
	bool refuses; /* new streams */
	bool hoards;  /* consumes nothing */
	size_t data_len;
	uint8_t data[4096]; /* the first of it */
	size_t eofs, resets, squeezes, pongs;
	uint32_t code;
	uint8_t fill;	 /* what on_pull writes ... */
	size_t to_write; /* ... and how much is left */
	struct yamux_stream *pulled[64];
	size_t pulls;
};

static bool
on_open(void *ctx, struct yamux_stream *s)
{
	struct side *side = ctx;

	if (side->refuses)
		return false;
	assert_true(side->count < STREAMS_MAX);
	side->streams[side->count++] = s;
	return true;
}

static size_t
on_data(void *ctx, struct yamux_stream *s, const uint8_t *p, size_t len)
{
	struct side *side = ctx;

	if (side->hoards)
		return 0;
	if (side->data_len + len <= sizeof(side->data))
		memcpy(side->data + side->data_len, p, len);
	side->data_len += len;
	return len;
}

static void
on_eof(void *ctx, struct yamux_stream *s)
{
	((struct side *)ctx)->eofs++;
}

static void
on_reset(void *ctx, struct yamux_stream *s, uint32_t code)
{
	struct side *side = ctx;

	side->resets++;
	side->code = code;
}

static void
on_squeezed(void *ctx, struct yamux_stream *s)
{
	((struct side *)ctx)->squeezes++;
}

static size_t
on_pull(void *ctx, struct yamux_stream *s, uint8_t *out, size_t room)
{
	struct side *side = ctx;
	size_t n = side->to_write < room ? side->to_write : room;

	memset(out, side->fill, n);
	side->to_write -= n;
	if (n > 0 && side->pulls < COUNT(side->pulled))
		side->pulled[side->pulls++] = s;
	return n;
}

static void
on_pong(void *ctx)
{
	((struct side *)ctx)->pongs++;
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

static struct side *
side_new(bool is_dialer)
{
	struct side *side = calloc(1, sizeof(*side));

	assert_non_null(side);
	side->fill = 0x55;
	side->y = yamux_new(is_dialer, &ops, side);
	return side;
}

static void
side_free(struct side *side)
{
	yamux_free(side->y);
	free(side);
}

static enum yamux_status
feed(struct side *side, const char *text)
{
	struct bytes b = hex(text);

	return yamux_input(side->y, b.at, b.len, 1);
}

/* One data frame of `len` bytes. */
static enum yamux_status
feed_data(struct side *side, uint32_t id, uint8_t flags, uint32_t len)
{
	uint8_t *p = calloc(1, YAMUX_HEADER_BYTES + len);
	enum yamux_status status;

	p[3] = flags;
	for (int i = 0; i < 4; i++) {
		p[4 + i] = (uint8_t)(id >> (24 - 8 * i));
		p[8 + i] = (uint8_t)(len >> (24 - 8 * i));
	}
	status = yamux_input(side->y, p, YAMUX_HEADER_BYTES + len, 1);
	free(p);
	return status;
}

/* What it says now is exactly this. */
static void
expect(struct side *side, const char *text)
{
	struct bytes b = hex(text);
	uint8_t out[16384];
	size_t n = yamux_output(side->y, out, sizeof(out));

	assert_int_equal(n, b.len);
	assert_memory_equal(out, b.at, n);
}

/* Moves everything, in pieces of `step` bytes, until both are silent. */
static void
pump(struct side *a, struct side *b, size_t step, uint64_t now)
{
	struct side *from = a, *to = b;
	unsigned int silent = 0;
	uint8_t out[16384];

	while (silent < 2) {
		size_t n = yamux_output(from->y, out, sizeof(out));

		silent = n == 0 ? silent + 1 : 0;
		for (size_t i = 0; i < n; i += step)
			assert_int_equal(yamux_input(to->y, out + i,
					     n - i < step ? n - i : step, now),
			    YAMUX_OK);
		from = from == a ? b : a;
		to = to == a ? b : a;
	}
}

/* --- the vectors of two go-yamux sessions ----------------------------- */

#define SELECT_HEADER "132f6d756c746973747265616d2f312e302e300a"
#define SELECT_PING "112f697066732f70696e672f312e302e300a"
#define PING32 \
	"abababababababababababababababababababababababababababababababab"
static const char dialer_says[] =
    "000200010000000000000000000200020000000000000000"
    "000100010000000100000000"
    "000000000000000100000026" SELECT_HEADER SELECT_PING
    "000000000000000100000020" PING32 "000100040000000100000000"
    "000100010000000300000000000100080000000300000007";

static void
vectors(size_t step)
{
	struct side *side = side_new(false);
	struct bytes b = hex(dialer_says);
	struct bytes text = hex(SELECT_HEADER SELECT_PING PING32);

	yamux_ping(side->y); /* go's listener pings too */
	expect(side, "000200010000000000000001");
	b.at[12 + 11] = 1; /* ours counts from 1 */
	for (size_t i = 0; i < b.len; i += step)
		assert_int_equal(yamux_input(side->y, b.at + i,
				     b.len - i < step ? b.len - i : step, 1),
		    YAMUX_OK);
	assert_int_equal(side->pongs, 1);
	assert_int_equal(side->count, 2);
	assert_int_equal(side->data_len, text.len);
	assert_memory_equal(side->data, text.at, text.len);
	assert_int_equal(side->eofs, 1);
	assert_int_equal(side->resets, 1);
	assert_int_equal(side->code, 7);
	/* Pong, ACK of 1; 3 is forgotten. Then our FIN. */
	expect(side, "000200020000000000000000"
		     "000100020000000100000000");
	yamux_shutdown(side->streams[0]);
	expect(side, "000100040000000100000000");
	assert_int_equal(feed(side, "000300000000000000000001"), YAMUX_GOAWAY);
	assert_int_equal(yamux_goaway_code(side->y), 1);
	side_free(side);
}

static void
test_vectors(void **state)
{
	for (size_t step = 1; step < 200; step++)
		vectors(step);
}

static void
test_dialer_opens(void **state)
{
	struct side *side = side_new(true);
	struct yamux_stream *s;

	s = yamux_open(side->y, NULL, 0);
	side->to_write = 2;
	expect(side, "000100010000000100000000"
		     "0000000000000001000000025555");
	yamux_shutdown(s);
	expect(side, "000100040000000100000000");
	s = yamux_open(side->y, NULL, 0);
	assert_int_equal(yamux_id(s), 3);
	expect(side, "000100010000000300000000");
	yamux_reset(s, 7);
	expect(side, "000100080000000300000007");
	/* Nobody heard of this one: nothing to say. */
	s = yamux_open(side->y, NULL, 0);
	yamux_reset(s, 7);
	expect(side, "");
	yamux_goaway(side->y, 1);
	expect(side, "000300000000000000000001");
	expect(side, "");
	side_free(side);
}

/* rust opens by data, acknowledges by data, ends by data. */
static void
test_rust_ways(void **state)
{
	struct side *side = side_new(false);

	assert_int_equal(feed(side, "000000010000000100000002aabb"), YAMUX_OK);
	assert_int_equal(side->count, 1);
	assert_int_equal(side->data_len, 2);
	assert_int_equal(feed(side, "000000040000000100000000"), YAMUX_OK);
	assert_int_equal(side->eofs, 1);
	/* SYN, data and FIN in one. */
	assert_int_equal(feed(side, "000000050000000300000002ccdd"), YAMUX_OK);
	assert_int_equal(side->data_len, 4);
	assert_int_equal(side->eofs, 2);
	/* Data with RST. */
	assert_int_equal(feed(side, "000000010000000500000000"
				    "000000080000000500000000"),
	    YAMUX_OK);
	assert_int_equal(side->resets, 1);
	side_free(side);
	side = side_new(true);
	yamux_open(side->y, NULL, 0);
	expect(side, "000100010000000100000000");
	assert_int_equal(feed(side, "000000060000000100000002eeff"), YAMUX_OK);
	assert_int_equal(side->data_len, 2);
	assert_int_equal(side->eofs, 1);
	side_free(side);
}

static void
test_unknown_streams_are_ignored(void **state)
{
	struct side *side = side_new(false);

	assert_int_equal(feed(side, "000000000000000900000002aabb"
				    "000100080000000900000000"
				    "000100040000000900000000"
				    "00010000000000090000ffff"
				    "000100010000000100000000"),
	    YAMUX_OK);
	assert_int_equal(side->count, 1);
	assert_int_equal(side->data_len, 0);
	side_free(side);
}

/* --- what is refused -------------------------------------------------- */

static void
test_malformed(void **state)
{
	static const struct {
		const char *frames;
		enum yamux_status status;
	} rows[] = {
	    {"010000000000000100000000", YAMUX_VERSION},
	    {"000400000000000100000000", YAMUX_TYPE},
	    {"00ff00000000000100000000", YAMUX_TYPE},
	    {"000000100000000100000000", YAMUX_FLAGS},
	    {"000180010000000100000000", YAMUX_FLAGS},
	    {"000100030000000100000000", YAMUX_FLAGS}, /* SYN ACK */
	    {"000100090000000100000000", YAMUX_FLAGS}, /* SYN RST */
	    {"000000010000000000000000", YAMUX_ID},
	    {"000100000000000000000001", YAMUX_ID},
	    {"000100010000000200000000", YAMUX_ID}, /* ours to open */
	    {"000200010000000100000000", YAMUX_ID},
	    {"000200000000000000000000", YAMUX_FLAGS},
	    {"000200030000000000000000", YAMUX_FLAGS},
	    {"000200020000000000000000", YAMUX_PONG},
	    {"000300000000000100000000", YAMUX_ID},
	    {"000300000000000000000000", YAMUX_GOAWAY},
	    {"000100010000000100000000000100010000000100000000", YAMUX_REUSED},
	    {"000000010000000100040001", YAMUX_CREDIT},
	    {"000100010000000100000000000000000000000100040001", YAMUX_CREDIT},
	    {"000000000000000100100001", YAMUX_LENGTH},
	    {"000000000000000affffffff", YAMUX_LENGTH},
	    {"000100010000000100000000000100000000000100000001"
	     "0001000000000001ffffffff",
		YAMUX_OVERFLOW},
	    {"0001000100000001ffffffff", YAMUX_OVERFLOW},
	    {"0001000100000001000000000001000400000001000000000000000000"
	     "00000100000001aa",
		YAMUX_AFTER_FIN},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct side *side = side_new(false);

		assert_int_equal(feed(side, rows[i].frames), rows[i].status);
		/* It stays so, and nothing more is read. */
		assert_int_equal(
		    feed(side, "000100010000000700000000"), rows[i].status);
		assert_true(side->count <= 1);
		assert_int_equal(yamux_buffered(side->y), 0);
		assert_true(strlen(yamux_status_text(rows[i].status)) > 8);
		side_free(side);
	}
}

static void
test_send_window_is_64_bits(void **state)
{
	struct side *side = side_new(true);

	yamux_open(side->y, NULL, 0);
	expect(side, "000100010000000100000000");
	/* 256 KiB + 0xfffbffff is the most that 32 bits hold. */
	assert_int_equal(feed(side, "0001000200000001fffbffff"), YAMUX_OK);
	assert_int_equal(
	    feed(side, "000100000000000100000001"), YAMUX_OVERFLOW);
	side_free(side);
}

/* Nothing is allocated for a first frame beyond the initial window. */
static void
test_syn_beyond_the_window(void **state)
{
	struct side *side = side_new(false);

	assert_int_equal(feed(side, "000000010000000100040001"), YAMUX_CREDIT);
	assert_int_equal(side->count, 0);
	assert_int_equal(yamux_stream_count(side->y, true), 0);
	side_free(side);
}

static void
test_ping_flood_has_one_answer(void **state)
{
	struct side *side = side_new(false);

	assert_int_equal(feed(side, "00020001000000000000002a"), YAMUX_OK);
	for (unsigned int i = 0; i < 100000; i++)
		assert_int_equal(
		    feed(side, "00020001000000000000002b"), YAMUX_OK);
	expect(side, "00020002000000000000002a");
	expect(side, "");
	side_free(side);
}

static void
open_many(
    struct side *side, uint32_t from, uint32_t count, enum yamux_status status)
{
	for (uint32_t i = from; i < from + count; i++)
		assert_int_equal(feed_data(side, 1 + 2 * i, 1, 0), status);
}

static void
test_stream_cap(void **state)
{
	struct side *side = side_new(false);
	uint8_t out[16384];
	size_t n;

	open_many(side, 0, YAMUX_STREAMS_MAX + 3, YAMUX_OK);
	assert_int_equal(side->count, YAMUX_STREAMS_MAX);
	assert_int_equal(yamux_stream_count(side->y, true), YAMUX_STREAMS_MAX);
	n = yamux_output(side->y, out, sizeof(out));
	assert_int_equal(n, 12 * (3 + YAMUX_STREAMS_MAX));
	/* Resets with "resource limit" come first. */
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(out[12 * i + 3], 8);
		assert_int_equal(out[12 * i + 10], 0x10);
		assert_int_equal(out[12 * i + 11], 0x02);
	}
	/* Data for a refused stream is dropped. */
	assert_int_equal(
	    feed_data(side, 1 + 2 * YAMUX_STREAMS_MAX, 0, 500), YAMUX_OK);
	assert_int_equal(side->data_len, 0);
	/* One goes, one may come. */
	yamux_reset(side->streams[0], 0);
	yamux_release(side->streams[0]);
	expect(side, "000100080000000100000000");
	open_many(side, 5000, 1, YAMUX_OK);
	assert_int_equal(side->count, YAMUX_STREAMS_MAX + 1);
	side_free(side);
}

static void
test_stream_flood_ends_the_session(void **state)
{
	struct side *side = side_new(false);

	side->refuses = true;
	open_many(side, 0, YAMUX_REFUSALS_MAX, YAMUX_OK);
	open_many(side, YAMUX_REFUSALS_MAX, 1, YAMUX_FLOOD);
	side_free(side);
}

static void
test_own_stream_cap(void **state)
{
	struct side *side = side_new(true);

	for (unsigned int i = 0; i < YAMUX_STREAMS_MAX; i++)
		assert_non_null(yamux_open(side->y, NULL, 0));
	assert_null(yamux_open(side->y, NULL, 0));
	side_free(side);
}

/* --- windows and memory ----------------------------------------------- */

static void
test_credit_only_for_what_is_consumed(void **state)
{
	struct side *side = side_new(false);

	side->hoards = true;
	assert_int_equal(feed_data(side, 1, 1, 100000), YAMUX_OK);
	assert_int_equal(feed_data(side, 1, 0, 100000), YAMUX_OK);
	expect(side, "000100020000000100000000");
	expect(side, "");
	assert_true(yamux_buffered(side->y) >= 200000);
	/* Offered again: all at once, in order, and then granted back. */
	side->hoards = false;
	yamux_offer(side->streams[0], 2);
	assert_int_equal(side->data_len, 200000);
	expect(side, "000100000000000100030d40"); /* 200000 */
	assert_int_equal(yamux_buffered(side->y), 0);
	/* Less than half a window is not worth a frame. */
	assert_int_equal(feed_data(side, 1, 0, 131071), YAMUX_OK);
	expect(side, "");
	assert_int_equal(feed_data(side, 1, 0, 1), YAMUX_OK);
	expect(side, "000100000000000100020000");
	side_free(side);
}

static void
test_eof_waits_for_what_is_buffered(void **state)
{
	struct side *side = side_new(false);

	side->hoards = true;
	assert_int_equal(feed_data(side, 1, 5, 1000), YAMUX_OK);
	assert_int_equal(side->eofs, 0);
	side->hoards = false;
	yamux_offer(side->streams[0], 2);
	assert_int_equal(side->data_len, 1000);
	assert_int_equal(side->eofs, 1);
	yamux_offer(side->streams[0], 2);
	assert_int_equal(side->eofs, 1);
	side_free(side);
}

static void
test_full_account_resets_the_largest(void **state)
{
	struct side *side = side_new(false);
	uint32_t i;

	side->hoards = true;
	for (i = 0; i < 7; i++)
		assert_int_equal(
		    feed_data(side, 1 + 2 * i, 1, 100000), YAMUX_OK);
	assert_int_equal(feed_data(side, 1, 0, 100000), YAMUX_OK);
	assert_int_equal(side->squeezes, 0);
	for (; i < 30; i++)
		assert_int_equal(
		    feed_data(side, 1 + 2 * i, 1, 100000), YAMUX_OK);
	assert_true(yamux_charged(side->y) <= YAMUX_ACCOUNT_BYTES);
	/* New streams were refused before anyone had to go ... */
	assert_true(side->count < 30);
	assert_int_equal(side->squeezes, 0);
	/* ... and then those who buffer most went. */
	for (i = 1; i < side->count; i++)
		assert_int_equal(
		    feed_data(side, 1 + 2 * i, 0, 162144), YAMUX_OK);
	assert_true(side->squeezes > 0);
	assert_true(yamux_charged(side->y) <= YAMUX_ACCOUNT_BYTES);
	side_free(side);
}

/* A peer may use the window that each stream has from the start, of eight at
 * once, with others beside them that are in use. */
static void
test_account_has_room_for_eight_windows(void **state)
{
	struct side *side = side_new(false);

	side->hoards = true;
	for (uint32_t i = 0; i < 16; i++)
		assert_int_equal(feed_data(side, 1 + 2 * i, 1, 1), YAMUX_OK);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(feed_data(side, 1 + 2 * i, 0,
				     YAMUX_WINDOW_INITIAL - 1),
		    YAMUX_OK);
	assert_int_equal(side->squeezes, 0);
	side_free(side);
}

/* Beside what waits, streams and the connection are on the account. */
static void
test_account_counts_streams(void **state)
{
	struct side *side = side_new(false);
	size_t empty = yamux_charged(side->y);

	assert_int_equal(empty, YAMUX_CONN_BYTES);
	side->hoards = true;
	assert_int_equal(feed_data(side, 1, 1, 5000), YAMUX_OK);
	assert_int_equal(feed_data(side, 3, 1, 0), YAMUX_OK);
	assert_true(yamux_buffered(side->y) >= 5000);
	assert_int_equal(yamux_charged(side->y) - empty,
	    yamux_buffered(side->y) + 2 * YAMUX_STREAM_BYTES);
	side_free(side);
}

/* What was consumed does not count, and nobody else is touched. */
static void
test_stream_beyond_its_limit_is_squeezed(void **state)
{
	struct side *side = side_new(false);

	assert_int_equal(feed_data(side, 1, 1, 0), YAMUX_OK);
	assert_int_equal(feed_data(side, 3, 1, 0), YAMUX_OK);
	expect(side, "000100020000000100000000000100020000000300000000");
	yamux_set_limit(side->streams[0], 4096);
	assert_int_equal(feed_data(side, 1, 0, 100000), YAMUX_OK);
	side->hoards = true;
	assert_int_equal(feed_data(side, 3, 0, 5000), YAMUX_OK);
	assert_int_equal(feed_data(side, 1, 0, 4000), YAMUX_OK);
	assert_int_equal(feed_data(side, 1, 0, 96), YAMUX_OK);
	assert_int_equal(side->squeezes, 0);
	assert_true(yamux_buffered(side->y) >= 9096);
	assert_int_equal(feed_data(side, 1, 0, 1), YAMUX_OK);
	assert_int_equal(side->squeezes, 1);
	assert_int_equal(yamux_buffered(side->y), 8192);
	expect(side, "000100080000000100001002");
	side->hoards = false;
	yamux_offer(side->streams[1], 2);
	assert_int_equal(side->data_len, 105000);
	side_free(side);
}

static void
test_window_grows_within_bounds(void **state)
{
	struct side *a = side_new(true), *b = side_new(false);
	struct yamux_stream *s = yamux_open(a->y, NULL, 0);
	uint64_t now = 1000 * MS;

	yamux_set_rtt(b->y, MS);
	for (unsigned int i = 0; i < 200; i++) {
		a->to_write = 65536;
		yamux_want_write(s);
		now += MS / 10;
		pump(a, b, 16384, now);
	}
	assert_int_equal(b->data_len, 200 * 65536);
	/* With nobody consuming, what it may have in flight shows. */
	b->hoards = true;
	a->to_write = 64 << 20;
	yamux_want_write(s);
	pump(a, b, 16384, now);
	assert_true((64 << 20) - a->to_write > YAMUX_WINDOW_INITIAL);
	assert_true((64 << 20) - a->to_write <= YAMUX_WINDOW_MAX);
	side_free(a);
	side_free(b);
}

/* All windows together grow by a bounded amount. */
static void
test_growth_of_all_is_bounded(void **state)
{
	struct side *a = side_new(true), *b = side_new(false);
	struct yamux_stream *s[10];
	uint64_t now = 1000 * MS;
	uint8_t out[16384];

	yamux_set_rtt(b->y, MS);
	for (size_t i = 0; i < COUNT(s); i++)
		s[i] = yamux_open(a->y, NULL, 0);
	for (unsigned int i = 0; i < 300; i++) {
		a->to_write = 1 << 20;
		for (size_t k = 0; k < COUNT(s); k++)
			yamux_want_write(s[k]);
		now += MS / 10;
		pump(a, b, 16384, now);
	}
	/* What a may say before it hears of b again. */
	a->to_write = 64 << 20;
	for (size_t k = 0; k < COUNT(s); k++)
		yamux_want_write(s[k]);
	while (yamux_output(a->y, out, sizeof(out)) > 0)
		;
	assert_true((64 << 20) - a->to_write > 2 * YAMUX_WINDOW_INITIAL);
	assert_true((64 << 20) - a->to_write <=
		    COUNT(s) * YAMUX_WINDOW_INITIAL + YAMUX_ACCOUNT_BYTES / 2);
	side_free(a);
	side_free(b);
}

/* What one of seven streams may send at most, when the others are limited. */
static size_t
grown_beside(size_t limit)
{
	struct side *a = side_new(true), *b = side_new(false);
	struct yamux_stream *s[7];
	uint64_t now = 1000 * MS;
	size_t sent;

	yamux_set_rtt(b->y, MS);
	for (size_t i = 0; i < COUNT(s); i++)
		s[i] = yamux_open(a->y, NULL, 0);
	pump(a, b, 16384, now);
	for (size_t i = 1; i < COUNT(s); i++)
		yamux_set_limit(b->streams[i], limit);
	for (unsigned int i = 0; i < 100; i++) {
		a->to_write = 65536;
		yamux_want_write(s[0]);
		now += MS / 10;
		pump(a, b, 16384, now);
	}
	b->hoards = true;
	a->to_write = 64 << 20;
	yamux_want_write(s[0]);
	pump(a, b, 16384, now);
	sent = (64 << 20) - a->to_write;
	assert_int_equal(b->squeezes, 0);
	side_free(a);
	side_free(b);
	return sent;
}

/* Streams on which nothing ever waits do not keep others small. */
static void
test_limits_leave_room_to_grow(void **state)
{
	assert_true(grown_beside(0) > YAMUX_WINDOW_MAX / 2);
	assert_true(grown_beside(16384) > YAMUX_WINDOW_MAX / 2);
	assert_true(grown_beside(SIZE_MAX) <= 2 * YAMUX_WINDOW_INITIAL);
}

static void
test_slow_use_does_not_grow(void **state)
{
	struct side *a = side_new(true), *b = side_new(false);
	struct yamux_stream *s = yamux_open(a->y, NULL, 0);
	uint64_t now = 1000 * MS;

	yamux_set_rtt(b->y, MS);
	for (unsigned int i = 0; i < 50; i++) {
		a->to_write = 65536;
		yamux_want_write(s);
		now += 10 * MS;
		pump(a, b, 16384, now);
	}
	b->hoards = true;
	a->to_write = 64 << 20;
	yamux_want_write(s);
	pump(a, b, 16384, now);
	assert_true((64 << 20) - a->to_write <= YAMUX_WINDOW_INITIAL);
	side_free(a);
	side_free(b);
}

/* --- order ------------------------------------------------------------ */

static void
test_classes(void **state)
{
	struct side *side = side_new(true);
	struct yamux_stream *low = yamux_open(side->y, NULL, 3);
	struct yamux_stream *high = yamux_open(side->y, NULL, 0);
	uint8_t out[16384];
	size_t lows = 0;

	(void)low;
	side->to_write = 64 << 20;
	for (size_t i = 0; i < 16; i++)
		yamux_output(side->y, out, sizeof(out));
	for (size_t i = 0; i < 14; i++)
		lows += side->pulled[i] != high;
	/* The higher class goes first, the lower does not starve. */
	assert_ptr_equal(side->pulled[0], high);
	assert_true(lows >= 1 && lows <= 3);
	side_free(side);
}

static void
test_random_splits(void **state)
{
	srand(7);
	for (unsigned int round = 0; round < 20; round++) {
		struct side *a = side_new(true), *b = side_new(false);
		struct yamux_stream *s = yamux_open(a->y, NULL, 0);

		a->to_write = 1000000;
		for (unsigned int i = 0; i < 100; i++) {
			yamux_open(b->y, NULL, 1);
			pump(a, b, 1 + (size_t)rand() % 3000, 1);
		}
		assert_int_equal(b->data_len, 1000000);
		assert_int_equal(a->count, 100);
		yamux_shutdown(s);
		pump(a, b, 5, 1);
		assert_int_equal(b->eofs, 1);
		side_free(a);
		side_free(b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_dialer_opens),
	    cmocka_unit_test(test_rust_ways),
	    cmocka_unit_test(test_unknown_streams_are_ignored),
	    cmocka_unit_test(test_malformed),
	    cmocka_unit_test(test_send_window_is_64_bits),
	    cmocka_unit_test(test_syn_beyond_the_window),
	    cmocka_unit_test(test_ping_flood_has_one_answer),
	    cmocka_unit_test(test_stream_cap),
	    cmocka_unit_test(test_stream_flood_ends_the_session),
	    cmocka_unit_test(test_own_stream_cap),
	    cmocka_unit_test(test_credit_only_for_what_is_consumed),
	    cmocka_unit_test(test_eof_waits_for_what_is_buffered),
	    cmocka_unit_test(test_full_account_resets_the_largest),
	    cmocka_unit_test(test_account_has_room_for_eight_windows),
	    cmocka_unit_test(test_account_counts_streams),
	    cmocka_unit_test(test_stream_beyond_its_limit_is_squeezed),
	    cmocka_unit_test(test_limits_leave_room_to_grow),
	    cmocka_unit_test(test_window_grows_within_bounds),
	    cmocka_unit_test(test_growth_of_all_is_bounded),
	    cmocka_unit_test(test_slow_use_does_not_grow),
	    cmocka_unit_test(test_classes),
	    cmocka_unit_test(test_random_splits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
