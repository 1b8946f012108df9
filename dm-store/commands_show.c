/* SPDX-License-Identifier: ISC */
#include "dm-store/commands_show.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hex.h"
#include "common/log.h"
#include "common/name.h"
#include "dm-store/queries.h"
#include "dm-store/history.h"
#include "dm-store/rejects.h"
#include "dm-store/versions.h"

enum { STATE_CURRENT, STATE_WANTED, STATE_EXPIRED, STATE_DELETED, STATE_LOST };

bool
commands_name(struct bytes text, char name[static NAME_LEN_MAX + 1])
{
	return name_is_valid((const char *)text.data, text.len) &&
	       bytes_copy_text(text, name, NAME_LEN_MAX + 1);
}

uint64_t
commands_state(const struct winner *w)
{
	switch (w->state) {
	case WINNER_SHOWN:
		return STATE_CURRENT;
	case WINNER_WANTED:
	case WINNER_LOST:
		return STATE_WANTED;
	case WINNER_HIDDEN:
		return STATE_EXPIRED;
	case WINNER_DELETED:
		return STATE_DELETED;
	}
	return STATE_WANTED;
}

void
commands_send_file(
    struct control_client *c, const struct entry *e, uint64_t state)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct row_file row;

	row.entry = bytes_of(buf, entry_encode(e, buf));
	row.state = state;
	control_client_row(c, ROW_FILE, &row, -1);
}

/* --- show --- */

/* The winner first, the versions that were replaced, and the records that
 * lost without ever having been here. */
struct showing {
	struct store *s;
	struct control_client *client;
	const char *name;
	bool has_winner;
	struct winner winner;
	size_t n;
	size_t n_versions;
	struct replaced *version;
	size_t n_losers;
	struct entry loser[CONFIG_SIGNERS_MAX];
};

static bool
on_loser(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct showing *sh = ctx;
	char name[NAME_LEN_MAX + 1];
	uint8_t signer[32];
	struct record rec;

	if (!row_record_name(key, key_len, name, signer) ||
	    strcmp(name, sh->name) != 0)
		return false;
	if (is_damaged || !row_record_decode(&rec, body.data, body.len) ||
	    (sh->has_winner && memcmp(signer, sh->winner.signer, 32) == 0))
		return true;
	sh->loser[sh->n_losers++] = rec.entry;
	return sh->n_losers < CONFIG_SIGNERS_MAX;
}

static void
on_version(void *ctx, uint64_t number, const struct replaced *r)
{
	struct showing *sh = ctx;

	sh->version[sh->n_versions++] = *r;
}

/* Of the same content as the current file, or kept in old/. */
static bool
has_content(struct store *s, const struct showing *sh, const struct entry *e)
{
	uint64_t when_ns;

	if (e->kind == ENTRY_DELETE)
		return false;
	return (sh->has_winner && sh->winner.state == WINNER_SHOWN &&
		   memcmp(sh->winner.sha256, e->sha256, 32) == 0) ||
	       table_old(s->index, VIEW_COMMITTED, e->sha256, &when_ns);
}

static void
send_versions(struct showing *sh)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct row_version row;

	for (size_t i = 0; i < sh->n_versions; i++) {
		const struct replaced *r = &sh->version[i];

		row.number = i + 1;
		row.entry = bytes_of(buf, entry_encode(&r->entry, buf));
		row.replaced_at_ns = r->at_ns;
		memcpy(row.by_signer, r->by_signer, 32);
		row.by_signed_at_ns = r->by_signed_at_ns;
		row.has_content = has_content(sh->s, sh, &r->entry);
		control_client_row(sh->client, ROW_VERSION, &row, -1);
		sh->n++;
	}
}

static void
send_losers(struct showing *sh)
{
	bool is_told;

	for (size_t i = 0; i < sh->n_losers; i++) {
		is_told = false;
		for (size_t k = 0; k < sh->n_versions && !is_told; k++)
			is_told = entry_compare(&sh->version[k].entry,
				      &sh->loser[i]) == 0;
		if (is_told)
			continue;
		commands_send_file(sh->client, &sh->loser[i], STATE_LOST);
		sh->n++;
	}
}

