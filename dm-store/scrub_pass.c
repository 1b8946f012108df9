/* SPDX-License-Identifier: ISC */
#include "dm-store/scrub_pass.h"

#include <string.h>

#define META_SCRUB "scrub"
#define PASS_SIZE (1 + 1 + 16 + 4 * 8)

void
scrub_pass_save(struct store *s, const struct scrub_pass *p)
{
	uint8_t out[PASS_SIZE];

	out[0] = p->is_running;
	out[1] = p->at.has_key;
	memcpy(out + 2, p->at.key, 16);
	row_put_u64(out + 18, p->files);
	row_put_u64(out + 26, p->bytes);
	row_put_u64(out + 34, p->damaged);
	row_put_u64(out + 42, p->last_ns);
	table_meta_set(s->index, META_SCRUB, out, sizeof(out));
}

bool
scrub_pass_load(struct store *s, struct scrub_pass *p)
{
	uint8_t in[PASS_SIZE];

	memset(p, 0, sizeof(*p));
	if (!table_meta(s->index, META_SCRUB, in, sizeof(in)))
		return false;
	p->is_running = in[0] == 1;
	p->at.has_key = in[1] == 1;
	memcpy(p->at.key, in + 2, 16);
	p->files = row_get_u64(in + 18);
	p->bytes = row_get_u64(in + 26);
	p->damaged = row_get_u64(in + 34);
	p->last_ns = row_get_u64(in + 42);
	return true;
}
