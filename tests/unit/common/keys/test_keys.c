/* SPDX-License-Identifier: ISC */
/* Keys: what is strong, what verifies, and the forms that people have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/keys/key_check.h"
#include "common/keys/keys.h"
#include "common/limits.h"

static char dir[64];

static void
hex(const char *text, uint8_t *out, size_t size)
{
	long len;
	uint8_t *bytes = OPENSSL_hexstr2buf(text, &len);

	assert_non_null(bytes);
	assert_int_equal(len, size);
	memcpy(out, bytes, size);
	OPENSSL_free(bytes);
}

/* Runs a command in the test's directory; its exit status. */
static int __attribute__((format(printf, 1, 2))) run(const char *fmt, ...)
{
	char command[1024];
	va_list ap;
	int n = snprintf(command, sizeof(command), "cd %s && ", dir);

	va_start(ap, fmt);
	vsnprintf(command + n, sizeof(command) - (size_t)n, fmt, ap);
	va_end(ap);
	return system(command);
}

static const char *
path(const char *name)
{
	static char out[128];

	snprintf(out, sizeof(out), "%s/%s", dir, name);
	return out;
}

static size_t
slurp(const char *name, char *out, size_t size)
{
	FILE *f = fopen(path(name), "r");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, size - 1, f);
	fclose(f);
	out[n] = '\0';
	return n;
}

/* The vectors of "Taming the many EdDSAs" (ed25519-speccheck, cases.json), and
 * what OpenSSL says: every node must say the same. */
static const struct {
	const char *message;
	const char *key;
	const char *signature;
	bool good;
} speccheck[] = {
    /* clang-format off */
	{ /* 0 */
	    "8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6",
	    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    true },
	{ /* 1 */
	    "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
	    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	    "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43"
	    "a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
	    true },
	{ /* 2 */
	    "aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab",
	    "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
	    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"
	    "8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e",
	    true },
	{ /* 3 */
	    "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
	    "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
	    "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f"
	    "87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009",
	    true },
	{ /* 4 */
	    "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
	    "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
	    "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed512"
	    "5ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09",
	    false },
	{ /* 5 */
	    "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
	    "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
	    "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7"
	    "e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405",
	    false },
	{ /* 6 */
	    "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
	    "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
	    "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e"
	    "547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514",
	    false },
	{ /* 7 */
	    "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
	    "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
	    "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa1942"
	    "7e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22",
	    false },
	{ /* 8 */
	    "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
	    "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
	    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	    "03be9678ac102edcd92b0210bb34d7428d12ffc5df5f37e359941266a4e35f0f",
	    false },
	{ /* 9 */
	    "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
	    "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
	    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	    "ca8c5b64cd208982aa38d4936621a4775aa233aa0505711d8fdcfdaa943d4908",
	    false },
	{ /* 10 */
	    "e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b",
	    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	    "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dc"
	    "a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
	    false },
	{ /* 11 */
	    "39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f",
	    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	    "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dc"
	    "a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
	    true },
    /* clang-format on */
};

static void
test_speccheck(void **state)
{
	for (size_t i = 0; i < sizeof(speccheck) / sizeof(speccheck[0]); i++) {
		uint8_t message[32], key[32], signature[64];

		hex(speccheck[i].message, message, 32);
		hex(speccheck[i].key, key, 32);
		hex(speccheck[i].signature, signature, 64);
		if (key_verify(key, message, 32, signature) !=
		    speccheck[i].good)
			fail_msg("vector %zu", i);
	}
}