void
store_command_show(
    struct store *s, struct control_client *c, const struct control_show *m)
{
	struct showing *sh;
	char name[NAME_LEN_MAX + 1];
	uint8_t key[16];
	struct entry e;

	if (!commands_name(m->name, name)) {
		control_client_end(c, VERDICT_BAD_NAME, NULL);
		return;
	}
	sh = xcalloc(1, sizeof(*sh));
	sh->version = xcalloc(VERSIONS_MAX, sizeof(*sh->version));
	sh->s = s;
	sh->client = c;
	sh->name = name;
	name_key(name, key);
	sh->has_winner =
	    table_winner(s->index, VIEW_COMMITTED, key, &sh->winner) == FOUND &&
	    queries_entry(s, &sh->winner, &e);
	if (sh->has_winner) {
		commands_send_file(c, &e, commands_state(&sh->winner));
		sh->n++;
	}
	versions_each(s, name, on_version, sh);
	index_walk(s->index, VIEW_COMMITTED, INDEX_RECORDS, name,
	    strlen(name) + 1, CONFIG_SIGNERS_MAX + 1, on_loser, sh);
	send_versions(sh);
	send_losers(sh);
	control_client_end(c, sh->n > 0 ? VERDICT_OK : VERDICT_NOT_FOUND, NULL);
	free(sh->version);
	free(sh);
}

/* --- an earlier version --- */

struct finding {
	const char *which; /* lower-case digits of its version, or NULL */
	size_t len;
	uint64_t number;
	size_t n_found;
	struct replaced found;
};

static bool
begins_with(const uint8_t version[static 32], const char *digits, size_t len)
{
	char all[HEX_SIZE(32)];

	return len < sizeof(all) &&
	       memcmp(hex_encode(version, 32, all), digits, len) == 0;
}

static void
on_candidate(void *ctx, uint64_t number, const struct replaced *r)
{
	struct finding *f = ctx;
	uint8_t version[32];

	if (f->which != NULL) {
		entry_version(&r->entry, version);
		if (!begins_with(version, f->which, f->len))
			return;
	} else if (number != f->number) {
		return;
	}
	f->found = *r;
	f->n_found++;
}

/* A number is short, a version's digits are eight or more. */
static bool
which_of(const char *text, struct finding *f)
{
	f->len = strlen(text);
	if (f->len >= 8) {
		f->which = text;
		return strspn(text, HEX_LOWER) == f->len;
	}
	f->number = strtoul(text, NULL, 10);
	return f->len > 0 && strspn(text, "0123456789") == f->len &&
	       f->number > 0;
}

static int
open_version(struct store *s, const struct entry *e)
{
	struct winner w;
	uint8_t key[16];
	int fd;

	fd = history_open(s, e);
	name_key(e->name, key);
	if (fd == -1 &&
	    table_winner(s->index, VIEW_COMMITTED, key, &w) == FOUND &&
	    memcmp(w.sha256, e->sha256, 32) == 0)
		queries_content(s, key, &w, &fd);
	return fd;
}

static const char gone[] = "this version is no longer kept: see history_size "
			   "and history_versions in dm.toml";

