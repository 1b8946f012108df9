/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/sendbuf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/mem.h"

/* Most of the time there are only a few frames to be sent. */
#define SENDBUF_SMALL 2048

void
sendbuf_clear(struct sendbuf *b)
{
	free(b->bytes);
	*b = (struct sendbuf){0};
}

size_t
sendbuf_room(const struct sendbuf *b)
{
	return SENDBUF_BYTES - b->len;
}

bool
sendbuf_put(struct sendbuf *b, const void *bytes, size_t len)
{
	if (len > sendbuf_room(b))
		return false;
	if (b->len + len > b->size) {
		b->size = b->len + len > SENDBUF_SMALL ? SENDBUF_BYTES
						       : SENDBUF_SMALL;
		b->bytes = mem_resize(b->bytes, b->size);
	}
	if (b->head + b->len + len > b->size) {
		memmove(b->bytes, b->bytes + b->head, b->len);
		b->head = 0;
	}
	memcpy(b->bytes + b->head + b->len, bytes, len);
	b->len += len;
	return true;
}

void
sendbuf_taken(struct sendbuf *b, size_t len)
{
	assert(len <= b->len);
	b->head += len;
	b->len -= len;
	if (b->len == 0)
		sendbuf_clear(b);
}
