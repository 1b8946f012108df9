/* SPDX-License-Identifier: ISC */
/* The identity key and its two kinds of signature. */
#include "dmd/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/keys/key_check.h"
#include "common/log.h"
#include "dm-net/libp2p/peer_record_open.h"

#define S UINT64_C(1000000000)

static char *
scratch(const char *name)
{
	static char dir[] = "/tmp/dmd-unit-XXXXXX";
	static bool is_made;
	char *path;

	if (!is_made && mkdtemp(dir) == NULL)
		fail_msg("mkdtemp");
	is_made = true;
	if (asprintf(&path, "%s/%s", dir, name) == -1)
		fail_msg("asprintf");
	return path;
}

static void
identity_signs_only_p256_keys(void **state)
{
	static const uint8_t head[27] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07,
	    0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
	    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
	char *path = scratch("identity.key");
	uint8_t spki[92] = {0}, text[21 + 91], signature[64];
	struct identity *id;
	int code = 0;

	id = identity_open(path, &code);
	assert_non_null(id);
	memcpy(spki, head, sizeof(head));
	spki[90] = 7;
	assert_true(identity_sign_tls(id, spki, 91, signature));
	memcpy(text, "libp2p-tls-handshake:", 21);
	memcpy(text + 21, spki, 91);
	assert_true(key_verify(
	    peer_id_key(identity_peer(id)), text, sizeof(text), signature));
	assert_false(identity_sign_tls(id, spki, 90, signature));
	assert_false(identity_sign_tls(id, spki, 92, signature));
	assert_false(identity_sign_tls(id, spki, 0, signature));
	for (size_t i = 0; i < sizeof(head); i++) {
		spki[i] ^= 1;
		assert_false(identity_sign_tls(id, spki, 91, signature));
		spki[i] ^= 1;
	}
	identity_free(id);
	unlink(path);
	free(path);
}

static void
records_verify_rise_and_are_rare(void **state)
{
	char *path = scratch("record.key");
	struct multiaddr_raw addr;
	uint8_t out[PEER_RECORD_ENVELOPE_MAX];
	struct peer_record record;
	struct identity *id;
	uint64_t last = 0;
	size_t len;
	int code = 0;

	assert_int_equal(multiaddr_from_text(&addr, "/ip4/192.0.2.5/tcp/1", 20),
	    MULTIADDR_OK);
	id = identity_open(path, &code);
	assert_non_null(id);
	/* the wall clock stands still, then goes back: seq still rises */
	for (uint64_t i = 1; i <= 3; i++) {
		len = identity_sign_record(id, &addr, 1,
		    &(struct identity_time){1000 - i, i * S, 100}, out);
		assert_true(len > 0);
		assert_int_equal(
		    peer_record_open(&record, out, len), PEER_RECORD_OK);
		assert_true(peer_id_equal(&record.id, identity_peer(id)));
		assert_true(record.seq > last);
		assert_int_equal(record.addr_count, 1);
		assert_true(multiaddr_equal(&record.addrs[0], &addr));
		last = record.seq;
		/* not twice within a second */
		assert_int_equal(
		    identity_sign_record(id, &addr, 1,
			&(struct identity_time){5000, i * S + S - 1, 100}, out),
		    0);
	}
	identity_free(id);
	unlink(path);
	free(path);
}

static uint64_t
sequence_at(struct identity *id, uint64_t unix_s, uint64_t mono_s)
{
	const struct identity_time now = {unix_s * S, mono_s * S, 300 * S};
	uint8_t out[PEER_RECORD_ENVELOPE_MAX];
	struct peer_record record;
	struct multiaddr_raw addr;
	size_t len;

	assert_int_equal(multiaddr_from_text(&addr, "/ip4/192.0.2.5/tcp/1", 20),
	    MULTIADDR_OK);
	len = identity_sign_record(id, &addr, 1, &now, out);
	assert_int_equal(peer_record_open(&record, out, len), PEER_RECORD_OK);
	return record.seq;
}

static void
record_follows_a_clock_that_was_set(void **state)
{
	char *path = scratch("clock.key");
	struct identity *id;
	int code = 0;

	id = identity_open(path, &code);
	assert_non_null(id);
	assert_int_equal(sequence_at(id, 90000, 1), 90000 * S);
	/* peers took it: continue */
	assert_int_equal(sequence_at(id, 89900, 2), 90000 * S + 1);
	/* peers did not take it: what continues it would not be taken either */
	assert_int_equal(sequence_at(id, 1000, 3), 1000 * S);
	identity_free(id);
	unlink(path);
	free(path);
}

static void
identity_is_kept_and_rotated(void **state)
{
	char *path = scratch("kept.key");
	struct identity *a, *b, *c;
	struct peer_id new;
	int code = 0;

	a = identity_open(path, &code);
	b = identity_open(path, &code);
	assert_true(peer_id_equal(identity_peer(a), identity_peer(b)));
	assert_true(identity_rotate(path, &new));
	assert_false(peer_id_equal(identity_peer(a), &new));
	c = identity_open(path, &code);
	assert_true(peer_id_equal(identity_peer(c), &new));
	identity_free(a);
	identity_free(b);
	identity_free(c);
	unlink(path);
	free(path);
}

static int
quiet(void **state)
{
	log_init("test");
	log_set_level(LOG_L_FATAL);
	return 0;
}

static int
tidy(void **state)
{
	char *path = scratch("");

	rmdir(path);
	free(path);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(identity_signs_only_p256_keys),
	    cmocka_unit_test(records_verify_rise_and_are_rare),
	    cmocka_unit_test(record_follows_a_clock_that_was_set),
	    cmocka_unit_test(identity_is_kept_and_rotated),
	};

	return cmocka_run_group_tests(tests, quiet, tidy);
}
