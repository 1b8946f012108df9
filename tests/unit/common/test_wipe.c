/* SPDX-License-Identifier: ISC */
/*
 * What is left of a private key in a process that is done with it: nothing,
 * neither its bytes nor the text of its file, in all memory that the process
 * can write. What is looked for is kept masked, and the key itself is made in
 * another process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/keys/key_check.h"
#include "common/keys/keys.h"
#include "dmd/identity.h"

#define MASK 0xa7
#define PATTERN 16
#define PATTERNS_MAX 8

/* Shared with the process that makes the key. */
static struct {
	size_t n;
	uint8_t pattern[PATTERNS_MAX][PATTERN]; /* masked */
} * sought;

static char dir[32], path[64], pem[64];

static void
seek(const void *data)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < PATTERN; i++)
		sought->pattern[sought->n][i] = p[i] ^ MASK;
	sought->n++;
}

/* Pieces of the file's text that are made of the seed alone, and lie within
 * one line. */
static void
seek_text(const char *file, const uint8_t seed[32])
{
	char text[4096], flat[4096];
	uint8_t blob[4096];
	size_t at[4096], n = 0, len, from, to;
	const uint8_t *found;
	ssize_t got;
	int fd = open(file, O_RDONLY);

	len = (size_t)read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len] = '\0';
	for (char *p = strchr(text, '\n') + 1; *p != '-'; p++)
		if (*p != '\n') {
			at[n] = (size_t)(p - text);
			flat[n++] = *p;
		}
	got = base64_decode(flat, n, blob, sizeof(blob));
	found = memmem(blob, (size_t)got, seed, 32);
	from = (size_t)(found - blob) * 4 / 3 + 2;
	to = from + 32 * 4 / 3 - 4;
	for (size_t i = from; i + PATTERN <= to; i += PATTERN)
		if (at[i + PATTERN - 1] - at[i] == PATTERN - 1)
			seek(text + at[i]);
}

static void
make_files(void)
{
	struct key_pair pair;
	EVP_PKEY *pkey;
	FILE *out;

	key_generate(&pair);
	seek(pair.seed);
	seek(pair.seed + PATTERN);
	if (key_write_private(path, &pair, "a comment", false) != KEY_OK)
		_exit(1);
	pkey =
	    EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, pair.seed, 32);
	umask(077);
	out = fopen(pem, "w");
	if (PEM_write_PKCS8PrivateKey(out, pkey, NULL, NULL, 0, NULL, NULL) !=
	    1)
		_exit(1);
	fclose(out);
	seek_text(path, pair.seed);
	seek_text(pem, pair.seed);
	_exit(0);
}

static bool
is_at(const volatile uint8_t *p, const uint8_t *masked)
{
	for (size_t i = 0; i < PATTERN; i++)
		if ((p[i] ^ MASK) != masked[i])
			return false;
	return true;
}

/* How often any piece of it is in memory. */
static unsigned
count(void)
{
	char line[512], mode[8];
	unsigned long from, to;
	unsigned n = 0;
	FILE *maps = fopen("/proc/self/maps", "r");

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 ||
		    strncmp(mode, "rw", 2) != 0 || strstr(line, "[v") != NULL)
			continue;
		for (unsigned long p = from; p + PATTERN <= to; p++)
			for (size_t i = 0; i < sought->n; i++)
				if (is_at((const uint8_t *)p,
					sought->pattern[i])) {
					print_message("piece %zu: %s", i, line);
					n++;
				}
	}
	fclose(maps);
	return n;
}

static int
setup(void **state)
{
	int status;
	pid_t pid;

	strcpy(dir, "/tmp/wipe-test.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/key", dir);
	snprintf(pem, sizeof(pem), "%s/pem", dir);
	sought = mmap(NULL, sizeof(*sought), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(sought != MAP_FAILED);
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0)
		make_files();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(sought->n >= 4);
	return 0;
}

static int
teardown(void **state)
{
	munmap(sought, sizeof(*sought));
	unlink(path);
	unlink(pem);
	rmdir(dir);
	return 0;
}

/* It would be found. */
static void
test_is_found(void **state)
{
	struct key_pair *pair = malloc(sizeof(*pair));

	assert_int_equal(count(), 0);
	assert_int_equal(key_read_private(path, pair), KEY_OK);
	assert_true(count() >= 2);
	key_clear(pair);
	free(pair);
	assert_int_equal(count(), 0);
}

static void
use(const char *file)
{
	uint8_t signature[64];
	struct key_pair pair;

	assert_int_equal(key_read_private(file, &pair), KEY_OK);
	key_sign(&pair, (const uint8_t *)"text", 4, signature);
	assert_true(
	    key_verify(pair.public_key, (const uint8_t *)"text", 4, signature));
	key_clear(&pair);
}

static void
test_openssh(void **state)
{
	use(path);
	assert_int_equal(count(), 0);
}

static void
test_pem(void **state)
{
	use(pem);
	assert_int_equal(count(), 0);
}

/* Written, and refused because it is there. */
static void
test_written(void **state)
{
	struct key_pair pair;

	assert_int_equal(key_read_private(pem, &pair), KEY_OK);
	assert_int_equal(key_write_private(path, &pair, "", false), KEY_EXISTS);
	assert_int_equal(key_write_private(path, &pair, "", true), KEY_OK);
	key_clear(&pair);
	assert_int_equal(count(), 0);
}

/* dmd's identity, for as long as it is open and no longer. */
static void
test_identity(void **state)
{
	uint8_t spki[1] = {0}, signature[64];
	struct identity *id;
	int code;

	id = identity_open(path, &code);
	assert_non_null(id);
	assert_false(identity_sign_tls(id, spki, sizeof(spki), signature));
	assert_int_equal(count(), 2);
	identity_free(id);
	assert_int_equal(count(), 0);
}

int
main(void)
{
#ifdef DMD_SANITIZER
	print_message(
	    "skip: a sanitizer's memory is too much to look through\n");
	return 0;
#endif
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_is_found), T(test_openssh),
	    T(test_pem), T(test_written), T(test_identity)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
