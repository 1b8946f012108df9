/* SPDX-License-Identifier: ISC */
#include "dmctl/sign.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/keys/sshsig.h"
#include "dmctl/agent.h"
#include "dmctl/key_input.h"
#include "dmctl/retry.h"
#include "dmctl/time_text.h"

#define AGENT_NS_MAX (120 * NS_PER_S)

/* --- private keys ----------------------------------------------------- */

static int
key_failed(const char *what, enum key_error error)
{
	if (error == KEY_IO)
		log_error("key %s: %s", what,
		    errno == EINVAL
			? "neither a regular file nor a pipe: --key - reads a "
			  "key from standard input"
		    : errno == ETIMEDOUT ? "no key came in time"
					 : strerror(errno));
	else
		log_error("key %s is %s", what, key_error_text(error));
	switch (error) {
	case KEY_OK:
		return EX_OK;
	case KEY_IO:
		return errno == EACCES ? EX_NOPERM : EX_NOINPUT;
	case KEY_PERMISSIONS:
		return EX_NOPERM;
	case KEY_EXISTS:
		return EX_CANTCREAT;
	case KEY_MALFORMED:
	case KEY_ENCRYPTED:
	case KEY_OTHER_TYPE:
	case KEY_WEAK:
	case KEY_MISMATCH:
		break;
	}
	return EX_DATAERR;
}

/* The name of the key in messages: never its text. */
static const char *
key_name(const char *key)
{
	if (strcmp(key, "-") == 0)
		return "on standard input";
	return strstr(key, "-----BEGIN ") != NULL ? "on the command line" : key;
}

static int
open_key(struct signer *s, const char *key, uint64_t deadline)
{
	enum key_error error = key_input(key, deadline, &s->pair);

	if (error != KEY_OK)
		return key_failed(key_name(key), error);
	memcpy(s->public_key, s->pair.public_key, 32);
	return EX_OK;
}

/* --- ssh-agent -------------------------------------------------------- */

/* An agent may ask its user, who may have to look for a token. */
static uint64_t
agent_deadline(const struct signer *s)
{
	return retry_deadline(s->args, AGENT_NS_MAX);
}

/* key: the public one that was named, or NULL. */
static int
agent_failed(enum agent_error error, const char *key)
{
	int saved = errno;

	log_error("%s%s%s%s%s", key != NULL ? key : "",
	    key != NULL ? " is a public key, so ssh-agent has to sign: " : "",
	    agent_error_text(error), error == AGENT_IO ? ": " : "",
	    error == AGENT_IO ? strerror(saved) : "");
	return error == AGENT_REFUSED ? EX_NOPERM : EX_UNAVAILABLE;
}

/* Takes the only ed25519 key of the agent; of several the user has to choose.
 */
static int
choose_key(struct signer *s)
{
	struct agent_key keys[AGENT_KEYS_MAX];
	char fingerprint[KEY_FINGERPRINT_MAX];
	enum agent_error error;
	size_t n;

	error = agent_list(s->agent_fd, agent_deadline(s), keys, &n);
	if (error != AGENT_OK)
		return agent_failed(error, NULL);
	if (n == 1) {
		memcpy(s->public_key, keys[0].public_key, 32);
		return EX_OK;
	}
	log_error(n == 0 ? "ssh-agent has no ed25519 key: add one with ssh-add"
			 : "ssh-agent has several ed25519 keys: choose one "
			   "with --key FILE.pub");
	for (size_t i = 0; i < n; i++) {
		key_fingerprint(keys[i].public_key, fingerprint);
		log_error("  %s %s", fingerprint, keys[i].comment);
	}
	return n == 0 ? EX_UNAVAILABLE : EX_USAGE;
}

static bool
is_public_file(const char *path)
{
	size_t len = strlen(path);

	return len > 4 && strcmp(path + len - 4, ".pub") == 0;
}

static int
open_agent(struct signer *s, const char *key)
{
	enum agent_error error;
	enum key_error bad;

	if (key != NULL) {
		bad = key_read_public(key, s->public_key);
		if (bad != KEY_OK)
			return key_failed(key, bad);
	}
	error = agent_open(&s->agent_fd, agent_deadline(s));
	if (error != AGENT_OK) {
		s->agent_fd = -1;
		return agent_failed(error, key);
	}
	return key != NULL ? EX_OK : choose_key(s);
}

int
signer_open(struct signer *s, const struct args *args)
{
	int code;

	memset(s, 0, sizeof(*s));
	s->args = args;
	s->agent_fd = -1;
	if (args->key == NULL && (args->given & ARG_AGENT) == 0) {
		log_error("no signing key: give --key FILE or --agent");
		return EX_USAGE;
	}
	s->is_agent =
	    (args->given & ARG_AGENT) != 0 || is_public_file(args->key);
	code = s->is_agent ? open_agent(s, args->key)
			   : open_key(s, args->key, args->deadline_mono_ns);
	if (code != EX_OK)
		signer_close(s);
	return code;
}

int
signer_sign(const struct signer *s, struct entry *e)
{
	uint8_t data[SSHSIG_SIGNED_MAX];
	char text[TEXT_LEN_MAX];
	enum agent_error error;
	size_t len;

	memcpy(e->signer, s->public_key, sizeof(e->signer));
	if (!entry_is_sane(e)) {
		log_error("%s: its time or the time it is valid for is out of "
			  "range",
		    e->name);
		return EX_DATAERR;
	}
	len = entry_text(e, text);
	len = sshsig_signed_bytes(text, len, data);
	if (s->is_agent) {
		error = agent_sign(s->agent_fd, agent_deadline(s),
		    s->public_key, data, len, e->signature);
		if (error != AGENT_OK)
			return agent_failed(error, NULL);
	} else {
		key_sign(&s->pair, data, len, e->signature);
	}
	if (entry_verify(e))
		return EX_OK;
	log_error(
	    "%s: the new signature does not verify: check the key", e->name);
	return EX_SOFTWARE;
}

void
signer_close(struct signer *s)
{
	if (s->agent_fd != -1)
		close(s->agent_fd);
	s->agent_fd = -1;
	key_clear(&s->pair);
}

int
signer_parse_public(const char *text, uint8_t public_key[static 32])
{
	enum key_error error = key_parse_public(text, strlen(text), public_key);

	if (error == KEY_MALFORMED && access(text, F_OK) == 0)
		error = key_read_public(text, public_key);
	return error == KEY_OK ? EX_OK : key_failed(text, error);
}
