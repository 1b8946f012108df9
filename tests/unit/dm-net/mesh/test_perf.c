/* SPDX-License-Identifier: ISC */
/* The perf protocol of libp2p: a count, as many bytes as one likes, and so many
 * back; however it is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-net/mesh/perf.h"
#include "tests/double/mesh_node.h"

struct perf_stream {
	uint8_t out[300];
	size_t out_len, sent, cut;
	size_t got;
	bool is_over;
	enum p2p_end end;
};

static struct perf_stream ps;

static size_t
on_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	size_t n = ps.out_len - ps.sent;

	if (n > ps.cut)
		n = ps.cut;
	if (n > room)
		n = room;
	memcpy(out, ps.out + ps.sent, n);
	ps.sent += n;
	if (ps.sent == ps.out_len)
		p2p_stream_shutdown(s);
	return n;
}

static size_t
on_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	ps.got += len;
	return len;
}

static void
on_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	ps.is_over = true;
	ps.end = end;
}

static void
on_eof(struct p2p_stream *s)
{
}

static const struct p2p_stream_handlers handlers = {
    .on_writable = on_writable,
    .on_data = on_data,
    .on_eof = on_eof,
    .on_closed = on_closed,
};

static bool
is_over(struct mesh_node *n)
{
	return ps.is_over;
}

/* Says the first head_len bytes of the count, then upload bytes. */
static void
run(struct mesh_node *n, size_t head_len, uint16_t count, size_t upload,
    size_t cut)
{
	ps = (struct perf_stream){.out_len = head_len + upload, .cut = cut};
	if (head_len == 8) {
		ps.out[6] = (uint8_t)(count >> 8);
		ps.out[7] = (uint8_t)count;
	}
	assert_non_null(p2p_stream_open(
	    n->peer.conn, "/perf/1.0.0", P2P_CLASS_CONTROL, &handlers, NULL));
	assert_true(mesh_node_until(n, is_over));
}

static void
test_perf(void **state)
{
	static const size_t cuts[] = {SIZE_MAX, 1, 2, 3, 7, 8, 9};
	struct mesh_node *n = mesh_node_new();

	perf_set(n->mesh, true);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		run(n, 8, 40000, 200, cuts[i]);
		assert_int_equal(ps.end, P2P_END_DONE);
		assert_int_equal(ps.got, 40000);
		run(n, 8, 0, 0, cuts[i]);
		assert_int_equal(ps.end, P2P_END_DONE);
		assert_int_equal(ps.got, 0);
		run(n, 7, 0, 0, cuts[i]);
		assert_int_equal(ps.end, P2P_END_RESET);
	}
	perf_set(n->mesh, false);
	run(n, 8, 1, 0, 1);
	assert_int_equal(ps.end, P2P_END_RESET);
	mesh_node_free(n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_perf),
	};

	log_set_level(LOG_L_FATAL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
