/* SPDX-License-Identifier: ISC */
/*
 * why: why a file, or a version of it, is not here. dm-store sends the records
 * and refusals that it has, dm-net the state of the file in the mesh; one
 * sentence follows from both.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/log.h"
#include "common/name.h"
#include "dmctl/command.h"
#include "dmctl/values.h"
#include "dmctl/rejects.h"
#include "dmctl/target.h"

struct why {
	const struct args *args;
	const char *name;
	struct values facts;
	struct output *rejects; /* NULL: the sentence is still to be said */
	bool is_net_silent;
};

static void say_head(struct why *);

static int
gather(struct why *y, struct target *t, const char *part,
    enum control_command command, const void *fields)
{
	struct control_ask ask;
	enum ask_result result;
	int code = target_ask(t, &ask, command, fields);

	if (code != EX_OK)
		return code;
	while ((result = control_ask_next(&ask, target_deadline(t, &ask))) ==
	       ASK_ROW) {
		if (ask.answer.kind == ROW_VALUE) {
			values_add(&y->facts, part, &ask.answer.row.value);
		} else if (ask.answer.kind == ROW_REJECT) {
			say_head(y); /* all facts were received before */
			rejects_row(y->rejects, &ask.answer.row.reject);
		}
	}
	code = target_ended(t, &ask, result, y->name);
	control_ask_close(&ask);
	return code;
}

static const char *
fact_time(const struct why *y, const char *key, char out[static CELL_TEXT_MAX])
{
	struct cell c = cell_time(values_number(&y->facts, key, 0));

	return cell_format(&c, false, out);
}

static bool
is_state(const struct why *y, const char *state)
{
	const struct fact *f = values_find(&y->facts, "state");

	return f != NULL && strcmp(f->text, state) == 0;
}

/* The sentence for a wanted version: which peers have it. */
static void
say_wanted(const struct why *y, char *out, size_t size)
{
	char time[CELL_TEXT_MAX];
	uint64_t sources = values_number(&y->facts, "sources", 0);

	fact_time(y, "signed_at", time);
	if (y->is_net_silent)
		snprintf(out, size,
		    "the version signed %s is wanted; dm-net does not say "
		    "which peers have it",
		    time);
	else if (values_number(&y->facts, "fetching", 0) != 0)
		snprintf(out, size,
		    "the version signed %s is being fetched; %" PRIu64
		    " peers have it",
		    time, sources);
	else if (values_number(&y->facts, "peers_connected", 0) == 0)
		snprintf(out, size,
		    "the content of the version signed %s is wanted, and no "
		    "peer is connected",
		    time);
	else
		snprintf(out, size,
		    "the content of the version signed %s is wanted; %" PRIu64
		    " of the connected peers have it, %" PRIu64
		    " attempts failed",
		    time, sources, values_number(&y->facts, "failures", 0));
}

static void
say(const struct why *y, char *out, size_t size)
{
	char time[CELL_TEXT_MAX], end[CELL_TEXT_MAX];
	const struct fact *doubt = values_find(&y->facts, "expiry");

	if (values_number(&y->facts, "configured", 0) == 0)
		snprintf(out, size,
		    "it is not configured here: add a name or a pattern for it "
		    "under [files] in dm.toml");
	else if (is_state(y, "none") &&
		 values_find(&y->facts, "sources") != NULL)
		snprintf(out, size,
		    "it is about to be fetched; %" PRIu64 " peers have it",
		    values_number(&y->facts, "sources", 0));
	else if (is_state(y, "none"))
		snprintf(out, size,
		    "it is configured, and no version of it has been accepted "
		    "here");
	else if (is_state(y, "current"))
		snprintf(out, size, "it is here, signed %s%s%s",
		    fact_time(y, "signed_at", time),
		    doubt != NULL ? "; expiry is " : "",
		    doubt != NULL ? doubt->text : "");
	else if (is_state(y, "deleted"))
		snprintf(out, size, "it was deleted, by a signature of %s",
		    fact_time(y, "signed_at", time));
	else if (is_state(y, "expired"))
		snprintf(out, size, "the version signed %s expired %s",
		    fact_time(y, "signed_at", time),
		    fact_time(y, "expires_at", end));
	else if (is_state(y, "lost"))
		snprintf(out, size,
		    "its record was damaged on this node's disk; peers or its "
		    "signer have to send it again");
	else
		say_wanted(y, out, size);
}

/* Prints the sentence, and in JSON all facts that lead to it. */
static void
say_head(struct why *y)
{
	char sentence[4 * CELL_TEXT_MAX];

	if (y->rejects != NULL)
		return;
	say(y, sentence, sizeof(sentence));
	if ((y->args->given & ARG_JSON) != 0) {
		printf("{\"name\":");
		json_text(stdout, bytes_text(y->name));
		printf(",\"why\":");
		json_text(stdout, bytes_text(sentence));
		values_print_json(&y->facts);
		printf(",\"rejects\":");
	} else {
		printf("%s: %s\n", y->name, sentence);
	}
	y->rejects = rejects_output(y->args);
}

static int
ask_both(struct why *y, struct target *t)
{
	const struct control_why store = {.name = bytes_text(y->name)};
	const struct control_why_net net = {.name = bytes_text(y->name)};
	int code = gather(y, t, "dm-net", CONTROL_WHY_NET, &net);

	if (code == EX_UNAVAILABLE || code == EX_NOPERM)
		return code;
	y->is_net_silent = code != EX_OK;
	code = gather(y, t, "dm-store", CONTROL_WHY, &store);
	if (code == EX_OK)
		say_head(y);
	if (y->rejects != NULL)
		output_end(y->rejects, NULL);
	if (code == EX_OK && (y->args->given & ARG_JSON) != 0)
		printf("}\n");
	return code;
}

int
command_why(const struct args *args)
{
	const char *name = args->operands[0];
	struct why y = {.args = args, .name = name};
	struct target t;
	int code;

	if (!name_is_valid(name, strlen(name))) {
		log_error(
		    "%.300s: %s", name, verdict_sentence(VERDICT_BAD_NAME));
		return EX_DATAERR;
	}
	code = target_init(&t, args);
	if (code == EX_OK)
		code = ask_both(&y, &t);
	target_clear(&t);
	values_clear(&y.facts);
	return code;
}
