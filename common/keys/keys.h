/* SPDX-License-Identifier: ISC */
/*
 * ed25519 keys, read and written in the forms people have (OpenSSH, PKCS#8 PEM,
 * base64). It never keeps a private key longer than the caller does; secrets
 * are wiped.
 */
#ifndef COMMON_KEYS_KEYS_H
#define COMMON_KEYS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/keys/key_pair.h"

enum key_error {
	KEY_OK = 0,
	KEY_IO, /* errno says which */
	KEY_MALFORMED,
	KEY_ENCRYPTED,	 /* has a passphrase: use ssh-agent */
	KEY_OTHER_TYPE,	 /* not ed25519 */
	KEY_WEAK,	 /* small-order or non-canonical public key */
	KEY_PERMISSIONS, /* private key readable by others, or not ours */
	KEY_EXISTS,	 /* would overwrite */
	KEY_MISMATCH,	 /* its public and its private part are not one key */
};

/* A sentence for a person, without the path. */
const char *key_error_text(enum key_error);

/* The same for a place where only a public key can stand. */
const char *key_error_public(enum key_error);

/*
 * True if the 32 bytes are a canonical encoding of a point that is not of
 * small order (with those, one signature verifies for any message).
 */
bool key_is_strong(const uint8_t public_key[static 32]);

/* The same without the check that it is a point of the curve: enough for a key
 * whose signature is verified next, in a tenth of the time. */
bool key_is_strong_point(const uint8_t public_key[static 32]);

/* base64 of 32 raw bytes, or a whole "ssh-ed25519 AAAA... [comment]" line;
 * refuses weak keys. text need not be terminated. */
enum key_error key_parse_public(
    const char *text, size_t len, uint8_t public_key[static 32]);

/* "ssh-ed25519 AAAA... comment\n" into out, terminated. Returns the length. */
#define KEY_PUBLIC_LINE_MAX 256
size_t key_format_public(const uint8_t public_key[static 32],
    const char *comment, char out[static KEY_PUBLIC_LINE_MAX]);

/* "SHA256:..." fingerprint as ssh-keygen -l prints it, terminated. */
#define KEY_FINGERPRINT_MAX 64
void key_fingerprint(
    const uint8_t public_key[static 32], char out[static KEY_FINGERPRINT_MAX]);

/*
 * A private key from the text of a file: OpenSSH (cipher none) or PKCS#8 PEM,
 * also of the second version (RFC 5958), which holds the public key too.
 */
enum key_error key_parse_private(
    const char *text, size_t len, struct key_pair *);

/*
 * Reads a private key file, at most KEY_FILE_SIZE_MAX bytes. Refuses a file
 * that is not a regular one, that is readable by group or others, or that is
 * owned by neither the caller nor root.
 */
enum key_error key_read_private(const char *path, struct key_pair *);

/* Reads a public key file (one of the forms of key_parse_public). */
enum key_error key_read_public(const char *path, uint8_t public_key[static 32]);

/*
 * Writes the private key in OpenSSH form, 0600, with O_EXCL (KEY_EXISTS) or,
 * with force, replaced by rename; synced. comment may be "".
 */
enum key_error key_write_private(
    const char *path, const struct key_pair *, const char *comment, bool force);
enum key_error key_write_public(const char *path,
    const uint8_t public_key[static 32], const char *comment, bool force);

#endif
