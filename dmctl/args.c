/* SPDX-License-Identifier: ISC */
#include "dmctl/args.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/duration.h"
#include "common/log.h"
#include "dmctl/time_text.h"

#define TIMEOUT_DEFAULT_NS (30 * NS_PER_S)
#define NO_FIELD SIZE_MAX

enum value_kind { VALUE_NONE, VALUE_TEXT, VALUE_DURATION };

struct row {
	struct args_option option;
	enum value_kind kind;
	size_t offset; /* in struct args */
};

/* clang-format off */
#define FLAG(bit, s, l, help) \
	{ { bit, s, l, NULL, help }, VALUE_NONE, NO_FIELD }
#define TEXT(bit, s, l, value, field, help) \
	{ { bit, s, l, value, help }, VALUE_TEXT, \
	    offsetof(struct args, field) }
#define DURATION(bit, s, l, field, help) \
	{ { bit, s, l, "TIME", help }, VALUE_DURATION, \
	    offsetof(struct args, field) }

static const struct row rows[] = {
TEXT(ARG_KEY, 'k', "key", "FILE", key,
    "sign with this private key; - reads it, FILE.pub asks ssh-agent"),
TEXT(ARG_KEY, 0, "key-path", "FILE", key, "the same as --key"),
FLAG(ARG_AGENT, 'a', "agent", "sign with a key of ssh-agent"),
TEXT(ARG_URL, 'u', "url", "URL", url,
    "use http://HOST:PORT instead of the control socket"),
TEXT(ARG_NAME, 'n', "name", "NAME", name,
    "the file's name in the mesh; default: the last part of its path"),
DURATION(ARG_VALID_FOR, 0, "valid-for", valid_for_ns,
    "the version expires after this time, such as 1h30m; default: never"),
TEXT(ARG_NETWORK, 0, "network", "KEY", network,
    "sign for this network, - for none; remembered for --url"),
DURATION(ARG_TIMEOUT, 0, "timeout", timeout_ns,
    "end the command after this time; default: try for 30s"),
TEXT(ARG_OUTPUT, 'o', "output", "FILE", output, "write to this file"),
TEXT(ARG_SHA256, 0, "sha256", "HASH", sha256,
    "the SHA-256 of the content; its first 8 digits are enough"),
FLAG(ARG_FORCE, 0, "force", "replace existing files"),
FLAG(ARG_ROTATE, 0, "rotate", "make a new identity key"),
FLAG(ARG_BUNDLE, 'b', "bundle", "the operand is a file made by sign"),
TEXT(ARG_SOCKET, 's', "socket", "SOCKET", socket,
    "the control socket of dmd"),
TEXT(ARG_CONFIG, 'f', "config", "FILE", config, "the configuration of dmd"),
FLAG(ARG_JSON, 'j', "json", "answer in JSON"),
FLAG(ARG_NO_HEADER, 'H', "no-header",
    "answer in lines of fields separated by tabs"),
FLAG(ARG_HELP, 'h', "help", "show this text"),
TEXT(ARG_WHICH, 0, "version", "K", which,
    "an earlier version: its number in show, or its first digits"),
FLAG(ARG_VERSION, 'V', "version", "show the version"),
};
/* clang-format on */
#define ROWS (sizeof(rows) / sizeof(rows[0]))

bool
args_option(size_t i, struct args_option *out)
{
	if (i >= ROWS)
		return false;
	*out = rows[i].option;
	return true;
}

const char *
args_name(uint32_t bit)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].option.bit == bit)
			return rows[i].option.long_name;
	return "?";
}

static const struct row *
find_long(const char *name, size_t len)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strlen(rows[i].option.long_name) == len &&
		    memcmp(rows[i].option.long_name, name, len) == 0)
			return &rows[i];
	return NULL;
}

static const struct row *
find_short(char name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (name != '\0' && rows[i].option.short_name == name)
			return &rows[i];
	return NULL;
}

