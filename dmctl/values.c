/* SPDX-License-Identifier: ISC */
#include "dmctl/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dmctl/output.h"

/* Keys of which there may be any number, and their name as an array. */
static const struct {
	const char *key;
	const char *plural;
	const char *part;
} lists[] = {
    {"address", "addresses", "id"},
    {"listen", "listen", "dmd"},
    {"waiting_for", "waiting_for", "dmd"},
};
#define LISTS (sizeof(lists) / sizeof(lists[0]))
#define KEY_MAX (FACT_KEY_MAX + 32)

/* One that only a newer daemon knows is text or a number. */
static enum row_value_kind
kind_of(const struct row_value *row)
{
	if (row->kind <= VALUE_BYTES)
		return (enum row_value_kind)row->kind;
	return row->text.len > 0 ? VALUE_TEXT : VALUE_NUMBER;
}

void
values_add(struct values *f, const char *part, const struct row_value *row)
{
	struct fact *new;

	if (f->n == VALUES_MAX)
		return;
	f->item = xrealloc(f->item, f->n + 1, sizeof(*f->item));
	new = &f->item[f->n++];
	memset(new, 0, sizeof(*new));
	new->part = part;
	new->kind = kind_of(row);
	new->number = row->number;
	/* the bounds are those of the row */
	if (!bytes_copy_text(row->key, new->key, sizeof(new->key)) ||
	    !bytes_copy_text(row->text, new->text, sizeof(new->text)))
		f->n--;
}

void
values_clear(struct values *f)
{
	free(f->item);
	f->item = NULL;
	f->n = 0;
}

const struct fact *
values_find(const struct values *f, const char *key)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->item[i].key, key) == 0)
			return &f->item[i];
	return NULL;
}

uint64_t
values_number(const struct values *f, const char *key, uint64_t otherwise)
{
	const struct fact *fact = values_find(f, key);

	return fact != NULL && fact->kind != VALUE_TEXT ? fact->number
							: otherwise;
}

/* For programs a duration says its unit. */
static void
fact_key(const struct fact *fact, bool is_exact, char out[static KEY_MAX])
{
	snprintf(out, KEY_MAX, "%s%s", fact->key,
	    is_exact && fact->kind == VALUE_NS ? "_ns" : "");
}

static struct cell
fact_cell(const struct fact *fact)
{
	switch (fact->kind) {
	case VALUE_BYTES:
		return cell_size(fact->number);
	case VALUE_BOOL:
		return cell_bool(fact->number != 0);
	case VALUE_NS:
		return cell_duration(fact->number);
	case VALUE_UNIX_NS:
		return cell_time(fact->number);
	case VALUE_TEXT:
		return strcmp(fact->text, "-") == 0 ? cell_null()
						    : cell_string(fact->text);
	case VALUE_NUMBER:
		break;
	}
	return cell_number(fact->number);
}

void
values_print(const struct values *f, bool with_tabs)
{
	bool has_parts = f->n > 0 && f->item[0].part != f->item[f->n - 1].part;
	char key[CELL_TEXT_MAX], value[CELL_TEXT_MAX], plain[KEY_MAX];
	const char *part = NULL;

	for (size_t i = 0; i < f->n; i++) {
		struct cell cell = fact_cell(&f->item[i]), name;

		fact_key(&f->item[i], with_tabs, plain);
		name = cell_string(plain);
		cell_format(&name, true, key);
		cell_format(&cell, with_tabs, value);
		if (with_tabs) {
			printf("%s\t%s\n", key, value);
			continue;
		}
		if (has_parts && f->item[i].part != part)
			printf("%s%s\n", i > 0 ? "\n" : "", f->item[i].part);
		part = f->item[i].part;
		printf("%s%-20s %s\n", has_parts ? "  " : "", key, value);
	}
}

static bool
is_list(const char *key)
{
	for (size_t i = 0; i < LISTS; i++)
		if (strcmp(lists[i].key, key) == 0)
			return true;
	return false;
}

static void
print_list(const struct values *f, const char *key, const char *plural)
{
	const char *between = "";

	printf(",\"%s\":[", plural);
	for (size_t i = 0; i < f->n; i++) {
		struct cell cell = fact_cell(&f->item[i]);

		if (strcmp(f->item[i].key, key) != 0)
			continue;
		fputs(between, stdout);
		json_cell(stdout, &cell);
		between = ",";
	}
	fputs("]", stdout);
}

static bool
has_part(const struct values *f, const char *part)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->item[i].part, part) == 0)
			return true;
	return false;
}

/* "dm-store" cannot be part of a key. */
static void
add_part(const char *part, char key[static KEY_MAX])
{
	char plain[KEY_MAX];

	memcpy(plain, key, sizeof(plain));
	snprintf(key, KEY_MAX, "%.20s_%.70s", part, plain);
	for (char *p = key; *p != '\0'; p++)
		if (*p == '-')
			*p = '_';
}

void
values_print_json(const struct values *f)
{
	char key[KEY_MAX];

	for (size_t i = 0; i < f->n; i++) {
		const struct fact *fact = &f->item[i];
		struct cell cell = fact_cell(fact);

		if (is_list(fact->key))
			continue;
		fact_key(fact, true, key);
		if (values_find(f, fact->key) != fact)
			add_part(fact->part, key);
		fputs(",", stdout);
		json_text(stdout, bytes_text(key));
		fputs(":", stdout);
		json_cell(stdout, &cell);
	}
	for (size_t i = 0; i < LISTS; i++)
		if (has_part(f, lists[i].part))
			print_list(f, lists[i].key, lists[i].plural);
}
