/* SPDX-License-Identifier: ISC */
#include <string.h>

#include <msgpack.h>

#include "common/msgput.h"

void
msgput_init(struct msgput *m, uint8_t *buf, size_t size)
{
	*m = (struct msgput){.buf = buf, .size = size};
}

size_t
msgput_len(const struct msgput *m)
{
	return m->overflow ? 0 : m->len;
}

void
msgput_raw(struct msgput *m, const uint8_t *bytes, size_t len)
{
	if (m->overflow || len > m->size - m->len) {
		m->overflow = true;
		return;
	}
	if (len > 0)
		memcpy(m->buf + m->len, bytes, len);
	m->len += len;
}

/* The write function for msgpack-c. It never fails; the flag records an
 * overflow. */
static int
put_write(void *data, const char *bytes, size_t len)
{
	msgput_raw(data, (const uint8_t *)bytes, len);
	return 0;
}

static msgpack_packer
packer(struct msgput *m)
{
	msgpack_packer pk;

	msgpack_packer_init(&pk, m, put_write);
	return pk;
}

void
msgput_u64(struct msgput *m, uint64_t v)
{
	msgpack_packer pk = packer(m);

	msgpack_pack_uint64(&pk, v);
}

void
msgput_i64(struct msgput *m, int64_t v)
{
	msgpack_packer pk = packer(m);

	msgpack_pack_int64(&pk, v);
}

void
msgput_bool(struct msgput *m, bool v)
{
	msgpack_packer pk = packer(m);

	if (v)
		msgpack_pack_true(&pk);
	else
		msgpack_pack_false(&pk);
}

void
msgput_nil(struct msgput *m)
{
	msgpack_packer pk = packer(m);

	msgpack_pack_nil(&pk);
}

void
msgput_str(struct msgput *m, const char *s, size_t len)
{
	msgpack_packer pk = packer(m);

	msgpack_pack_str(&pk, len);
	msgput_raw(m, (const uint8_t *)s, len);
}

void
msgput_bin(struct msgput *m, const uint8_t *bytes, size_t len)
{
	msgput_bin_head(m, len);
	msgput_raw(m, bytes, len);
}

void
msgput_bin_head(struct msgput *m, size_t len)
{
	msgpack_packer pk = packer(m);

	msgpack_pack_bin(&pk, len);
}

void
msgput_array(struct msgput *m, size_t count)
{
	msgpack_packer pk = packer(m);

	msgpack_pack_array(&pk, count);
}

const char *
msgput_library_version(void)
{
	return MSGPACK_VERSION;
}
