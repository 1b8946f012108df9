/* SPDX-License-Identifier: ISC */
#include "dm-store/scrub.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/control_serve.h"
#include "common/log.h"
#include "common/xevent.h"
#include "dm-store/commit.h"
#include "dm-store/hashing.h"
#include "dm-store/loop.h"
#include "dm-store/reload.h"
#include "dm-store/scrub_old.h"
#include "dm-store/scrub_pass.h"
#include "dm-store/suspects.h"
#include "dm-store/unplaced.h"
#include "dm-store/watch.h"

#define READ_BYTES ((size_t)1 << 20) /* hashed a turn, ten turns a second */
#define READ_FILES 64		     /* begun a turn */
#define FIRST_AFTER_NS (600 * NS_PER_S)
#define RESUME_AFTER_NS (60 * NS_PER_S)
#define EVERY_NS (86400 * NS_PER_S)
#define SAVE_NS (60 * NS_PER_S)
#define PROGRESS_NS (200 * NS_PER_MS)
static const struct timeval between = {0, 100000};

struct scrub {
	struct event *look; /* the first look, slice by slice */
	struct event *read; /* the hashing */
	struct event *wake; /* there is a suspect */
	struct scrub_cursor look_at;
	struct scrub_pass pass;
	struct scrub_old *old;		   /* its second half */
	uint64_t total_files, total_bytes; /* at its beginning */
	uint64_t next_ns;		   /* mono, of the next pass */
	uint64_t save_ns;		   /* mono, of the next save */
	struct control_client *client;	   /* of fsck, else NULL */
	bool is_fast;
	uint64_t progress_ns; /* mono, of its next row */
	bool is_old;	      /* in its second half */
	struct hashing file;  /* that is being read */
	bool is_of_pass;      /* not a suspect */
	uint8_t key[16];
	struct winner winner;
};

/* The next winners after the cursor; fewer than limit at the end. */
static void
next_keys(struct store *s, struct scrub_cursor *at, struct table_keys *k,
    size_t limit)
{
	table_keys_after(s->index, VIEW_COMMITTED, INDEX_WINNERS,
	    at->has_key ? at->key : NULL, limit, k);
	at->has_key = k->n > 0;
	if (k->n > 0)
		memcpy(at->key, k->key[k->n - 1], 16);
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
	if (unplaced_has(s, key))
		return;
	if (w.state == WINNER_LOST ||
	    table_record(s->index, VIEW_COMMITTED, w.name, w.signer, &rec) !=
		FOUND ||
	    (w.state == WINNER_HIDDEN && clock_is_set(&s->clock) &&
		w.expires_ns > now)) {
		winner_decide(s, w.name, DECIDE_PRUNE);
		return;
	}
	if (table_wanted_mend(s->index, key, &w))
		commit_schedule(s);
	if (w.state != WINNER_SHOWN)
		return;
	watch_dir_of(s, w.name);
	fd = files_read(&s->files, w.name, w.size);
	if (fd != -1) {
		close(fd);
	} else if (errno == ENOENT || errno == ESTALE || errno == EACCES) {
		log_warn("files/%s %s: fetching it again from peers", w.name,
		    errno == EACCES ? "does not belong to store_user"
				    : "is missing or was changed");
		winner_decide(s, w.name, DECIDE_LOST);
	}
}

static void read_soon(struct store *);
static void pass_load(struct store *);

static void
on_look(evutil_socket_t unused, short what, void *arg)
{
	struct store *s = arg;
	struct table_keys k;

	if (suspects_take_look(s))
		s->scrub->look_at.has_key = false;
	next_keys(s, &s->scrub->look_at, &k, TABLE_KEYS_MAX);
	for (size_t i = 0; i < k.n; i++)
		look_at(s, k.key[i]);
	if (k.n == TABLE_KEYS_MAX) {
		loop_soon(s->scrub->look);
		return;
	}
	s->scrub->look_at.has_key = false;
	read_soon(s);
}

