/* SPDX-License-Identifier: ISC */
/* list and show: rows of kind file, in a table or one by one. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/base64.h"
#include "common/entry.h"
#include "common/hex.h"
#include "common/keys/keys.h"
#include "common/log.h"
#include "common/name.h"
#include "dmctl/command.h"
#include "dmctl/output.h"
#include "dmctl/target.h"

enum { STATE_CURRENT = 0 };

static const char *const states[] = {
    "current", "wanted", "expired", "deleted", "lost"};

/* In JSON the same as GET /files, which has no state: see rows_print(). */
static const struct column list_columns[] = {
    {"NAME", "name", 0},
    {"SIZE", "size", 0},
    {NULL, "sha256", 0},
    {"SIGNED", "signed_at", 0},
    {NULL, "expires_at", 0},
    {"SIGNER", "signer", 16},
    {"EXPIRES", NULL, 0},
    {"SHA256", NULL, 16},
    {"STATE", NULL, 0},
    {NULL, "kind", 0},
};
#define LIST_COLUMNS (sizeof(list_columns) / sizeof(list_columns[0]))

static const struct column show_columns[] = {
    {"NAME", "name", 0},
    {"STATE", "state", 0},
    {"KIND", "kind", 0},
    {"SIZE", "size", 0},
    {"SHA256", "sha256", 0},
    {"SIGNED", "signed_at", 0},
    {"EXPIRES", "expires_at", 0},
    {"SIGNER", "signer", 0},
    {"FINGERPRINT", "fingerprint", 0},
    {"NETWORK", "network", 0},
    {"VERSION", "version", 0},
    {"SIGNATURE", "signature", 0},
    /* of versions that were replaced; people get a table of them */
    {NULL, "number", 0},
    {NULL, "replaced_at", 0},
    {NULL, "replaced_by", 0},
    {NULL, "replaced_by_signed_at", 0},
    {NULL, "content_kept", 0},
};
#define SHOW_COLUMNS (sizeof(show_columns) / sizeof(show_columns[0]))

static const struct column version_columns[] = {
    {"NUMBER", NULL, 0},
    {"SIZE", NULL, 0},
    {"SIGNED", NULL, 0},
    {"SIGNER", NULL, 16},
    {"KIND", NULL, 0},
    {"VERSION", NULL, 16},
    {"REPLACED", NULL, 0},
    {"BY", NULL, 16},
    {"CONTENT-KEPT", NULL, 0},
};
#define VERSION_COLUMNS (sizeof(version_columns) / sizeof(version_columns[0]))

struct rows {
	const struct args *args;
	struct output *out;
	struct output *versions; /* NULL: none, or in out */
	bool is_show;
};

static void
list_row(struct output *out, const struct entry *e, const char *state)
{
	char hash[HEX_SIZE(32)], signer[BASE64_LEN(32) + 1];
	struct cell c[LIST_COLUMNS];

	base64_encode(e->signer, sizeof(e->signer), signer);
	c[0] = cell_string(e->name);
	c[1] = cell_size(e->size);
	c[2] = c[7] = cell_string(hex_encode(e->sha256, 32, hash));
	c[3] = cell_time(e->signed_at_ns);
	c[4] = c[6] = cell_time(entry_expires_ns(e));
	c[5] = cell_string(signer);
	c[8] = cell_string(state);
	c[9] = cell_string(e->kind == ENTRY_DELETE ? "delete" : "file");
	output_row(out, c);
}

/* v: of a version that was replaced, else NULL. */
static void
show_row(struct output *out, const struct entry *e, const char *state,
    const struct row_version *v)
{
	char by[BASE64_LEN(32) + 1];
	char hash[HEX_SIZE(32)], version[HEX_SIZE(32)];
	char signer[BASE64_LEN(32) + 1], network[BASE64_LEN(32) + 1];
	char fingerprint[KEY_FINGERPRINT_MAX], signature[BASE64_LEN(64) + 1];
	uint8_t raw[32];
	struct cell c[SHOW_COLUMNS];

	base64_encode(e->signer, sizeof(e->signer), signer);
	base64_encode(e->network, sizeof(e->network), network);
	base64_encode(e->signature, sizeof(e->signature), signature);
	key_fingerprint(e->signer, fingerprint);
	entry_version(e, raw);
	c[0] = cell_string(e->name);
	c[1] = cell_string(state);
	c[2] = cell_string(e->kind == ENTRY_DELETE ? "delete" : "file");
	c[3] = cell_size(e->size);
	c[4] = cell_string(hex_encode(e->sha256, 32, hash));
	c[5] = cell_time(e->signed_at_ns);
	c[6] = cell_time(entry_expires_ns(e));
	c[7] = cell_string(signer);
	c[8] = cell_string(fingerprint);
	c[9] = e->has_network ? cell_string(network) : cell_null();
	c[10] = cell_string(hex_encode(raw, 32, version));
	c[11] = cell_string(signature);
	for (size_t i = 12; i < SHOW_COLUMNS; i++)
		c[i] = cell_null();
	if (v != NULL) {
		base64_encode(v->by_signer, sizeof(v->by_signer), by);
		c[12] = cell_number(v->number);
		c[13] = cell_time(v->replaced_at_ns);
		c[14] = cell_string(by);
		c[15] = cell_time(v->by_signed_at_ns);
		c[16] = cell_bool(v->has_content);
	}
	output_row(out, c);
}

