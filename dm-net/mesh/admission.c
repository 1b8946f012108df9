/* SPDX-License-Identifier: ISC */
/*
 * Sources live in a small open-hashed table. One with a full bucket and
 * nothing open says nothing any more and makes room for others; when all are
 * busy a stranger is refused, so the table cannot be grown from outside.
 */
#include "dm-net/mesh/admission.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/siphash.h"

#define BUCKETS 1024
#define TOKEN_NS (NS_PER_S / ADMISSION_RATE_PER_S)
#define BUCKET_NS (TOKEN_NS * ADMISSION_BURST)

struct source_state {
	struct source_state *next;
	struct netsource id;
	unsigned half_open;
	unsigned parked;
	/* The bucket as a time: it was, or will be, full then. An arrival
	 * moves it by one token; it may lie at most BUCKET_NS ahead. */
	uint64_t full_at_ns;
};

struct admission {
	struct source_state *buckets[BUCKETS];
	unsigned sources;
	unsigned half_open;
	unsigned parked;
	uint64_t refused;
	uint8_t secret[SIPHASH_SECRET_BYTES];
};

struct admission *
admission_new(void)
{
	struct admission *a = xcalloc(1, sizeof(*a));

	if (getrandom(a->secret, sizeof(a->secret), 0) != sizeof(a->secret))
		fatal("no random numbers");
	return a;
}

void
admission_free(struct admission *a)
{
	struct source_state *s, *next;

	if (a == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		for (s = a->buckets[i]; s != NULL; s = next) {
			next = s->next;
			free(s);
		}
	free(a);
}

static struct source_state **
bucket(struct admission *a, const struct netsource *id)
{
	uint64_t h = siphash(a->secret, id->bytes, sizeof(id->bytes));

	return &a->buckets[h % BUCKETS];
}

static struct source_state *
find(struct admission *a, const struct netsource *id)
{
	struct source_state *s;

	for (s = *bucket(a, id); s != NULL; s = s->next)
		if (memcmp(&s->id, id, sizeof(*id)) == 0)
			return s;
	return NULL;
}

static void
forget_idle(struct admission *a, uint64_t now_ns)
{
	struct source_state **p, *s;

	for (size_t i = 0; i < BUCKETS; i++)
		for (p = &a->buckets[i]; (s = *p) != NULL;) {
			if (s->half_open != 0 || s->parked != 0 ||
			    s->full_at_ns > now_ns) {
				p = &s->next;
				continue;
			}
			*p = s->next;
			free(s);
			a->sources--;
		}
}

static struct source_state *
find_or_add(struct admission *a, const struct netsource *id, uint64_t now_ns)
{
	struct source_state *s = find(a, id), **head;

	if (s != NULL)
		return s;
	if (a->sources >= ADMISSION_SOURCES_MAX)
		forget_idle(a, now_ns);
	if (a->sources >= ADMISSION_SOURCES_MAX)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->id = *id;
	s->full_at_ns = now_ns;
	head = bucket(a, id);
	s->next = *head;
	*head = s;
	a->sources++;
	return s;
}

static bool
take_token(struct source_state *s, uint64_t now_ns)
{
	if (s->full_at_ns < now_ns)
		s->full_at_ns = now_ns;
	if (s->full_at_ns + TOKEN_NS > now_ns + BUCKET_NS)
		return false;
	s->full_at_ns += TOKEN_NS;
	return true;
}

/* Room among the half-open ones, and a token. */
static bool
admit(struct admission *a, struct source_state *s, uint64_t now_ns)
{
	if (a->half_open >= ADMISSION_HALF_OPEN_MAX ||
	    s->half_open >= ADMISSION_HALF_OPEN_SOURCE_MAX ||
	    !take_token(s, now_ns))
		return false;
	a->half_open++;
	s->half_open++;
	return true;
}

enum admission_answer
admission_arrive(struct admission *a, const struct netsource *id, bool has_room,
    uint64_t now_ns)
{
	struct source_state *s = find_or_add(a, id, now_ns);

	if (s != NULL) {
		/* those that wait go first */
		if (has_room && s->parked == 0 && admit(a, s, now_ns))
			return ADMISSION_ADMIT;
		if (a->parked < ADMISSION_PARKED_MAX &&
		    s->parked < ADMISSION_PARKED_SOURCE_MAX) {
			a->parked++;
			s->parked++;
			return ADMISSION_PARK;
		}
	}
	a->refused++;
	return ADMISSION_REFUSE;
}

bool
admission_unpark(
    struct admission *a, const struct netsource *id, uint64_t now_ns)
{
	struct source_state *s = find(a, id);

	if (s == NULL || s->parked == 0 || !admit(a, s, now_ns))
		return false;
	a->parked--;
	s->parked--;
	return true;
}

void
admission_left(struct admission *a, const struct netsource *id)
{
	struct source_state *s = find(a, id);

	if (s == NULL || s->parked == 0)
		return;
	a->parked--;
	s->parked--;
}

void
admission_settled(struct admission *a, const struct netsource *id)
{
	struct source_state *s = find(a, id);

	if (s == NULL || s->half_open == 0)
		return;
	a->half_open--;
	s->half_open--;
}

uint64_t
admission_refused(const struct admission *a)
{
	return a->refused;
}
