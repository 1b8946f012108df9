/* SPDX-License-Identifier: ISC */
#include "dm-store/ticket.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

#define BUCKETS 1024

struct ticket {
	uint64_t number; /* 0: free */
	uint32_t next;	 /* of its bucket, plus 1; 0: none */
	uint8_t version[32];
	bool is_want;
	struct entry entry;
};

struct tickets {
	uint64_t last; /* goes on over links: no number comes twice */
	size_t n_wants;
	uint32_t bucket[BUCKETS]; /* by version */
	struct ticket ticket[IPC_TICKETS_MAX];
};

struct tickets *
tickets_new(void)
{
	return xcalloc(1, sizeof(struct tickets));
}

void
tickets_free(struct tickets *t)
{
	free(t);
}

void
tickets_clear(struct tickets *t)
{
	uint64_t last = t->last;

	memset(t, 0, sizeof(*t));
	t->last = last;
}

/* A version is a hash already. */
static size_t
bucket_of(const uint8_t version[static 32])
{
	return (size_t)(version[0] | version[1] << 8) % BUCKETS;
}

static uint32_t *
bucket(struct tickets *t, const uint8_t version[static 32])
{
	return &t->bucket[bucket_of(version)];
}

static const struct ticket *
find(const struct tickets *t, const uint8_t version[static 32])
{
	uint32_t at = t->bucket[bucket_of(version)];

	while (at != 0 && memcmp(t->ticket[at - 1].version, version, 32) != 0)
		at = t->ticket[at - 1].next;
	return at != 0 ? &t->ticket[at - 1] : NULL;
}

static void
release(struct tickets *t, struct ticket *ticket)
{
	uint32_t *at = bucket(t, ticket->version);
	uint32_t own = (uint32_t)(ticket - t->ticket) + 1;

	if (ticket->number == 0)
		return;
	while (*at != own)
		at = &t->ticket[*at - 1].next;
	*at = ticket->next;
	t->n_wants -= ticket->is_want;
	ticket->number = 0;
}

uint64_t
ticket_of(const struct tickets *t, const uint8_t version[static 32])
{
	const struct ticket *found = find(t, version);

	return found != NULL ? found->number : 0;
}

/* Of a free place; when there is none the next in turn makes room. */
static uint64_t
next_number(struct tickets *t)
{
	for (size_t i = 0; i < IPC_TICKETS_MAX; i++)
		if (t->ticket[++t->last % IPC_TICKETS_MAX].number == 0)
			return t->last;
	return ++t->last;
}

uint64_t
ticket_issue(struct tickets *t, const struct entry *e,
    const uint8_t version[static 32], bool is_want)
{
	uint64_t number = ticket_of(t, version);
	struct ticket *ticket;

	if (number != 0)
		return number;
	number = next_number(t);
	ticket = &t->ticket[number % IPC_TICKETS_MAX];
	release(t, ticket);
	ticket->number = number;
	ticket->is_want = is_want;
	ticket->entry = *e;
	memcpy(ticket->version, version, 32);
	ticket->next = *bucket(t, version);
	*bucket(t, version) = (uint32_t)(ticket - t->ticket) + 1;
	t->n_wants += is_want;
	return number;
}

const struct entry *
ticket_entry(const struct tickets *t, uint64_t number)
{
	const struct ticket *ticket = &t->ticket[number % IPC_TICKETS_MAX];

	return number != 0 && ticket->number == number ? &ticket->entry : NULL;
}

void
ticket_drop(struct tickets *t, const uint8_t version[static 32])
{
	uint64_t number = ticket_of(t, version);

	if (number != 0)
		release(t, &t->ticket[number % IPC_TICKETS_MAX]);
}

void
ticket_return(struct tickets *t, uint64_t number)
{
	struct ticket *ticket = &t->ticket[number % IPC_TICKETS_MAX];

	/* what the store itself wants stays wanted */
	if (number != 0 && ticket->number == number && !ticket->is_want)
		release(t, ticket);
}

size_t
tickets_wants(const struct tickets *t)
{
	return t->n_wants;
}
