/* SPDX-License-Identifier: ISC */
/*
 * The lexer in front of inih. TOML as people and TOML writers use it for
 * settings: comments, [sections], bare and quoted keys, basic and literal
 * strings, integers, booleans, arrays of strings over any number of lines. The
 * rest of TOML is refused with its line, so that no text is misread. It knows
 * no option. Pure.
 */
#ifndef COMMON_CONFIG_TOML_LEX_H
#define COMMON_CONFIG_TOML_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum toml_type { TOML_STRING, TOML_INTEGER, TOML_BOOL, TOML_ARRAY };

/* A decoded string: UTF-8, terminated, without control characters. Tabs and
 * line ends around a value are dropped, with the spaces among them. */
struct toml_string {
	const char *text;
	unsigned line;
};

struct toml_value {
	enum toml_type type;
	int64_t integer; /* TOML_INTEGER, and 0 or 1 for TOML_BOOL */
	size_t first;	 /* strings[first] ... of a string or an array */
	size_t n;	 /* 1 for a string */
};

/* A section's head or a key with its value, in the order of the file. */
struct toml_item {
	bool is_section;
	const char *name; /* NULL: a section whose head was refused */
	unsigned line;
	struct toml_value value; /* of a key */
};

struct toml {
	struct toml_item *items;
	size_t n_items;
	struct toml_string *strings;
	size_t n_strings;
	char *pool; /* the strings' bytes */
};

/* Called for each mistake, in the order of lines. message ends without a stop.
 */
typedef void (*toml_report)(void *ctx, unsigned line, const char *message);

/*
 * Reads a whole text. 0, or -1 if anything was reported; in both cases t has
 * the parts that could be read, and toml_clear() frees them. Memory is at most
 * about 20 times len.
 */
int toml_lex(struct toml *t, const char *text, size_t len, toml_report report,
    void *ctx);

void toml_clear(struct toml *t);

#endif
