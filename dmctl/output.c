/* SPDX-License-Identifier: ISC */
#include "dmctl/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/duration.h"
#include "common/log.h"
#include "dmctl/when.h"

struct output {
	const struct column *columns;
	size_t n_columns;
	enum output_style style;
	bool is_json;
	bool has_header;
	uint64_t rows;
	struct text_table *table;
};

/* --- cells ------------------------------------------------------------ */

static struct cell
cell_of(enum cell_kind kind, uint64_t number)
{
	return (struct cell){kind, number, {NULL, 0}};
}

struct cell
cell_null(void)
{
	return cell_of(CELL_NULL, 0);
}

struct cell
cell_text(struct bytes text)
{
	return (struct cell){CELL_TEXT, 0, text};
}

struct cell
cell_string(const char *text)
{
	return text != NULL ? cell_text(bytes_text(text)) : cell_null();
}

struct cell
cell_number(uint64_t number)
{
	return cell_of(CELL_NUMBER, number);
}

struct cell
cell_bool(bool value)
{
	return cell_of(CELL_BOOL, value);
}

struct cell
cell_size(uint64_t bytes)
{
	return cell_of(CELL_SIZE, bytes);
}

struct cell
cell_time(uint64_t unix_ns)
{
	return cell_of(unix_ns != 0 ? CELL_TIME : CELL_NULL, unix_ns);
}

struct cell
cell_duration(uint64_t ns)
{
	return cell_of(ns != 0 ? CELL_DURATION : CELL_NULL, ns);
}

/* "12.3M" */
static void
format_size(uint64_t bytes, char *out, size_t size)
{
	static const char units[] = "KMGTPE";
	uint64_t tenths = bytes;
	size_t unit = 0;

	if (bytes < 10000) {
		snprintf(out, size, "%" PRIu64, bytes);
		return;
	}
	/* tenths of the unit; the last digit is cut, not rounded */
	for (tenths = bytes / 1024 * 10 + bytes % 1024 * 10 / 1024;
	     tenths >= 10240 && unit < 5; unit++)
		tenths /= 1024;
	snprintf(out, size, "%" PRIu64 ".%u%c", tenths / 10,
	    (unsigned)(tenths % 10), units[unit]);
}

/* "1h30m", "12ms", "350us" */
static void
format_duration(uint64_t ns, char *out, size_t size)
{
	char text[DURATION_TEXT_MAX];

	if (ns < NS_PER_MS)
		snprintf(out, size, "%" PRIu64 "us", ns / 1000);
	else if (ns < NS_PER_S)
		snprintf(out, size, "%.1fms", (double)ns / (double)NS_PER_MS);
	else
		snprintf(out, size, "%s",
		    duration_format(ns / NS_PER_S * NS_PER_S, text));
}

const char *
cell_format(
    const struct cell *cell, bool is_exact, char out[static CELL_TEXT_MAX])
{
	out[0] = '\0';
	switch (cell->kind) {
	case CELL_NULL:
		snprintf(out, CELL_TEXT_MAX, "-");
		break;
	case CELL_TEXT:
		log_escape(cell->text.data, cell->text.len, out, CELL_TEXT_MAX);
		break;
	case CELL_BOOL:
		snprintf(out, CELL_TEXT_MAX, cell->number != 0 ? "yes" : "no");
		break;
	case CELL_TIME:
		if (is_exact)
			when_format(cell->number, out);
		else
			when_format_s(cell->number, out);
		break;
	case CELL_SIZE:
		if (!is_exact) {
			format_size(cell->number, out, CELL_TEXT_MAX);
			break;
		}
		/* FALLTHROUGH */
	case CELL_DURATION:
		if (!is_exact) {
			format_duration(cell->number, out, CELL_TEXT_MAX);
			break;
		}
		/* FALLTHROUGH */
	case CELL_NUMBER:
		snprintf(out, CELL_TEXT_MAX, "%" PRIu64, cell->number);
		break;
	}
	return out;
}

/* --- rows ------------------------------------------------------------- */

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