/*
 * The table of list has every name with a record. Its JSON is that of GET
 * /files: the files that can be read here.
 */
static bool
row_print(struct rows *rows, const struct row_file *row)
{
	struct entry e;

	if (entry_decode(&e, row->entry.data, row->entry.len) !=
		row->entry.len ||
	    row->entry.len == 0)
		return false;
	if (rows->is_show)
		show_row(rows->out, &e, states[row->state], NULL);
	else if (row->state == STATE_CURRENT ||
		 (rows->args->given & ARG_JSON) == 0)
		list_row(rows->out, &e, states[row->state]);
	return true;
}

static void
version_row(
    struct output *out, const struct entry *e, const struct row_version *v)
{
	char signer[BASE64_LEN(32) + 1], by[BASE64_LEN(32) + 1];
	char version[HEX_SIZE(32)];
	struct cell c[VERSION_COLUMNS];
	uint8_t raw[32];

	base64_encode(e->signer, sizeof(e->signer), signer);
	base64_encode(v->by_signer, sizeof(v->by_signer), by);
	entry_version(e, raw);
	c[0] = cell_number(v->number);
	c[1] = cell_size(e->size);
	c[2] = cell_time(e->signed_at_ns);
	c[3] = cell_string(signer);
	c[4] = cell_string(e->kind == ENTRY_DELETE ? "delete" : "file");
	c[5] = cell_string(hex_encode(raw, 32, version));
	c[6] = cell_time(v->replaced_at_ns);
	c[7] = cell_string(by);
	c[8] = cell_bool(v->has_content);
	output_row(out, c);
}

static bool
version_print(struct rows *rows, const struct row_version *v)
{
	struct entry e;

	if (!rows->is_show || v->entry.len == 0 ||
	    entry_decode(&e, v->entry.data, v->entry.len) != v->entry.len)
		return false;
	if ((rows->args->given & (ARG_JSON | ARG_NO_HEADER)) != 0) {
		show_row(rows->out, &e, "replaced", v);
		return true;
	}
	if (rows->versions == NULL)
		rows->versions = output_new(
		    rows->args, OUTPUT_TABLE, version_columns, VERSION_COLUMNS);
	version_row(rows->versions, &e, v);
	return true;
}

static bool
answer_print(struct rows *rows, const struct control_answer *a)
{
	if (a->kind == ROW_VERSION)
		return version_print(rows, &a->row.version);
	return a->kind == ROW_FILE && row_print(rows, &a->row.file);
}

static int
rows_print(struct target *t, struct rows *rows, enum control_command command,
    const void *fields, const char *subject)
{
	struct control_ask ask;
	enum ask_result result;
	bool is_understood = true;
	int code = target_ask(t, &ask, command, fields);

	if (code != EX_OK)
		return code;
	rows->out = rows->is_show ? output_new(rows->args, OUTPUT_RECORDS,
					show_columns, SHOW_COLUMNS)
				  : output_new(rows->args, OUTPUT_TABLE,
					list_columns, LIST_COLUMNS);
	while ((result = control_ask_next(&ask, target_deadline(t, &ask))) ==
	       ASK_ROW)
		if (!answer_print(rows, &ask.answer))
			is_understood = false;
	code = target_ended(t, &ask, result, subject);
	if (code == EX_OK && !is_understood) {
		log_error("dmd sent a malformed row: use dmctl and dmd of the "
			  "same version");
		code = EX_PROTOCOL;
	}
	output_end(
	    rows->out, code == EX_OK && !rows->is_show ? "no files" : NULL);
	if (rows->versions != NULL) {
		printf("\nreplaced versions:\n");
		output_end(rows->versions, NULL);
	}
	control_ask_close(&ask);
	return code;
}

int
command_list(const struct args *args)
{
	const char *prefix = args->n_operands > 0 ? args->operands[0] : "";
	const struct control_list request = {.prefix = bytes_text(prefix)};
	struct rows rows = {args, NULL, NULL, false};
	struct target t;
	int code;

	if (request.prefix.len > NAME_LEN_MAX) {
		log_error("a prefix has at most %d bytes", NAME_LEN_MAX);
		return EX_DATAERR;
	}
	code = target_init(&t, args);
	if (code == EX_OK)
		code = rows_print(&t, &rows, CONTROL_LIST, &request, NULL);
	target_clear(&t);
	return code;
}

int
command_show(const struct args *args)
{
	const char *name = args->operands[0];
	const struct control_show request = {.name = bytes_text(name)};
	struct rows rows = {args, NULL, NULL, true};
	struct target t;
	int code;

	if (!name_is_valid(name, strlen(name))) {
		log_error(
		    "%.300s: %s", name, verdict_sentence(VERDICT_BAD_NAME));
		return EX_DATAERR;
	}
	code = target_init(&t, args);
	if (code == EX_OK)
		code = rows_print(&t, &rows, CONTROL_SHOW, &request, name);
	target_clear(&t);
	return code;
}
