/* SPDX-License-Identifier: ISC */
#include "dm-store/suspects.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

#define SUSPECTS_MAX 256

struct suspects {
	struct event *look, *wake; /* the scrub's */
	bool is_look_again;
	bool is_all; /* there were more than can be named */
	size_t n;
	uint8_t key[SUSPECTS_MAX][16];
};

struct suspects *
suspects_new(void)
{
	return xcalloc(1, sizeof(struct suspects));
}

void
suspects_free(struct suspects *q)
{
	free(q);
}

void
suspects_listen(struct store *s, struct event *look, struct event *wake)
{
	s->suspected->look = look;
	s->suspected->wake = wake;
}

void
suspects_add(struct store *s, const uint8_t key[static 16])
{
	struct suspects *q = s->suspected;

	for (size_t i = 0; i < q->n; i++)
		if (memcmp(q->key[i], key, 16) == 0)
			return;
	if (q->n == SUSPECTS_MAX) {
		q->is_all = true;
		return;
	}
	memcpy(q->key[q->n++], key, 16);
	event_active(q->wake, EV_TIMEOUT, 0);
}

void
suspects_look_again(struct store *s)
{
	s->suspected->is_look_again = true;
	event_active(s->suspected->look, EV_TIMEOUT, 0);
}

bool
suspects_has_any(const struct store *s)
{
	return s->suspected->n > 0;
}

bool
suspects_take(struct store *s, uint8_t key[static 16])
{
	struct suspects *q = s->suspected;

	if (q->n == 0)
		return false;
	memcpy(key, q->key[--q->n], 16);
	return true;
}

bool
suspects_take_look(struct store *s)
{
	bool is_asked = s->suspected->is_look_again;

	s->suspected->is_look_again = false;
	return is_asked;
}

bool
suspects_take_all(struct store *s)
{
	bool is_all = s->suspected->is_all;

	s->suspected->is_all = false;
	return is_all;
}
