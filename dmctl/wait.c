/* SPDX-License-Identifier: ISC */
/*
 * wait: until a file, or one version of its content, is here. It repeats the
 * request of show: a daemon that is away may come back in the meantime.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/entry.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/name.h"
#include "dmctl/command.h"
#include "dmctl/output.h"
#include "dmctl/retry.h"
#include "dmctl/time_text.h"
#include "dmctl/target.h"

#define PAUSE_NS (100 * NS_PER_MS)
#define HASH_DIGITS 64
#define HASH_DIGITS_MIN 8
#define STATE_CURRENT 0

static const struct column columns[] = {
    {"NAME", "name", 0},
    {"SIZE", "size", 0},
    {"SIGNED", "signed_at", 0},
    {"EXPIRES", "expires_at", 0},
    {"SHA256", "sha256", 0},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct wait {
	const struct args *args;
	const char *name;
	struct entry entry; /* the version that is here, if is_here */
	bool is_here;
	int code;      /* the exit code, EX_OK: not decided yet */
	char why[512]; /* it is not here yet */
};

enum look { LOOK_HERE, LOOK_AGAIN, LOOK_FAILED };

static bool
is_meant(const struct wait *wt, const struct entry *e)
{
	const char *want = wt->args->sha256;
	char hash[HEX_SIZE(32)];

	return e->kind == ENTRY_FILE &&
	       (want == NULL || strncasecmp(hex_encode(e->sha256, 32, hash),
				    want, strlen(want)) == 0);
}

static void
consider(struct wait *wt, const struct control_answer *a)
{
	const struct row_file *row = &a->row.file;
	struct entry e;
	char at[WHEN_TEXT_MAX];

	if (a->kind != ROW_FILE || row->entry.len == 0 ||
	    entry_decode(&e, row->entry.data, row->entry.len) != row->entry.len)
		return;
	if (row->state == STATE_CURRENT && is_meant(wt, &e)) {
		wt->entry = e;
		wt->is_here = true;
	} else if (row->state == STATE_CURRENT) {
		snprintf(wt->why, sizeof(wt->why),
		    "this node has another version, signed %s",
		    time_format_s(e.signed_at_ns, at));
	}
}

/* Asks once. It prints nothing. */
static enum look
look(struct wait *wt, const struct target *t, uint64_t deadline)
{
	const struct control_show request = {.name = bytes_text(wt->name)};
	struct control_ask ask;
	enum ask_result result;

	wt->is_here = false;
	if (control_ask_open(
		&ask, t->socket, CONTROL_SHOW, &request, -1, deadline) == -1) {
		if (!target_may_come(errno)) {
			wt->code = target_unreachable(t, errno);
			return LOOK_FAILED;
		}
		target_absent(t, errno, wt->why);
		return LOOK_AGAIN;
	}
	snprintf(wt->why, sizeof(wt->why), "dmctl why %s gives the reason",
	    wt->name);
	while ((result = control_ask_next(&ask, deadline)) == ASK_ROW)
		consider(wt, &ask.answer);
	if (result == ASK_LATE || result == ASK_LOST)
		snprintf(wt->why, sizeof(wt->why), "dmd at %s does not answer",
		    t->socket);
	control_ask_close(&ask);
	return wt->is_here && result == ASK_END ? LOOK_HERE : LOOK_AGAIN;
}

static void
say_here(const struct wait *wt)
{
	const struct entry *e = &wt->entry;
	char hash[HEX_SIZE(32)], at[WHEN_TEXT_MAX];
	struct cell c[COLUMNS];
	struct output *out;

	if ((wt->args->given & (ARG_JSON | ARG_NO_HEADER)) == 0) {
		printf("%s: the file is here, signed %s\n", e->name,
		    time_format_s(e->signed_at_ns, at));
		return;
	}
	c[0] = cell_string(e->name);
	c[1] = cell_size(e->size);
	c[2] = cell_time(e->signed_at_ns);
	c[3] = cell_time(entry_expires_ns(e));
	c[4] = cell_string(hex_encode(e->sha256, 32, hash));
	out = output_new(wt->args, OUTPUT_TABLE, columns, COLUMNS);
	output_row(out, c);
	output_end(out, NULL);
}

static int
wait_for(struct wait *wt, const struct target *t)
{
	const uint64_t deadline =
	    retry_deadline(wt->args, wt->args->timeout_ns);

	for (;;) {
		switch (look(wt, t, deadline)) {
		case LOOK_HERE:
			say_here(wt);
			return EX_OK;
		case LOOK_FAILED:
			return wt->code;
		case LOOK_AGAIN:
			break;
		}
		if (clock_mono_ns() + PAUSE_NS > deadline) {
			log_error("%s: the file did not come in time: %s",
			    wt->name, wt->why);
			return EX_TEMPFAIL;
		}
		time_sleep_ns(PAUSE_NS);
	}
}

static bool
is_hash(const char *text)
{
	size_t n = strlen(text);

	return n >= HASH_DIGITS_MIN && n <= HASH_DIGITS &&
	       strspn(text, HEX_LOWER "ABCDEF") == n;
}

int
command_wait(const struct args *args)
{
	struct wait wt = {.args = args, .name = args->operands[0]};
	struct target t;
	int code;

	if (!name_is_valid(wt.name, strlen(wt.name))) {
		log_error(
		    "%.300s: %s", wt.name, verdict_sentence(VERDICT_BAD_NAME));
		return EX_DATAERR;
	}
	if (args->sha256 != NULL && !is_hash(args->sha256)) {
		log_error("--sha256: expected %d to %d hexadecimal digits",
		    HASH_DIGITS_MIN, HASH_DIGITS);
		return EX_USAGE;
	}
	code = target_init(&t, args);
	if (code == EX_OK)
		code = wait_for(&wt, &t);
	target_clear(&t);
	return code;
}
