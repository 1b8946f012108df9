/* SPDX-License-Identifier: ISC */
#include "dm-store/failures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

struct cause {
	const char *doing; /* NULL: a free place */
	char why[64];
	uint64_t told_ns;  /* mono */
	uint64_t left_out; /* since */
};

struct failures {
	struct cause cause[FAILURES_MAX];
};

struct failures *
failures_new(void)
{
	return xcalloc(1, sizeof(struct failures));
}

void
failures_free(struct failures *f)
{
	free(f);
}

static bool
is_same(const struct cause *c, const char *doing, const char *why)
{
	return c->doing != NULL && strcmp(c->doing, doing) == 0 &&
	       strncmp(c->why, why, sizeof(c->why) - 1) == 0;
}

/* Its place, or that of the one that was told longest ago. */
static struct cause *
find(struct failures *f, const char *doing, const char *why)
{
	struct cause *oldest = &f->cause[0];

	for (size_t i = 0; i < FAILURES_MAX; i++) {
		struct cause *c = &f->cause[i];

		if (is_same(c, doing, why))
			return c;
		if (c->doing == NULL ||
		    (oldest->doing != NULL && c->told_ns < oldest->told_ns))
			oldest = c;
	}
	memset(oldest, 0, sizeof(*oldest));
	return oldest;
}

void
failures_tell(struct store *s, const char *doing, const char *path,
    const char *name, const char *why)
{
	struct cause *c = find(s->failures, doing, why);
	uint64_t mono = s->clock.mono_ns();
	char more[64] = "";

	if (c->doing != NULL && mono - c->told_ns < FAILURES_EVERY_NS) {
		c->left_out++;
		return;
	}
	if (c->left_out > 0)
		snprintf(more, sizeof(more), " (and %llu times before)",
		    (unsigned long long)c->left_out);
	log_error("%s %s%s%s: %s%s", doing, path, *name != '\0' ? " for " : "",
	    name, why, more);
	c->doing = doing;
	snprintf(c->why, sizeof(c->why), "%s", why);
	c->told_ns = mono;
	c->left_out = 0;
}
