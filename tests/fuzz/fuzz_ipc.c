/* SPDX-License-Identifier: ISC */
/* A packet of a sibling, message by message: what is accepted must encode to
 * the same value again. */
#include <stdlib.h>
#include <string.h>

#include "common/ipc_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The first message: the bytes it took, 0 if it was refused. */
static size_t
one(const uint8_t *data, size_t len)
{
	static uint8_t buf[IPC_MESSAGE_MAX], again[IPC_MESSAGE_MAX];
	uint64_t value[128], value2[128];
	uint64_t number;
	size_t used, n, n2;

	if (!codec_number(data, len, &number) || number >= IPC_MESSAGE_COUNT)
		return 0;
	const struct codec_struct *l = ipc_message_struct((unsigned)number);

	if (l->size > sizeof(value))
		abort();
	used = codec_take(l, number, value, data, len);
	if (used == 0)
		return 0;
	if (used > len || codec_decode(l, number, value2, data, len) !=
			      (used == len))
		abort();
	n = codec_encode(l, number, value, buf, sizeof(buf));
	if (n == 0 || !codec_decode(l, number, value2, buf, n))
		abort();
	n2 = codec_encode(l, number, value2, again, sizeof(again));
	if (n2 != n || memcmp(buf, again, n) != 0)
		abort();
	return used;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t used;

	while (len > 0 && (used = one(data, len)) > 0) {
		data += used;
		len -= used;
	}
	return 0;
}
