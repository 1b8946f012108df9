/* SPDX-License-Identifier: ISC */
#include "dm-store/scrub_old.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "dm-store/commit.h"
#include "dm-store/hashing.h"
#include "dm-store/history.h"
#include "dm-store/quarantine.h"
#include "dm-store/state_dirs.h"

#define NAMES 256 /* of orphans looked for in a step */

enum phase { READING, SWEEPING, DONE };

struct scrub_old {
	enum phase phase;
	bool has_key;
	uint8_t key[32]; /* the last one, or the one that is read */
	struct hashing file;
	uint64_t when_ns; /* of its row */
	uint64_t size;
	struct state_dirs_list *names; /* while sweeping */
};

struct scrub_old *
scrub_old_new(void)
{
	struct scrub_old *o = xcalloc(1, sizeof(*o));

	o->phase = DONE;
	hashing_init(&o->file);
	return o;
}

static void
stop(struct scrub_old *o)
{
	hashing_stop(&o->file);
	state_dirs_list_close(o->names);
	o->names = NULL;
}

void
scrub_old_free(struct scrub_old *o)
{
	if (o == NULL)
		return;
	stop(o);
	hashing_clear(&o->file);
	free(o);
}

void
scrub_old_begin(struct scrub_old *o)
{
	stop(o);
	o->has_key = false;
	o->phase = READING;
}

/* --- reading --- */

static bool
on_row(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct scrub_old *o = ctx;

	(void)is_damaged; /* found out when it is looked up */
	o->has_key = key_len == 32;
	if (o->has_key)
		memcpy(o->key, key, 32);
	return false;
}

/* The next row's key; false after the last. */
static bool
next_row(struct store *s, struct scrub_old *o)
{
	return table_walk_after(s->index, VIEW_COMMITTED, INDEX_OLD, o->key,
		   o->has_key ? 32 : 0, 1, on_row, o) == 1 &&
	       o->has_key;
}

/* Moves the content to quarantine and drops its row. */
static void
drop(struct store *s, struct scrub_old *o)
{
	quarantine_old(&s->files, o->key);
	index_begin(s->index);
	history_drop(s, o->key);
	commit_schedule(s);
}

/* Content that could not be kept is no damage; what was there and is not what
 * it was is. */
static void
row_begin(struct store *s, struct scrub_old *o, uint64_t *damaged)
{
	struct history h;
	int fd;

	if (!history_find(s, o->key, &o->when_ns, &h)) {
		drop(s, o); /* a damaged row */
		++*damaged;
		return;
	}
	o->size = h.size;
	fd = files_read_old(&s->files, o->key, h.size);
	if (fd == -1 && errno != ENOENT && errno != ESTALE)
		return; /* another time */
	if (fd == -1) {
		*damaged += errno == ESTALE;
		drop(s, o);
		return;
	}
	hashing_begin(&o->file, fd);
}

static void
row_end(struct store *s, struct scrub_old *o, uint64_t *damaged)
{
	uint8_t sha256[32];
	struct history h;
	uint64_t when_ns;

	hashing_end(&o->file, sha256);
	if (o->file.got == o->size && memcmp(sha256, o->key, 32) == 0)
		return;
	/* made anew meanwhile: then what was read is of no interest */
	if (!history_find(s, o->key, &when_ns, &h) || when_ns != o->when_ns)
		return;
	log_error("index/old/: an older version of %s does not match its "
		  "signed hash: moved to quarantine/",
	    h.entry.name);
	++*damaged;
	drop(s, o);
}

static void
read_some(struct store *s, struct scrub_old *o, uint8_t *buf, size_t *left,
    uint64_t *damaged)
{
	size_t n = hashing_step(&o->file, buf, *left);

	/* EIO is damage too */
	if (n < *left)
		row_end(s, o, damaged);
	*left -= n;
}

/* --- sweeping --- */

/* False after the last name. */
static bool
sweep_some(struct store *s, struct scrub_old *o)
{
	uint8_t sha256[32];
	uint64_t when_ns;

	if (o->names == NULL)
		o->names = state_dirs_list_old(&s->files);
	for (unsigned i = 0; i < NAMES; i++) {
		if (o->names == NULL || !state_dirs_list_next(o->names, sha256))
			return false;
		if (!table_old(s->index, VIEW_BATCH, sha256, &when_ns) &&
		    !index_has_failed(s->index))
			files_old_remove(&s->files, sha256);
	}
	return true;
}

bool
scrub_old_step(struct store *s, struct scrub_old *o, uint8_t *buf, size_t *left,
    uint64_t *damaged)
{
	switch (o->phase) {
	case READING:
		if (o->file.fd != -1)
			read_some(s, o, buf, left, damaged);
		else if (next_row(s, o))
			row_begin(s, o, damaged);
		else
			o->phase = SWEEPING;
		return true;
	case SWEEPING:
		if (!sweep_some(s, o)) {
			stop(o);
			o->phase = DONE;
		}
		/* a step is a turn's worth */
		*left = 0;
		return o->phase != DONE;
	case DONE:
		break;
	}
	return false;
}
