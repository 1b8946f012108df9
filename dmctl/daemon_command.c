/* SPDX-License-Identifier: ISC */
/* reload, log and stop: commands for root and the daemon's own user only. */
#include <stdio.h>
#include <sysexits.h>

#include "common/log.h"
#include "dmctl/command.h"
#include "dmctl/output.h"
#include "dmctl/target.h"

/* Sends the command and prints done, or the daemon's sentence if done is NULL.
 */
static int
tell(const struct args *args, enum control_command command, const void *fields,
    const char *done)
{
	struct control_ask ask;
	enum ask_result result;
	struct target t;
	struct bytes said;
	char text[4 * CONTROL_SENTENCE_MAX + 1];
	int code;

	code = target_init(&t, args);
	if (code == EX_OK)
		code = target_ask(&t, &ask, command, fields);
	if (code != EX_OK) {
		target_clear(&t);
		return code;
	}
	while ((result = control_ask_next(&ask, target_deadline(&t, &ask))) ==
	       ASK_ROW)
		continue;
	code = target_ended(&t, &ask, result, NULL);
	if (code == EX_OK) {
		said = done != NULL ? bytes_text(done) : ask.answer.sentence;
		if ((args->given & ARG_JSON) != 0) {
			printf("{\"done\":");
			json_text(stdout, said);
			printf("}\n");
		} else {
			/* the sentence is only a list of the changes */
			printf("%s%s\n",
			    command == CONTROL_RELOAD ? "reloaded: " : "",
			    log_escape(
				said.data, said.len, text, sizeof(text)));
		}
	}
	control_ask_close(&ask);
	target_clear(&t);
	return code;
}

int
command_reload(const struct args *args)
{
	return tell(args, CONTROL_RELOAD, NULL, NULL);
}

int
command_log(const struct args *args)
{
	struct control_log request;
	enum log_level level;
	char done[64];

	if (!log_level_parse(args->operands[0], &level)) {
		log_error("unknown level: expected fatal, error, warn, info or "
			  "debug");
		return EX_USAGE;
	}
	request.level = level;
	snprintf(done, sizeof(done),
	    "the log level is now %s, until dmd is restarted",
	    log_level_name(level));
	return tell(args, CONTROL_LOG, &request, done);
}

int
command_stop(const struct args *args)
{
	return tell(args, CONTROL_STOP, NULL, "dmd is stopping");
}
