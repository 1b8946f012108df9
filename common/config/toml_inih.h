/* SPDX-License-Identifier: ISC */
/*
 * Hands the result of toml_lex() to inih, one short line for each section and
 * key ("[cluster]", "port = @12"); the number leads back to the decoded key and
 * value. Pure.
 */
#ifndef COMMON_CONFIG_TOML_INIH_H
#define COMMON_CONFIG_TOML_INIH_H

#include "common/config/toml_lex.h"

/* Where inih is; starts at { t, 0 }. */
struct toml_cursor {
	const struct toml *toml;
	size_t next;
};

/* inih's reader: the next line into buf, NULL at the end. */
char *toml_line(char *buf, int size, void *cursor);

/* The key that a value "@12" handed out by toml_line() stands for. */
const struct toml_item *toml_item_of(const struct toml *t, const char *value);

#endif
