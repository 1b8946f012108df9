/* SPDX-License-Identifier: ISC */
#include "dm-store/scrub.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "dm-store/commit.h"
#include "dm-store/disk.h"
#include "dm-store/reload.h"

#define LOOK_ROWS 128		     /* winners a turn */
#define READ_BYTES ((size_t)1 << 20) /* hashed a turn */
#define SUSPECTS_MAX 16
static const struct timeval between = {0, 100000};
static const struct timeval first_after = {600, 0};
static const struct timeval every = {86400, 0};

struct scrub {
	struct event *look; /* the first look, slice by slice */
	struct event *read; /* the hashing */
	bool has_cursor;
	uint8_t cursor[16];
	bool is_walking; /* a pass over all files is under way */
	uint8_t suspect[SUSPECTS_MAX][16];
	size_t n_suspects;
	int fd; /* the file that is being read, or -1 */
	uint8_t key[16];
	struct winner winner;
	uint64_t got;
	EVP_MD_CTX *md;
};

struct keys {
	size_t n;
	uint8_t key[LOOK_ROWS][16];
};

static bool
on_key(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct keys *k = ctx;

	(void)body;
	(void)is_damaged; /* found out when it is looked at */
	if (key_len == 16)
		memcpy(k->key[k->n++], key, 16);
	return true;
}

/* The next winners after the cursor; fewer than limit at the end. */
static void
next_keys(struct store *s, struct keys *k, size_t limit)
{
	struct scrub *sc = s->scrub;
	uint8_t from[17];

	/* a zero byte behind the last key: the least that is greater */
	memcpy(from, sc->cursor, 16);
	from[16] = 0;
	k->n = 0;
	index_walk(s->index, VIEW_COMMITTED, INDEX_WINNERS, from,
	    sc->has_cursor ? 17 : 0, limit, on_key, k);
	sc->has_cursor = k->n > 0;
	if (k->n > 0)
		memcpy(sc->cursor, k->key[k->n - 1], 16);
}

/* --- the first look --- */

static void
look_at(struct store *s, const uint8_t key[static 16])
{
	uint64_t now = clock_now_ns(&s->clock);
	struct record rec;
	struct winner w;
	int fd;

	switch (table_winner(s->index, VIEW_COMMITTED, key, &w)) {
	case FOUND:
		break;
	case FOUND_NONE:
		return;
	case FOUND_DAMAGED:
		reload_repair(s); /* whose it is only the records know */
		return;
	}
	if (commit_is_unplaced(s, key))
		return;
	if (w.state == WINNER_LOST ||
	    table_record(s->index, VIEW_COMMITTED, w.name, w.signer, &rec) !=
		FOUND ||
	    (w.state == WINNER_HIDDEN && clock_is_sane(&s->clock) &&
		w.expires_ns > now)) {
		settle_name(s, w.name, SETTLE_PRUNE);
		return;
	}
	if (w.state != WINNER_SHOWN)
		return;
	fd = files_read(&s->files, w.name, w.size);
	if (fd != -1) {
		close(fd);
	} else if (errno == ENOENT || errno == ESTALE) {
		log_warn("files/%s is missing or not what was stored: it is "
			 "fetched again",
		    w.name);
		settle_name(s, w.name, SETTLE_LOST);
	}
}

static void
on_look(evutil_socket_t unused, short what, void *arg)
{
	struct store *s = arg;
	struct keys k;

	(void)unused;
	(void)what;
	next_keys(s, &k, LOOK_ROWS);
	for (size_t i = 0; i < k.n; i++)
		look_at(s, k.key[i]);
	if (k.n == LOOK_ROWS) {
		event_active(s->scrub->look, EV_TIMEOUT, 0);
		return;
	}
	/* all of it could be read: it will not be quarantined */
	s->scrub->has_cursor = false;
	index_settled(s->files.index_fd);
	event_add(s->scrub->read, &first_after);
}

void
scrub_start(struct store *s)
{
	s->scrub->has_cursor = false;
	event_active(s->scrub->look, EV_TIMEOUT, 0);
}

/* --- hashing --- */

