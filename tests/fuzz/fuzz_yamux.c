/* SPDX-License-Identifier: ISC */
/*
 * What a peer says within yamux, the first byte choosing the side and how our
 * streams behave. Input in pieces must mean the same as input at once, memory
 * must stay within the account, output within what was asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/yamux.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct fuzz {
	struct yamux *y;
	uint8_t mode;
	size_t opened, eofs, resets, data;
	struct yamux_stream *dead[2 * YAMUX_STREAMS_MAX + 1];
	size_t dead_count;
};

static bool
on_open(void *ctx, struct yamux_stream *s)
{
	struct fuzz *f = ctx;

	f->opened++;
	if ((f->mode & 4) != 0)
		yamux_want_write(s);
	if ((f->mode & 16) != 0)
		yamux_set_limit(s, yamux_id(s) * 64);
	return (f->mode & 8) == 0 || yamux_id(s) % 3 != 0;
}

static void
bury(struct fuzz *f, struct yamux_stream *s)
{
	if (yamux_user(s) == f)
		return; /* it ended, and then the peer reset it */
	yamux_set_user(s, f);
	if (f->dead_count == sizeof(f->dead) / sizeof(f->dead[0]))
		abort();
	f->dead[f->dead_count++] = s;
}

static size_t
on_data(void *ctx, struct yamux_stream *s, const uint8_t *p, size_t len)
{
	struct fuzz *f = ctx;

	if (len == 0)
		abort();
	f->data += p[0] + p[len - 1];
	if (len > 3 && p[0] == 'R') {
		yamux_reset(s, 3);
		bury(f, s);
	}
	return (f->mode & 2) != 0 ? len / 2 : len;
}

static void
on_eof(void *ctx, struct yamux_stream *s)
{
	struct fuzz *f = ctx;

	f->eofs++;
	yamux_shutdown(s);
	bury(f, s);
}

static void
on_reset(void *ctx, struct yamux_stream *s, uint32_t code)
{
	struct fuzz *f = ctx;

	f->resets++;
	bury(f, s);
}

static void
on_squeezed(void *ctx, struct yamux_stream *s)
{
	bury(ctx, s);
}

static size_t
on_pull(void *ctx, struct yamux_stream *s, uint8_t *out, size_t room)
{
	if (room == 0 || room > YAMUX_BODY_MAX)
		abort();
	memset(out, 1, room);
	if (room < 100)
		yamux_shutdown(s);
	return room / 2;
}

static void
on_pong(void *ctx)
{
}

static const struct yamux_ops ops = {
    on_open, on_data, on_eof, on_reset, on_squeezed, on_pull, on_pong};

static void
turn(struct fuzz *f, size_t room)
{
	uint8_t out[16384];

	for (unsigned int i = 0; i < 4; i++) {
		if (yamux_output(f->y, out, room) > room)
			abort();
	}
	while (f->dead_count > 0)
		yamux_release(f->dead[--f->dead_count]);
	if (yamux_charged(f->y) > YAMUX_ACCOUNT_BYTES ||
	    yamux_stream_count(f->y, true) > YAMUX_STREAMS_MAX)
		abort();
}

static void
run(const uint8_t *data, size_t len, uint8_t mode, size_t step, struct fuzz *f,
    size_t used_total[static 1])
{
	enum yamux_status status = YAMUX_OK;

	memset(f, 0, sizeof(*f));
	f->mode = mode;
	f->y = yamux_new((mode & 1) != 0, &ops, f);
	yamux_set_rtt(f->y, 1000);
	yamux_ping(f->y);
	yamux_open(f->y, NULL, 1);
	for (size_t i = 0; i < len && status == YAMUX_OK; i += step) {
		size_t n = len - i < step ? len - i : step;

		status = yamux_input(f->y, data + i, n, 1000 + i);
		turn(f, 12 + (size_t)mode * 64);
		*used_total += n;
	}
	if ((mode & 16) != 0)
		yamux_goaway(f->y, 1);
	turn(f, 16384);
	yamux_free(f->y);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct fuzz whole, pieces;
	size_t used = 0;

	if (len < 2)
		return 0;
	run(data + 2, len - 2, data[0], 97, &whole, &used);
	run(data + 2, len - 2, data[0], 1 + data[1] % 40, &pieces, &used);
	return 0;
}
