/* SPDX-License-Identifier: ISC */
/*
 * Doubly linked rings of links embedded in objects. A head is a link too; an
 * unlinked link points at itself, so unlinking twice does no harm.
 *
 * Owns nothing.
 */
#ifndef DMNET_LIBP2P_LIST_H
#define DMNET_LIBP2P_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next;
	struct list *prev;
};

/* The object of type `type` whose member `member` is the link `ptr`. */
#define LIST_OF(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void
list_init(struct list *link)
{
	link->next = link;
	link->prev = link;
}

static inline bool
list_is_empty(const struct list *head)
{
	return head->next == head;
}

static inline void
list_remove(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

/* `link` must be unlinked. */
static inline void
list_append(struct list *head, struct list *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

/* The first link, taken off the list; NULL if there is none. */
static inline struct list *
list_take(struct list *head)
{
	struct list *link = head->next;

	if (link == head)
		return NULL;
	list_remove(link);
	return link;
}

/* Moves everything from `from` to the empty list `to`. */
static inline void
list_move(struct list *to, struct list *from)
{
	list_init(to);
	if (list_is_empty(from))
		return;
	*to = *from;
	to->next->prev = to;
	to->prev->next = to;
	list_init(from);
}

#endif
