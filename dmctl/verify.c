/* SPDX-License-Identifier: ISC */
/*
 * verify: checks that a node's copy of a file, or a file made by sign, is
 * exactly what one of its signers signed. It trusts only keys that are named
 * here.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/base64.h"
#include "common/entry.h"
#include "common/hex.h"
#include "common/keys/keys.h"
#include "common/log.h"
#include "common/name.h"
#include "common/verdict.h"
#include "dmctl/bundle.h"
#include "dmctl/command.h"
#include "dmctl/content.h"
#include "dmctl/network.h"
#include "dmctl/output.h"
#include "dmctl/retrieve.h"
#include "dmctl/sign.h"

static const struct column columns[] = {
    {"NAME", "name", 0},
    {"SIGNED", "signed_at", 0},
    {"EXPIRES", "expires_at", 0},
    {"SIGNER", "signer", 0},
    {"FINGERPRINT", "fingerprint", 0},
    {"SHA256", "sha256", 0},
    {"SIZE", "size", 0},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static bool
discard(void *ctx, const void *data, size_t len)
{
	return true;
}

/* True if --key, or else the configuration, lets this key sign the file. */
static int
judge_signer(const struct target *t, const struct entry *e)
{
	const struct config_file *file;
	uint8_t key[32];
	int code;

	if (t->args->key != NULL) {
		code = signer_parse_public(t->args->key, key);
		if (code != EX_OK)
			return code;
		if (memcmp(key, e->signer, sizeof(key)) == 0)
			return EX_OK;
		log_error("%s: signed by another key than --key", e->name);
		return EX_NOPERM;
	}
	if (t->config == NULL) {
		log_error("no key to verify with: give --key FILE.pub, or -f "
			  "FILE for the signers in a dm.toml");
		return EX_USAGE;
	}
	file = config_find(t->config, e->name);
	for (size_t i = 0; file != NULL && i < file->n; i++)
		if (memcmp(file->signers[i], e->signer, 32) == 0)
			return EX_OK;
	log_error("%s: %s", e->name,
	    verdict_sentence(
		file != NULL ? VERDICT_UNKNOWN_SIGNER : VERDICT_UNKNOWN_FILE));
	return EX_NOPERM;
}

static void
print(const struct args *args, const struct entry *e)
{
	char hash[HEX_SIZE(32)], signer[BASE64_LEN(32) + 1];
	char fingerprint[KEY_FINGERPRINT_MAX];
	struct cell c[COLUMNS];
	struct output *out;

	key_fingerprint(e->signer, fingerprint);
	if ((args->given & (ARG_JSON | ARG_NO_HEADER)) == 0) {
		printf("%s: good, signed by %s\n", e->name, fingerprint);
		return;
	}
	base64_encode(e->signer, sizeof(e->signer), signer);
	c[0] = cell_string(e->name);
	c[1] = cell_time(e->signed_at_ns);
	c[2] = cell_time(entry_expires_ns(e));
	c[3] = cell_string(signer);
	c[4] = cell_string(fingerprint);
	c[5] = cell_string(hex_encode(e->sha256, 32, hash));
	c[6] = cell_size(e->size);
	out = output_new(args, OUTPUT_TABLE, columns, COLUMNS);
	output_row(out, c);
	output_end(out, NULL);
}

static int
verify_copy(struct target *t, const char *name, struct entry *e)
{
	struct network network;
	int code;

	if (!name_is_valid(name, strlen(name))) {
		log_error(
		    "%.300s: %s", name, verdict_sentence(VERDICT_BAD_NAME));
		return EX_DATAERR;
	}
	code = retrieve(t, name, discard, NULL, e);
	if (code == EX_OK && t->http != NULL) {
		/* the signature covers it, the X- fields do not name it */
		code = network_choose(t, &network);
		e->has_network = network.has_key;
		memcpy(e->network, network.key, sizeof(e->network));
	}
	if (code == EX_OK && !entry_verify(e)) {
		log_error(
		    "%s: %s", name, verdict_sentence(VERDICT_BAD_SIGNATURE));
		code = EX_DATAERR;
	}
	return code;
}

int
command_verify(const struct args *args)
{
	const char *what = args->operands[0];
	struct content content;
	struct target t;
	struct entry e;
	int code;

	code = target_init(&t, args);
	if (code == EX_OK && (args->given & ARG_BUNDLE) != 0) {
		code = bundle_open(what, &e, &content, false);
		if (code == EX_OK)
			content_close(&content);
	} else if (code == EX_OK) {
		code = verify_copy(&t, what, &e);
	}
	if (code == EX_OK)
		code = judge_signer(&t, &e);
	if (code == EX_OK)
		print(args, &e);
	target_clear(&t);
	return code;
}
