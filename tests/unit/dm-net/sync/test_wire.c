/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dm-net/sync/file_wire.h"
#include "dm-net/sync/wire.h"

static uint8_t buf[SYNC_MESSAGE_MAX + 8];

/* Seals what was written and decodes it again. */
static void
reread(struct msgput *m, struct wire_message *out)
{
	size_t n = wire_end(m), len;
	int head;

	assert_true(n > 0);
	for (size_t i = 0; i < 3 && i < n && (buf[i] & 0x80); i++)
		assert_int_equal(wire_length(buf, i + 1, &len), 0);
	head = wire_length(buf, n, &len);
	assert_true(head > 0);
	assert_int_equal((size_t)head + len, n);
	assert_int_equal(wire_decode(out, buf + head, len), WIRE_OK);
	/* cut short anywhere, or with a byte more, it is malformed */
	for (size_t cut = 0; cut < len && cut < 400; cut++) {
		struct wire_message other;

		assert_int_equal(
		    wire_decode(&other, buf + head, cut), WIRE_MALFORMED);
	}
	buf[n] = 0;
	assert_int_equal(wire_decode(out, buf + head, len + 1), WIRE_MALFORMED);
	assert_int_equal(wire_decode(out, buf + head, len), WIRE_OK);
}

static void
test_hello(void **state)
{
	static const uint8_t interests[16] = {1, 0, 0, 0, 0, 0, 0, 0, 2};
	struct wire_hello h = {.version = 1,
	    .agent = "x",
	    .agent_len = 1,
	    .has_network = true,
	    .network = {7},
	    .start = UINT64_MAX,
	    .generation = 5,
	    .interests = interests,
	    .interest_count = 2,
	    .root = {.hash = {9}, .count = 70000},
	    .peers = 3};
	struct wire_message out;
	struct msgput m;

	wire_begin(&m, buf, sizeof(buf));
	wire_put_hello(&m, &h);
	reread(&m, &out);
	assert_int_equal(out.type, WIRE_HELLO);
	assert_true(out.hello.start == UINT64_MAX);
	assert_true(out.hello.has_network);
	assert_int_equal(out.hello.interest_count, 2);
	assert_memory_equal(out.hello.interests, interests, 16);
	assert_true(trie_sum_equal(&out.hello.root, &h.root));
	h.has_network = false;
	h.is_all = true;
	wire_begin(&m, buf, sizeof(buf));
	wire_put_hello(&m, &h);
	reread(&m, &out);
	assert_false(out.hello.has_network);
	assert_true(out.hello.is_all);
}

static void
test_compare(void **state)
{
	struct wire_compare c = {.prefix = {2, {15, 3}},
	    .sum = {{1}, 99},
	    .has_children = true,
	    .generation = 8,
	    .role = WIRE_ANSWER};
	struct wire_message out;
	struct msgput m;

	for (size_t i = 0; i < 16; i++) {
		c.children[i].count = (uint32_t)i * 1000000;
		c.children[i].hash[0] = i > 0;
	}
	wire_begin(&m, buf, sizeof(buf));
	wire_put_compare(&m, &c);
	reread(&m, &out);
	assert_true(trie_prefix_equal(&out.compare.prefix, &c.prefix));
	for (size_t i = 0; i < 16; i++)
		assert_true(
		    trie_sum_equal(&out.compare.children[i], &c.children[i]));
	assert_int_equal(out.compare.role, WIRE_ANSWER);
	/* an empty child has no hash */
	c.children[0].hash[3] = 1;
	wire_begin(&m, buf, sizeof(buf));
	wire_put_compare(&m, &c);
	assert_int_equal(
	    wire_decode(&out, buf + 2, wire_end(&m) - 2), WIRE_MALFORMED);
}

static void
put_rows(struct msgput *m, struct wire_rows *r, const struct trie_row *rows)
{
	wire_begin(m, buf, sizeof(buf));
	wire_put_rows(m, r);
	for (size_t i = 0; i < r->count; i++)
		wire_put_row(m, &rows[i]);
	wire_put_rows_end(m, r);
}

static void
test_rows(void **state)
{
	struct trie_row rows[2] = {{.key = {0x30}, .signed_at_ns = 7},
	    {.key = {0x31}, .signed_at_ns = SIGNED_AT_NS_MAX}};
	struct wire_rows r = {.prefix = {1, {3}},
	    .count = 2,
	    .has_cursor = true,
	    .cursor = {0x3f},
	    .role = WIRE_TELL};
	struct wire_message out;
	struct wire_row row;
	struct msgput m;

	put_rows(&m, &r, rows);
	reread(&m, &out);
	wire_row_at(&out.rows, 1, &row);
	assert_true(row.signed_at_ns == SIGNED_AT_NS_MAX);
	assert_memory_equal(row.key, rows[1].key, 16);
	/* out of order, outside the prefix, without a time, no way on */
	for (int i = 0; i < 4; i++) {
		struct trie_row bad[2] = {rows[0], rows[1]};
		struct wire_rows b = r;

		if (i == 0)
			bad[0] = rows[1];
		else if (i == 1)
			bad[1].key[0] = 0x41;
		else if (i == 2)
			bad[0].signed_at_ns = 0;
		else {
			b.count = 0;
			b.more = true;
		}
		put_rows(&m, &b, bad);
		size_t n = wire_end(&m), len;
		int head = wire_length(buf, n, &len);

		assert_int_equal(
		    wire_decode(&out, buf + head, len), WIRE_MALFORMED);
	}
}

