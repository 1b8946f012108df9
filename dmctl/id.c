/* SPDX-License-Identifier: ISC */
/* id: the identity and addresses that peers know; id --rotate: a new key. */
#include <stdio.h>
#include <sysexits.h>

#include "common/log.h"
#include "dmctl/command.h"
#include "dmctl/values.h"
#include "dmctl/output.h"
#include "dmctl/target.h"

static int
ask_facts(const struct target *t, enum control_command command,
    struct values *facts, char *sentence, size_t size)
{
	struct control_ask ask;
	enum ask_result result;
	int code = target_ask(t, &ask, command, NULL);

	if (code != EX_OK)
		return code;
	while ((result = control_ask_next(&ask, target_deadline(t, &ask))) ==
	       ASK_ROW)
		if (ask.answer.kind == ROW_VALUE)
			values_add(facts, "id", &ask.answer.row.value);
	code = target_ended(t, &ask, result, NULL);
	if (code == EX_OK)
		log_escape(ask.answer.sentence.data, ask.answer.sentence.len,
		    sentence, size);
	control_ask_close(&ask);
	return code;
}

int
command_id(const struct args *args)
{
	bool is_rotate = (args->given & ARG_ROTATE) != 0;
	char sentence[4 * CONTROL_SENTENCE_MAX + 1];
	struct values facts = {NULL, 0};
	struct target t;
	int code;

	code = target_init(&t, args);
	if (code == EX_OK)
		code = ask_facts(&t, is_rotate ? CONTROL_ID_ROTATE : CONTROL_ID,
		    &facts, sentence, sizeof(sentence));
	target_clear(&t);
	if (code == EX_OK && (args->given & ARG_JSON) != 0) {
		printf("{\"rotated\":%s", is_rotate ? "true" : "false");
		values_print_json(&facts);
		printf("}\n");
	} else if (code == EX_OK) {
		values_print(&facts, (args->given & ARG_NO_HEADER) != 0);
		if (is_rotate)
			log_info("%s", sentence);
	}
	values_clear(&facts);
	return code;
}
