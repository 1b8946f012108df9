/* SPDX-License-Identifier: ISC */
#include "dm-store/scrub_old.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "dm-store/commit.h"
#include "dm-store/disk.h"
#include "dm-store/history.h"

#define NAMES 256 /* of orphans looked for in a step */

enum phase { READING, SWEEPING, DONE };

struct scrub_old {
	enum phase phase;
	bool has_key;
	uint8_t key[32];  /* the last one, or the one that is read */
	int fd;		  /* of it, or -1 */
	uint64_t when_ns; /* of its row */
	uint64_t size, got;
	EVP_MD_CTX *md;
	struct files_list *names; /* while sweeping */
};

struct scrub_old *
scrub_old_new(void)
{
	struct scrub_old *o = xcalloc(1, sizeof(*o));

	o->phase = DONE;
	o->fd = -1;
	o->md = EVP_MD_CTX_new();
	if (o->md == NULL)
		fatal("out of memory");
	return o;
}

static void
stop(struct scrub_old *o)
{
	if (o->fd != -1)
		close(o->fd);
	o->fd = -1;
	files_list_close(o->names);
	o->names = NULL;
}

void
scrub_old_free(struct scrub_old *o)
{
	if (o == NULL)
		return;
	stop(o);
	EVP_MD_CTX_free(o->md);
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

	(void)body;
	(void)is_damaged; /* found out when it is looked up */
	o->has_key = key_len == 32;
	if (o->has_key)
		memcpy(o->key, key, 32);
	return false;
}

/* The next row's key; false behind the last. */
static bool
next_row(struct store *s, struct scrub_old *o)
{
	uint8_t from[33];
	size_t len = o->has_key ? 33 : 0;

	/* a zero byte behind the last key: the least that is greater */
	memcpy(from, o->key, 32);
	from[32] = 0;
	return index_walk(s->index, VIEW_COMMITTED, INDEX_OLD, from, len, 1,
		   on_row, o) == 1 &&
	       o->has_key;
}

/* Whatever is wrong with it: nothing counts on it any more. */
static void
drop(struct store *s, struct scrub_old *o)
{
	files_quarantine_old(&s->files, o->key);
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

	o->size = o->got = 0;
	if (!history_find(s, o->key, &o->when_ns, &h)) {
		drop(s, o); /* a damaged row */
		++*damaged;
		return;
	}
	o->size = h.size;
	o->fd = files_read_old(&s->files, o->key, h.size);
	if (o->fd == -1 && errno != ENOENT && errno != ESTALE)
		return; /* another time */
	if (o->fd == -1) {
		*damaged += errno == ESTALE;
		drop(s, o);
		return;
	}
	if (EVP_DigestInit_ex(o->md, EVP_sha256(), NULL) != 1)
		fatal("sha256 is not available");
}

static void
row_end(struct store *s, struct scrub_old *o, uint64_t *damaged)
{
	uint8_t sha256[32];
	struct history h;
	uint64_t when_ns;

	close(o->fd);
	o->fd = -1;
	if (EVP_DigestFinal_ex(o->md, sha256, NULL) != 1)
		fatal("sha256 failed");
	if (o->got == o->size && memcmp(sha256, o->key, 32) == 0)
		return;
	/* made anew meanwhile: then what was read is of no interest */
	if (!history_find(s, o->key, &when_ns, &h) || when_ns != o->when_ns)
		return;
	log_error("index/old: an older version of %s is not what was signed: "
		  "it goes to quarantine",
	    h.entry.name);
	++*damaged;
	drop(s, o);
}

static void
read_some(struct store *s, struct scrub_old *o, uint8_t *buf, size_t *left,
    uint64_t *damaged)
{
	ssize_t n = disk_read(o->fd, buf, *left, o->got);

	if (n > 0) {
		if (EVP_DigestUpdate(o->md, buf, (size_t)n) != 1)
			fatal("sha256 failed");
		o->got += (uint64_t)n;
	}
	/* EIO is damage too */
	if (n < (ssize_t)*left)
		row_end(s, o, damaged);
	*left -= n > 0 ? (size_t)n : 0;
}

/* --- sweeping --- */

/* False behind the last name. */
static bool
sweep_some(struct store *s, struct scrub_old *o)
{
	uint8_t sha256[32];
	uint64_t when_ns;

	if (o->names == NULL)
		o->names = files_list_old(&s->files);
	for (unsigned i = 0; i < NAMES; i++) {
		if (o->names == NULL || !files_list_next(o->names, sha256))
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
		if (o->fd != -1)
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
