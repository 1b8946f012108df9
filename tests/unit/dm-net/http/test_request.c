/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base64.h"
#include "common/keys/sshsig.h"
#include "dm-net/http/http.h"
#include "dm-net/http/http1.h"
#include "dm-net/http/request.h"
#include "tests/double/fake_store.h"

/* --- heads of HTTP/1.1 --- */

static enum verdict
parse(const char *head, struct http_request *r)
{
	bool keep_alive;

	return http1_parse(head, strlen(head), r, &keep_alive);
}

static void
test_good_head(void **state)
{
	const char *head = "PUT /files/a?b HTTP/1.1\r\nHOST: x \r\n"
			   "X-Unknown: y\r\nOrigin:\r\n\r\n";
	struct http_request r;
	bool keep_alive;

	assert_int_equal(
	    http1_parse(head, strlen(head), &r, &keep_alive), VERDICT_OK);
	assert_int_equal(r.method, METHOD_PUT);
	assert_int_equal(r.target.len, 10);
	assert_memory_equal(r.target.data, "/files/a?b", 10);
	assert_true(http_request_is(&r, FIELD_HOST, "X"));
	assert_true(http_request_has(&r, FIELD_ORIGIN));
	assert_int_equal(r.field[FIELD_ORIGIN].len, 0);
	assert_false(r.is_repeated);
	assert_true(keep_alive);
}

static void
test_keep_alive(void **state)
{
	const char *close = "GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
	const char *old = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
	struct http_request r;
	bool keep_alive;

	assert_int_equal(
	    http1_parse(close, strlen(close), &r, &keep_alive), VERDICT_OK);
	assert_false(keep_alive);
	assert_int_equal(
	    http1_parse(old, strlen(old), &r, &keep_alive), VERDICT_OK);
	assert_false(keep_alive);
	assert_true(r.is_version_10);
}

/* What has smuggled requests past other servers. */
static void
test_bad_heads(void **state)
{
	static const char *const heads[] = {
	    "GET / HTTP/1.1\r\nA: b\rContent-Length: 5\r\n\r\n",
	    "GET / HTTP/1.1\nHost: a\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: a\n\r\n",
	    "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
	    "GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
	    "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
	    "GET / HTTP/1.1\r\n: a\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost\r\n\r\n",
	    "GET / HTTP/1.1\r\nA: \x01\r\n\r\n",
	    "GET /\x80 HTTP/1.1\r\n\r\n",
	    "PUT / HTTP/1.1\r\nContent-Length: 1\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n",
	    "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
	    "Content-Length: 1\r\n\r\n",
	    "PUT / HTTP/1.1\r\nContent-Length: 1\r\n"
	    "Content-Length: 1\r\n\r\n",
	    "PUT / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
	    "PUT / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n",
	    "PUT / HTTP/1.1\r\nContent-Length: 18446744073709551616"
	    "\r\n\r\n",
	    "GET / HTTP/1.2\r\n\r\n",
	    "GET / HTTP/0.9\r\n\r\n",
	    "GET / HTTP/2.0\r\n\r\n",
	    "GET /\r\n\r\n",
	    "FOO / HTTP/1.1\r\n\r\n",
	    "GET / HTTP/1.1 \r\n\r\n",
	    "\r\n\r\n",
	};
	struct http_request r;

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (parse(heads[i], &r) != VERDICT_MALFORMED)
			fail_msg("taken: %s", heads[i]);
}

static void
test_too_many_fields(void **state)
{
	char head[2000] = "GET / HTTP/1.1\r\n";
	struct http_request r;

	for (int i = 0; i < 64; i++)
		strcat(head, "A: b\r\n");
	strcat(head, "\r\n");
	assert_int_equal(parse(head, &r), VERDICT_OK);
	strcpy(head + strlen(head) - 2, "A: b\r\n\r\n");
	assert_int_equal(parse(head, &r), VERDICT_HEAD_TOO_LARGE);
}

static void
test_repeated(void **state)
{
	struct http_request r;

	assert_int_equal(
	    parse("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", &r),
	    VERDICT_OK);
	assert_true(r.is_repeated);
}

/* --- the X- fields --- */

#define HASH "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"

struct fields {
	const char *signed_at;
	const char *signed_by;
	const char *signature;
	const char *valid_for;
	const char *sha256;
};

static char key64[BASE64_LEN(32) + 1], signature64[BASE64_LEN(64) + 1];
static char blob64[1024], other_key64[BASE64_LEN(32) + 1];

static void
set(struct http_request *r, enum http_field f, const char *text)
{
	if (text != NULL)
		http_request_field(r, f, bytes_text(text));
}

static enum verdict
entry_of(const struct fields *f, enum entry_kind kind, uint64_t size,
    struct entry *e, bool *known)
{
	struct http_settings settings = {.max_file_size = 8 << 20,
	    .has_network = true,
	    .network = {1, 2, 3}};
	struct http_request r = {.method = METHOD_PUT};
	const char *why = NULL;
	enum verdict v;

	set(&r, FIELD_X_SIGNEDAT, f->signed_at);
	set(&r, FIELD_X_SIGNEDBY, f->signed_by);
	set(&r, FIELD_X_SIGNATURE, f->signature);
	set(&r, FIELD_X_VALIDFOR, f->valid_for);
	set(&r, FIELD_X_SHA256, f->sha256);
	v = http_request_entry(
	    &r, &settings, kind, "name", size, e, known, &why);
	assert_true((v == VERDICT_BAD_FIELD) == (why != NULL));
	return v;
}

