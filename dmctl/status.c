/* SPDX-License-Identifier: ISC */
/*
 * status: whether the node works. It asks three processes at once; one that
 * says nothing for a second is shown as silent. Exit code 0: all is well; 1:
 * the node works, but something needs attention; 2: a part of it does not work.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/log.h"
#include "dmctl/time_text.h"
#include "dmctl/command.h"
#include "dmctl/values.h"
#include "dmctl/output.h"
#include "dmctl/target.h"

#define SILENCE_NS NS_PER_S
#define PARTS 3
#define REASONS_MAX 512

enum health { HEALTH_FINE = 0, HEALTH_WORKS = 1, HEALTH_BROKEN = 2 };

static const struct {
	const char *name;
	enum control_command command;
} parts[PARTS] = {
    {"dmd", CONTROL_STATUS_DMD},
    {"dm-net", CONTROL_STATUS_NET},
    {"dm-store", CONTROL_STATUS_STORE},
};

struct status {
	struct values facts;
	struct control_ask ask[PARTS];
	bool is_silent[PARTS];
	enum health health;
	char reasons[REASONS_MAX];
};

/* --- asking ----------------------------------------------------------- */

/* The rows of one part, until it ends or falls silent. */
static void
gather(struct status *s, size_t part, uint64_t deadline)
{
	struct control_ask *ask = &s->ask[part];
	enum ask_result result;

	while ((result = control_ask_next(ask, deadline)) == ASK_ROW)
		if (ask->answer.kind == ROW_VALUE)
			values_add(&s->facts, parts[part].name,
			    &ask->answer.row.value);
	s->is_silent[part] =
	    result != ASK_END || ask->answer.verdict != VERDICT_OK;
	control_ask_close(ask);
}

/* 0, or an exit code if no process answers at all. */
static int
ask_all(struct status *s, const struct target *t)
{
	uint64_t deadline;
	size_t i;

	for (i = 0; i < PARTS; i++)
		if (control_ask_open(&s->ask[i], t->socket, parts[i].command,
			NULL, -1, clock_mono_ns() + SILENCE_NS) == -1)
			break;
	if (i < PARTS) {
		int code = target_unreachable(t, errno);

		while (i-- > 0)
			control_ask_close(&s->ask[i]);
		return code;
	}
	deadline = clock_mono_ns() + SILENCE_NS;
	for (i = 0; i < PARTS; i++)
		gather(s, i, deadline);
	return EX_OK;
}

/* --- judging ---------------------------------------------------------- */

static void __attribute__((format(printf, 3, 4)))
reason(struct status *s, enum health health, const char *fmt, ...)
{
	size_t len = strlen(s->reasons);
	va_list ap;

	if (health > s->health)
		s->health = health;
	if (len > 0 && len < sizeof(s->reasons) - 2) {
		memcpy(s->reasons + len, ", ", 3);
		len += 2;
	}
	va_start(ap, fmt);
	vsnprintf(s->reasons + len, sizeof(s->reasons) - len, fmt, ap);
	va_end(ap);
}

/* True if a process sent it and it is no. */
static bool
is_no(const struct status *s, const char *key)
{
	return values_number(&s->facts, key, 1) == 0;
}

static void
judge_child(struct status *s, const char *name, const char *key)
{
	const struct fact *state = values_find(&s->facts, key);

	if (state != NULL && strcmp(state->text, "ready") != 0)
		reason(s, HEALTH_BROKEN, "%s is %s", name, state->text);
}

