/* SPDX-License-Identifier: ISC */
#include "dm-net/resolve.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/log.h"

struct resolve_question {
	TAILQ_ENTRY(resolve_question) next;
	uint32_t id;
	bool is_trusted;
	resolve_fn *fn; /* NULL: cancelled */
	void *ctx;
};

struct resolve {
	struct ipc *ipc;
	TAILQ_HEAD(questions, resolve_question) waiting;
	unsigned n_waiting;
	unsigned n_strangers; /* of those that wait */
	uint64_t full_ns;     /* strangers may ask a whole burst from then on */
	uint32_t last_id;
};

struct resolve *
resolve_new(void)
{
	struct resolve *r = xcalloc(1, sizeof(*r));

	TAILQ_INIT(&r->waiting);
	return r;
}

static void
forget(struct resolve *r, struct resolve_question *q)
{
	TAILQ_REMOVE(&r->waiting, q, next);
	r->n_waiting--;
	r->n_strangers -= !q->is_trusted;
	free(q);
}

void
resolve_free(struct resolve *r)
{
	struct resolve_question *q;

	if (r == NULL)
		return;
	while ((q = TAILQ_FIRST(&r->waiting)) != NULL)
		forget(r, q);
	free(r);
}

/* Takes the question off the list before it calls back. */
static void
answer(struct resolve *r, struct resolve_question *q,
    const struct resolve_address *list, size_t n, const char *error)
{
	resolve_fn *fn = q->fn;
	void *ctx = q->ctx;

	forget(r, q);
	if (fn != NULL)
		fn(ctx, list, n, error);
}

void
resolve_attach(struct resolve *r, struct ipc *ipc)
{
	struct resolve_question *q;
	uint32_t last = r->last_id;

	r->ipc = ipc;
	/* those asked by the callbacks belong to the new channel */
	while ((q = TAILQ_FIRST(&r->waiting)) != NULL && q->id <= last)
		answer(r, q, NULL, 0, "the resolver was restarted");
}

static struct resolve_question *
find(struct resolve *r, uint64_t id)
{
	struct resolve_question *q;

	TAILQ_FOREACH(q, &r->waiting, next)
		if (q->id == id)
			return q;
	return NULL;
}

/* Takes one from what strangers may ask a minute. */
static bool
strangers_may_ask(struct resolve *r, uint64_t now_ns)
{
	uint64_t burst_ns = RESOLVE_STRANGERS_BURST * RESOLVE_STRANGERS_NS;
	uint64_t full_ns = r->full_ns > now_ns ? r->full_ns : now_ns;

	if (full_ns + RESOLVE_STRANGERS_NS > now_ns + burst_ns)
		return false;
	r->full_ns = full_ns + RESOLVE_STRANGERS_NS;
	return true;
}

/* NULL: the question may be asked. */
static const char *
refusal(struct resolve *r, bool is_trusted)
{
	if (r->ipc == NULL)
		return "the resolver is not running";
	if (r->n_waiting >= RESOLVE_WAITING_MAX)
		return "too many look-ups wait for an answer";
	if (is_trusted)
		return NULL;
	if (r->n_strangers >= RESOLVE_STRANGERS_MAX ||
	    !strangers_may_ask(r, clock_mono_ns()))
		return "too many look-ups for peers that are not configured";
	return NULL;
}

uint32_t
resolve_start(struct resolve *r, const struct resolve_ask *ask, resolve_fn *fn,
    void *ctx, const char **why)
{
	struct ipc_resolve m = {
	    .host = bytes_text(ask->host), .family = ask->family};
	struct resolve_question *q;

	*why = refusal(r, ask->is_trusted);
	if (*why != NULL)
		return 0;
	q = xcalloc(1, sizeof(*q));
	q->id = ++r->last_id;
	q->is_trusted = ask->is_trusted;
	q->fn = fn;
	q->ctx = ctx;
	TAILQ_INSERT_TAIL(&r->waiting, q, next);
	r->n_waiting++;
	r->n_strangers += !q->is_trusted;
	m.id = q->id;
	ipc_send(r->ipc, IPC_RESOLVE, &m, -1);
	return q->id;
}

void
resolve_cancel(struct resolve *r, uint32_t id)
{
	struct resolve_question *q = find(r, id);

	if (q != NULL)
		q->fn = NULL;
}

void
resolve_on_resolved(struct resolve *r, const struct ipc_resolved *m)
{
	struct resolve_address list[RESOLVE_ADDRESSES_MAX];
	struct resolve_question *q = find(r, m->id);
	char error[129];
	size_t n = 0;

	if (q == NULL)
		return;
	for (size_t at = 0;
	     at + 17 <= m->addresses.len && n < RESOLVE_ADDRESSES_MAX;
	     at += 17) {
		const uint8_t *p = m->addresses.data + at;

		if (p[0] != 4 && p[0] != 6)
			continue;
		list[n].len = p[0] == 4 ? 4 : 16;
		memcpy(list[n].bytes, p + 1, 16);
		n++;
	}
	if (!bytes_copy_text(m->error, error, sizeof(error)))
		error[0] = '\0';
	if (n == 0 && error[0] == '\0')
		strcpy(error, "the name has no address");
	answer(r, q, list, n, n > 0 ? "" : error);
}
