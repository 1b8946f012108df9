/* SPDX-License-Identifier: ISC */
#include "dm-net/sync/cache.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

static uint16_t *
cache_bucket(struct sync *s, const uint8_t *key)
{
	return &s->cache_buckets[core_hash(s, key, 16) % CACHE_BUCKETS];
}

struct cached *
cache_find(struct sync *s, const uint8_t *key)
{
	for (uint16_t i = *cache_bucket(s, key); i != 0;
	     i = s->cache[i - 1]->chain) {
		if (memcmp(s->cache[i - 1]->key, key, 16) == 0)
			return s->cache[i - 1];
	}
	return NULL;
}

void
cache_drop(struct sync *s, const uint8_t *key)
{
	uint16_t *at = cache_bucket(s, key), i;

	while ((i = *at) != 0 && memcmp(s->cache[i - 1]->key, key, 16) != 0)
		at = &s->cache[i - 1]->chain;
	if (i == 0)
		return;
	*at = s->cache[i - 1]->chain;
	free(s->cache[i - 1]->content);
	free(s->cache[i - 1]);
	s->cache[i - 1] = NULL;
}

void
cache_put(struct sync *s, const struct entry *e, const uint8_t *key,
    const uint8_t *content, size_t len)
{
	struct cached *c = xcalloc(1, sizeof(*c));
	size_t at = s->cache_next;

	cache_drop(s, key);
	s->cache_next = (s->cache_next + 1) % CACHE_MAX;
	if (s->cache[at] != NULL)
		cache_drop(s, s->cache[at]->key);
	c->entry = *e;
	entry_rank(e, &c->rank);
	memcpy(c->key, key, 16);
	if (content != NULL && len <= IPC_INLINE_MAX) {
		c->content = xmalloc(len + 1);
		memcpy(c->content, content, len);
		c->content_len = len;
	}
	s->cache[at] = c;
	c->chain = *cache_bucket(s, key);
	*cache_bucket(s, key) = (uint16_t)(at + 1);
}
