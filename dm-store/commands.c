/* SPDX-License-Identifier: ISC */
#include "dm-store/commands.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/name.h"
#include "dm-store/queries.h"
#include "dm-store/commit.h"
#include "dm-store/commands_show.h"
#include "dm-store/put.h"
#include "dm-store/rejects.h"
#include "dm-store/scrub.h"
#include "dm-store/watch.h"

#define CONTROL_OWNER_STORE
#define CONTROL_CONTEXT struct store
#include "common/control_dispatch.h"

#define SLICE_NAMES 64
#define SLICE_ROWS 1000

/* --- status --- */

static void
status_scrub(struct store *s, struct control_client *c)
{
	struct scrub_facts f;

	scrub_facts(s, &f);
	if (f.is_running)
		control_client_text(c, "scrub", "%llu of %llu files",
		    (unsigned long long)f.done_files,
		    (unsigned long long)f.total_files);
	if (f.last_ns != 0)
		control_client_number(
		    c, "scrub_ended", VALUE_UNIX_NS, f.last_ns);
}

static void
status_free(struct store *s, struct control_client *c)
{
	uint64_t bytes = files_free(&s->files);

	if (bytes == FILES_FREE_UNKNOWN)
		control_client_text(c, "free_bytes", "unknown");
	else
		control_client_number(c, "free_bytes", VALUE_BYTES, bytes);
}

void
store_command_status_store(struct store *s, struct control_client *c,
    const struct control_status_store *m)
{
	char doubt[CLOCK_DOUBT_MAX];
	uint64_t rejected = 0;

	for (int v = 0; v < VERDICT_COUNT; v++)
		rejected += s->stats.rejected[v];
	control_client_number(c, "files", VALUE_NUMBER,
	    index_count(s->index, VIEW_COMMITTED, INDEX_VISIBLE));
	control_client_number(c, "files_configured", VALUE_NUMBER,
	    s->policy != NULL ? s->policy->n : 0);
	control_client_number(c, "records", VALUE_NUMBER,
	    index_count(s->index, VIEW_COMMITTED, INDEX_RECORDS));
	control_client_number(c, "records_unconfigured", VALUE_NUMBER,
	    index_count(s->index, VIEW_COMMITTED, INDEX_DORMANT));
	control_client_number(c, "wanted", VALUE_NUMBER,
	    index_count(s->index, VIEW_COMMITTED, INDEX_WANTED));
	control_client_number(c, "set_apart", VALUE_NUMBER, s->unplaced.n);
	control_client_number(c, "bytes", VALUE_BYTES, s->stats.bytes);
	control_client_number(
	    c, "history_bytes", VALUE_BYTES, s->stats.old_bytes);
	status_free(s, c);
	control_client_number(c, "rejected", VALUE_NUMBER, rejected);
	control_client_number(c, "conflicts", VALUE_NUMBER, s->stats.conflicts);
	control_client_number(
	    c, "rejects_not_logged", VALUE_NUMBER, rejects_dropped(s));
	control_client_number(c, "watched", VALUE_BOOL, watch_is_on(s));
	control_client_number(c, "damaged", VALUE_NUMBER, s->stats.damaged);
	control_client_number(
	    c, "quarantined", VALUE_NUMBER, s->files.quarantined);
	control_client_number(c, "healed", VALUE_NUMBER, s->stats.healed);
	status_scrub(s, c);
	if (index_is_read_only(s->index))
		control_client_number(c, "read_only", VALUE_BOOL, 1);
	control_client_number(c, "writable", VALUE_BOOL, s->stats.is_writable);
	control_client_number(
	    c, "clock_sane", VALUE_BOOL, clock_is_sane(&s->clock));
	if (clock_doubt(&s->clock, doubt)[0] != '\0')
		control_client_text(c, "expiry", "suspended: %s", doubt);
	control_client_end(c, VERDICT_OK, NULL);
}

/* --- list --- */

/* A list on its way to a client: as fast as that one reads. */
struct listing {
	struct store *s;
	size_t prefix_len;
	char prefix[NAME_LEN_MAX + 1];
	char from[NAME_LEN_MAX + 2]; /* where the next slice starts */
	bool is_full;
	size_t n;
	char name[SLICE_NAMES][NAME_LEN_MAX + 1];
};

static bool
on_name(void *ctx, const uint8_t *key, size_t key_len, struct bytes body,
    bool is_damaged)
{
	struct listing *l = ctx;
	char name[NAME_LEN_MAX + 1];
	uint8_t signer[32];

	if (!row_record_name(key, key_len, name, signer))
		return true;
	if (strncmp(name, l->prefix, l->prefix_len) != 0)
		return false;
	if (l->n > 0 && strcmp(l->name[l->n - 1], name) == 0)
		return true;
	if (l->n == SLICE_NAMES) {
		l->is_full = true;
		return false;
	}
	memcpy(l->name[l->n++], name, sizeof(name));
	return true;
}