static void
file_begin(struct store *s, const uint8_t key[static 16])
{
	struct scrub *sc = s->scrub;

	memcpy(sc->key, key, 16);
	if (table_winner(s->index, VIEW_COMMITTED, key, &sc->winner) != FOUND ||
	    sc->winner.state != WINNER_SHOWN || commit_is_unplaced(s, key))
		return;
	sc->fd = files_read(&s->files, sc->winner.name, sc->winner.size);
	if (sc->fd == -1) {
		look_at(s, key);
		return;
	}
	sc->got = 0;
	if (EVP_DigestInit_ex(sc->md, EVP_sha256(), NULL) != 1)
		fatal("sha256 is not available");
}

/* Replaced meanwhile: then what was read is no longer of interest. */
static void
file_end(struct store *s)
{
	struct scrub *sc = s->scrub;
	uint8_t sha256[32];
	struct winner w;

	close(sc->fd);
	sc->fd = -1;
	if (EVP_DigestFinal_ex(sc->md, sha256, NULL) != 1)
		fatal("sha256 failed");
	if (sc->got == sc->winner.size &&
	    memcmp(sha256, sc->winner.sha256, 32) == 0)
		return;
	if (table_winner(s->index, VIEW_COMMITTED, sc->key, &w) != FOUND ||
	    w.state != WINNER_SHOWN || commit_is_unplaced(s, sc->key) ||
	    entry_rank_compare(&w.rank, &sc->winner.rank) != 0)
		return;
	log_error("files/%s is damaged: it goes to quarantine and is fetched "
		  "again",
	    w.name);
	settle_name(s, w.name, SETTLE_LOST);
}

static void
file_step(struct store *s)
{
	struct scrub *sc = s->scrub;
	uint8_t *buf = xmalloc(READ_BYTES);
	ssize_t n = disk_read(sc->fd, buf, READ_BYTES, sc->got);

	if (n > 0) {
		if (EVP_DigestUpdate(sc->md, buf, (size_t)n) != 1)
			fatal("sha256 failed");
		sc->got += (uint64_t)n;
	}
	free(buf);
	/* EIO is damage too: the content cannot be had from here */
	if (n < (ssize_t)READ_BYTES)
		file_end(s);
}

static void
on_read(evutil_socket_t unused, short what, void *arg)
{
	struct store *s = arg;
	struct scrub *sc = s->scrub;
	struct keys k;

	(void)unused;
	(void)what;
	if (sc->fd != -1) {
		file_step(s);
	} else if (sc->n_suspects > 0) {
		file_begin(s, sc->suspect[--sc->n_suspects]);
	} else {
		sc->is_walking = true;
		next_keys(s, &k, 1);
		sc->is_walking = k.n == 1;
		if (k.n == 1)
			file_begin(s, k.key[0]);
	}
	event_add(sc->read, sc->fd != -1 || sc->is_walking || sc->n_suspects > 0
				? &between
				: &every);
}

void
scrub_suspect(struct store *s, const uint8_t key[static 16],
    const uint8_t version[static 32])
{
	struct scrub *sc = s->scrub;
	struct winner w;

	if (table_winner(s->index, VIEW_COMMITTED, key, &w) != FOUND ||
	    memcmp(w.rank.version, version, 32) != 0 ||
	    sc->n_suspects == SUSPECTS_MAX)
		return;
	for (size_t i = 0; i < sc->n_suspects; i++)
		if (memcmp(sc->suspect[i], key, 16) == 0)
			return;
	memcpy(sc->suspect[sc->n_suspects++], key, 16);
	if (sc->fd == -1)
		event_add(sc->read, &between);
}

/* --- life --- */

struct scrub *
scrub_new(struct store *s)
{
	struct scrub *sc = xcalloc(1, sizeof(*sc));

	sc->fd = -1;
	sc->md = EVP_MD_CTX_new();
	sc->look = event_new(s->base, -1, 0, on_look, s);
	sc->read = event_new(s->base, -1, 0, on_read, s);
	if (sc->md == NULL || sc->look == NULL || sc->read == NULL)
		fatal("out of memory");
	return sc;
}

void
scrub_free(struct scrub *sc)
{
	if (sc == NULL)
		return;
	if (sc->fd != -1)
		close(sc->fd);
	event_free(sc->look);
	event_free(sc->read);
	EVP_MD_CTX_free(sc->md);
	free(sc);
}
