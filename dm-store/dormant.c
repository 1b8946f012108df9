/* SPDX-License-Identifier: ISC */
#include "dm-store/dormant.h"

#include <string.h>

#include "common/log.h"
#include "dm-store/commit.h"

#define SLICE 256 /* rows a second */
#define EVERY_NS (3600 * NS_PER_S)

struct dormant_slice {
	uint64_t now_ns;
	size_t n_rows; /* looked at */
	size_t last_len;
	uint8_t last[RECORD_KEY_MAX];
	size_t n, n_gone;
	struct {
		char name[NAME_LEN_MAX + 1];
		uint8_t signer[32];
		bool is_gone; /* else it begins anew */
	} row[SLICE];
};

static bool
on_dormant(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct dormant_slice *d = ctx;
	uint64_t since_ns;

	if (key_len > RECORD_KEY_MAX)
		return true;
	d->n_rows++;
	memcpy(d->last, key, key_len);
	d->last_len = key_len;
	if (!row_record_name(
		key, key_len, d->row[d->n].name, d->row[d->n].signer))
		return true;
	since_ns = is_damaged || body.len != 8 ? 0 : row_get_u64(body.data);
	if (since_ns < CLOCK_FLOOR_NS || since_ns > d->now_ns)
		d->row[d->n++].is_gone = false;
	else if (d->now_ns - since_ns >= DORMANT_KEPT_NS)
		d->row[d->n++].is_gone = true;
	return true;
}

/* The time of a row that is damaged, or has a date of a wrong clock, begins
 * now. */
static void
begin_anew(struct store *s, const char *name, const uint8_t signer[static 32])
{
	table_dormant_clear(s->index, name, signer);
	table_dormant_set(s->index, name, signer, clock_now_ns(&s->clock));
}

void
dormant_tick(struct store *s)
{
	struct dormant *at = &s->dormant;
	uint64_t mono = s->clock.mono_ns();
	struct dormant_slice d = {.now_ns = clock_now_ns(&s->clock)};

	if (!clock_is_steady(&s->clock) || mono < at->next_ns)
		return;
	table_walk_after(s->index, VIEW_COMMITTED, INDEX_DORMANT, at->last,
	    at->last_len, SLICE, on_dormant, &d);
	for (size_t i = 0; i < d.n; i++) {
		index_begin(s->index);
		d.n_gone += d.row[i].is_gone;
		if (d.row[i].is_gone)
			table_record_delete(
			    s->index, d.row[i].name, d.row[i].signer);
		else
			begin_anew(s, d.row[i].name, d.row[i].signer);
	}
	if (d.n > 0)
		commit_schedule(s);
	if (d.n_gone > 0)
		log_info("dropped %zu records whose name or signer was not "
			 "configured for %u days",
		    d.n_gone, (unsigned)(DORMANT_KEPT_NS / NS_PER_S / 86400));
	memcpy(at->last, d.last, d.last_len);
	at->last_len = d.last_len;
	if (d.n_rows == SLICE)
		return;
	at->last_len = 0;
	at->next_ns = mono + EVERY_NS;
}