void
scrub_start(struct store *s)
{
	pass_load(s);
	suspects_look_again(s);
}

/* --- a pass --- */

static void
pass_totals(struct store *s)
{
	s->scrub->total_files =
	    index_count(s->index, VIEW_COMMITTED, INDEX_VISIBLE);
	s->scrub->total_bytes = s->stats.bytes;
}

/* Into the open batch. */
static void
pass_save(struct store *s)
{
	index_begin(s->index);
	scrub_pass_save(s, &s->scrub->pass);
	commit_schedule(s);
	s->scrub->save_ns = s->clock.mono_ns() + SAVE_NS;
}

/* Where the last run was, and when it goes on. */
static void
pass_load(struct store *s)
{
	struct scrub *sc = s->scrub;
	struct scrub_pass *p = &sc->pass;
	uint64_t now = clock_now_ns(&s->clock), mono = s->clock.mono_ns();

	sc->next_ns = mono + FIRST_AFTER_NS;
	sc->save_ns = mono + SAVE_NS;
	if (!scrub_pass_load(s, p))
		return;
	pass_totals(s);
	if (p->is_running)
		sc->next_ns = mono + RESUME_AFTER_NS;
	else if (p->last_ns <= now && now - p->last_ns < EVERY_NS)
		sc->next_ns += EVERY_NS - (now - p->last_ns);
}

static void
pass_begin(struct store *s)
{
	struct scrub_pass *p = &s->scrub->pass;

	s->scrub->is_old = false;
	p->is_running = true;
	p->at.has_key = false;
	p->files = p->bytes = p->damaged = 0;
	pass_totals(s);
}

static void
client_progress(struct store *s)
{
	struct scrub *sc = s->scrub;
	uint64_t mono = s->clock.mono_ns();
	struct row_progress row;

	if (sc->client == NULL || mono < sc->progress_ns ||
	    !control_client_wants(sc->client))
		return;
	sc->progress_ns = mono + PROGRESS_NS;
	row.done_files = sc->pass.files;
	row.total_files = sc->total_files;
	row.done_bytes =
	    sc->pass.bytes + (sc->file.fd != -1 ? sc->file.got : 0);
	row.total_bytes = sc->total_bytes;
	control_client_row(sc->client, ROW_PROGRESS, &row, -1);
}

static void
client_end(struct store *s)
{
	struct scrub *sc = s->scrub;
	struct control_client *c = sc->client;

	sc->is_fast = false;
	sc->client = NULL;
	if (c == NULL)
		return;
	control_client_number(c, "files", VALUE_NUMBER, sc->pass.files);
	control_client_number(c, "bytes", VALUE_BYTES, sc->pass.bytes);
	control_client_number(c, "damaged", VALUE_NUMBER, sc->pass.damaged);
	control_client_number(c, "wanted", VALUE_NUMBER,
	    index_count(s->index, VIEW_COMMITTED, INDEX_WANTED));
	control_client_end(c, VERDICT_OK, NULL);
}

static void
pass_end(struct store *s)
{
	struct scrub *sc = s->scrub;

	sc->is_old = false;
	sc->pass.is_running = false;
	sc->pass.last_ns = clock_now_ns(&s->clock);
	sc->next_ns = s->clock.mono_ns() + EVERY_NS;
	log_info("scrub: %llu files with %llu bytes read, %llu damaged",
	    (unsigned long long)sc->pass.files,
	    (unsigned long long)sc->pass.bytes,
	    (unsigned long long)sc->pass.damaged);
	/* what was found counts before it is told */
	pass_save(s);
	commit_flush(s);
	client_end(s);
}

/* --- hashing --- */

