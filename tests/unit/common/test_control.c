/* SPDX-License-Identifier: ISC */
/* The control protocol: both ends understand each other, and nothing else. */
#include "common/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 200

static uint8_t pool[4096];

static uint64_t
any_number(uint64_t limit)
{
	uint64_t n =
	    (uint64_t)rand() << 33 ^ (uint64_t)rand() << 11 ^ (uint64_t)rand();

	n >>= rand() % 64;
	return limit == UINT64_MAX ? n : n % (limit + 1);
}

static void
field_fill(const struct codec_field *f, void *value)
{
	uint8_t *at = (uint8_t *)value + f->offset;
	struct bytes *b = (struct bytes *)(void *)at;

	switch (f->kind) {
	case CODEC_U64:
		*(uint64_t *)(void *)at = any_number(f->limit);
		return;
	case CODEC_BOOL:
		*(bool *)(void *)at = rand() % 2 == 1;
		return;
	case CODEC_FIXED:
		memcpy(at, pool, (size_t)f->limit);
		return;
	case CODEC_BYTES:
	case CODEC_TEXT:
		b->data = pool + rand() % 64;
		b->len = (size_t)any_number(f->limit);
		if (rand() % 4 == 0)
			b->len = (size_t)f->limit;
		return;
	}
}

static void
field_compare(const struct codec_field *f, const void *one, const void *two)
{
	const uint8_t *a = (const uint8_t *)one + f->offset;
	const uint8_t *b = (const uint8_t *)two + f->offset;
	const struct bytes *x = (const struct bytes *)(const void *)a;
	const struct bytes *y = (const struct bytes *)(const void *)b;

	switch (f->kind) {
	case CODEC_U64:
		assert_memory_equal(a, b, sizeof(uint64_t));
		return;
	case CODEC_BOOL:
		assert_int_equal(*(const bool *)a, *(const bool *)b);
		return;
	case CODEC_FIXED:
		assert_memory_equal(a, b, (size_t)f->limit);
		return;
	case CODEC_BYTES:
	case CODEC_TEXT:
		assert_int_equal(x->len, y->len);
		assert_memory_equal(x->data, y->data, x->len);
		return;
	}
}

static void
fill(const struct codec_struct *layout, void *value)
{
	memset(value, 0, layout->size);
	for (size_t i = 0; i < layout->n_fields; i++)
		field_fill(&layout->fields[i], value);
}

static void
compare(const struct codec_struct *layout, const void *a, const void *b)
{
	for (size_t i = 0; i < layout->n_fields; i++)
		field_compare(&layout->fields[i], a, b);
}

static void
command_round_trip(const struct control_info *info)
{
	uint8_t buf[CONTROL_REQUEST_MAX], command;
	_Alignas(8) uint8_t sent[1024], got[1024];
	uint16_t body_len;
	size_t len;

	assert_true(info->layout.size <= sizeof(sent));
	fill(&info->layout, sent);
	len = control_request_encode(info->command, sent, buf);
	assert_true(control_header_decode(buf, &command, &body_len));
	assert_int_equal(command, info->command);
	assert_int_equal(body_len + CONTROL_HEADER_SIZE, len);
	assert_true(control_body_decode(
	    info->command, got, buf + CONTROL_HEADER_SIZE, body_len));
	compare(&info->layout, sent, got);
	/* cut anywhere, or longer: refused */
	for (size_t cut = 0; cut < body_len; cut++)
		assert_false(control_body_decode(
		    info->command, got, buf + CONTROL_HEADER_SIZE, cut));
	buf[len] = 0;
	assert_false(control_body_decode(
	    info->command, got, buf + CONTROL_HEADER_SIZE, body_len + 1u));
}

/* clang-format off */
#define F_U64(name, field, max)
#define F_BOOL(name, field)
#define F_FIXED(name, field, len)
#define F_BYTES(name, field, max)
#define F_TEXT(name, field, max)
#define COMMAND(name, NAME, number, owner, privileged, fd) + 1
#define COMMAND_END(name)
static const unsigned n_commands = 0
#include "common/control.def"
;
#undef COMMAND
#undef COMMAND_END
/* clang-format on */

static void
test_commands(void **state)
{
	unsigned n = 0;

	for (unsigned c = 0; c < 256; c++) {
		const struct control_info *info = control_info(c);

		if (info == NULL)
			continue;
		n++;
		assert_int_equal(info->command, c);
		for (unsigned i = 0; i < ROUNDS; i++)
			command_round_trip(info);
	}
	assert_int_equal(n, n_commands); /* no number twice */
	assert_null(control_info(0));
	assert_null(control_info(UINT64_C(1) << 32 | CONTROL_STOP));
}