static bool
store_value(const struct row *row, const char *value, struct args *args,
    char error[static ARGS_ERROR_MAX])
{
	char *field = (char *)args + row->offset;
	uint64_t ns;

	if (value == NULL || *value == '\0') {
		snprintf(error, ARGS_ERROR_MAX, "--%s needs a value: %s",
		    row->option.long_name, row->option.value);
		return false;
	}
	if (row->kind == VALUE_TEXT) {
		memcpy(field, &value, sizeof(value));
		return true;
	}
	if (!duration_parse(value, &ns)) {
		snprintf(error, ARGS_ERROR_MAX,
		    "--%s: expected a time such as 30s or 1h30m",
		    row->option.long_name);
		return false;
	}
	memcpy(field, &ns, sizeof(ns));
	return true;
}

/* The arguments that are still to be read. */
struct cursor {
	int argc;
	char **argv;
	int i;
};

/* "get NAME --version K" names a version of a file; "--version" alone asks for
 * the version of dmctl. */
static bool
has_which(const struct cursor *at, const struct args *args)
{
	return args->n_operands > 0 && at->i + 1 < at->argc &&
	       at->argv[at->i + 1][0] != '-';
}

static bool
parse_long(
    struct cursor *at, struct args *args, char error[static ARGS_ERROR_MAX])
{
	const char *name = at->argv[at->i] + 2, *value = strchr(name, '=');
	size_t len = value != NULL ? (size_t)(value - name) : strlen(name);
	const struct row *row = find_long(name, len);

	if (row == NULL) {
		snprintf(error, ARGS_ERROR_MAX, "unknown option --%.*s",
		    len > 64 ? 64 : (int)len, name);
		return false;
	}
	if (row->option.bit == ARG_WHICH && value == NULL &&
	    !has_which(at, args))
		row = find_short('V');
	args->given |= row->option.bit;
	if (row->kind == VALUE_NONE) {
		if (value == NULL)
			return true;
		snprintf(error, ARGS_ERROR_MAX, "--%s takes no value",
		    row->option.long_name);
		return false;
	}
	if (value != NULL)
		value++;
	else if (at->i + 1 < at->argc)
		value = at->argv[++at->i];
	return store_value(row, value, args, error);
}

/* "-jH", "-o FILE", "-oFILE" */
static bool
parse_short(
    struct cursor *at, struct args *args, char error[static ARGS_ERROR_MAX])
{
	const char *p = at->argv[at->i] + 1, *value;

	for (; *p != '\0'; p++) {
		const struct row *row = find_short(*p);

		if (row == NULL) {
			snprintf(
			    error, ARGS_ERROR_MAX, "unknown option -%c", *p);
			return false;
		}
		args->given |= row->option.bit;
		if (row->kind == VALUE_NONE)
			continue;
		value = p + 1;
		if (*value == '\0')
			value = at->i + 1 < at->argc ? at->argv[++at->i] : NULL;
		return store_value(row, value, args, error);
	}
	return true;
}

static bool
add_operand(char *text, struct args *args, char error[static ARGS_ERROR_MAX])
{
	if (args->n_operands == ARGS_OPERANDS_MAX) {
		snprintf(error, ARGS_ERROR_MAX, "more than %d operands",
		    ARGS_OPERANDS_MAX);
		return false;
	}
	args->operands[args->n_operands++] = text;
	return true;
}

bool
args_parse(
    int argc, char **argv, struct args *args, char error[static ARGS_ERROR_MAX])
{
	struct cursor at = {argc, argv, 1};
	bool only_operands = false, ok;

	memset(args, 0, sizeof(*args));
	args->timeout_ns = TIMEOUT_DEFAULT_NS;
	for (; at.i < argc; at.i++) {
		char *arg = argv[at.i];

		if (!only_operands && strcmp(arg, "--") == 0) {
			only_operands = true;
			continue;
		}
		if (only_operands || arg[0] != '-' || arg[1] == '\0')
			ok = add_operand(arg, args, error);
		else if (arg[1] == '-')
			ok = parse_long(&at, args, error);
		else
			ok = parse_short(&at, args, error);
		if (!ok)
			return false;
	}
	return true;
}
