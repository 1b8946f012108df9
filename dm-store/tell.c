/* SPDX-License-Identifier: ISC */
#include "dm-store/tell.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/keys.h"
#include "common/log.h"

#define TIME_SIZE 40

struct tell {
	unsigned allowed; /* lines before it is too much */
	uint64_t left_out;
	uint64_t expired_left_out;
	bool is_full;
};

struct tell *
tell_new(void)
{
	struct tell *t = xcalloc(1, sizeof(*t));

	t->allowed = TELL_BURST;
	return t;
}

void
tell_free(struct tell *t)
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
may_tell(struct tell *t, uint64_t *left_out)
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
tell_stored(struct store *s, const struct entry *e, const char *from)
{
	char at[TIME_SIZE], key[KEY_FINGERPRINT_MAX], size[32] = "deleted";

	if (!may_tell(s->tell, &s->tell->left_out))
		return;
	if (e->kind == ENTRY_FILE)
		snprintf(size, sizeof(size), "%" PRIu64 " bytes", e->size);
	key_fingerprint(e->signer, key);
	log_info("stored %s: %s, signed %s by %s, from %s", e->name, size,
	    time_text(e->signed_at_ns, at), key, *from != '\0' ? from : "-");
}

void
tell_expired(struct store *s, const char *name)
{
	if (may_tell(s->tell, &s->tell->expired_left_out))
		log_info("%s has expired", name);
}

void
tell_refused(const char *name, const uint8_t signer[static 32],
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
tell_room(struct store *s, bool has_room)
{
	if (has_room == !s->tell->is_full)
		return;
	s->tell->is_full = !has_room;
	if (has_room)
		log_warn("there is room again: uploads are taken");
	else if (files_free(&s->files) == FILES_FREE_UNKNOWN)
		log_warn("the disk is read-only: uploads are refused until it "
			 "can be written");
	else
		log_warn("the disk is full or read-only (%" PRIu64
			 " bytes free): uploads are refused until there is "
			 "room",
		    files_free(&s->files));
}

void
tell_tick(struct store *s)
{
	struct tell *t = s->tell;

	t->allowed += TELL_PER_SECOND;
	if (t->allowed > TELL_BURST)
		t->allowed = TELL_BURST;
	if (t->left_out > 0)
		log_info("stored %" PRIu64 " more: dmctl list has them",
		    t->left_out);
	if (t->expired_left_out > 0)
		log_info("%" PRIu64 " more have expired: dmctl list has them",
		    t->expired_left_out);
	t->left_out = t->expired_left_out = 0;
}
