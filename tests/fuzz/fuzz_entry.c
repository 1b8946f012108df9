/* SPDX-License-Identifier: ISC */
/* One entry from a peer or the disk: what is accepted survives a round trip
 * and has a signed text. */
#include <stdlib.h>
#include <string.h>

#include "common/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	char text[TEXT_LEN_MAX];
	struct entry e, back;
	size_t took = entry_decode(&e, data, len), n;

	if (took == 0)
		return 0;
	if (took > len || !entry_is_sane(&e))
		abort();
	n = entry_encode(&e, buf);
	if (entry_decode(&back, buf, n) != n ||
	    memcmp(&e, &back, sizeof(e)) != 0 || entry_compare(&e, &back) != 0)
		abort();
	n = entry_text(&e, text);
	if (n == 0 || n > TEXT_LEN_MAX || text[n - 1] != '\n')
		abort();
	if (e.valid_for_s != 0 && entry_expires_ns(&e) <= e.signed_at_ns)
		abort();
	return 0;
}
