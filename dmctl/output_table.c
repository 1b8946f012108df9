/* SPDX-License-Identifier: ISC */
/* Tables for people: rows are gathered until the widths are known. */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dmctl/output.h"

#define GATHER_ROWS 2000 /* then the widths are taken as they are */
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

struct text_table {
	const struct column *columns;
	size_t n_columns;
	bool is_coloured;
	bool is_begun; /* the header is out, rows go straight */
	size_t *widths;
	char **cells; /* gathered, row by row */
	size_t n_cells;
};

struct text_table *
text_table_new(const struct column *columns, size_t n_columns, bool coloured)
{
	struct text_table *t = xcalloc(1, sizeof(*t));

	t->columns = columns;
	t->n_columns = n_columns;
	t->is_coloured = coloured;
	t->widths = xcalloc(n_columns, sizeof(*t->widths));
	t->cells = xcalloc(GATHER_ROWS * n_columns, sizeof(*t->cells));
	for (size_t i = 0; i < n_columns; i++)
		if (columns[i].title != NULL)
			t->widths[i] = strlen(columns[i].title);
	return t;
}

/* The last column is not padded: no blanks at the ends of lines. */
static void
print_line(const struct text_table *t, const char *const *texts)
{
	size_t last = 0;

	for (size_t i = 0; i < t->n_columns; i++)
		if (t->columns[i].title != NULL)
			last = i;
	for (size_t i = 0; i < last; i++)
		if (t->columns[i].title != NULL)
			printf("%-*s  ", (int)t->widths[i], texts[i]);
	printf("%s\n", texts[last]);
}

static void
begin(struct text_table *t)
{
	const char **titles;

	if (t->is_begun)
		return;
	t->is_begun = true;
	titles = xcalloc(t->n_columns, sizeof(*titles));
	for (size_t i = 0; i < t->n_columns; i++)
		titles[i] = t->columns[i].title;
	if (t->is_coloured)
		fputs(BOLD, stdout);
	print_line(t, titles);
	if (t->is_coloured)
		fputs(PLAIN, stdout);
	free(titles);
	for (size_t i = 0; i < t->n_cells; i += t->n_columns)
		print_line(t, (const char *const *)t->cells + i);
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	t->n_cells = 0;
}

void
text_table_row(struct text_table *t, const struct cell *cells)
{
	char **row = t->cells + t->n_cells;
	char text[CELL_TEXT_MAX];

	for (size_t i = 0; i < t->n_columns; i++) {
		size_t most = t->columns[i].short_len, len;

		cell_format(&cells[i], false, text);
		len = strlen(text);
		if (most > 0 && len > most)
			text[len = most] = '\0';
		if (len > t->widths[i] && !t->is_begun)
			t->widths[i] = len;
		row[i] = xstrdup(text);
	}
	t->n_cells += t->n_columns;
	if (t->is_begun) {
		print_line(t, (const char *const *)row);
		for (size_t i = 0; i < t->n_columns; i++)
			free(row[i]);
		t->n_cells = 0;
	} else if (t->n_cells == GATHER_ROWS * t->n_columns) {
		begin(t);
	}
}

void
text_table_end(struct text_table *t)
{
	if (t->n_cells > 0)
		begin(t);
	free(t->cells);
	free(t->widths);
	free(t);
}
