/* SPDX-License-Identifier: ISC */
/*
 * A row of the index as the disk may give it. First byte: which layout; the
 * rest: its body. What is accepted survives a round trip, and the seal is only
 * opened by the key it was made with.
 */
#include <stdlib.h>
#include <string.h>

#include "dm-store/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	if (a_len != b_len || (a_len > 0 && memcmp(a, b, a_len) != 0))
		abort();
}

/* Integers have one form only where we write them; entries may come in others
 * from the disk, so those are decoded again. */
static void
records(const uint8_t *body, size_t len)
{
	uint8_t out[ROW_SMALL_MAX];
	struct history h, h_back;
	struct record r, back;
	size_t n;

	if (row_record_decode(&r, body, len)) {
		n = row_record_encode(&r, out);
		if (!row_record_decode(&back, out, n) ||
		    entry_compare(&r.entry, &back.entry) != 0)
			abort();
	}
	if (row_history_decode(&h, body, len)) {
		n = row_history_encode(&h, out);
		if (!row_history_decode(&h_back, out, n) ||
		    h.size != h_back.size)
			abort();
	}
}

static void
seal(const uint8_t *data, size_t len)
{
	uint8_t buf[ROW_SMALL_MAX + ROW_SEAL_SIZE];
	struct bytes body;
	size_t n;

	row_open(1, "key", 3, data, len, &body);
	if (len > ROW_SMALL_MAX)
		return;
	if (len > 0)
		memcpy(buf + 1, data, len);
	n = row_seal(1, "key", 3, buf, len);
	if (!row_open(1, "key", 3, buf, n, &body) ||
	    row_open(2, "key", 3, buf, n, &body) ||
	    row_open(1, "kex", 3, buf, n, &body))
		abort();
	buf[len / 2] ^= 0x10;
	if (row_open(1, "key", 3, buf, n, &body))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t out[ROW_BODY_MAX];
	char name[NAME_LEN_MAX + 1];
	uint8_t signer[32];
	struct winner w;
	struct redo redo;
	struct hint hint;

	if (len == 0)
		return 0;
	switch (*data++ % 6) {
	case 0:
		records(data, len - 1);
		break;
	case 1:
		if (row_winner_decode(&w, data, len - 1))
			same(out, row_winner_encode(&w, out), data, len - 1);
		break;
	case 2:
		if (row_redo_decode(&redo, data, len - 1))
			same(out, row_redo_encode(&redo, out), data, len - 1);
		break;
	case 3:
		if (row_hint_decode(&hint, data, len - 1))
			same(out, row_hint_encode(&hint, out), data, len - 1);
		break;
	case 4:
		if (row_record_name(data, len - 1, name, signer))
			same(out, row_record_key(name, signer, out), data,
			    len - 1);
		break;
	default:
		seal(data, len - 1);
	}
	return 0;
}
