/* SPDX-License-Identifier: ISC */
/*
 * The signer of a command: a private key that was read (--key), or one that
 * stays in ssh-agent (--agent, or a .pub given as the key). Owns the secret
 * while it is here and wipes it. Writes errors to stderr.
 */
#ifndef DMCTL_SIGN_H
#define DMCTL_SIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/entry.h"
#include "common/keys/keys.h"
#include "dmctl/args.h"

struct signer {
	const struct args *args;
	bool is_agent;
	int agent_fd;
	struct key_pair pair; /* without an agent */
	uint8_t public_key[32];
};

/* Opens the signer that --key and --agent name. 0 or an exit code. */
int signer_open(struct signer *, const struct args *);

/* Fills in signer and signature of an entry that is otherwise complete, and
 * checks the result. 0 or an exit code. */
int signer_sign(const struct signer *, struct entry *);

void signer_close(struct signer *);

/* A public key given by a user: base64, a whole ssh-ed25519 line, or a file
 * with one. 0 or an exit code. */
int signer_parse_public(const char *text, uint8_t public_key[static 32]);

#endif
