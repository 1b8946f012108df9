/* SPDX-License-Identifier: ISC */
/* The file in which dmctl remembers the networks of URLs. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dmctl/known_networks.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct known_networks rows, again;
	static char text[KNOWN_TEXT_MAX];
	size_t len;

	if (known_parse((const char *)data, size, &rows) != 0)
		return 0;
	if (rows.n > KNOWN_ROWS_MAX)
		abort();
	len = known_format(&rows, text);
	if (known_parse(text, len, &again) != 0 || again.n != rows.n)
		abort();
	for (size_t i = 0; i < rows.n; i++)
		if (strcmp(rows.row[i].url, again.row[i].url) != 0 ||
		    memcmp(&rows.row[i].network, &again.row[i].network,
			sizeof(struct network)) != 0)
			abort();
	return 0;
}
