/* SPDX-License-Identifier: ISC */
/* base64: what decodes is the only spelling of those bytes. */
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t out[512];
	char text[BASE64_LEN(sizeof(out)) + 1];
	ssize_t n = base64_decode((const char *)data, len, out, sizeof(out));

	if (n >= 0 && (base64_encode(out, (size_t)n, text) != len ||
			  memcmp(text, data, len) != 0))
		abort();
	return 0;
}