/* Numbers, owners and rights are what other versions of dmctl rely on. */
static void
test_command_table(void **state)
{
	const struct control_info *info;

	info = control_info(12);
	assert_string_equal(info->name, "upload");
	assert_int_equal(info->owner, ROLE_STORE);
	assert_true(info->may_fd);
	assert_false(info->privileged);
	info = control_info(7);
	assert_string_equal(info->name, "stop");
	assert_int_equal(info->owner, ROLE_DMD);
	assert_true(info->privileged);
	assert_false(info->may_fd);
	info = control_info(8);
	assert_string_equal(info->name, "peers");
	assert_int_equal(info->owner, ROLE_NET);
	info = control_info(14);
	assert_string_equal(info->name, "forget");
	assert_true(info->privileged);
	info = control_info(19);
	assert_string_equal(info->name, "fsck");
	assert_int_equal(info->owner, ROLE_STORE);
	assert_true(info->privileged);
}

/* dmd takes its own commands byte for byte in this form. */
static void
test_fixed_form(void **state)
{
	static const uint8_t expected[] = {
	    'D', 'M', 'C', '1', 1, 6, 3, 0, 0x92, 6, 4};
	const struct control_log log = {.level = 4};
	uint8_t buf[CONTROL_REQUEST_MAX];

	assert_int_equal(
	    control_request_encode(CONTROL_LOG, &log, buf), sizeof(expected));
	assert_memory_equal(buf, expected, sizeof(expected));
}

static void
test_header(void **state)
{
	const uint8_t good[8] = {'D', 'M', 'C', '1', 1, 200, 0xf8, 0x3f};
	uint8_t bad[8], command = 0;
	uint16_t len = 0;

	assert_true(control_header_decode(good, &command, &len));
	assert_int_equal(command, 200);
	assert_int_equal(len, 16376);
	for (unsigned i = 0; i < 5; i++) {
		memcpy(bad, good, sizeof(bad));
		bad[i] ^= 0x20;
		assert_false(control_header_decode(bad, &command, &len));
	}
	/* one byte more than a request may have */
	memcpy(bad, good, sizeof(bad));
	bad[6] = 0xf9;
	assert_false(control_header_decode(bad, &command, &len));
}

static void
test_rows(void **state)
{
	uint8_t buf[CONTROL_ANSWER_MAX];
	_Alignas(8) uint8_t sent[1024];
	struct control_answer answer;
	size_t len;

	for (unsigned i = 0; i < ROUNDS * ROW_COUNT; i++) {
		enum control_row kind = (enum control_row)(i % ROW_COUNT);
		const struct codec_struct *layout = control_row_struct(kind);

		assert_true(layout->size <= sizeof(sent));
		assert_true(layout->size <= sizeof(answer.row));
		fill(layout, sent);
		len = control_row_encode(kind, sent, buf);
		assert_true(control_answer_decode(&answer, buf, len));
		assert_false(answer.is_end);
		assert_int_equal(answer.kind, kind);
		compare(layout, sent, &answer.row);
		assert_false(control_answer_decode(&answer, buf, len - 1));
		assert_false(control_answer_decode(&answer, buf, 1));
		assert_false(control_answer_decode(&answer, buf, 0));
	}
}

static void
test_end(void **state)
{
	uint8_t buf[CONTROL_ANSWER_MAX];
	struct control_answer answer;
	char text[CONTROL_SENTENCE_MAX + 100];
	size_t len;

	for (unsigned v = 0; v < VERDICT_COUNT; v++) {
		len = control_end_encode((enum verdict)v, NULL, buf);
		assert_true(control_answer_decode(&answer, buf, len));
		assert_true(answer.is_end);
		assert_int_equal(answer.verdict, v);
		assert_int_equal(answer.sentence.len,
		    strlen(verdict_sentence((enum verdict)v)));
	}
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	len = control_end_encode(VERDICT_DENIED, text, buf);
	assert_true(control_answer_decode(&answer, buf, len));
	assert_int_equal(answer.sentence.len, CONTROL_SENTENCE_MAX);
}

static void
test_malformed_answers(void **state)
{
	static const struct {
		size_t len;
		uint8_t bytes[8];
	} bad[] = {
	    {2, {0x92, 0x00}},
	    {3, {0x92, 0x00, 0x90}},		 /* a row without a kind */
	    {4, {0x92, 0x00, 0x91, 0x05}},	 /* a kind there is not */
	    {4, {0x92, 0x00, 0x91, 0x00}},	 /* without its fields */
	    {3, {0x93, 0x01, 0x00}},		 /* an end without sentence */
	    {4, {0x93, 0x01, 0x7f, 0xa0}},	 /* a verdict there is not */
	    {5, {0x93, 0x01, 0x00, 0xa1, 0x00}}, /* NUL in the sentence */
	    {4, {0x93, 0x02, 0x00, 0xa0}},	 /* neither row nor end */
	    {5, {0xdd, 0xff, 0xff, 0xff, 0xff}},
	};
	struct control_answer answer;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(
		    control_answer_decode(&answer, bad[i].bytes, bad[i].len));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_commands),
	    cmocka_unit_test(test_command_table),
	    cmocka_unit_test(test_fixed_form),
	    cmocka_unit_test(test_header),
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_end),
	    cmocka_unit_test(test_malformed_answers),
	};

	srand(1);
	memset(pool, 'a', sizeof(pool));
	for (size_t i = 0; i < sizeof(pool); i++)
		pool[i] = (uint8_t)('a' + i % 26);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
