/* SPDX-License-Identifier: ISC */
#include "dm-store/dormant.h"

#include <string.h>

#include "common/log.h"
#include "dm-store/commit.h"

#define SLICE 256 /* rows a second */
#define EVERY_NS (UINT64_C(3600) * NS_PER_S)

struct due {
	uint64_t now_ns;
	size_t n_rows; /* looked at */
	size_t last_len;
	uint8_t last[RECORD_KEY_MAX];
	size_t n;
	struct {
		char name[NAME_LEN_MAX + 1];
		uint8_t signer[32];
	} row[SLICE];
};

static bool
on_dormant(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct due *d = ctx;
	uint64_t since_ns;

	if (key_len > RECORD_KEY_MAX)
		return true;
	d->n_rows++;
	memcpy(d->last, key, key_len);
	d->last_len = key_len;
	if (!row_record_name(
		key, key_len, d->row[d->n].name, d->row[d->n].signer))
		return true;
	/* a damaged row: when it began is not known, it begins now */
	since_ns =
	    is_damaged || body.len != 8 ? d->now_ns : row_get_u64(body.data);
	if (since_ns <= d->now_ns && d->now_ns - since_ns >= DORMANT_KEPT_NS)
		d->n++;
	return true;
}

void
dormant_tick(struct store *s)
{
	struct dormant *at = &s->dormant;
	uint64_t mono = s->clock.mono_ns();
	struct due d = {.now_ns = clock_now_ns(&s->clock)};

	if (!clock_is_sane(&s->clock) || mono < at->next_ns)
		return;
	table_walk_after(s->index, VIEW_COMMITTED, INDEX_DORMANT, at->last,
	    at->last_len, SLICE, on_dormant, &d);
	for (size_t i = 0; i < d.n; i++) {
		index_begin(s->index);
		table_record_delete(s->index, d.row[i].name, d.row[i].signer);
	}
	if (d.n > 0) {
		log_info("%zu records that have not been configured for %u "
			 "days are dropped",
		    d.n, (unsigned)(DORMANT_KEPT_NS / NS_PER_S / 86400));
		commit_schedule(s);
	}
	memcpy(at->last, d.last, d.last_len);
	at->last_len = d.last_len;
	if (d.n_rows == SLICE)
		return;
	at->last_len = 0;
	at->next_ns = mono + EVERY_NS;
}
