/* SPDX-License-Identifier: ISC */
#include "dmctl/cell.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/duration.h"
#include "common/log.h"
#include "dmctl/time_text.h"

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
			time_format(cell->number, out);
		else
			time_format_s(cell->number, out);
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
