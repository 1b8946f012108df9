/* SPDX-License-Identifier: ISC */
/*
 * The MessagePack reader against msgpack-c. What ours takes, msgpack-c takes
 * as well, with as many bytes; what msgpack-c writes, ours takes. (msgpack-c
 * allocates what a head claims, so it is asked only after ours.)
 */
#include <stdlib.h>
#include <string.h>

#include <msgpack.h>

#include "common/msgpull.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_value(const msgpack_object *o, const uint8_t *data, size_t len)
{
	struct msgpull m;
	const uint8_t *bin;
	const char *str;
	uint64_t u;
	int64_t i;
	size_t n;
	bool b;

	msgpull_init(&m, data, len);
	if (msgpull_u64(&m, UINT64_MAX, &u) !=
		(o->type == MSGPACK_OBJECT_POSITIVE_INTEGER) ||
	    (msgpull_ok(&m) && u != o->via.u64))
		abort();
	msgpull_init(&m, data, len);
	if (o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER &&
	    (!msgpull_i64(&m, &i) || i != o->via.i64))
		abort();
	msgpull_init(&m, data, len);
	if (msgpull_str(&m, len, &str, &n) != (o->type == MSGPACK_OBJECT_STR) ||
	    (msgpull_ok(&m) && n != o->via.str.size))
		abort();
	msgpull_init(&m, data, len);
	if (msgpull_bin(&m, len, &bin, &n) != (o->type == MSGPACK_OBJECT_BIN) ||
	    (msgpull_ok(&m) && n != o->via.bin.size))
		abort();
	msgpull_init(&m, data, len);
	if (msgpull_array(&m, len, &n) != (o->type == MSGPACK_OBJECT_ARRAY) ||
	    (msgpull_ok(&m) && n != o->via.array.size))
		abort();
	msgpull_init(&m, data, len);
	if (msgpull_bool(&m, &b) != (o->type == MSGPACK_OBJECT_BOOLEAN) ||
	    (msgpull_ok(&m) && b != o->via.boolean))
		abort();
	msgpull_init(&m, data, len);
	if (msgpull_try_nil(&m) != (o->type == MSGPACK_OBJECT_NIL))
		abort();
}

static void
check_reading(const uint8_t *data, size_t len)
{
	msgpack_unpacked object;
	struct msgpull m;
	size_t off = 0;

	msgpull_init(&m, data, len);
	if (!msgpull_skip(&m))
		return;
	msgpack_unpacked_init(&object);
	if (msgpack_unpack_next(&object, (const char *)data, len, &off) !=
		MSGPACK_UNPACK_SUCCESS ||
	    off != (size_t)(m.at - data))
		abort();
	check_value(&object.data, data, len);
	msgpack_unpacked_destroy(&object);
}

/* Writes what the bytes say, with msgpack-c, and reads it back. */
static void
check_writing(const uint8_t *data, size_t len)
{
	msgpack_sbuffer out;
	msgpack_packer pk;
	struct msgpull m;
	size_t objects = 0;

	msgpack_sbuffer_init(&out);
	msgpack_packer_init(&pk, &out, msgpack_sbuffer_write);
	for (size_t i = 0; i + 8 < len; i += 9, objects++) {
		uint64_t u;

		memcpy(&u, data + i + 1, sizeof(u));
		switch (data[i] % 5) {
		case 0:
			msgpack_pack_uint64(&pk, u >> (data[i] / 5));
			break;
		case 1:
			msgpack_pack_int64(&pk, (int64_t)u >> (data[i] / 5));
			break;
		case 2:
			msgpack_pack_bin(&pk, len - i);
			msgpack_pack_bin_body(&pk, data + i, len - i);
			break;
		case 3:
			msgpack_pack_str(&pk, len - i);
			msgpack_pack_str_body(&pk, data + i, len - i);
			break;
		default:
			msgpack_pack_double(&pk, (double)u);
			break;
		}
	}
	msgpull_init(&m, (const uint8_t *)out.data, out.size);
	while (objects-- > 0) {
		if (!msgpull_skip(&m))
			abort();
	}
	if (!msgpull_done(&m))
		abort();
	msgpack_sbuffer_destroy(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len > 4096)
		return 0;
	check_reading(data, len);
	check_writing(data, len);
	return 0;
}
