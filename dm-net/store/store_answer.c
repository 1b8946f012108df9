/* SPDX-License-Identifier: ISC */
/*
 * Checks the answers of dm-store: an answer without a question, to another
 * question, or with impossible values ends the channel.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/name.h"
#include "dm-net/store/store_client_internal.h"

/* The request that an answer belongs to; NULL after ending the channel. */
static struct request *
answer_find(struct store_client *link, uint64_t id, enum ipc_message message)
{
	struct request *r = store_request_find(link, id);

	if (r != NULL && r->is_sent && r->message == message)
		return r;
	if (link->ipc != NULL)
		ipc_violate(link->ipc, "answered a %s that was not requested",
		    ipc_message_name(message));
	return NULL;
}

/* Ends a request; false if nobody waits for it any more. */
static bool
answer_take(struct store_client *link, struct request *r)
{
	struct lane *lane = store_lane_of(link, r->id);

	store_request_release(link, r);
	store_lane_pump(link, lane);
	return !r->is_cancelled;
}

static bool
answer_refuse(struct store_client *link, const char *why)
{
	if (link->ipc != NULL)
		ipc_violate(link->ipc, "%s", why);
	return false;
}

/* False (and the channel ends) unless the bytes are one whole entry. */
static bool
answer_entry(struct store_client *link, struct bytes in, struct entry *out)
{
	return (in.len > 0 && entry_decode(out, in.data, in.len) == in.len) ||
	       answer_refuse(link, "sent a malformed entry");
}

/* ... and the entry of what was asked for. */
static bool
answer_asked(struct store_client *link, const struct request *r,
    struct bytes in, struct entry *out)
{
	struct entry_rank rank;
	uint8_t key[16];

	if (!answer_entry(link, in, out))
		return false;
	name_key(out->name, key);
	entry_rank(out, &rank);
	return (memcmp(key, r->ask.open.key, sizeof(key)) == 0 &&
		   (!r->ask.open.has_version ||
		       memcmp(rank.version, r->ask.open.version,
			   sizeof(rank.version)) == 0)) ||
	       answer_refuse(link, "answered with the entry of another file");
}

void
store_client_on_verdict(struct store_client *link, const struct ipc_verdict *m)
{
	struct request *r = answer_find(link, m->id, IPC_JUDGE);

	if (r == NULL)
		return;
	if (answer_take(link, r))
		r->owner.judged(r->ctx, (enum verdict)m->verdict, m->ticket,
		    m->held_signed_at_ns);
	free(r);
}

/* Checks that the descriptor is a file of the size that dm-store says. */
static enum verdict
opened_check(const struct entry *e, int fd)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || flags == -1 ||
	    (flags & O_ACCMODE) == O_WRONLY || (flags & O_PATH) != 0) {
		log_error(
		    "dm-store passed a descriptor that is not a regular file");
		return VERDICT_IO_ERROR;
	}
	if ((uint64_t)st.st_size != e->size) {
		log_error("files/%s has %jd bytes, but %ju were signed",
		    e->name, (intmax_t)st.st_size, (uintmax_t)e->size);
		return VERDICT_IO_ERROR;
	}
	return VERDICT_OK;
}

void
store_client_on_opened(
    struct store_client *link, const struct ipc_opened *m, int fd)
{
	struct request *r = answer_find(link, m->id, IPC_OPEN);
	enum verdict verdict = (enum verdict)m->verdict;
	bool has_entry = m->entry.len > 0;
	struct entry e;

	if (r == NULL || (has_entry && !answer_asked(link, r, m->entry, &e)))
		goto out;
	if ((verdict == VERDICT_OK) != (fd != -1) ||
	    (fd != -1 && (!has_entry || e.kind != ENTRY_FILE))) {
		answer_refuse(link,
		    "answered open with a verdict and a file that do not fit");
		goto out;
	}
	if (verdict == VERDICT_OK)
		verdict = opened_check(&e, fd);
	if (answer_take(link, r)) {
		r->owner.opened(r->ctx, verdict, has_entry ? &e : NULL,
		    verdict == VERDICT_OK ? fd : -1);
		if (verdict == VERDICT_OK)
			fd = -1;
	}
	free(r);
out:
	if (fd != -1)
		close(fd);
}

void
store_client_on_entry_read(
    struct store_client *link, const struct ipc_entry_read *m)
{
	struct request *r = answer_find(link, m->id, IPC_READ_ENTRY);
	bool has_entry = m->entry.len > 0;
	struct entry e;

	if (r == NULL || (has_entry && !answer_asked(link, r, m->entry, &e)))
		return;
	if (answer_take(link, r))
		r->owner.entry(
		    r->ctx, (enum verdict)m->verdict, has_entry ? &e : NULL);
	free(r);
}

void
store_client_on_list_row(
    struct store_client *link, const struct ipc_list_row *m)
{
	struct request *r = answer_find(link, m->id, IPC_LIST);
	struct entry e;

	if (r == NULL || !answer_entry(link, m->entry, &e))
		return;
	if (r->ask.list.limit == 0) {
		answer_refuse(link, "more rows than were asked for");
		return;
	}
	/* in order: else a walk from page to page might never end */
	if (strncmp(e.name, r->ask.list.prefix, strlen(r->ask.list.prefix)) !=
		0 ||
	    strcmp(e.name, r->ask.list.cursor) <= 0) {
		answer_refuse(link, "a row that was not asked for");
		return;
	}
	memcpy(r->ask.list.cursor, e.name, sizeof(r->ask.list.cursor));
	r->ask.list.has_rows = true;
	r->ask.list.limit--;
	if (!r->is_cancelled)
		r->owner.list.row(r->owner.list.ctx, &e);
}

void
store_client_on_list_end(
    struct store_client *link, const struct ipc_list_end *m)
{
	struct request *r = answer_find(link, m->id, IPC_LIST);
	enum verdict verdict = (enum verdict)m->verdict;

	if (r == NULL)
		return;
	/* asking again would bring the same */
	if (m->more && !r->ask.list.has_rows)
		verdict = VERDICT_IO_ERROR;
	if (answer_take(link, r))
		r->owner.list.end(r->owner.list.ctx, verdict, m->more);
	free(r);
}
