/* SPDX-License-Identifier: ISC */
/*
 * A peer id as text, as bytes or as a key (by the first byte), and the base58
 * and varints below it: what is accepted must come back the same.
 */
#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/base58.h"
#include "dm-net/libp2p/peer_id.h"
#include "dm-net/libp2p/varint.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
check_base58(const char *text, size_t len)
{
	uint8_t bytes[BASE58_BYTES_MAX];
	char again[BASE58_TEXT_MAX + 1];
	int n = base58_decode(bytes, sizeof(bytes), text, len);

	if (n < 0)
		return;
	must(base58_encode(again, sizeof(again), bytes, (size_t)n) == (int)len);
	must(memcmp(again, text, len) == 0);
}

static void
check_varint(const uint8_t *data, size_t len)
{
	uint8_t again[VARINT_BYTES_MAX];
	uint64_t value;
	size_t used;

	if (varint_decode(data, len, &value, &used) != VARINT_OK)
		return;
	must(varint_encode(again, value) == used && used <= len);
	must(varint_size(value) == used && memcmp(again, data, used) == 0);
}

static void
check_id(const struct peer_id *id)
{
	char text[PEER_ID_TEXT_SIZE];
	struct peer_id again;

	peer_id_format(id, text);
	must(strlen(text) == PEER_ID_TEXT_SIZE - 1);
	must(peer_id_parse(&again, text, strlen(text)));
	must(peer_id_equal(id, &again));
	must(peer_id_from_key(&again, peer_id_key(id)));
	must(peer_id_equal(id, &again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct peer_id id;
	bool is_id = false;

	if (len == 0)
		return 0;
	len--;
	switch (*data++ & 3) {
	case 0:
		is_id = peer_id_parse(&id, (const char *)data, len);
		check_base58((const char *)data, len);
		break;
	case 1:
		is_id = peer_id_from_bytes(&id, data, len);
		break;
	case 2:
		is_id = peer_id_from_key_proto(&id, data, len);
		break;
	case 3:
		check_varint(data, len);
		break;
	}
	if (is_id)
		check_id(&id);
	return 0;
}
