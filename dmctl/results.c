/* SPDX-License-Identifier: ISC */
#include "dmctl/results.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "common/base64.h"
#include "common/entry.h"
#include "common/hex.h"
#include "common/log.h"
#include "dmctl/output.h"
#include "dmctl/time_text.h"

struct results {
	struct output *out; /* NULL: sentences */
	int code;
};

static const struct column columns[] = {
    {"NAME", "name", 0},
    {"RESULT", "code", 0},
    {NULL, "detail", 0},
    {"SIZE", "size", 0},
    {"SHA256", "sha256", 0},
    {"SIGNED", "signed_at", 0},
    {"EXPIRES", "expires_at", 0},
    {"SIGNER", "signer", 0},
    {NULL, "kind", 0},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct results *
results_new(const struct args *args)
{
	struct results *o = xcalloc(1, sizeof(*o));

	if ((args->given & (ARG_JSON | ARG_NO_HEADER)) != 0)
		o->out = output_new(args, OUTPUT_TABLE, columns, COLUMNS);
	return o;
}

static void
add_row(struct results *o, const struct entry *e, const struct delivery *d)
{
	char hash[HEX_SIZE(32)], signer[BASE64_LEN(32) + 1];
	struct cell cells[COLUMNS];

	base64_encode(e->signer, sizeof(e->signer), signer);
	cells[0] = cell_string(e->name);
	cells[1] = cell_string(
	    d->is_judged ? verdict_code(d->verdict) : "not-delivered");
	cells[2] = cell_string(d->text);
	cells[3] = cell_size(e->size);
	cells[4] = cell_string(hex_encode(e->sha256, 32, hash));
	cells[5] = cell_time(e->signed_at_ns);
	cells[6] = cell_time(entry_expires_ns(e));
	cells[7] = cell_string(signer);
	cells[8] = cell_string(e->kind == ENTRY_DELETE ? "delete" : "file");
	output_row(o->out, cells);
}

/* The signed time shows which of the two clocks is wrong. */
static void
tell_failure(const struct entry *e, const struct delivery *d)
{
	char at[WHEN_TEXT_MAX];

	if (d->is_judged && d->verdict == VERDICT_SIGNED_IN_FUTURE)
		log_error("%s: signed %s: %s", e->name,
		    time_format_s(e->signed_at_ns, at), d->text);
	else
		log_error("%s: %s", e->name, d->text);
}

void
results_add(struct results *o, const struct entry *e, const struct delivery *d)
{
	bool is_ok = d->is_judged && verdict_is_ok(d->verdict);

	if (!is_ok) {
		tell_failure(e, d);
		results_fail(o, d->code);
	}
	if (o->out != NULL)
		add_row(o, e, d);
	else if (is_ok)
		printf("%s: %s\n", e->name,
		    e->kind == ENTRY_DELETE && d->verdict != VERDICT_UNCHANGED
			? "deleted"
			: verdict_sentence(d->verdict));
}

void
results_fail(struct results *o, int code)
{
	if (o->code == EX_OK)
		o->code = code;
}

int
results_end(struct results *o)
{
	int code = o->code;

	if (o->out != NULL)
		output_end(o->out, NULL);
	free(o);
	return code;
}
