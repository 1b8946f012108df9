/* SPDX-License-Identifier: ISC */
/* rejects: versions that the store refused lately, or that lost to another
 * signer. */
#include "dmctl/rejects.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/base64.h"
#include "common/log.h"
#include "dmctl/command.h"
#include "dmctl/target.h"

static const struct column columns[] = {
    {"LAST", "last_at", 0},
    {NULL, "first_at", 0},
    {"TIMES", "count", 0},
    {"NAME", "name", 0},
    {"REASON", "code", 0},
    {NULL, "kind", 0},
    {"SIGNED", "signed_at", 0},
    {"SIGNER", "signer", 16},
    {"LOST-TO", "lost_to", 16},
    {"SIGNED", "lost_to_signed_at", 0},
    {"FROM", "from", 0},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct output *
rejects_output(const struct args *args)
{
	return output_new(args, OUTPUT_TABLE, columns, COLUMNS);
}

void
rejects_row(struct output *out, const struct row_reject *j)
{
	static const uint8_t none[32];
	char signer[BASE64_LEN(32) + 1], by[BASE64_LEN(32) + 1];
	struct cell c[COLUMNS];

	base64_encode(j->signer, sizeof(j->signer), signer);
	base64_encode(j->by_signer, sizeof(j->by_signer), by);
	c[0] = cell_time(j->last_ns);
	c[1] = cell_time(j->first_ns);
	c[2] = cell_number(j->count);
	c[3] = j->name.len > 0 ? cell_text(j->name) : cell_null();
	c[4] = cell_text(j->code);
	c[5] = cell_string(j->kind == 1 ? "delete" : "file");
	c[6] = cell_time(j->signed_at_ns);
	c[7] = memcmp(j->signer, none, sizeof(none)) != 0 ? cell_string(signer)
							  : cell_null();
	c[8] = j->by_signed_at_ns != 0 ? cell_string(by) : cell_null();
	c[9] = cell_time(j->by_signed_at_ns);
	c[10] = j->from.len > 0 ? cell_text(j->from) : cell_null();
	output_row(out, c);
}

int
command_rejects(const struct args *args)
{
	struct control_ask ask;
	enum ask_result result;
	struct output *out;
	struct target t;
	int code;

	code = target_init(&t, args);
	if (code == EX_OK)
		code = target_ask(&t, &ask, CONTROL_REJECTS, NULL);
	if (code != EX_OK) {
		target_clear(&t);
		return code;
	}
	out = rejects_output(args);
	while ((result = control_ask_next(&ask, target_deadline(&t, &ask))) ==
	       ASK_ROW)
		if (ask.answer.kind == ROW_REJECT)
			rejects_row(out, &ask.answer.row.reject);
	code = target_ended(&t, &ask, result, NULL);
	output_end(out, code == EX_OK ? "nothing was refused lately" : NULL);
	control_ask_close(&ask);
	target_clear(&t);
	return code;
}
