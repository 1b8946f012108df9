/* SPDX-License-Identifier: ISC */
#include "dm-net/reject_relay.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xevent.h"
#include "dm-net/store/store_client.h"

#define FROM_MAX 64

struct refusal {
	enum verdict verdict;
	uint64_t times;
	char from[FROM_MAX + 1];
	struct entry entry; /* name "": not known */
};

struct reject_relay {
	struct store_client *store;
	struct event *second; /* pending while there is something to tell */
	size_t n;
	struct refusal row[NET_REFUSALS_MAX];
};

static void
tell(struct reject_relay *r, const struct refusal *row)
{
	static const uint8_t none[32];
	const struct entry *e = &row->entry;
	struct ipc_refused m = {.verdict = row->verdict,
	    .times = row->times,
	    .name = bytes_text(e->name),
	    .kind = e->kind == ENTRY_DELETE,
	    .signed_at_ns = e->signed_at_ns,
	    .from = bytes_text(row->from)};

	if (memcmp(e->signer, none, sizeof(none)) != 0)
		m.signer = bytes_of(e->signer, sizeof(e->signer));
	store_refused(r->store, &m);
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct reject_relay *r = arg;

	for (size_t i = 0; i < r->n; i++)
		tell(r, &r->row[i]);
	r->n = 0;
}

struct reject_relay *
reject_relay_new(struct event_base *base, struct store_client *store)
{
	struct reject_relay *r = xcalloc(1, sizeof(*r));

	r->store = store;
	r->second = xevent(base, -1, 0, on_second, r);
	return r;
}

void
reject_relay_free(struct reject_relay *r)
{
	if (r == NULL)
		return;
	event_free(r->second);
	free(r);
}

/* Reasons that lie in what was sent, not in this node. */
static bool
is_telling(enum verdict v)
{
	static const enum verdict list[] = {VERDICT_MALFORMED, VERDICT_BAD_NAME,
	    VERDICT_BAD_FIELD, VERDICT_UNKNOWN_FILE, VERDICT_UNKNOWN_SIGNER,
	    VERDICT_OTHER_NETWORK, VERDICT_TOO_LARGE, VERDICT_SIGNED_IN_FUTURE,
	    VERDICT_EXPIRED, VERDICT_LENGTH_REQUIRED, VERDICT_BAD_MEDIA_TYPE,
	    VERDICT_SHA256_REQUIRED, VERDICT_ORIGIN_REFUSED,
	    VERDICT_MISDIRECTED, VERDICT_BAD_EXPECTATION};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (list[i] == v)
			return true;
	return false;
}

/* The row of that source, reason and name, or a new one; NULL: too many. */
static struct refusal *
row_of(
    struct reject_relay *r, enum verdict v, const char *name, const char *from)
{
	size_t n_source = 0;

	for (size_t i = 0; i < r->n; i++) {
		struct refusal *row = &r->row[i];

		if (strcmp(row->from, from) != 0)
			continue;
		if (row->verdict == v && strcmp(row->entry.name, name) == 0)
			return row;
		n_source++;
	}
	if (r->n == NET_REFUSALS_MAX || n_source == NET_REFUSALS_SOURCE_MAX)
		return NULL;
	memset(&r->row[r->n], 0, sizeof(r->row[r->n]));
	return &r->row[r->n++];
}

void
reject_relay_note(struct reject_relay *r, enum verdict v, const struct entry *e,
    const char *from)
{
	static const struct timeval second = {1, 0};
	struct refusal *row;
	char source[FROM_MAX + 1];

	if (r == NULL || !is_telling(v) ||
	    !bytes_copy_text(bytes_text(from), source, sizeof(source)))
		return;
	row = row_of(r, v, e != NULL ? e->name : "", source);
	if (row == NULL)
		return;
	if (r->n == 1 && !event_pending(r->second, EV_TIMEOUT, NULL))
		event_add(r->second, &second);
	row->verdict = v;
	row->times = row->times < UINT32_MAX ? row->times + 1 : UINT32_MAX;
	memcpy(row->from, source, sizeof(source));
	memset(&row->entry, 0, sizeof(row->entry));
	if (e != NULL)
		row->entry = *e;
}
