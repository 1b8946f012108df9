/* SPDX-License-Identifier: ISC */
/* What a client sends after the opening of HTTP/2. */
#include "tests/double/http_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char opening[] =
	    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";

	http_fuzz(opening, sizeof(opening) - 1, data, len);
	return 0;
}
