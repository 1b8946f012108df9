/* SPDX-License-Identifier: ISC */
#include "common/config/toml_lex.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/log.h"
#include "common/utf8.h"

#define MESSAGE_MAX 256
#define CONTROL "control characters are not allowed"

struct lexer {
	const char *at;
	const char *end;
	unsigned line;
	struct toml *out;
	char *pool; /* the next free byte of out->pool */
	size_t items_cap;
	size_t strings_cap;
	toml_report report;
	void *ctx;
	bool has_failed;
};

/* Returns false, for `return`. */
static bool __attribute__((format(printf, 2, 3)))
fail(struct lexer *lx, const char *fmt, ...)
{
	char message[MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	lx->report(lx->ctx, lx->line, message);
	lx->has_failed = true;
	return false;
}

/* The next character; '\0', which is never in the text, at its end. */
static char
peek(const struct lexer *lx)
{
	return lx->at < lx->end ? *lx->at : '\0';
}

static void
skip_blanks(struct lexer *lx)
{
	while (peek(lx) == ' ' || peek(lx) == '\t')
		lx->at++;
}

/* To the end of the line, which is not taken. */
static void
skip_line(struct lexer *lx)
{
	while (lx->at < lx->end && *lx->at != '\n')
		lx->at++;
}

static bool
take_newline(struct lexer *lx)
{
	if (peek(lx) == '\r' && lx->end - lx->at > 1 && lx->at[1] == '\n')
		lx->at++;
	if (peek(lx) != '\n')
		return false;
	lx->at++;
	lx->line++;
	return true;
}

/* Blanks, comments and line ends, as between the elements of an array. */
static void
skip_space(struct lexer *lx)
{
	do {
		skip_blanks(lx);
		if (peek(lx) == '#')
			skip_line(lx);
	} while (take_newline(lx));
}

/* Names the text that stands in place of the expected one. */
static const char *
found(const struct lexer *lx, char out[static 16])
{
	unsigned char c = (unsigned char)peek(lx);

	if (c == '\0')
		return "the end of the file";
	if (c == '\n' || c == '\r')
		return "the end of the line";
	if (c >= 0x80)
		return "a character outside ASCII";
	snprintf(out, 16, "'%c'", c);
	return out;
}

static bool
is_bare(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* --- strings ---------------------------------------------------------- */

static bool
is_edge(char c)
{
	return c == '\t' || c == '\n' || c == '\r';
}

/* \uXXXX and \UXXXXXXXX: a Unicode scalar value. */
static bool
lex_unicode(struct lexer *lx, unsigned digits)
{
	uint32_t c = 0;

	for (unsigned i = 0; i < digits; i++, lx->at++) {
		int value = hex_value((uint8_t)peek(lx));

		if (value == -1)
			return fail(
			    lx, "expected %u hexadecimal digits", digits);
		c = c << 4 | (uint32_t)value;
	}
	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return fail(lx, "not a Unicode character");
	if ((c < 0x20 && !is_edge((char)c)) || c == 0x7f)
		return fail(lx, CONTROL);
	lx->pool += utf8_put(lx->pool, c);
	return true;
}

static bool
lex_escape(struct lexer *lx)
{
	char c = peek(lx);

	switch (c) {
	case '"':
	case '\\':
		*lx->pool++ = c;
		lx->at++;
		return true;
	case 'u':
	case 'U':
		lx->at++;
		return lex_unicode(lx, c == 'u' ? 4 : 8);
	case 't':
	case 'n':
	case 'r':
		*lx->pool++ = c == 't' ? '\t' : c == 'n' ? '\n' : '\r';
		lx->at++;
		return true;
	case 'b':
	case 'f':
		return fail(lx, CONTROL);
	default:
		return fail(lx,
		    "unknown escape: write \\\\ for a backslash, or use "
		    "'single quotes'");
	}
}

/* A string in either kind of quotes, in one line, with its tabs and line ends;
 * terminated; lx->pool is after that. */
static bool
lex_quoted(struct lexer *lx, char **out)
{
	char *start = lx->pool, quote = *lx->at++;

	if (lx->end - lx->at >= 2 && lx->at[0] == quote && lx->at[1] == quote)
		return fail(lx,
		    "strings over several lines (%c%c%c) are not "
		    "supported",
		    quote, quote, quote);
	for (;;) {
		char c = peek(lx);

		if (c == '\0' || c == '\n' || c == '\r')
			return fail(lx,
			    "the string is not closed: expected "
			    "%c before the end of the line",
			    quote);
		lx->at++;
		if (c == quote)
			break;
		if (c != '\\' || quote == '\'')
			*lx->pool++ = c;
		else if (!lex_escape(lx))
			return false;
	}
	*lx->pool++ = '\0';
	*out = start;
	return true;
}

/* How many blanks to cut off, looking from text in steps of 1 or -1: none
 * where no tab or line end is among them, since spaces may be meant. */
static size_t
edge_len(const char *text, size_t len, int step)
{
	bool has_edge = false;
	size_t n = 0;

	for (; n < len && (*text == ' ' || is_edge(*text)); n++, text += step)
		has_edge = has_edge || is_edge(*text);
	return has_edge ? n : 0;
}

/* No string has a use for these. */
static bool
check_inside(struct lexer *lx, const char *text)
{
	char c = text[strcspn(text, "\t\n\r")];
	const char *name = c == '\n'   ? "line feed (\\n)"
			   : c == '\t' ? "tab (\\t)"
				       : "carriage return (\\r)";

	return c == '\0' || fail(lx,
				CONTROL ": there is a %s inside the "
					"string",
				name);
}

/*
 * A value. Blanks with a tab or a line end around it are dropped: a key that
 * was read from a file (by Nix's readFile) has its line feed.
 */
static bool
lex_string(struct lexer *lx, const char **out)
{
	size_t len, cut;
	char *text;

	if (!lex_quoted(lx, &text))
		return false;
	len = (size_t)(lx->pool - 1 - text);
	cut = edge_len(text, len, 1);
	text += cut;
	len -= cut;
	if (len > 0)
		len -= edge_len(text + len - 1, len, -1);
	text[len] = '\0';
	*out = text;
	return check_inside(lx, text);
}

static bool
is_quote(char c)
{
	return c == '"' || c == '\'';
}

/* A key or the name of a section. */
static bool
lex_name(struct lexer *lx, const char **out)
{
	char *start = lx->pool, what[16];

	if (is_quote(peek(lx))) {
		if (!lex_quoted(lx, &start) || !check_inside(lx, start))
			return false;
		*out = start;
	} else {
		while (is_bare(peek(lx)))
			*lx->pool++ = *lx->at++;
		if (lx->pool == start)
			return fail(lx,
			    "expected a key or a [section], "
			    "found %s",
			    found(lx, what));
		*lx->pool++ = '\0';
		*out = start;
	}
	skip_blanks(lx);
	if (peek(lx) == '.')
		return fail(lx,
		    "dots are only allowed in quotes: write "
		    "\"config.json\" for a name, [section] for a section");
	return true;
}

/* --- values ----------------------------------------------------------- */

static void
add_string(struct lexer *lx, struct toml_value *v, const char *text)
{
	struct toml *t = lx->out;

	if (t->n_strings == lx->strings_cap) {
		lx->strings_cap = lx->strings_cap * 2 + 64;
		t->strings =
		    xrealloc(t->strings, lx->strings_cap, sizeof(*t->strings));
	}
	t->strings[t->n_strings++] = (struct toml_string){text, lx->line};
	v->n++;
}

static bool
lex_array(struct lexer *lx, struct toml_value *v)
{
	const char *text;
	char what[16];

	v->type = TOML_ARRAY;
	lx->at++;
	for (;;) {
		skip_space(lx);
		if (peek(lx) == ']')
			break;
		if (!is_quote(peek(lx)))
			return fail(lx,
			    "expected a string or ] in the array, "
			    "found %s",
			    found(lx, what));
		if (!lex_string(lx, &text))
			return false;
		add_string(lx, v, text);
		skip_space(lx);
		if (peek(lx) == ',')
			lx->at++;
		else if (peek(lx) != ']')
			return fail(lx,
			    "expected , or ] in the array, "
			    "found %s",
			    found(lx, what));
	}
	lx->at++;
	return true;
}

/* Decimal, with single underscores between digits. */
static bool
lex_integer(struct lexer *lx, struct toml_value *v)
{
	bool negative = peek(lx) == '-', digit = false;
	const char *start;
	int64_t n = 0;

	v->type = TOML_INTEGER;
	if (peek(lx) == '+' || peek(lx) == '-')
		lx->at++;
	start = lx->at;
	while (is_bare(peek(lx)) || peek(lx) == '.' || peek(lx) == ':') {
		char c = *lx->at++;

		if (c == '_' && digit) {
			digit = false;
			continue;
		}
		digit = c >= '0' && c <= '9';
		if (!digit || (n == 0 && lx->at - start > 1))
			break; /* no digit, or after a leading zero */
		if (n > (INT64_MAX - (c - '0')) / 10)
			return fail(lx, "the number is too large");
		n = n * 10 + (c - '0');
	}
	if (!digit || is_bare(peek(lx)) || (n == 0 && lx->at - start > 1))
		return fail(lx, "expected a decimal integer, or a string in "
				"quotes");
	v->integer = negative ? -n : n;
	return true;
}

static bool
lex_word(struct lexer *lx, struct toml_value *v)
{
	const char *start = lx->at;
	size_t len;

	while (is_bare(peek(lx)))
		lx->at++;
	len = (size_t)(lx->at - start);
	v->type = TOML_BOOL;
	v->integer = len == 4 && memcmp(start, "true", 4) == 0;
	if (v->integer != 0 || (len == 5 && memcmp(start, "false", 5) == 0))
		return true;
	return fail(lx, "strings need quotes: \"%.*s\"",
	    (int)(len < 64 ? len : 64), start);
}

static bool
lex_value(struct lexer *lx, struct toml_value *v)
{
	const char *text;
	char c = peek(lx), what[16];

	v->first = lx->out->n_strings;
	if (is_quote(c)) {
		v->type = TOML_STRING;
		if (!lex_string(lx, &text))
			return false;
		add_string(lx, v, text);
		return true;
	}
	if (c == '[')
		return lex_array(lx, v);
	if (c == '{')
		return fail(lx, "inline tables are not supported: write a "
				"[section]");
	if ((c >= '0' && c <= '9') || c == '+' || c == '-')
		return lex_integer(lx, v);
	if (is_bare(c))
		return lex_word(lx, v);
	return fail(lx,
	    "expected a value (\"text\", a number, true, false or "
	    "[\"an\", \"array\"]), found %s",
	    found(lx, what));
}

/* --- statements ------------------------------------------------------- */

static void
add_item(struct lexer *lx, const struct toml_item *item)
{
	struct toml *t = lx->out;

	if (t->n_items == lx->items_cap) {
		lx->items_cap = lx->items_cap * 2 + 64;
		t->items = xrealloc(t->items, lx->items_cap, sizeof(*t->items));
	}
	t->items[t->n_items++] = *item;
}

static bool
lex_section(struct lexer *lx, struct toml_item *item)
{
	char what[16];

	item->is_section = true;
	lx->at++;
	if (peek(lx) == '[')
		return fail(lx, "arrays of tables ([[...]]) are not supported");
	skip_blanks(lx);
	if (!lex_name(lx, &item->name))
		return false;
	if (peek(lx) != ']')
		return fail(lx, "expected ] after the section's name, found %s",
		    found(lx, what));
	lx->at++;
	return true;
}

static bool
lex_key(struct lexer *lx, struct toml_item *item)
{
	char what[16];

	if (!lex_name(lx, &item->name))
		return false;
	if (peek(lx) != '=')
		return fail(
		    lx, "expected = after the key, found %s", found(lx, what));
	lx->at++;
	skip_blanks(lx);
	return lex_value(lx, &item->value);
}

/*
 * After a mistake: to the end of the line; and if that was within an array,
 * over the lines that still look like its elements, so that one mistake is
 * reported once.
 */
static void
recover(struct lexer *lx, bool in_array)
{
	skip_line(lx);
	while (in_array && take_newline(lx)) {
		const char *start = lx->at;
		char quote;

		skip_blanks(lx);
		quote = peek(lx);
		if (is_quote(quote)) {
			do
				lx->at++;
			while (peek(lx) != quote && peek(lx) != '\n' &&
			       lx->at < lx->end);
			if (peek(lx) == quote)
				lx->at++;
			skip_blanks(lx);
		}
		if (peek(lx) == '=' || peek(lx) == '[' || is_bare(peek(lx))) {
			lx->at = start;
			return;
		}
		in_array = peek(lx) != ']';
		skip_line(lx);
	}
}

static void
lex_statement(struct lexer *lx)
{
	struct toml_item item = {.line = lx->line};
	bool is_ok =
	    peek(lx) == '[' ? lex_section(lx, &item) : lex_key(lx, &item);
	char what[16];

	if (!is_ok)
		recover(lx, !item.is_section && item.value.type == TOML_ARRAY);
	if (!is_ok && item.is_section)
		item.name = NULL;
	if (is_ok || item.is_section)
		add_item(lx, &item);
	if (!is_ok)
		return;
	skip_blanks(lx);
	if (peek(lx) == '#')
		skip_line(lx);
	if (lx->at == lx->end || peek(lx) == '\n' || peek(lx) == '\r')
		return;
	fail(lx, "expected the end of the line, found %s", found(lx, what));
	skip_line(lx);
}

/* --- the text as a whole ---------------------------------------------- */

/* No control characters but tabs and line ends, and valid UTF-8. */
static bool
check_text(struct lexer *lx)
{
	const char *start = lx->at;

	while (lx->at < lx->end) {
		unsigned char c = (unsigned char)*lx->at;
		size_t n = utf8_len(
		    (const unsigned char *)lx->at, (size_t)(lx->end - lx->at));

		if (n == 0)
			return fail(lx, "not UTF-8: save the file as UTF-8");
		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
		    c == 0x7f ||
		    (c == '\r' && (lx->end - lx->at == 1 || lx->at[1] != '\n')))
			return fail(lx, "control character \\x%02x", c);
		if (c == '\n')
			lx->line++;
		lx->at += n;
	}
	lx->at = start;
	lx->line = 1;
	return true;
}

int
toml_lex(
    struct toml *t, const char *text, size_t len, toml_report report, void *ctx)
{
	struct lexer lx = {.line = 1, .out = t, .report = report, .ctx = ctx};

	memset(t, 0, sizeof(*t));
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3; /* some editors' mark */
		len -= 3;
	}
	lx.at = text;
	lx.end = text + len;
	if (!check_text(&lx))
		return -1;
	/*
	 * A decoded string is never longer than its source, whose quotes (or
	 * the '=' after a bare key) leave room for the terminator.
	 */
	t->pool = lx.pool = xmalloc(len + 1);
	for (;;) {
		skip_space(&lx);
		if (lx.at == lx.end)
			break;
		lex_statement(&lx);
	}
	return lx.has_failed ? -1 : 0;
}

void
toml_clear(struct toml *t)
{
	free(t->items);
	free(t->strings);
	free(t->pool);
	memset(t, 0, sizeof(*t));
}
