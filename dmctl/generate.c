/* SPDX-License-Identifier: ISC */
/* generate keypair: ./key.pub and ./key.priv, as the original wrote them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/keys/keys.h"
#include "common/log.h"
#include "dmctl/command.h"
#include "dmctl/output.h"

#define PRIVATE_PATH "./key.priv"
#define PUBLIC_PATH "./key.pub"
#define COMMENT "data-mesher"

static int
failed(const char *path, enum key_error error)
{
	if (error == KEY_IO)
		log_error("%s: %s", path, strerror(errno));
	else
		log_error("%s %s", path, key_error_text(error));
	return EX_CANTCREAT;
}

/* Both or none: a public key that belongs to another private one misleads. */
static int
write_pair(const struct key_pair *pair, bool force)
{
	enum key_error error;

	if (!force && access(PUBLIC_PATH, F_OK) == 0)
		return failed(PUBLIC_PATH, KEY_EXISTS);
	error = key_write_private(PRIVATE_PATH, pair, COMMENT, force);
	if (error != KEY_OK)
		return failed(PRIVATE_PATH, error);
	error = key_write_public(PUBLIC_PATH, pair->public_key, COMMENT, force);
	if (error == KEY_OK)
		return EX_OK;
	if (!force)
		unlink(PRIVATE_PATH);
	return failed(PUBLIC_PATH, error);
}

static void
print_json(const struct key_pair *pair)
{
	char line[KEY_PUBLIC_LINE_MAX], fingerprint[KEY_FINGERPRINT_MAX];
	size_t len = key_format_public(pair->public_key, COMMENT, line);

	key_fingerprint(pair->public_key, fingerprint);
	printf("{\"public_key_path\":\"" PUBLIC_PATH
	       "\",\"private_key_path\":\"" PRIVATE_PATH "\",");
	printf("\"public_key\":");
	json_text(stdout, bytes_of(line, len - 1));
	printf(",\"fingerprint\":");
	json_text(stdout, bytes_text(fingerprint));
	printf("}\n");
}

int
command_generate_keypair(const struct args *args)
{
	struct key_pair pair;
	int code;

	key_generate(&pair);
	code = write_pair(&pair, (args->given & ARG_FORCE) != 0);
	if (code == EX_OK && (args->given & ARG_JSON) != 0)
		print_json(&pair);
	else if (code == EX_OK)
		printf("Public Key:  " PUBLIC_PATH "\n"
		       "Private Key:  " PRIVATE_PATH "\n");
	key_clear(&pair);
	return code;
}