void
store_command_get_version(struct store *s, struct control_client *c,
    const struct control_get_version *m)
{
	char name[NAME_LEN_MAX + 1], which[65];
	uint8_t buf[ENTRY_SIZE_MAX];
	struct finding f = {.which = NULL};
	struct row_content row;
	int fd;

	if (!commands_name(m->name, name)) {
		control_client_end(c, VERDICT_BAD_NAME, NULL);
		return;
	}
	if (!bytes_copy_text(m->which, which, sizeof(which)) ||
	    !which_of(which, &f)) {
		control_client_end(c, VERDICT_MALFORMED,
		    "bad version: give its number from dmctl show, or at least "
		    "eight digits of it");
		return;
	}
	versions_each(s, name, on_candidate, &f);
	if (f.n_found != 1) {
		control_client_end(c, VERDICT_NOT_FOUND,
		    f.n_found > 1 ? "more than one version begins with these "
				    "digits: give more of them"
				  : gone);
		return;
	}
	if (f.found.entry.kind == ENTRY_DELETE) {
		control_client_end(c, VERDICT_DELETED,
		    "this version is a deletion and has no content");
		return;
	}
	fd = open_version(s, &f.found.entry);
	if (fd == -1) {
		control_client_end(c, VERDICT_NOT_FOUND, gone);
		return;
	}
	row.entry = bytes_of(buf, entry_encode(&f.found.entry, buf));
	control_client_row(c, ROW_CONTENT, &row, fd);
	control_client_end(c, VERDICT_OK, NULL);
}

/* --- rejects and why --- */

static void
send_reject(struct control_client *c, const struct reject *j)
{
	struct row_reject row = {.first_ns = j->first_ns,
	    .last_ns = j->last_ns,
	    .count = j->count,
	    .code = bytes_text(reject_code(j)),
	    .name = bytes_text(j->name),
	    .kind = j->kind,
	    .signed_at_ns = j->signed_at_ns,
	    .by_signed_at_ns = j->by_signed_at_ns,
	    .from = bytes_text(j->from)};

	memcpy(row.signer, j->signer, 32);
	memcpy(row.by_signer, j->by_signer, 32);
	control_client_row(c, ROW_REJECT, &row, -1);
}

/* name: NULL for all. */
static void
send_rejects(struct store *s, struct control_client *c, const char *name)
{
	const struct reject *j;

	for (size_t i = 0; (j = rejects_at(s, i)) != NULL; i++)
		if (j->count > 0 &&
		    (name == NULL || strcmp(j->name, name) == 0))
			send_reject(c, j);
}

void
store_command_rejects(
    struct store *s, struct control_client *c, const struct control_rejects *m)
{
	send_rejects(s, c, NULL);
	control_client_end(c, VERDICT_OK, NULL);
}

/* The facts of the configuration about a name. */
static void
send_configured(struct store *s, struct control_client *c, const char *name)
{
	const struct policy_file *f =
	    s->policy != NULL ? policy_find(s->policy, name) : NULL;

	control_client_number(c, "configured", VALUE_BOOL, f != NULL);
	if (f == NULL)
		return;
	control_client_text(c, "pattern", "%s", f->pattern);
	control_client_number(c, "signers", VALUE_NUMBER, f->n);
}

static void
send_winner(struct control_client *c, const struct winner *w)
{
	static const char *const states[] = {
	    "current", "wanted", "expired", "deleted"};

	control_client_text(c, "state", "%s",
	    w->state == WINNER_LOST ? "lost" : states[commands_state(w)]);
	control_client_number(
	    c, "signed_at", VALUE_UNIX_NS, w->rank.signed_at_ns);
	if (w->expires_ns != 0)
		control_client_number(
		    c, "expires_at", VALUE_UNIX_NS, w->expires_ns);
}

void
store_command_why(
    struct store *s, struct control_client *c, const struct control_why *m)
{
	char name[NAME_LEN_MAX + 1], doubt[CLOCK_DOUBT_MAX];
	struct winner w;
	uint8_t key[16];

	if (!commands_name(m->name, name)) {
		control_client_end(c, VERDICT_BAD_NAME, NULL);
		return;
	}
	send_configured(s, c, name);
	name_key(name, key);
	if (table_winner(s->index, VIEW_COMMITTED, key, &w) == FOUND)
		send_winner(c, &w);
	else
		control_client_text(c, "state", "none");
	if (clock_doubt(&s->clock, doubt)[0] != '\0')
		control_client_text(c, "expiry", "suspended: %s", doubt);
	control_client_number(c, "writable", VALUE_BOOL, s->stats.is_writable);
	send_rejects(s, c, name);
	control_client_end(c, VERDICT_OK, NULL);
}
