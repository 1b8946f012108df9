/* SPDX-License-Identifier: ISC */
/* The rows of dm-store's index: what is accepted is encoded to the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dm-store/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static union {
	struct record record;
	struct winner winner;
	struct redo redo;
	struct history history;
	struct replaced replaced;
	struct reject reject;
	struct hint hint;
} row;

#define ROUND(kind)                                                 \
	do {                                                        \
		if (row_##kind##_decode(&row.kind, data, size) &&   \
		    (row_##kind##_encode(&row.kind, buf) != size || \
			memcmp(buf, data, size) != 0))              \
			abort();                                    \
	} while (0)

/* Entries have more than one form: the content is what stays. */
#define AGAIN(kind)                                                           \
	do {                                                                  \
		if (row_##kind##_decode(&row.kind, data, size) &&             \
		    !row_##kind##_decode(                                     \
			&row.kind, buf, row_##kind##_encode(&row.kind, buf))) \
			abort();                                              \
	} while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[ROW_BODY_MAX];
	char name[NAME_LEN_MAX + 1];
	struct bytes body;
	uint8_t signer[32];

	row_record_name(data, size, name, signer);
	row_open(1, "key", 3, data, size, &body);
	if (size > ROW_SMALL_MAX)
		return 0;
	ROUND(winner);
	ROUND(redo);
	ROUND(reject);
	ROUND(hint);
	AGAIN(record);
	AGAIN(history);
	AGAIN(replaced);
	return 0;
}
