/* SPDX-License-Identifier: ISC */
/* id: who this node is towards its peers; id --rotate: a new key. */
#include <stdio.h>
#include <sysexits.h>

#include "common/log.h"
#include "dmctl/command.h"
#include "dmctl/facts.h"
#include "dmctl/output.h"
#include "dmctl/where.h"

static int
ask_facts(const struct where *w, enum control_command command,
    struct facts *facts, char *sentence, size_t size)
{
	struct control_ask ask;
	enum ask_result result;
	int code = where_ask(w, &ask, command, NULL);

	if (code != EX_OK)
		return code;
	while ((result = control_ask_next(&ask, where_deadline(w, &ask))) ==
	       ASK_ROW)
		if (ask.answer.kind == ROW_VALUE)
			facts_add(facts, "id", &ask.answer.row.value);
	code = where_ended(w, &ask, result, NULL);
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
	struct facts facts = {NULL, 0};
	struct where w;
	int code;

	code = where_init(&w, args);
	if (code == EX_OK)
		code = ask_facts(&w, is_rotate ? CONTROL_ID_ROTATE : CONTROL_ID,
		    &facts, sentence, sizeof(sentence));
	where_clear(&w);
	if (code == EX_OK && (args->given & ARG_JSON) != 0) {
		printf("{\"rotated\":%s", is_rotate ? "true" : "false");
		facts_print_json(&facts);
		printf("}\n");
	} else if (code == EX_OK) {
		facts_print(&facts, (args->given & ARG_NO_HEADER) != 0);
		if (is_rotate)
			log_info("%s", sentence);
	}
	facts_clear(&facts);
	return code;
}
