/* SPDX-License-Identifier: ISC */
/* What a client sends over one connection, HTTP/1.1 or not. */
#include "tests/double/http_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	http_fuzz("", 0, data, len);
	return 0;
}