static void
judge(struct status *s)
{
	for (size_t i = 0; i < PARTS; i++)
		if (s->is_silent[i])
			reason(s, HEALTH_BROKEN, "%s is silent", parts[i].name);
	judge_child(s, "dm-net", "dm_net_state");
	judge_child(s, "dm-store", "dm_store_state");
	judge_child(s, "the resolver", "resolver_state");
	if (values_number(&s->facts, "state_gone", 0) != 0)
		reason(s, HEALTH_BROKEN,
		    "the state directory was removed or replaced: restart dmd");
	else if (values_number(&s->facts, "read_only", 0) != 0)
		reason(s, HEALTH_BROKEN,
		    "the state directory is on a read-only file system: "
		    "remount it");
	else if (is_no(s, "writable"))
		reason(s, HEALTH_BROKEN,
		    "the store takes no files (the log says why)");
	if (values_number(&s->facts, "set_apart", 0) > 0)
		reason(s, HEALTH_WORKS,
		    "%" PRIu64 " files could not be put in place (the log "
		    "says why)",
		    values_number(&s->facts, "set_apart", 0));
	if (is_no(s, "store_connected"))
		reason(s, HEALTH_BROKEN, "dm-net has no link to dm-store");
	else if (is_no(s, "index_complete"))
		reason(s, HEALTH_WORKS, "the index is being read");
	if (values_find(&s->facts, "expiry") != NULL)
		reason(s, HEALTH_WORKS, "expiry is %s",
		    values_find(&s->facts, "expiry")->text);
	else if (is_no(s, "clock_sane"))
		reason(s, HEALTH_WORKS, "the clock is wrong: set it");
	if (values_number(&s->facts, "peers_ahead", 0) > 0)
		reason(s, HEALTH_WORKS,
		    "%" PRIu64 " of %" PRIu64
		    " peers hold versions signed in the future: check the "
		    "clock (dmctl rejects says which)",
		    values_number(&s->facts, "peers_ahead", 0),
		    values_number(&s->facts, "peers_connected", 0));
	if (values_find(&s->facts, "not_listening") != NULL)
		reason(s, HEALTH_WORKS, "not listening on %s",
		    values_find(&s->facts, "not_listening")->text);
	if (values_find(&s->facts, "waiting_for") != NULL)
		reason(s, HEALTH_WORKS, "waiting for interface %s",
		    values_find(&s->facts, "waiting_for")->text);
	if (values_number(&s->facts, "peers_known", 0) > 0 &&
	    is_no(s, "peers_connected"))
		reason(s, HEALTH_WORKS,
		    "no peer is connected (dmctl peers says why)");
	if (values_find(&s->facts, "limited_source") != NULL)
		reason(s, HEALTH_FINE, "limiting %s",
		    values_find(&s->facts, "limited_source")->text);
	if (s->health == HEALTH_FINE)
		reason(s, HEALTH_FINE, "all running");
}

/* --- saying ----------------------------------------------------------- */

static size_t
count(char *out, size_t size, const struct status *s, const char *key,
    const char *one, const char *many)
{
	const struct fact *f = values_find(&s->facts, key);
	int n;

	if (f == NULL)
		n = snprintf(out, size, "? %s", many);
	else
		n = snprintf(out, size, "%" PRIu64 " %s", f->number,
		    f->number == 1 ? one : many);
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

static void
summary(const struct status *s, char *out, size_t size)
{
	char files[64], peers[64], synced[64], text[4 * REASONS_MAX];

	count(files, sizeof(files), s, "files", "file", "files");
	count(peers, sizeof(peers), s, "peers_connected", "peer connected",
	    "peers connected");
	count(synced, sizeof(synced), s, "peers_synced", "synced", "synced");
	log_escape(s->reasons, strlen(s->reasons), text, sizeof(text));
	snprintf(out, size, "%s; %s, %s, %s", text, files, peers, synced);
}

static void
say_json(const struct status *s, const char *sentence)
{
	static const char *const words[] = {"ok", "degraded", "broken"};
	const char *between = "";

	printf("{\"status\":\"%s\",\"summary\":", words[s->health]);
	json_text(stdout, bytes_text(sentence));
	printf(",\"silent\":[");
	for (size_t i = 0; i < PARTS; i++)
		if (s->is_silent[i]) {
			printf("%s\"%s\"", between, parts[i].name);
			between = ",";
		}
	printf("]");
	values_print_json(&s->facts);
	printf("}\n");
}

static void
say(const struct status *s, const struct args *args, const char *sentence)
{
	static const char *const colours[] = {
	    "\033[32m", "\033[33m", "\033[31m"};
	bool has_colour = output_has_colour();
	bool with_tabs = (args->given & ARG_NO_HEADER) != 0;

	if (!with_tabs)
		printf("%s%s%s\n\n", has_colour ? colours[s->health] : "",
		    sentence, has_colour ? "\033[0m" : "");
	values_print(&s->facts, with_tabs);
	for (size_t i = 0; i < PARTS; i++)
		if (s->is_silent[i])
			printf(with_tabs ? "%s\tsilent\n" : "\n%s\n  silent\n",
			    parts[i].name);
}

int
command_status(const struct args *args)
{
	char sentence[5 * REASONS_MAX];
	struct status s = {.health = HEALTH_FINE};
	struct target t;
	int code;

	code = target_init(&t, args);
	if (code == EX_OK)
		code = ask_all(&s, &t);
	target_clear(&t);
	if (code != EX_OK)
		return code;
	judge(&s);
	summary(&s, sentence, sizeof(sentence));
	if ((args->given & ARG_JSON) != 0)
		say_json(&s, sentence);
	else
		say(&s, args, sentence);
	values_clear(&s.facts);
	return (int)s.health;
}
