/* SPDX-License-Identifier: ISC */
/* JSON (RFC 8259) for programs: numbers, RFC 3339 times, null for nothing. */
#include <inttypes.h>

#include "common/utf8.h"
#include "dmctl/time_text.h"
#include "dmctl/output.h"

/* Bytes of the character at p that are printed; 0 if it is not UTF-8. */
static size_t
print_character(FILE *f, const uint8_t *p, size_t left)
{
	size_t n;

	if (*p == '"' || *p == '\\') {
		fprintf(f, "\\%c", *p);
		return 1;
	}
	/* 0x7f and the C1 controls mean something to terminals */
	if (*p < 0x20 || *p == 0x7f) {
		fprintf(f, "\\u%04x", *p);
		return 1;
	}
	n = utf8_len(p, left);
	if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0)
		fprintf(f, "\\u%04x", p[1]);
	else if (n > 0)
		fwrite(p, 1, n, f);
	return n;
}

void
json_text(FILE *f, struct bytes text)
{
	size_t at = 0;

	fputc('"', f);
	while (at < text.len) {
		size_t n = print_character(f, text.data + at, text.len - at);

		if (n == 0)
			fputs("\\ufffd", f);
		at += n > 0 ? n : 1;
	}
	fputc('"', f);
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
