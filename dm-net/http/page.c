/* SPDX-License-Identifier: ISC */
#include "dm-net/http/page.h"

#include <assert.h>

#include "common/limits.h"
#include "dm-net/http/api.h"
#include "dm-net/http/conn_io.h"
#include "dm-net/http/list.h"
#include "dm-net/http/server.h"

static_assert(IPC_LIST_LIMIT_MAX * HTTP_LIST_ROW_MAX <= HTTP_PAGE_BYTES,
    "a page of the list fits");

static void
wait_end(struct http_exchange *x)
{
	if (x->is_waiting)
		TAILQ_REMOVE(&x->server->waiting, x, waiting);
	x->is_waiting = false;
}

bool
http_page_begin(struct http_exchange *x)
{
	if (memory_take(&x->conn->memory, HTTP_PAGE_BYTES)) {
		wait_end(x);
		x->page = HTTP_PAGE_BYTES;
		return true;
	}
	if (x->is_answered && !x->is_waiting) {
		TAILQ_INSERT_TAIL(&x->server->waiting, x, waiting);
		x->is_waiting = true;
	}
	return false;
}

void
http_page_end(struct http_exchange *x)
{
	memory_give(&x->conn->memory, x->page);
	x->page = 0;
}

void
http_page_answer(struct http_exchange *x, const char *type)
{
	if (x->via->is_taken(x))
		x->pull(x);
	http_api_answer_text(x, 200, type);
}

void
http_page_leave(struct http_exchange *x)
{
	http_page_end(x);
	wait_end(x);
}

void
http_page_retry(struct http_server *s)
{
	struct http_exchange *x;

	TAILQ_FOREACH(x, &s->waiting, waiting)
		x->via->more(x);
}
