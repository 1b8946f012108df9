/* SPDX-License-Identifier: ISC */
/*
 * The data types of the SSH protocols (RFC 4251, section 5) as key files and
 * signatures use them: uint32 and string. Bounded, borrows, allocates nothing.
 */
#ifndef COMMON_KEYS_SSHWIRE_H
#define COMMON_KEYS_SSHWIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSHWIRE_ED25519 "ssh-ed25519"
#define SSHWIRE_KEY_SIZE 51 /* bytes of an encoded ed25519 public key */

/* Bytes still to be read. The first failure sticks: bad is then true. */
struct sshwire_reader {
	const uint8_t *data;
	size_t len;
	bool bad;
};

uint32_t sshwire_get_u32(struct sshwire_reader *);

/* A string, borrowed; *len 0 and a valid pointer after a failure. */
const uint8_t *sshwire_get_string(struct sshwire_reader *, size_t *len);

/* A string of exactly size bytes, copied; zeros after a failure. */
void sshwire_get_fixed(struct sshwire_reader *, uint8_t *out, size_t size);

/* Takes a string that must be this text; else the reader turns bad. */
void sshwire_expect(struct sshwire_reader *, const char *text);

/* True if everything was taken and nothing is wrong. */
bool sshwire_is_done(const struct sshwire_reader *);

/* Room to write. Text that does not fit is a bug: fatal(). */
struct sshwire_writer {
	uint8_t *data;
	size_t len;
	size_t cap;
};

void sshwire_put_raw(struct sshwire_writer *, const void *, size_t len);
void sshwire_put_u32(struct sshwire_writer *, uint32_t);
void sshwire_put_string(struct sshwire_writer *, const void *, size_t len);
void sshwire_put_text(struct sshwire_writer *, const char *);

/* An ed25519 public key as a string that holds type and key (RFC 8709). */
void sshwire_put_key(struct sshwire_writer *, const uint8_t key[static 32]);

/*
 * Base64 of data in lines of 70 between "-----BEGIN label-----" and the like,
 * as OpenSSH writes it, terminated. Returns the length; out must hold
 * SSHWIRE_ARMOR_LEN(len) + 2 * strlen(label) + 1.
 */
#define SSHWIRE_ARMOR_LEN(n) (((n) + 2) / 3 * 4 * 71 / 70 + 1 + 32)
size_t sshwire_armor(
    const char *label, const uint8_t *data, size_t len, char *out);

#endif
