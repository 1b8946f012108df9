/* SPDX-License-Identifier: ISC */
/* Key files, public and private, in all their forms. */
#include <stdlib.h>
#include <string.h>

#include "common/keys/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	char line[KEY_PUBLIC_LINE_MAX];
	uint8_t key[32], back[32];
	struct key_pair pair;

	if (key_parse_public(text, len, key) == KEY_OK) {
		size_t n = key_format_public(key, "fuzz", line);

		if (!key_is_strong(key) || n != strlen(line) ||
		    key_parse_public(line, n, back) != KEY_OK ||
		    memcmp(key, back, 32) != 0)
			abort();
	}
	if (key_parse_private(text, len, &pair) == KEY_OK) {
		struct key_pair same;

		key_from_seed(&same, pair.seed);
		if (memcmp(&same, &pair, sizeof(pair)) != 0)
			abort();
		key_clear(&pair);
		key_clear(&same);
	}
	return 0;
}
