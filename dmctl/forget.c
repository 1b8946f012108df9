/* SPDX-License-Identifier: ISC */
/* forget: this node drops its records of a name. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/log.h"
#include "common/name.h"
#include "dmctl/command.h"
#include "dmctl/output.h"
#include "dmctl/target.h"

static void
say(const struct args *args, const char *name, uint64_t records)
{
	if ((args->given & ARG_JSON) != 0) {
		printf("{\"name\":");
		json_text(stdout, bytes_text(name));
		printf(",\"records\":%" PRIu64 "}\n", records);
		return;
	}
	printf("%s: %" PRIu64
	       " %s dropped on this node; records that peers hold come back\n",
	    name, records, records == 1 ? "record is" : "records are");
}

int
command_forget(const struct args *args)
{
	const char *name = args->operands[0];
	const struct control_forget request = {.name = bytes_text(name)};
	struct control_ask ask;
	enum ask_result result;
	uint64_t records = 0;
	struct target t;
	int code;

	if (!name_is_valid(name, strlen(name))) {
		log_error(
		    "%.300s: %s", name, verdict_sentence(VERDICT_BAD_NAME));
		return EX_DATAERR;
	}
	code = target_init(&t, args);
	if (code == EX_OK)
		code = target_ask(&t, &ask, CONTROL_FORGET, &request);
	if (code != EX_OK) {
		target_clear(&t);
		return code;
	}
	while ((result = control_ask_next(&ask, target_deadline(&t, &ask))) ==
	       ASK_ROW)
		if (ask.answer.kind == ROW_VALUE)
			records = ask.answer.row.value.number;
	code = target_ended(&t, &ask, result, name);
	if (code == EX_OK)
		say(args, name, records);
	control_ask_close(&ask);
	target_clear(&t);
	return code;
}
