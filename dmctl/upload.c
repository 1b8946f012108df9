/* SPDX-License-Identifier: ISC */
/* upload, file update; delete, file delete. */
#include <string.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/name.h"
#include "dmctl/time_text.h"
#include "dmctl/command.h"
#include "dmctl/content.h"
#include "dmctl/network.h"
#include "dmctl/results.h"
#include "dmctl/new_entry.h"
#include "dmctl/sign.h"

#define SKEW_DEFAULT_NS (300 * NS_PER_S) /* of max_clock_skew */

struct upload {
	struct target where;
	struct network network;
	struct signer signer;
	struct results *outcome;
};

/* 0 or an exit code; upload_end() only after a 0. */
static int
upload_begin(struct upload *u, const struct args *args)
{
	int code;

	memset(u, 0, sizeof(*u));
	code = target_init(&u->where, args);
	if (code == EX_OK)
		code = signer_open(&u->signer, args);
	if (code == EX_OK) {
		code = network_choose(&u->where, &u->network);
		if (code != EX_OK)
			signer_close(&u->signer);
	}
	if (code != EX_OK)
		target_clear(&u->where);
	else
		u->outcome = results_new(args);
	return code;
}

static int
upload_end(struct upload *u)
{
	signer_close(&u->signer);
	target_clear(&u->where);
	return results_end(u->outcome);
}

/*
 * True if the version lost only because this clock is behind that of an earlier
 * signer: then a time one nanosecond after the held version wins. A held
 * version further ahead than dmd accepts is for people to look at.
 */
static bool
may_sign_later(const struct delivery *d, uint64_t now_ns)
{
	return d->is_judged && d->verdict == VERDICT_NOT_NEWER &&
	       d->held_signed_at_ns != 0 &&
	       d->held_signed_at_ns < now_ns + SKEW_DEFAULT_NS;
}

static void
upload_entry(struct upload *u, struct entry *e, int fd)
{
	struct delivery d;
	int code;

	code = signer_sign(&u->signer, e);
	if (code != EX_OK) {
		results_fail(u->outcome, code);
		return;
	}
	deliver(&u->where, e, fd, &d);
	if (may_sign_later(&d, clock_unix_ns())) {
		e->signed_at_ns = d.held_signed_at_ns + 1;
		code = signer_sign(&u->signer, e);
		if (code != EX_OK) {
			results_fail(u->outcome, code);
			return;
		}
		deliver(&u->where, e, fd, &d);
	}
	results_add(u->outcome, e, &d);
}

static void
upload_path(struct upload *u, const struct args *args, const char *path)
{
	struct content content;
	struct entry e;
	int code;

	code = new_entry_file(&e, args, path, &u->network);
	if (code == EX_OK)
		code = content_open(&content, path, u->where.http == NULL,
		    target_file_max(&u->where));
	if (code != EX_OK) {
		results_fail(u->outcome, code);
		return;
	}
	e.size = content.size;
	memcpy(e.sha256, content.sha256, sizeof(e.sha256));
	upload_entry(u, &e, content.fd);
	content_close(&content);
}

int
command_upload(const struct args *args)
{
	struct upload u;
	int code;

	if (args->name != NULL && args->n_operands > 1) {
		log_error("--name is for one file");
		return EX_USAGE;
	}
	code = upload_begin(&u, args);
	if (code != EX_OK)
		return code;
	for (size_t i = 0; i < args->n_operands; i++)
		upload_path(&u, args, args->operands[i]);
	return upload_end(&u);
}

int
command_delete(const struct args *args)
{
	struct upload u;
	struct entry e;
	int code;

	code = upload_begin(&u, args);
	if (code != EX_OK)
		return code;
	for (size_t i = 0; i < args->n_operands; i++) {
		code = new_entry_delete(&e, args->operands[i], &u.network);
		if (code == EX_OK)
			upload_entry(&u, &e, -1);
		else
			results_fail(u.outcome, code);
	}
	return upload_end(&u);
}
