/* SPDX-License-Identifier: ISC */
/* Answers of ssh-agent: whole, cut anywhere, and of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/keys/sshwire.h"
#include "dmctl/agent.h"

static uint8_t buf[4096];
static struct sshwire_writer w;

static void
begin(uint8_t type)
{
	w = (struct sshwire_writer){buf, 0, sizeof(buf)};
	sshwire_put_raw(&w, &type, 1);
}

static void
put_rsa_key(void)
{
	static const uint8_t blob[] = "\0\0\0\7ssh-rsa\0\0\0\1\3";

	sshwire_put_string(&w, blob, sizeof(blob) - 1);
}

/* In memory of its own size, so that a sanitizer sees its end. */
static enum agent_error
parse_keys(size_t len, struct agent_key *keys, size_t *n)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	enum agent_error error;

	memcpy(copy, buf, len);
	error = agent_parse_keys(copy, len, keys, n);
	free(copy);
	return error;
}

static void
test_keys(void **state)
{
	uint8_t one[32], two[32];
	struct agent_key keys[AGENT_KEYS_MAX];
	size_t n;

	memset(one, 1, 32);
	memset(two, 2, 32);
	begin(12);
	sshwire_put_u32(&w, 3);
	sshwire_put_key(&w, one);
	sshwire_put_text(&w, "me@home");
	put_rsa_key();
	sshwire_put_text(&w, "old");
	sshwire_put_key(&w, two);
	sshwire_put_text(&w, "\x1b[2J");
	assert_int_equal(parse_keys(w.len, keys, &n), AGENT_OK);
	assert_int_equal(n, 2);
	assert_memory_equal(keys[0].public_key, one, 32);
	assert_string_equal(keys[0].comment, "me@home");
	assert_memory_equal(keys[1].public_key, two, 32);
	assert_string_equal(keys[1].comment, "\\x1b[2J");
	for (size_t len = 0; len < w.len; len++)
		assert_int_equal(parse_keys(len, keys, &n), AGENT_MALFORMED);
	sshwire_put_raw(&w, "x", 1);
	assert_int_equal(parse_keys(w.len, keys, &n), AGENT_MALFORMED);
}

static void
test_more_keys_than_we_keep(void **state)
{
	struct agent_key keys[AGENT_KEYS_MAX];
	uint8_t key[32] = {1};
	size_t n;

	begin(12);
	sshwire_put_u32(&w, AGENT_KEYS_MAX + 1);
	for (int i = 0; i < AGENT_KEYS_MAX + 1; i++) {
		sshwire_put_key(&w, key);
		sshwire_put_text(&w, "");
	}
	assert_int_equal(agent_parse_keys(buf, w.len, keys, &n), AGENT_OK);
	assert_int_equal(n, AGENT_KEYS_MAX);
	/* a count that the rest cannot hold */
	begin(12);
	sshwire_put_u32(&w, UINT32_MAX);
	assert_int_equal(
	    agent_parse_keys(buf, w.len, keys, &n), AGENT_MALFORMED);
}

static void
put_signature(const char *type, size_t size)
{
	uint8_t signature[128], inner[256];
	struct sshwire_writer in = {inner, 0, sizeof(inner)};

	memset(signature, 7, sizeof(signature));
	sshwire_put_text(&in, type);
	sshwire_put_string(&in, signature, size);
	begin(14);
	sshwire_put_string(&w, inner, in.len);
}

static void
test_signature(void **state)
{
	uint8_t signature[64], expected[64];

	memset(expected, 7, sizeof(expected));
	put_signature("ssh-ed25519", 64);
	assert_int_equal(
	    agent_parse_signature(buf, w.len, signature), AGENT_OK);
	assert_memory_equal(signature, expected, 64);
	for (size_t len = 0; len < w.len; len++)
		assert_int_equal(agent_parse_signature(buf, len, signature),
		    AGENT_MALFORMED);
	put_signature("ssh-ed25519", 63);
	assert_int_equal(
	    agent_parse_signature(buf, w.len, signature), AGENT_MALFORMED);
	put_signature("rsa-sha2-512", 64);
	assert_int_equal(
	    agent_parse_signature(buf, w.len, signature), AGENT_MALFORMED);
}

static void
test_refusals(void **state)
{
	struct agent_key keys[AGENT_KEYS_MAX];
	uint8_t signature[64];
	size_t n;

	begin(5);
	assert_int_equal(
	    agent_parse_signature(buf, w.len, signature), AGENT_REFUSED);
	assert_int_equal(agent_parse_keys(buf, w.len, keys, &n), AGENT_REFUSED);
	begin(6);
	assert_int_equal(
	    agent_parse_signature(buf, w.len, signature), AGENT_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_more_keys_than_we_keep),
	    cmocka_unit_test(test_signature),
	    cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
