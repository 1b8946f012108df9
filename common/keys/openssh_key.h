/* SPDX-License-Identifier: ISC */
/*
 * OpenSSH's private key format (its PROTOCOL.key), ed25519 only, cipher "none":
 * the form that ssh-keygen writes and reads. Pure; it wipes its copies of the
 * secret.
 */
#ifndef COMMON_KEYS_OPENSSH_KEY_H
#define COMMON_KEYS_OPENSSH_KEY_H

#include <stddef.h>

#include "common/keys/keys.h"

#define OPENSSH_KEY_LABEL "OPENSSH PRIVATE KEY"
#define OPENSSH_KEY_COMMENT_MAX 200 /* bytes written, longer ones are cut */
#define OPENSSH_KEY_TEXT_MAX 1024

/*
 * The base64 between the BEGIN and END lines, line ends included. KEY_OK,
 * KEY_MALFORMED, KEY_ENCRYPTED, KEY_OTHER_TYPE or KEY_MISMATCH.
 */
enum key_error openssh_key_parse(
    const char *body, size_t len, struct key_pair *);

/* The bytes of base64 in lines, blanks left out, into out (len bytes). Returns
 * how many, -1 if it is none. Leaves nothing behind. */
ssize_t openssh_key_decode(const char *body, size_t len, uint8_t *out);

/* The whole file into out, terminated. Returns the length. */
size_t openssh_key_format(const struct key_pair *, const char *comment,
    char out[static OPENSSH_KEY_TEXT_MAX]);

#endif
