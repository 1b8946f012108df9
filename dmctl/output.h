/* SPDX-License-Identifier: ISC */
/*
 * Results on stdout, one set of rows for two renderers: tables for people (or
 * lines of tab-separated fields with --no-header) and JSON for programs. A
 * command describes its columns once and hands over cells.
 */
#ifndef DMCTL_OUTPUT_H
#define DMCTL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/codec.h"
#include "dmctl/args.h"
#include "dmctl/cell.h"

struct column {
	const char *title; /* NULL: in JSON only */
	const char *key;   /* NULL: in tables only */
	size_t short_len;  /* bytes shown in a table, 0: all */
};

enum output_style {
	OUTPUT_TABLE,	/* a line for each row */
	OUTPUT_RECORDS, /* a line for each cell, rows apart */
};

struct output;

/* columns are kept by reference. args says whether it is a table, lines or
 * JSON. */
struct output *output_new(const struct args *, enum output_style,
    const struct column *, size_t n_columns);

/* Adds a row, one cell for each column; copies the cells. */
void output_row(struct output *, const struct cell *);

/* Writes the rest and frees. For a table without rows `empty` goes to stderr:
 * "no files". */
void output_end(struct output *, const char *empty);

/* True if stdout shows colours: a terminal, and NO_COLOR is not set. */
bool output_has_colour(void);

/* --- for the renderers and for values.c -------------------------------- */

/* As a JSON value. */
void json_cell(FILE *, const struct cell *);

/* A JSON string (json.h). */
void json_text(FILE *, struct bytes);

/* A table that is gathered to find its widths. */
struct text_table;
struct text_table *text_table_new(
    const struct column *, size_t n_columns, bool is_coloured);
void text_table_row(struct text_table *, const struct cell *);
void text_table_end(struct text_table *);

#endif
