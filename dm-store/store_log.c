/* SPDX-License-Identifier: ISC */
#include "dm-store/store_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/keys/keys.h"
#include "common/log.h"

#define TIME_SIZE 40

struct cause {
	const char *doing; /* NULL: a free place */
	char why[64];
	uint64_t told_ns;  /* mono */
	uint64_t left_out; /* since */
};

struct store_log {
	unsigned allowed; /* lines before it is too much */
	uint64_t left_out;
	uint64_t expired_left_out;
	bool is_full;
	struct cause causes[STORE_LOG_CAUSES_MAX]; /* of failures */
};

struct store_log *
store_log_new(void)
{
	struct store_log *t = xcalloc(1, sizeof(*t));

	t->allowed = STORE_LOG_BURST;
	return t;
}

void
store_log_free(struct store_log *t)
{
	free(t);
}

/* In UTC, whole seconds: for people, who find the rest with dmctl show. */
static const char *
time_text(uint64_t unix_ns, char out[static TIME_SIZE])
{
	time_t s = (time_t)(unix_ns / NS_PER_S);
	struct tm tm;

	if (gmtime_r(&s, &tm) == NULL ||
	    strftime(out, TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(out, TIME_SIZE, "%" PRIu64, unix_ns / NS_PER_S);
	return out;
}

/* Whether a line may be written now; else it is counted. */
static bool
may_log(struct store_log *t, uint64_t *left_out)
{
	if (log_get_level() < LOG_L_INFO)
		return false;
	if (t->allowed == 0) {
		++*left_out;
		return false;
	}
	t->allowed--;
	return true;
}

void
store_log_stored(struct store *s, const struct entry *e, const char *from)
{
	char at[TIME_SIZE], key[KEY_FINGERPRINT_MAX], size[32] = "deleted";

	if (!may_log(s->log, &s->log->left_out))
		return;
	if (e->kind == ENTRY_FILE)
		snprintf(size, sizeof(size), "%" PRIu64 " bytes", e->size);
	key_fingerprint(e->signer, key);
	log_info("stored %s: %s, signed %s by %s, from %s", e->name, size,
	    time_text(e->signed_at_ns, at), key, *from != '\0' ? from : "-");
}

void
store_log_expired(struct store *s, const char *name)
{
	if (may_log(s->log, &s->log->expired_left_out))
		log_info("%s has expired", name);
}

void
store_log_refused(const char *name, const uint8_t signer[static 32],
    const char *code, const char *from)
{
	static const uint8_t none[32];
	char key[KEY_FINGERPRINT_MAX] = "-";

	if (log_get_level() < LOG_L_INFO)
		return;
	if (memcmp(signer, none, sizeof(none)) != 0)
		key_fingerprint(signer, key);
	log_info("refused %s: %s, signed by %s, from %s",
	    *name != '\0' ? name : "an upload", code, key,
	    *from != '\0' ? from : "-");
}

void
store_log_room(struct store *s, bool has_room)
{
	if (has_room == !s->log->is_full)
		return;
	s->log->is_full = !has_room;
	if (has_room)
		log_warn("the disk has room again: uploads are accepted");
	else if (files_free(&s->files) == FILES_FREE_UNKNOWN)
		log_warn("the disk is read-only: uploads are refused until it "
			 "is mounted writable");
	else
		log_warn("the disk is full or read-only (%" PRIu64
			 " bytes free): uploads are refused until it has room",
		    files_free(&s->files));
}

void
store_log_tick(struct store *s)
{
	struct store_log *t = s->log;

	t->allowed += STORE_LOG_PER_SECOND;
	if (t->allowed > STORE_LOG_BURST)
		t->allowed = STORE_LOG_BURST;
	if (t->left_out > 0)
		log_info("stored %" PRIu64
			 " more versions without a line each: see dmctl list",
		    t->left_out);
	if (t->expired_left_out > 0)
		log_info("%" PRIu64 " more files have expired without a line "
			 "each: see dmctl list",
		    t->expired_left_out);
	t->left_out = t->expired_left_out = 0;
}

/* --- what the disk refused --- */

static bool
is_same(const struct cause *c, const char *doing, const char *why)
{
	return c->doing != NULL && strcmp(c->doing, doing) == 0 &&
	       strncmp(c->why, why, sizeof(c->why) - 1) == 0;
}

/* Its place, or that of the one that was told longest ago. */
static struct cause *
find(struct store_log *t, const char *doing, const char *why)
{
	struct cause *oldest = &t->causes[0];

	for (size_t i = 0; i < STORE_LOG_CAUSES_MAX; i++) {
		struct cause *c = &t->causes[i];

		if (is_same(c, doing, why))
			return c;
		if (c->doing == NULL ||
		    (oldest->doing != NULL && c->told_ns < oldest->told_ns))
			oldest = c;
	}
	memset(oldest, 0, sizeof(*oldest));
	return oldest;
}

void
store_log_failure(struct store *s, const char *doing, const char *path,
    const char *name, const char *why)
{
	struct cause *c = find(s->log, doing, why);
	uint64_t mono = s->clock.mono_ns();
	char more[64] = "";

	if (c->doing != NULL && mono - c->told_ns < STORE_LOG_CAUSE_NS) {
		c->left_out++;
		return;
	}
	if (c->left_out > 0)
		snprintf(more, sizeof(more),
		    " (and %llu times since the last such line)",
		    (unsigned long long)c->left_out);
	log_error("%s %s%s%s: %s%s", doing, path, *name != '\0' ? " for " : "",
	    name, why, more);
	c->doing = doing;
	snprintf(c->why, sizeof(c->why), "%s", why);
	c->told_ns = mono;
	c->left_out = 0;
}

void
store_log_unsynced(struct store *s, const char *name, int error)
{
	char why[256];

	snprintf(why, sizeof(why), "%s (done again at the next start)",
	    strerror(error));
	store_log_failure(s, "cannot sync", "files/", name, why);
}