static void
test_entries(void **state)
{
	struct entry e = {.kind = ENTRY_FILE,
			 .name = "a/b",
			 .signed_at_ns = 1,
			 .size = 3,
			 .signer = {1}},
		     got;
	uint8_t encoded[ENTRY_SIZE_MAX], keys[32] = {5};
	struct wire_message out;
	const uint8_t *content;
	struct msgput m;
	size_t len, n = entry_encode(&e, encoded);

	wire_begin(&m, buf, sizeof(buf));
	wire_put_entries(&m, 2);
	wire_put_item(&m, encoded, n, NULL, 0);
	wire_put_item(&m, encoded, n, (const uint8_t *)"xyz", 3);
	wire_put_missing(&m, keys, 2);
	reread(&m, &out);
	assert_int_equal(out.entries.missing_count, 2);
	assert_int_equal(
	    wire_entry_next(&out.entries, &got, &content, &len), 1);
	assert_null(content);
	assert_int_equal(
	    wire_entry_next(&out.entries, &got, &content, &len), 1);
	assert_memory_equal(content, "xyz", 3);
	assert_string_equal(got.name, "a/b");
	assert_int_equal(
	    wire_entry_next(&out.entries, &got, &content, &len), 0);
	/* content of another size than was signed */
	wire_begin(&m, buf, sizeof(buf));
	wire_put_entries(&m, 1);
	wire_put_item(&m, encoded, n, (const uint8_t *)"xy", 2);
	wire_put_missing(&m, keys, 0);
	reread(&m, &out);
	assert_int_equal(
	    wire_entry_next(&out.entries, &got, &content, &len), -1);
}

static void
test_small(void **state)
{
	uint8_t keys[WIRE_KEYS_MAX * 16] = {3}, version[32] = {4};
	struct wire_message out;
	const uint8_t *record;
	struct msgput m;
	size_t len;

	wire_begin(&m, buf, sizeof(buf));
	wire_put_want(&m, keys, WIRE_KEYS_MAX);
	reread(&m, &out);
	assert_int_equal(out.want.count, WIRE_KEYS_MAX);
	wire_begin(&m, buf, sizeof(buf));
	wire_put_bad(&m, keys, version);
	reread(&m, &out);
	assert_memory_equal(out.bad.version, version, 32);
	wire_begin(&m, buf, sizeof(buf));
	wire_put_bye(&m, WIRE_BYE_FULL);
	reread(&m, &out);
	assert_int_equal(out.bye, WIRE_BYE_FULL);
	wire_begin(&m, buf, sizeof(buf));
	wire_put_busy(&m);
	reread(&m, &out);
	wire_begin(&m, buf, sizeof(buf));
	wire_put_records(&m, 1);
	msgput_bin(&m, version, 32);
	msgput_bool(&m, true);
	reread(&m, &out);
	assert_true(out.records.is_ask);
	assert_true(wire_record_next(&out.records, &record, &len));
	assert_int_equal(len, 32);
	assert_false(wire_record_next(&out.records, &record, &len));
}

/* Later versions may add elements and types. */
static void
test_future(void **state)
{
	static const uint8_t surplus[] = {0x93, 8, 1, 0x92, 5, 0xc0};
	static const uint8_t unknown[] = {0x92, 99, 0x81, 1, 2};
	static const uint8_t broken[] = {0x92, 99, 0x81, 1};
	static const uint8_t empty[] = {0x90};
	struct wire_message out;

	assert_int_equal(wire_decode(&out, surplus, sizeof(surplus)), WIRE_OK);
	assert_int_equal(out.bye, 1);
	assert_int_equal(
	    wire_decode(&out, unknown, sizeof(unknown)), WIRE_UNKNOWN);
	assert_int_equal(
	    wire_decode(&out, broken, sizeof(broken)), WIRE_MALFORMED);
	assert_int_equal(
	    wire_decode(&out, empty, sizeof(empty)), WIRE_MALFORMED);
}

static void
test_length(void **state)
{
	static const uint8_t most[] = {0x80, 0x80, 0x08};
	static const uint8_t over[] = {0x81, 0x80, 0x08};
	static const uint8_t padded[] = {0x81, 0x00};
	static const uint8_t endless[] = {0x80, 0x80, 0x80, 0x01};
	size_t len;

	assert_int_equal(wire_length(most, 3, &len), 3);
	assert_int_equal(len, SYNC_MESSAGE_MAX);
	assert_int_equal(wire_length(over, 3, &len), -1);
	assert_int_equal(wire_length(padded, 2, &len), -1);
	assert_int_equal(wire_length(endless, 4, &len), -1);
}

static void
test_file(void **state)
{
	struct file_request req = {.key = {1},
				.version = {2},
				.offset = UINT64_MAX},
			    got;
	struct file_answer ans = {FILE_BUSY, 77}, back;
	uint8_t head[FILE_HEAD_MAX];
	size_t n = file_request_encode(&req, head);

	for (size_t i = 0; i < n; i++)
		assert_int_equal(file_request_decode(&got, head, i), 0);
	assert_int_equal(file_request_decode(&got, head, n), n);
	assert_memory_equal(got.key, req.key, 16);
	assert_memory_equal(got.version, req.version, 32);
	assert_true(got.offset == UINT64_MAX);
	n = file_answer_encode(&ans, head);
	assert_int_equal(file_answer_decode(&back, head, n), n);
	assert_int_equal(back.status, FILE_BUSY);
	assert_int_equal(back.size, 77);
	assert_int_equal(file_request_decode(&got, head, n), -1);
	head[2] = 4; /* a status that does not exist */
	assert_int_equal(file_answer_decode(&back, head, n), -1);
	memset(head, 0xff, sizeof(head));
	assert_int_equal(file_answer_decode(&back, head, sizeof(head)), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hello),
	    cmocka_unit_test(test_compare),
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_entries),
	    cmocka_unit_test(test_small),
	    cmocka_unit_test(test_future),
	    cmocka_unit_test(test_length),
	    cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