static const struct {
	const char *key;
	bool strong;
} strengths[] = {
    /* clang-format off */
	/* RFC 8032, section 7.1, and the base point itself */
	{ "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
	    true },
	{ "5866666666666666666666666666666666666666666666666666666666666666",
	    true },
	/* of mixed order: signatures with it bind like any other */
	{ "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
	    true },
	/* orders 4, 1, 2, 8, 8, with either sign */
	{ "0000000000000000000000000000000000000000000000000000000000000000",
	    false },
	{ "0000000000000000000000000000000000000000000000000000000000000080",
	    false },
	{ "0100000000000000000000000000000000000000000000000000000000000000",
	    false },
	{ "0100000000000000000000000000000000000000000000000000000000000080",
	    false },
	{ "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    false },
	{ "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	    false },
	{ "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	    false },
	{ "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	    false },
	{ "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	    false },
	{ "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	    false },
	/* y of p and more: second spellings */
	{ "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    false },
	{ "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    false },
	{ "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	    false },
	/* no point has this y */
	{ "0200000000000000000000000000000000000000000000000000000000000000",
	    false },
    /* clang-format on */
};

static void
test_strength(void **state)
{
	struct key_pair pair;

	for (size_t i = 0; i < sizeof(strengths) / sizeof(strengths[0]); i++) {
		uint8_t key[32];

		hex(strengths[i].key, key, 32);
		if (key_is_strong(key) != strengths[i].strong)
			fail_msg("%s", strengths[i].key);
	}
	for (int i = 0; i < 50; i++) {
		key_generate(&pair);
		assert_true(key_is_strong(pair.public_key));
	}
}

/* RFC 8032, section 7.1, test 1 */
static void
test_rfc8032(void **state)
{
	uint8_t seed[32], public_key[32], expected[64], signature[64];
	struct key_pair pair;

	hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	    seed, 32);
	hex(strengths[0].key, public_key, 32);
	hex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
	    "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
	    expected, 64);
	key_from_seed(&pair, seed);
	assert_memory_equal(pair.public_key, public_key, 32);
	key_sign(&pair, NULL, 0, signature);
	assert_memory_equal(signature, expected, 64);
	assert_true(key_verify(public_key, NULL, 0, signature));
	key_clear(&pair);
	assert_int_equal(pair.seed[0] | pair.public_key[0], 0);
}

static enum key_error
parse(const char *text, uint8_t key[static 32])
{
	return key_parse_public(text, strlen(text), key);
}

static void
test_public_text(void **state)
{
	static const char raw[] =
	    "P6AE0lukf9/qmVglYrGPNYo5ZnpFrnqLeAzlCZF0lTk=";
	char line[KEY_PUBLIC_LINE_MAX], text[512], comment[300];
	uint8_t key[32], back[32];

	assert_int_equal(parse(raw, key), KEY_OK);
	key_format_public(key, "me@here", line);
	assert_int_equal(strncmp(line, "ssh-ed25519 AAAA", 16), 0);
	assert_string_equal(line + strlen(line) - 9, " me@here\n");
	assert_int_equal(parse(line, back), KEY_OK);
	assert_memory_equal(key, back, 32);
	key_format_public(key, "", line);
	assert_int_equal(parse(line, back), KEY_OK);
	snprintf(text, sizeof(text), "  %s \n", raw);
	assert_int_equal(parse(text, back), KEY_OK);
	/* a comment cannot become a second line, nor overflow */
	key_format_public(key, "a\nssh-ed25519 evil", line);
	assert_string_equal(line + strlen(line) - 3, " a\n");
	memset(comment, 'c', sizeof(comment));
	comment[sizeof(comment) - 1] = '\0';
	assert_true(
	    key_format_public(key, comment, line) < KEY_PUBLIC_LINE_MAX);
	assert_int_equal(parse(line, back), KEY_OK);
	key_format_public(key, "", line);
	snprintf(text, sizeof(text), "%s%s", line, line);
	assert_int_equal(parse(text, back), KEY_MALFORMED);
}

static void
test_public_refused(void **state)
{
	uint8_t key[32];

	assert_int_equal(parse("", key), KEY_MALFORMED);
	assert_int_equal(parse("AAAA", key), KEY_MALFORMED);
	assert_int_equal(parse("ssh-ed25519", key), KEY_MALFORMED);
	assert_int_equal(parse("ssh-ed25519 ", key), KEY_MALFORMED);
	assert_int_equal(parse("ssh-ed25519 AAAA", key), KEY_MALFORMED);
	assert_int_equal(
	    parse("ssh-rsa AAAAB3NzaC1yc2E=", key), KEY_OTHER_TYPE);
	assert_int_equal(
	    parse("sk-ssh-ed25519@openssh.com AAAA", key), KEY_OTHER_TYPE);
	/* the type within must agree: this one says ssh-ed25518 */
	assert_int_equal(parse("ssh-ed25519 AAAAC3NzaC1lZDI1NTE4AAAAIAAAAAAAAA"
			       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
			     key),
	    KEY_MALFORMED);
	assert_int_equal(
	    parse("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", key),
	    KEY_WEAK);
}

/* What ssh-keygen makes, we read; and the other way round. */
static void
test_openssh_files(void **state)
{
	char line[KEY_PUBLIC_LINE_MAX], print[KEY_FINGERPRINT_MAX], text[512];
	uint8_t key[32], signature[64];
	struct key_pair pair;
	struct stat st;

	assert_int_equal(
	    run("ssh-keygen -q -t ed25519 -N '' -C 'a comment' -f theirs"), 0);
	assert_int_equal(key_read_private(path("theirs"), &pair), KEY_OK);
	assert_int_equal(key_read_public(path("theirs.pub"), key), KEY_OK);
	assert_memory_equal(key, pair.public_key, 32);
	key_sign(&pair, (const uint8_t *)"x", 1, signature);
	assert_true(key_verify(key, (const uint8_t *)"x", 1, signature));
	key_fingerprint(key, print);
	assert_int_equal(run("ssh-keygen -lf theirs.pub > print"), 0);
	slurp("print", text, sizeof(text));
	assert_non_null(strstr(text, print));
	assert_int_equal(text[4 + strlen(print)], ' ');

	/* every length of comment has its own padding */
	for (size_t n = 0; n < 10; n++) {
		char comment[16] = "";

		memset(comment, 'c', n);
		key_generate(&pair);
		assert_int_equal(
		    key_write_private(path("ours"), &pair, comment, true),
		    KEY_OK);
		assert_int_equal(
		    run("ssh-keygen -y -P '' -f ours > ours.pub"), 0);
		slurp("ours.pub", text, sizeof(text));
		key_format_public(pair.public_key, comment, line);
		assert_string_equal(text, line);
		assert_int_equal(stat(path("ours"), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	key_clear(&pair);
}

static void
test_pkcs8_files(void **state)
{
	struct key_pair pair, same;
	char text[1024];
	size_t len = 32;
	FILE *f;
	EVP_PKEY *pkey;

	key_generate(&pair);
	pkey = EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_ED25519, NULL, pair.seed, len);
	f = fopen(path("pkcs8"), "w");
	assert_int_equal(
	    PEM_write_PKCS8PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
	len = slurp("pkcs8", text, sizeof(text));
	assert_int_equal(key_parse_private(text, len, &same), KEY_OK);
	assert_memory_equal(&same, &pair, sizeof(pair));
	/* permissions are those fopen() gave it */
	chmod(path("pkcs8"), 0640);
	assert_int_equal(
	    key_read_private(path("pkcs8"), &same), KEY_PERMISSIONS);
	chmod(path("pkcs8"), 0400);
	assert_int_equal(key_read_private(path("pkcs8"), &same), KEY_OK);
	f = fopen(path("pkcs8.enc"), "w");
	assert_int_equal(PEM_write_PKCS8PrivateKey(f, pkey, EVP_aes_128_cbc(),
			     "secret", 6, NULL, NULL),
	    1);
	fclose(f);
	len = slurp("pkcs8.enc", text, sizeof(text));
	assert_int_equal(key_parse_private(text, len, &same), KEY_ENCRYPTED);
	EVP_PKEY_free(pkey);
}

/* RFC 8410, section 10.3: attributes and the public key. */
static const char v2_head[] = "3072020101300506032b657004220420";
static const char v2_seed[] =
    "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842";
static const char v2_attributes[] =
    "a01f301d060a2a864886f70d01090914310f0c0d437572646c6520436861697273";
static const char v2_public[] =
    "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";

/* The verdict on a PEM file with this DER in hexadecimal. */
static enum key_error
parse_der(const char *text, struct key_pair *pair)
{
	char pem[2048], base64[1024];
	uint8_t der[512];
	size_t n = strlen(text) / 2;

	hex(text, der, n);
	base64_encode(der, n, base64);
	snprintf(pem, sizeof(pem),
	    "-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n",
	    base64);
	return key_parse_private(pem, strlen(pem), pair);
}

static enum key_error __attribute__((format(printf, 2, 3)))
parse_v2(struct key_pair *pair, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return parse_der(text, pair);
}

static void
test_pkcs8_with_public_key(void **state)
{
	struct key_pair pair, want;
	uint8_t seed[32];
	char text[1024];
	size_t n;

	hex(v2_seed, seed, 32);
	key_from_seed(&want, seed);
	/* as the RFC has it, as dalek writes it, and as ring did */
	memset(&pair, 0, sizeof(pair));
	assert_int_equal(parse_v2(&pair, "%s%s%s812100%s", v2_head, v2_seed,
			     v2_attributes, v2_public),
	    KEY_OK);
	assert_memory_equal(&pair, &want, sizeof(pair));
	assert_int_equal(
	    parse_v2(&pair, "3051020101300506032b657004220420%s812100%s",
		v2_seed, v2_public),
	    KEY_OK);
	assert_int_equal(
	    parse_v2(&pair, "3053020101300506032b657004220420%sa123032100%s",
		v2_seed, v2_public),
	    KEY_OK);
	/* the second version without it, and the first with attributes */
	assert_int_equal(
	    parse_v2(&pair, "302e020101300506032b657004220420%s", v2_seed),
	    KEY_OK);
	assert_int_equal(parse_v2(&pair, "304f020100300506032b657004220420%s%s",
			     v2_seed, v2_attributes),
	    KEY_OK);
	assert_memory_equal(&pair, &want, sizeof(pair));
	/* another public key */
	memset(&pair, 0, sizeof(pair));
	assert_int_equal(
	    parse_v2(&pair, "3051020101300506032b657004220420%s812100%.62s00",
		v2_seed, v2_public),
	    KEY_MISMATCH);
	/* what is not strict DER, or something else */
	assert_int_equal(
	    parse_v2(&pair, "3051020100300506032b657004220420%s812100%s",
		v2_seed, v2_public),
	    KEY_MALFORMED); /* the first version has none */
	assert_int_equal(
	    parse_v2(&pair, "3051020102300506032b657004220420%s812100%s",
		v2_seed, v2_public),
	    KEY_MALFORMED); /* there is no third */
	assert_int_equal(
	    parse_v2(&pair, "3051020101300506032b657004220420%s812101%s",
		v2_seed, v2_public),
	    KEY_MALFORMED); /* a bit is missing */
	assert_int_equal(
	    parse_v2(&pair, "308151020101300506032b657004220420%s812100%s",
		v2_seed, v2_public),
	    KEY_MALFORMED); /* a length that is not the shortest */
	assert_int_equal(
	    parse_v2(&pair, "3051020101300506032b656f04220420%s812100%s",
		v2_seed, v2_public),
	    KEY_OTHER_TYPE); /* X448 */
	snprintf(text, sizeof(text),
	    "3051020101300506032b657004220420%s812100%s", v2_seed, v2_public);
	n = strlen(text);
	for (size_t cut = n - 2; cut > 0; cut -= 2) {
		text[cut] = '\0';
		assert_int_equal(parse_der(text, &pair), KEY_MALFORMED);
	}
}

static void
test_private_refused(void **state)
{
	struct key_pair pair;
	char text[KEY_FILE_SIZE_MAX + 2];
	size_t len;

	assert_int_equal(
	    run("ssh-keygen -q -t ed25519 -N secret -C '' -f locked"), 0);
	assert_int_equal(
	    key_read_private(path("locked"), &pair), KEY_ENCRYPTED);
	assert_int_equal(run("ssh-keygen -q -t ecdsa -N '' -C '' -f ecdsa"), 0);
	assert_int_equal(
	    key_read_private(path("ecdsa"), &pair), KEY_OTHER_TYPE);
	assert_int_equal(
	    run("ssh-keygen -q -t ecdsa -m PEM -N '' -C '' -f sec1"), 0);
	assert_int_equal(key_read_private(path("sec1"), &pair), KEY_OTHER_TYPE);
	assert_int_equal(
	    run("ssh-keygen -q -t ecdsa -m PKCS8 -N '' -C '' -f ec8"), 0);
	assert_int_equal(key_read_private(path("ec8"), &pair), KEY_OTHER_TYPE);
	assert_int_equal(key_read_private(path("absent"), &pair), KEY_IO);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(run("mkfifo -m 600 pipe"), 0);
	assert_int_equal(key_read_private(path("pipe"), &pair), KEY_IO);
	memset(text, 'A', sizeof(text));
	assert_int_equal(
	    key_parse_private(text, sizeof(text), &pair), KEY_MALFORMED);
	/* a damaged one: no cut and no flipped character is taken */
	key_generate(&pair);
	assert_int_equal(
	    key_write_private(path("whole"), &pair, "", true), KEY_OK);
	len = slurp("whole", text, sizeof(text));
	for (size_t cut = 0; cut + 1 < len; cut += 7)
		assert_int_not_equal(
		    key_parse_private(text, cut, &pair), KEY_OK);
	for (size_t i = 40; i + 40 < len; i += 3) {
		struct key_pair other;
		char was = text[i];

		text[i] = was == 'Q' ? 'R' : 'Q';
		if (key_parse_private(text, len, &other) == KEY_OK)
			assert_memory_equal(&other, &pair, sizeof(pair));
		text[i] = was;
	}
}

static void
test_write(void **state)
{
	struct key_pair pair, other;
	uint8_t key[32];

	key_generate(&pair);
	key_generate(&other);
	assert_int_equal(
	    key_write_private(path("k"), &pair, "", false), KEY_OK);
	assert_int_equal(
	    key_write_private(path("k"), &other, "", false), KEY_EXISTS);
	assert_int_equal(key_read_private(path("k"), &other), KEY_OK);
	assert_memory_equal(&pair, &other, sizeof(pair));
	key_generate(&other);
	assert_int_equal(
	    key_write_private(path("k"), &other, "", true), KEY_OK);
	assert_int_equal(key_read_private(path("k"), &pair), KEY_OK);
	assert_memory_equal(&pair, &other, sizeof(pair));
	assert_int_equal(
	    key_write_public(path("k.pub"), pair.public_key, "c", false),
	    KEY_OK);
	assert_int_equal(
	    key_write_public(path("k.pub"), pair.public_key, "c", false),
	    KEY_EXISTS);
	assert_int_equal(key_read_public(path("k.pub"), key), KEY_OK);
	assert_memory_equal(key, pair.public_key, 32);
	/* nothing but the two files is left behind */
	assert_int_equal(run("test \"$(ls k*|wc -l)\" = 2"), 0);
	assert_int_equal(
	    key_write_private(path("no/such"), &pair, "", true), KEY_IO);
	assert_int_equal(errno, ENOENT);
}

static int
setup(void **state)
{
	strcpy(dir, "/tmp/test_keys.XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	return run("rm -rf -- %s", dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_speccheck),
	    cmocka_unit_test(test_strength),
	    cmocka_unit_test(test_rfc8032),
	    cmocka_unit_test(test_public_text),
	    cmocka_unit_test(test_public_refused),
	    cmocka_unit_test(test_openssh_files),
	    cmocka_unit_test(test_pkcs8_files),
	    cmocka_unit_test(test_pkcs8_with_public_key),
	    cmocka_unit_test(test_private_refused),
	    cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
