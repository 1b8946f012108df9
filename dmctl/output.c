/* SPDX-License-Identifier: ISC */
#include "dmctl/output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

struct output {
	const struct column *columns;
	size_t n_columns;
	enum output_style style;
	bool is_json;
	bool has_header;
	uint64_t rows;
	struct text_table *table;
};

bool
output_has_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no == NULL || *no == '\0') && isatty(STDOUT_FILENO) == 1 &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}

struct output *
output_new(const struct args *args, enum output_style style,
    const struct column *columns, size_t n_columns)
{
	struct output *out = xcalloc(1, sizeof(*out));

	out->columns = columns;
	out->n_columns = n_columns;
	out->style = style;
	out->is_json = (args->given & ARG_JSON) != 0;
	out->has_header = (args->given & ARG_NO_HEADER) == 0;
	if (!out->is_json && out->has_header && style == OUTPUT_TABLE)
		out->table =
		    text_table_new(columns, n_columns, output_has_colour());
	return out;
}

static void
row_json(struct output *out, const struct cell *cells)
{
	const char *between = "{";

	fputs(out->rows == 0 ? "[\n" : ",\n", stdout);
	for (size_t i = 0; i < out->n_columns; i++) {
		if (out->columns[i].key == NULL)
			continue;
		printf("%s\"%s\":", between, out->columns[i].key);
		json_cell(stdout, &cells[i]);
		between = ",";
	}
	fputs("}", stdout);
}

static void
row_lines(struct output *out, const struct cell *cells)
{
	bool is_record = out->style == OUTPUT_RECORDS && out->has_header;
	const char *between = "";
	char text[CELL_TEXT_MAX];

	if (is_record && out->rows > 0)
		fputs("\n", stdout);
	for (size_t i = 0; i < out->n_columns; i++) {
		const char *title = out->columns[i].title;

		if (title == NULL)
			continue;
		cell_format(&cells[i], true, text);
		if (is_record)
			printf("%-12s %s\n", title, text);
		else
			printf("%s%s", between, text);
		between = "\t";
	}
	if (!is_record)
		fputs("\n", stdout);
}

void
output_row(struct output *out, const struct cell *cells)
{
	if (out->is_json)
		row_json(out, cells);
	else if (out->table != NULL)
		text_table_row(out->table, cells);
	else
		row_lines(out, cells);
	out->rows++;
}

void
output_end(struct output *out, const char *empty)
{
	if (out->is_json)
		fputs(out->rows == 0 ? "[]\n" : "\n]\n", stdout);
	else if (out->rows == 0 && empty != NULL)
		fprintf(stderr, "%s\n", empty);
	if (out->table != NULL)
		text_table_end(out->table);
	free(out);
}
