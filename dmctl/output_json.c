/* SPDX-License-Identifier: ISC */
/* JSON (RFC 8259) for programs: numbers, RFC 3339 times, null for nothing. */
#include <inttypes.h>

#include "common/json.h"
#include "dmctl/time_text.h"
#include "dmctl/output.h"

static void
put(void *ctx, const void *data, size_t len)
{
	fwrite(data, 1, len, ctx);
}

void
json_text(FILE *f, struct bytes text)
{
	json_string(text, put, f);
}

void
json_cell(FILE *f, const struct cell *cell)
{
	char text[WHEN_TEXT_MAX];

	switch (cell->kind) {
	case CELL_NULL:
		fputs("null", f);
		break;
	case CELL_TEXT:
		json_text(f, cell->text);
		break;
	case CELL_BOOL:
		fputs(cell->number != 0 ? "true" : "false", f);
		break;
	case CELL_TIME:
		fprintf(f, "\"%s\"", time_format(cell->number, text));
		break;
	case CELL_NUMBER:
	case CELL_SIZE:
	case CELL_DURATION:
		fprintf(f, "%" PRIu64, cell->number);
		break;
	}
}
