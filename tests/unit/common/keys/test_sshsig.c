/* SPDX-License-Identifier: ISC */
/* SSHSIG against stock OpenSSH, in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/keys/keys.h"
#include "common/limits.h"
#include "common/keys/sshsig.h"

static const char text[] = "data-mesher 1\nkind: file\n";
static char dir[64];
static struct key_pair pair;
static uint8_t signature[64];
static char armor[SSHSIG_ARMOR_MAX];

static int
run(const char *command)
{
	char line[512];

	snprintf(line, sizeof(line), "cd %s && %s", dir, command);
	return system(line);
}

static void
put(const char *name, const char *data, size_t len)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static size_t
get(const char *name, char *out, size_t size)
{
	char path[128];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(out, 1, size - 1, f);
	fclose(f);
	out[n] = '\0';
	return n;
}

/* The blob in an armored signature. */
static size_t
unarmor(const char *in, uint8_t *blob, size_t max)
{
	char body[SSHSIG_ARMOR_MAX];
	size_t n = 0;
	ssize_t len;

	for (const char *p = strchr(in, '\n') + 1; *p != '-'; p++)
		if (*p != '\n')
			body[n++] = *p;
	len = base64_decode(body, n, blob, max);
	assert_true(len > 0);
	return (size_t)len;
}

static void
test_signed_bytes(void **state)
{
	static const char head[] = "SSHSIG\0\0\0\x10"
				   "file@data-mesher\0\0\0\0\0\0\0\x06"
				   "sha512\0\0\0\x40";
	/* sha512 of nothing */
	static const uint8_t hash[4] = {0xcf, 0x83, 0xe1, 0x35};
	uint8_t out[SSHSIG_SIGNED_MAX];
	size_t len = sshsig_signed_bytes("", 0, out);

	assert_int_equal(len, sizeof(head) - 1 + 64);
	assert_memory_equal(out, head, sizeof(head) - 1);
	assert_memory_equal(out + sizeof(head) - 1, hash, 4);
}

/* Theirs verifies here, decodes, and is armored to the same bytes. */
static void
test_theirs(void **state)
{
	char theirs[SSHSIG_ARMOR_MAX + 1];
	uint8_t blob[SSHSIG_BLOB_MAX], key[32], raw[64];
	size_t len;

	assert_int_equal(run("ssh-keygen -q -Y sign -f key -n "
			     "file@data-mesher < text > theirs"),
	    0);
	get("theirs", theirs, sizeof(theirs));
	len = unarmor(theirs, blob, sizeof(blob));
	assert_true(sshsig_decode(blob, len, key, raw));
	assert_memory_equal(key, pair.public_key, 32);
	assert_memory_equal(raw, signature, 64);
	assert_true(sshsig_verify(NULL, key, text, strlen(text), raw));
	assert_false(sshsig_verify(NULL, key, text, strlen(text) - 1, raw));
	assert_int_equal(sshsig_armor(key, raw, armor), strlen(theirs));
	assert_string_equal(armor, theirs);
}

/* Ours is accepted there. */
static void
test_ours(void **state)
{
	char line[KEY_PUBLIC_LINE_MAX], allowed[300];
	size_t len = sshsig_armor(pair.public_key, signature, armor);

	put("ours", armor, len);
	key_format_public(pair.public_key, "", line);
	snprintf(allowed, sizeof(allowed), "me %s", line);
	put("allowed", allowed, strlen(allowed));
	assert_int_equal(run("ssh-keygen -q -Y verify -f allowed -I me -n "
			     "file@data-mesher -s ours < text"),
	    0);
	assert_int_not_equal(run("ssh-keygen -q -Y verify -f allowed -I me -n "
				 "file@data-mesher -s ours < key "
				 ">/dev/null 2>&1"),
	    0);
}

static bool
decodes(const char *name)
{
	char in[SSHSIG_ARMOR_MAX * 4];
	uint8_t blob[SSHSIG_BLOB_MAX], key[32], raw[64];

	get(name, in, sizeof(in));
	return sshsig_decode(blob, unarmor(in, blob, sizeof(blob)), key, raw);
}

static void
test_others(void **state)
{
	assert_int_equal(run("ssh-keygen -q -Y sign -f key -n file "
			     "< text > namespace"),
	    0);
	assert_false(decodes("namespace"));
	assert_int_equal(run("ssh-keygen -q -Y sign -O hashalg=sha256 -f key "
			     "-n file@data-mesher < text > hash"),
	    0);
	assert_false(decodes("hash"));
	assert_int_equal(run("ssh-keygen -q -t ecdsa -N '' -f ec"), 0);
	assert_int_equal(run("ssh-keygen -q -Y sign -f ec "
			     "-n file@data-mesher < text > ec.sig"),
	    0);
	assert_false(decodes("ec.sig"));
}

static void
test_malformed(void **state)
{
	uint8_t blob[SSHSIG_BLOB_MAX] = {0}, key[32], raw[64];
	size_t len, changed = 0;

	sshsig_armor(pair.public_key, signature, armor);
	len = unarmor(armor, blob, sizeof(blob));
	for (size_t cut = 0; cut < len; cut++)
		assert_false(sshsig_decode(blob, cut, key, raw));
	assert_false(sshsig_decode(blob, len + 1, key, raw));
	/* only the key's and the signature's bytes may differ */
	for (size_t i = 0; i < len; i++) {
		blob[i] ^= 0x20;
		if (sshsig_decode(blob, len, key, raw))
			changed++;
		blob[i] ^= 0x20;
	}
	assert_int_equal(changed, 32 + 64);
}

static int
setup(void **state)
{
	uint8_t bytes[SSHSIG_SIGNED_MAX];
	char path[128];

	strcpy(dir, "/tmp/test_sshsig.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	key_generate(&pair);
	snprintf(path, sizeof(path), "%s/key", dir);
	if (key_write_private(path, &pair, "", false) != KEY_OK)
		return -1;
	key_sign(&pair, bytes, sshsig_signed_bytes(text, strlen(text), bytes),
	    signature);
	put("text", text, strlen(text));
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf -- %s", dir);
	return run(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_signed_bytes),
	    cmocka_unit_test(test_theirs),
	    cmocka_unit_test(test_ours),
	    cmocka_unit_test(test_others),
	    cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