/* Looks at its row and record first, and mends them. */
static void
file_begin(struct store *s, const uint8_t key[static 16], bool is_of_pass)
{
	struct scrub *sc = s->scrub;
	uint64_t before = s->stats.damaged;
	int fd;

	look_at(s, key);
	if (is_of_pass)
		sc->pass.damaged += s->stats.damaged - before;
	if (table_winner(s->index, VIEW_BATCH, key, &sc->winner) != FOUND ||
	    sc->winner.state != WINNER_SHOWN || unplaced_has(s, key))
		return;
	fd = files_read(&s->files, sc->winner.name, sc->winner.size);
	if (fd == -1)
		return; /* replaced in this very batch */
	memcpy(sc->key, key, 16);
	sc->is_of_pass = is_of_pass;
	hashing_begin(&sc->file, fd);
}

/* Replaced meanwhile: then what was read is no longer of interest. */
static void
file_judge(struct store *s, const uint8_t sha256[static 32])
{
	struct scrub *sc = s->scrub;
	struct winner w;

	if (sc->file.got == sc->winner.size &&
	    memcmp(sha256, sc->winner.sha256, 32) == 0)
		return;
	if (table_winner(s->index, VIEW_COMMITTED, sc->key, &w) != FOUND ||
	    w.state != WINNER_SHOWN || unplaced_has(s, sc->key) ||
	    entry_rank_compare(&w.rank, &sc->winner.rank) != 0)
		return;
	log_error("files/%s does not match its signed hash: moved to "
		  "quarantine/, fetching it again from peers",
	    w.name);
	if (sc->is_of_pass)
		sc->pass.damaged++;
	winner_decide(s, w.name, DECIDE_LOST);
}

static void
file_end(struct store *s)
{
	struct scrub *sc = s->scrub;
	uint8_t sha256[32];

	hashing_end(&sc->file, sha256);
	if (sc->is_of_pass) {
		sc->pass.files++;
		sc->pass.bytes += sc->file.got;
	}
	file_judge(s, sha256);
}

/* Reads at most len bytes of it; returns how many, 0 at its end. */
static size_t
file_step(struct store *s, uint8_t *buf, size_t len)
{
	struct scrub *sc = s->scrub;
	size_t n = hashing_step(&sc->file, buf, len);

	/* EIO is damage too: the content cannot be had from here */
	if (n < len)
		file_end(s);
	return n;
}

/* Superseded content comes after all files. Of it no run but this one keeps
 * how far it is: the next begins with it. */
static void
old_begin(struct store *s)
{
	struct scrub *sc = s->scrub;

	sc->is_old = true;
	sc->pass.at.has_key = true;
	memset(sc->pass.at.key, 0xff, sizeof(sc->pass.at.key));
	scrub_old_begin(sc->old);
}

/* False when there is nothing to do in this turn. */
static bool
old_step(struct store *s, uint8_t *buf, size_t *left)
{
	struct scrub *sc = s->scrub;
	uint64_t before = sc->pass.damaged;

	if (!sc->is_old || suspects_has_any(s))
		return false;
	if (!scrub_old_step(s, sc->old, buf, left, &sc->pass.damaged))
		pass_end(s);
	s->stats.damaged += sc->pass.damaged - before;
	s->stats.is_changed |= sc->pass.damaged != before;
	return true;
}

/* The next file, if there is one; false when there is nothing to do. */
static bool
next_file(struct store *s)
{
	struct scrub *sc = s->scrub;
	struct table_keys k;
	uint8_t key[16];

	if (suspects_take(s, key)) {
		file_begin(s, key, false);
		return true;
	}
	if (!sc->pass.is_running)
		return false;
	next_keys(s, &sc->pass.at, &k, 1);
	if (k.n == 1)
		file_begin(s, k.key[0], true);
	else
		old_begin(s);
	return true;
}

static void
work(struct store *s)
{
	struct scrub *sc = s->scrub;
	uint8_t *buf = xmalloc(READ_BYTES);
	size_t left = READ_BYTES;

	for (unsigned n = 0; n < READ_FILES && left > 0; n++) {
		if (sc->file.fd == -1 && old_step(s, buf, &left))
			continue;
		if (sc->file.fd == -1 && !next_file(s))
			break;
		while (sc->file.fd != -1 && left > 0)
			left -= file_step(s, buf, left);
	}
	free(buf);
}

