/* SPDX-License-Identifier: ISC */
/* One HTTP/1.1 client for tests: sends texts, looks at answers. */
#ifndef TESTS_DOUBLE_HTTP_TALK_H
#define TESTS_DOUBLE_HTTP_TALK_H

#include "tests/double/http_node.h"

#define TALK_MAX (16u << 20)

struct talk {
	struct http_node *node;
	int fd;
	bool is_closed; /* by the server */
	size_t len;	/* of what came last */
	char *text;	/* all of it, terminated */
};

/* Connects from that address. */
void talk_open(struct talk *, struct http_node *, const char *address);
void talk_close(struct talk *);

/* Sends and gathers the answer into text. Returns its status, 0 if none. */
int talk_send(struct talk *, const void *data, size_t len);
int talk_text(struct talk *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A GET with a Host and these further lines. */
int talk_get(struct talk *, const char *target, const char *lines);

/* The value of a field of the answer, "" without; until the next answer. */
const char *talk_field(struct talk *, const char *name);

/* The bytes after the head. */
const char *talk_body(struct talk *);

/* The head of an upload of this entry, with these further lines. */
void talk_put_head(
    char *out, size_t size, const struct entry *, const char *lines);

/* Uploads: head and content at once. Returns the status. */
int talk_put(struct talk *, const struct entry *, const void *content,
    const char *lines);

#endif
