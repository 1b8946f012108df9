/* SPDX-License-Identifier: ISC */
/* fsck: the daemon reads and hashes all its files, and says how far it is. */
#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/log.h"
#include "dmctl/command.h"
#include "dmctl/values.h"
#include "dmctl/progress.h"
#include "dmctl/time_text.h"
#include "dmctl/target.h"

#define SILENCE_NS (60 * NS_PER_S)

/* Reads rows until the end, and shows the progress. */
static enum ask_result
follow(struct control_ask *ask, struct values *facts)
{
	struct progress progress;
	bool has_progress = false;
	enum ask_result result;

	while ((result = control_ask_next(ask, clock_mono_ns() + SILENCE_NS)) ==
	       ASK_ROW) {
		const struct row_progress *row = &ask->answer.row.progress;

		if (ask->answer.kind == ROW_VALUE)
			values_add(facts, "dm-store", &ask->answer.row.value);
		if (ask->answer.kind != ROW_PROGRESS)
			continue;
		if (!has_progress)
			progress_init(&progress, "fsck", row->total_bytes);
		has_progress = true;
		/* files come while it reads: never over the end */
		progress_show(&progress, row->done_bytes < row->total_bytes
					     ? row->done_bytes
					     : row->total_bytes);
	}
	if (has_progress)
		progress_end(&progress);
	return result;
}

static int
say(const struct args *args, const struct values *facts)
{
	uint64_t damaged = values_number(facts, "damaged", 0);

	if ((args->given & ARG_JSON) != 0) {
		printf("{\"ok\":%s", damaged == 0 ? "true" : "false");
		values_print_json(facts);
		printf("}\n");
	} else {
		printf("%" PRIu64 " files with %" PRIu64 " bytes are read: ",
		    values_number(facts, "files", 0),
		    values_number(facts, "bytes", 0));
		if (damaged == 0)
			printf("all match their signed hashes\n");
		else
			printf("%" PRIu64
			       " were damaged, changed or missing; they are in "
			       "quarantine, and all but older versions are "
			       "fetched again from peers (%" PRIu64
			       " still wanted)\n",
			    damaged, values_number(facts, "wanted", 0));
	}
	return damaged == 0 ? EX_OK : EX_DATAERR;
}

int
command_fsck(const struct args *args)
{
	struct values facts = {NULL, 0};
	struct control_ask ask;
	enum ask_result result;
	struct target t;
	int code;

	code = target_init(&t, args);
	if (code == EX_OK)
		code = target_ask(&t, &ask, CONTROL_FSCK, NULL);
	if (code == EX_OK) {
		result = follow(&ask, &facts);
		code = target_ended(&t, &ask, result, NULL);
		control_ask_close(&ask);
	}
	target_clear(&t);
	if (code == EX_OK)
		code = say(args, &facts);
	values_clear(&facts);
	return code;
}