static void
make_texts(void)
{
	char armor[SSHSIG_ARMOR_MAX], *line;
	struct entry e, other;

	fake_entry(&e, ENTRY_FILE, "name", 1, "1", 1, 1);
	fake_entry(&other, ENTRY_FILE, "name", 1, "1", 1, 2);
	base64_encode(e.signer, 32, key64);
	base64_encode(other.signer, 32, other_key64);
	base64_encode(e.signature, 64, signature64);
	/* As the manual's recipe: the armor without its first and last line
	 * and without line ends. */
	sshsig_armor(e.signer, e.signature, armor);
	blob64[0] = '\0';
	for (line = strtok(armor, "\n"); line != NULL;
	     line = strtok(NULL, "\n"))
		if (line[0] != '-')
			strcat(blob64, line);
}

static void
test_fields(void **state)
{
	struct fields f = {"1775831000.5", key64, signature64, "60", HASH};
	uint8_t network[32] = {1, 2, 3};
	struct entry e, with_blob;
	bool known;

	assert_int_equal(entry_of(&f, ENTRY_FILE, 1, &e, &known), VERDICT_OK);
	assert_true(known);
	assert_string_equal(e.name, "name");
	assert_true(e.signed_at_ns == UINT64_C(1775831000500000000));
	assert_int_equal(e.valid_for_s, 60);
	assert_int_equal(e.size, 1);
	assert_int_equal(e.sha256[0], 0x6b);
	assert_memory_equal(e.network, network, 32);
	f.signature = blob64;
	f.signed_by = NULL;
	assert_int_equal(
	    entry_of(&f, ENTRY_FILE, 1, &with_blob, &known), VERDICT_OK);
	assert_memory_equal(&e, &with_blob, sizeof(e));
	f.signed_by = key64;
	assert_int_equal(
	    entry_of(&f, ENTRY_FILE, 1, &with_blob, &known), VERDICT_OK);
}

static void
test_bad_fields(void **state)
{
	const struct fields bad[] = {
	    {NULL, key64, signature64, NULL, HASH},
	    {"", key64, signature64, NULL, HASH},
	    {"0", key64, signature64, NULL, HASH},
	    {"-1", key64, signature64, NULL, HASH},
	    {"1.", key64, signature64, NULL, HASH},
	    {"1.0000000000", key64, signature64, NULL, HASH},
	    {"1,5", key64, signature64, NULL, HASH},
	    {"5000000000", key64, signature64, NULL, HASH},
	    {"1e9", key64, signature64, NULL, HASH},
	    {"1", NULL, signature64, NULL, HASH},
	    {"1", "AAAA", signature64, NULL, HASH},
	    {"1", key64, NULL, NULL, HASH},
	    {"1", key64, key64, NULL, HASH},
	    {"1", key64, "", NULL, HASH},
	    {"1", other_key64, blob64, NULL, HASH},
	    {"1", key64, signature64, "-1", HASH},
	    {"1", key64, signature64, "", HASH},
	    {"1", key64, signature64, "18446744073709551615", HASH},
	    {"1", key64, signature64, NULL, "00"},
	    {"1", key64, signature64, NULL, HASH "0"},
	    {"1", key64, signature64, NULL,
		"zb86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49"
		"c01e52ddb7875b4b"},
	};
	struct entry e;
	bool known;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (entry_of(&bad[i], ENTRY_FILE, 1, &e, &known) !=
		    VERDICT_BAD_FIELD)
			fail_msg("row %zu was taken", i);
}

static void
test_sizes(void **state)
{
	struct fields f = {"1", key64, signature64, NULL, NULL};
	struct entry e;
	bool known;

	assert_int_equal(
	    entry_of(&f, ENTRY_FILE, 1 << 20, &e, &known), VERDICT_OK);
	assert_false(known);
	assert_int_equal(entry_of(&f, ENTRY_FILE, (1 << 20) + 1, &e, &known),
	    VERDICT_SHA256_REQUIRED);
	f.sha256 = HASH;
	assert_int_equal(
	    entry_of(&f, ENTRY_FILE, 8 << 20, &e, &known), VERDICT_OK);
	assert_int_equal(entry_of(&f, ENTRY_FILE, (8 << 20) + 1, &e, &known),
	    VERDICT_TOO_LARGE);
}

static void
test_delete(void **state)
{
	struct fields f = {"1", key64, signature64, NULL, NULL};
	struct entry e;
	bool known;

	assert_int_equal(entry_of(&f, ENTRY_DELETE, 0, &e, &known), VERDICT_OK);
	assert_true(known);
	assert_true(entry_is_sane(&e));
	f.sha256 = HASH;
	assert_int_equal(
	    entry_of(&f, ENTRY_DELETE, 0, &e, &known), VERDICT_BAD_FIELD);
	f.sha256 = NULL;
	f.valid_for = "1";
	assert_int_equal(
	    entry_of(&f, ENTRY_DELETE, 0, &e, &known), VERDICT_BAD_FIELD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good_head),
	    cmocka_unit_test(test_keep_alive),
	    cmocka_unit_test(test_bad_heads),
	    cmocka_unit_test(test_too_many_fields),
	    cmocka_unit_test(test_repeated),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_bad_fields),
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_delete),
	};

	make_texts();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
