/* SPDX-License-Identifier: ISC */
#include "dm-store/ticket.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

struct ticket {
	uint64_t number; /* 0: free */
	uint8_t version[32];
	bool is_want;
	struct entry entry;
};

struct tickets {
	uint64_t last; /* goes on over links: no number comes twice */
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
	for (size_t i = 0; i < IPC_TICKETS_MAX; i++)
		t->ticket[i].number = 0;
}

/* A walk over all of them costs less than a tenth of one signature. */
static const struct ticket *
find(const struct tickets *t, const uint8_t version[static 32])
{
	for (size_t i = 0; i < IPC_TICKETS_MAX; i++)
		if (t->ticket[i].number != 0 &&
		    memcmp(t->ticket[i].version, version, 32) == 0)
			return &t->ticket[i];
	return NULL;
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
	ticket->number = number;
	ticket->is_want = is_want;
	ticket->entry = *e;
	memcpy(ticket->version, version, 32);
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
		t->ticket[number % IPC_TICKETS_MAX].number = 0;
}

void
ticket_return(struct tickets *t, uint64_t number)
{
	struct ticket *ticket = &t->ticket[number % IPC_TICKETS_MAX];

	/* what the store itself wants stays wanted */
	if (number != 0 && ticket->number == number && !ticket->is_want)
		ticket->number = 0;
}

size_t
tickets_wants(const struct tickets *t)
{
	size_t n = 0;

	for (size_t i = 0; i < IPC_TICKETS_MAX; i++)
		n += t->ticket[i].number != 0 && t->ticket[i].is_want;
	return n;
}
