/* SPDX-License-Identifier: ISC */
#include "common/config/toml_inih.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PLAIN_MAX 40 /* names up to this go to inih as they are */
#define BARE "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

/* Whether inih takes the name as it is. */
static bool
is_plain(const char *name)
{
	size_t len;

	if (name == NULL)
		return false;
	len = strspn(name, BARE);
	return name[len] == '\0' && len > 0 && len <= PLAIN_MAX;
}

char *
toml_line(char *buf, int size, void *cursor)
{
	struct toml_cursor *c = cursor;
	char name[PLAIN_MAX + 1];
	const struct toml_item *item;
	size_t i = c->next;

	if (i == c->toml->n_items || size <= 0)
		return NULL;
	c->next++;
	item = &c->toml->items[i];
	if (is_plain(item->name))
		snprintf(name, sizeof(name), "%s", item->name);
	else
		snprintf(name, sizeof(name), "@%zu", i);
	if (item->is_section)
		snprintf(buf, (size_t)size, "[%s]\n", name);
	else
		snprintf(buf, (size_t)size, "%s = @%zu\n", name, i);
	return buf;
}

const struct toml_item *
toml_item_of(const struct toml *t, const char *value)
{
	size_t i;

	if (sscanf(value, "@%zu", &i) != 1 || i >= t->n_items)
		return NULL;
	return &t->items[i];
}