/* Rows of the next names; false after the last. */
static bool
list_slice(struct listing *l, struct control_client *c)
{
	struct index *ix = l->s->index;
	struct winner w;
	struct entry e;
	uint8_t key[16];
	size_t rows, len;

	l->n = 0;
	l->is_full = false;
	rows = index_walk(ix, VIEW_COMMITTED, INDEX_RECORDS, l->from,
	    strlen(l->from), SLICE_ROWS, on_name, l);
	for (size_t i = 0; i < l->n; i++) {
		name_key(l->name[i], key);
		if (table_winner(ix, VIEW_COMMITTED, key, &w) == FOUND &&
		    queries_entry(l->s, &w, &e))
			commands_send_file(c, &e, commands_state(&w));
	}
	if (l->n == 0)
		return false;
	len = strlen(l->name[l->n - 1]);
	memcpy(l->from, l->name[l->n - 1], len);
	memcpy(l->from + len, "\1", 2);
	return l->is_full || rows == SLICE_ROWS;
}

static void
on_list_wants(void *ctx, struct control_client *c)
{
	struct listing *l = ctx;

	/* called again when the client has read that */
	while (control_client_wants(c)) {
		if (list_slice(l, c))
			continue;
		control_client_end(c, VERDICT_OK, NULL);
		free(l);
		return;
	}
}

static void
on_list_gone(void *ctx)
{
	free(ctx);
}

void
store_command_list(
    struct store *s, struct control_client *c, const struct control_list *m)
{
	struct listing *l = xcalloc(1, sizeof(*l));

	l->s = s;
	if (!bytes_copy_text(m->prefix, l->prefix, sizeof(l->prefix))) {
		free(l);
		control_client_end(c, VERDICT_MALFORMED, NULL);
		return;
	}
	l->prefix_len = strlen(l->prefix);
	memcpy(l->from, l->prefix, l->prefix_len + 1);
	control_client_on_wants(c, on_list_wants, on_list_gone, l);
}

/* --- get and upload --- */

static enum verdict
get(struct store *s, struct control_client *c, const struct control_get *m)
{
	char name[NAME_LEN_MAX + 1];
	uint8_t key[16], buf[ENTRY_SIZE_MAX];
	struct row_content row;
	struct winner w;
	struct entry e;
	enum verdict v;
	int fd;

	if (!commands_name(m->name, name))
		return VERDICT_BAD_NAME;
	name_key(name, key);
	if (table_winner(s->index, VIEW_COMMITTED, key, &w) != FOUND)
		return VERDICT_NOT_FOUND;
	v = queries_content(s, key, &w, &fd);
	if (v != VERDICT_OK)
		return v;
	if (!queries_entry(s, &w, &e)) {
		close(fd);
		return VERDICT_WITHDRAWN;
	}
	row.entry = bytes_of(buf, entry_encode(&e, buf));
	control_client_row(c, ROW_CONTENT, &row, fd);
	return VERDICT_OK;
}

void
store_command_get(
    struct store *s, struct control_client *c, const struct control_get *m)
{
	control_client_end(c, get(s, c, m), NULL);
}

static void
on_waiter_gone(void *ctx)
{
	struct waiter *w = ctx;

	w->client = NULL;
}

/* The outcome of what is decided now, once it is durable. */
static void
answer_later(struct store *s, struct control_client *c)
{
	const struct answer a = {VERDICT_OK, 0, 0, COMMIT_NO_CHANGE};
	struct reply reply = {REPLY_CONTROL, 0, 0, NULL};

	reply.waiter = xcalloc(1, sizeof(*reply.waiter));
	reply.waiter->client = c;
	control_client_on_wants(c, NULL, on_waiter_gone, reply.waiter);
	commit_answer(s, &reply, &a);
}

void
store_command_forget(
    struct store *s, struct control_client *c, const struct control_forget *m)
{
	char name[NAME_LEN_MAX + 1];
	size_t n;

	if (!commands_name(m->name, name)) {
		control_client_end(c, VERDICT_BAD_NAME, NULL);
		return;
	}
	/* what waits is not to be mixed with it */
	commit_flush(s);
	n = winner_forget(s, name);
	if (n == 0) {
		control_client_end(c, VERDICT_NOT_FOUND, NULL);
		return;
	}
	log_info("%s: forgot %zu records, as dmctl forget asked", name, n);
	control_client_number(c, "records", VALUE_NUMBER, n);
	answer_later(s, c);
}

void
store_command_upload(struct store *s, struct control_client *c,
    const struct control_upload *m, int fd)
{
	struct reply reply = {REPLY_CONTROL, 0, 0, NULL};
	struct entry e;

	if (m->entry.len == 0 ||
	    entry_decode(&e, m->entry.data, m->entry.len) != m->entry.len) {
		if (fd != -1)
			close(fd);
		control_client_end(c, VERDICT_MALFORMED, NULL);
		return;
	}
	reply.waiter = xcalloc(1, sizeof(*reply.waiter));
	reply.waiter->client = c;
	control_client_on_wants(c, NULL, on_waiter_gone, reply.waiter);
	put_memfd(s, &e, fd, &reply);
}

void
store_command_fsck(
    struct store *s, struct control_client *c, const struct control_fsck *m)
{
	scrub_check(s, c);
}

struct control_server *
commands_serve(struct store *s)
{
	return control_server_new(s->base, ROLE_STORE, store_commands, s);
}
