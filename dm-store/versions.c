/* SPDX-License-Identifier: ISC */
#include "dm-store/versions.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-store/history.h"

/* Rows that go at a time: one a replacement, more after a reload. */
#define TRIM_MAX 16

struct walk {
	const char *name;
	size_t prefix; /* of the key: the name and the zero byte */
	uint64_t n;
	uint64_t kept; /* those before it are not trimmed */
	versions_fn *fn;
	void *ctx;
	size_t n_gone;
	struct {
		size_t key_len;
		uint8_t key[VERSION_KEY_MAX];
		bool is_sound;
		struct entry entry;
	} gone[TRIM_MAX];
};

static bool
is_of(const struct walk *w, const uint8_t *key, size_t key_len)
{
	return key_len == w->prefix + 16 &&
	       memcmp(key, w->name, w->prefix) == 0;
}

static bool
on_trim(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct walk *w = ctx;
	struct replaced r;

	if (!is_of(w, key, key_len) || w->n_gone == TRIM_MAX)
		return false;
	if (w->n++ < w->kept)
		return true;
	memcpy(w->gone[w->n_gone].key, key, key_len);
	w->gone[w->n_gone].key_len = key_len;
	w->gone[w->n_gone].is_sound =
	    !is_damaged && row_replaced_decode(&r, body.data, body.len);
	if (w->gone[w->n_gone].is_sound)
		w->gone[w->n_gone].entry = r.entry;
	w->n_gone++;
	return true;
}

/* Those over the number; false when there may be more of them. */
static bool
trim(struct store *s, const char *name, uint64_t kept)
{
	struct walk *w = xcalloc(1, sizeof(*w));
	bool is_done;

	w->name = name;
	w->prefix = strlen(name) + 1;
	w->kept = kept;
	index_walk(s->index, VIEW_BATCH, INDEX_VERSIONS, name, w->prefix,
	    SIZE_MAX, on_trim, w);
	for (size_t i = 0; i < w->n_gone; i++) {
		index_delete(s->index, INDEX_VERSIONS, w->gone[i].key,
		    w->gone[i].key_len);
		if (w->gone[i].is_sound)
			history_doom(s, &w->gone[i].entry);
	}
	is_done = w->n_gone < TRIM_MAX || index_has_failed(s->index);
	free(w);
	return is_done;
}

void
versions_add(struct store *s, const struct entry *prev, const struct entry *now)
{
	uint64_t kept = s->policy != NULL ? s->policy->history_versions : 0;
	uint8_t key[VERSION_KEY_MAX], body[ROW_SMALL_MAX];
	struct replaced r;

	if (kept == 0)
		return;
	r.at_ns = clock_now_ns(&s->clock);
	r.by_signed_at_ns = now->signed_at_ns;
	memcpy(r.by_signer, now->signer, 32);
	r.entry = *prev;
	index_put(s->index, INDEX_VERSIONS, key, row_version_key(prev, key),
	    body, row_replaced_encode(&r, body));
	trim(s, prev->name, kept);
}

void
versions_forget(struct store *s, const char *name)
{
	while (!trim(s, name, 0))
		;
}

static bool
on_row(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct walk *w = ctx;
	struct replaced r;

	if (!is_of(w, key, key_len) || w->n == w->kept)
		return false;
	w->n++;
	if (!is_damaged && row_replaced_decode(&r, body.data, body.len))
		w->fn(w->ctx, w->n, &r);
	return true;
}

void
versions_each(struct store *s, const char *name, versions_fn *fn, void *ctx)
{
	struct walk w = {.name = name,
	    .prefix = strlen(name) + 1,
	    .kept = s->policy != NULL ? s->policy->history_versions : 0,
	    .fn = fn,
	    .ctx = ctx};

	index_walk(s->index, VIEW_COMMITTED, INDEX_VERSIONS, name, w.prefix,
	    VERSIONS_MAX, on_row, &w);
}

struct wanted {
	uint64_t number;
	bool is_found;
	struct replaced *out;
};

static void
on_wanted(void *ctx, uint64_t number, const struct replaced *r)
{
	struct wanted *w = ctx;

	if (number != w->number)
		return;
	*w->out = *r;
	w->is_found = true;
}

bool
versions_at(
    struct store *s, const char *name, uint64_t number, struct replaced *out)
{
	struct wanted w = {number, false, out};

	versions_each(s, name, on_wanted, &w);
	return w.is_found;
}
