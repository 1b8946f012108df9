/* SPDX-License-Identifier: ISC */
/*
 * Signing with a key that only ssh-agent has (RFC 9987, the SSH agent
 * protocol): which ed25519 keys it holds, and a signature by one of them. The
 * key never comes here. Every answer is bounded and checked.
 */
#ifndef DMCTL_AGENT_H
#define DMCTL_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AGENT_KEYS_MAX 64
#define AGENT_COMMENT_MAX 128

struct agent_key {
	uint8_t public_key[32];
	char comment[AGENT_COMMENT_MAX]; /* escaped, cut */
};

enum agent_error {
	AGENT_OK = 0,
	AGENT_NONE,	 /* SSH_AUTH_SOCK is not set */
	AGENT_IO,	 /* errno */
	AGENT_MALFORMED, /* its answer is not of the protocol */
	AGENT_REFUSED,	 /* it lacks the key, or its user refused */
};

/* A sentence for a person. */
const char *agent_error_text(enum agent_error);

/* A connection to the agent that SSH_AUTH_SOCK names, for the functions below;
 * the caller closes it. A call that takes longer than its deadline returns
 * AGENT_IO with ETIMEDOUT; so do the functions below. */
enum agent_error agent_open(int *fd, uint64_t deadline_mono_ns);

/* Lists the ed25519 keys of the agent, at most AGENT_KEYS_MAX; keys of other
 * types are skipped. */
enum agent_error agent_list(int fd, uint64_t deadline_mono_ns,
    struct agent_key keys[static AGENT_KEYS_MAX], size_t *n);

/* The raw signature of data (at most 4096 bytes). */
enum agent_error agent_sign(int fd, uint64_t deadline_mono_ns,
    const uint8_t public_key[static 32], const uint8_t *data, size_t len,
    uint8_t signature[static 64]);

/* --- pure: the answers, behind their length --------------------------- */

enum agent_error agent_parse_keys(const uint8_t *answer, size_t len,
    struct agent_key keys[static AGENT_KEYS_MAX], size_t *n);
enum agent_error agent_parse_signature(
    const uint8_t *answer, size_t len, uint8_t signature[static 64]);

#endif
