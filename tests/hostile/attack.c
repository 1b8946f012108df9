/* SPDX-License-Identifier: ISC */
#include "tests/hostile/attack.h"

#include <stdio.h>
#include <string.h>

static const struct attack *const tables[] = {
    attack_setup, attack_yamux, attack_hoard};

const struct attack *
attack_find(const char *name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct attack *a = tables[i]; a->name != NULL; a++)
			if (strcmp(a->name, name) == 0)
				return a;
	return NULL;
}

void
attack_list(void)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct attack *a = tables[i]; a->name != NULL; a++)
			puts(a->name);
}
