/* SPDX-License-Identifier: ISC */
#include "dm-net/http/source.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

struct http_source *
http_source_find(
    const struct http_source_list *list, const struct netsource *id)
{
	struct http_source *s;

	LIST_FOREACH(s, list, next)
		if (memcmp(&s->id, id, sizeof(*id)) == 0)
			return s;
	return NULL;
}

struct http_source *
http_source_hold(struct http_source_list *list, const struct netsource *id)
{
	struct http_source *s = http_source_find(list, id);

	if (s == NULL) {
		s = xcalloc(1, sizeof(*s));
		s->id = *id;
		LIST_INSERT_HEAD(list, s, next);
	}
	s->n_holds++;
	return s;
}

void
http_source_release(struct http_source *s)
{
	if (--s->n_holds > 0)
		return;
	LIST_REMOVE(s, next);
	free(s);
}