static bool
is_working(const struct store *s)
{
	return s->scrub->file.fd != -1 || suspects_has_any(s) ||
	       s->scrub->pass.is_running;
}

static void
on_read(evutil_socket_t unused, short what, void *arg)
{
	struct store *s = arg;
	struct scrub *sc = s->scrub;

	if (suspects_take_all(s))
		sc->next_ns = s->clock.mono_ns();
	if (!sc->pass.is_running && s->clock.mono_ns() >= sc->next_ns)
		pass_begin(s);
	work(s);
	client_progress(s);
	if (sc->pass.is_running && s->clock.mono_ns() >= sc->save_ns &&
	    s->stats.is_writable)
		pass_save(s);
	read_soon(s);
}

/* When there is something to do: now, in a moment, or with the next pass. */
static void
read_soon(struct store *s)
{
	struct scrub *sc = s->scrub;
	uint64_t mono = s->clock.mono_ns(), wait = 0;
	struct timeval tv = between;

	if (sc->is_fast) {
		/* by way of the loop: whoever waits comes in between */
		tv.tv_usec = 0;
	} else if (!is_working(s) ||
		   (sc->pass.is_running && !suspects_has_any(s) &&
		       sc->next_ns > mono)) {
		wait = sc->next_ns > mono ? sc->next_ns - mono : 0;
		tv.tv_sec = (time_t)(wait / NS_PER_S);
	}
	event_add(sc->read, &tv);
}

static void
on_wake(evutil_socket_t unused, short what, void *arg)
{
	read_soon(arg);
}

/* --- suspects and fsck --- */

void
scrub_suspect(struct store *s, const uint8_t key[static 16],
    const uint8_t version[static 32])
{
	struct winner w;

	if (table_winner(s->index, VIEW_COMMITTED, key, &w) == FOUND &&
	    memcmp(w.rank.version, version, 32) == 0)
		suspects_add(s, key);
}

static void
on_client_gone(void *ctx)
{
	struct store *s = ctx;

	/* the pass goes on at its usual pace */
	s->scrub->client = NULL;
	s->scrub->is_fast = false;
}

void
scrub_check(struct store *s, struct control_client *c)
{
	struct scrub *sc = s->scrub;

	if (sc->client != NULL) {
		control_client_end(c, VERDICT_BUSY,
		    "another dmctl fsck is running: wait for its end");
		return;
	}
	sc->client = c;
	sc->is_fast = true;
	sc->progress_ns = 0;
	sc->next_ns = s->clock.mono_ns();
	control_client_on_wants(c, NULL, on_client_gone, s);
	hashing_stop(&sc->file);
	pass_begin(s);
	read_soon(s);
}

void
scrub_settle(struct store *s)
{
	if (s->scrub->pass.is_running)
		pass_save(s);
}

void
scrub_facts(const struct store *s, struct scrub_facts *f)
{
	const struct scrub *sc = s->scrub;

	f->is_running = sc->pass.is_running;
	f->done_files = sc->pass.files;
	f->total_files = sc->total_files;
	f->last_ns = sc->pass.last_ns;
}

/* --- life --- */

struct scrub *
scrub_new(struct store *s)
{
	struct scrub *sc = xcalloc(1, sizeof(*sc));

	hashing_init(&sc->file);
	sc->next_ns = s->clock.mono_ns() + FIRST_AFTER_NS;
	sc->old = scrub_old_new();
	sc->look = xevent(s->base, -1, 0, on_look, s);
	sc->read = xevent(s->base, -1, 0, on_read, s);
	sc->wake = xevent(s->base, -1, 0, on_wake, s);
	suspects_listen(s, sc->look, sc->wake);
	return sc;
}

void
scrub_free(struct scrub *sc)
{
	if (sc == NULL)
		return;
	event_free(sc->look);
	event_free(sc->read);
	event_free(sc->wake);
	scrub_old_free(sc->old);
	hashing_clear(&sc->file);
	free(sc);
}
