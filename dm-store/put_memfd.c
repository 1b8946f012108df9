/* SPDX-License-Identifier: ISC */
/* The rest of put.h: uploads of dmctl, from a sealed memfd. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xevent.h"
#include "dm-store/disk.h"
#include "dm-store/loop.h"
#include "dm-store/put_internal.h"

#define PULL_CHUNK ((size_t)256 << 10)

static void
on_pull(evutil_socket_t fd, short what, void *arg)
{
	struct put *p = arg;
	uint64_t left = p->entry.size - p->got;
	uint8_t *chunk;
	ssize_t n;
	bool goes_on;

	if (left == 0) {
		put_end(p);
		return;
	}
	chunk = xmalloc(PULL_CHUNK);
	n = disk_read(p->source_fd, chunk,
	    left < PULL_CHUNK ? (size_t)left : PULL_CHUNK, p->got);
	if (n == 0) {
		put_refuse(p, VERDICT_BAD_CONTENT, 0);
		goes_on = false;
	} else if (n == -1) {
		put_fail(p, "cannot copy the file of dmctl to", errno);
		goes_on = false;
	} else {
		goes_on = put_feed(p, chunk, (size_t)n);
	}
	free(chunk);
	if (goes_on)
		loop_soon(p->pull);
}

void
put_memfd(
    struct store *s, const struct entry *e, int fd, const struct reply *reply)
{
	struct put *p;

	if (e->kind == ENTRY_FILE &&
	    (fd == -1 || !disk_is_sealed(fd, e->size))) {
		put_answer(s, reply, VERDICT_BAD_CONTENT, 0);
		goto out;
	}
	p = put_new(s, e, true, false, FROM_CLIENT, bytes_text("dmctl"), reply);
	if (p == NULL)
		goto out;
	p->source_fd = fd;
	fd = -1;
	p->pull = xevent(s->base, -1, 0, on_pull, p);
	put_start(p);
out:
	if (fd != -1)
		close(fd);
}
