/* SPDX-License-Identifier: ISC */
#include "dm-net/http/get.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/name.h"
#include "dm-net/http/api.h"
#include "dm-net/http/condition.h"
#include "dm-net/http/conn_io.h"
#include "dm-net/http/files.h"
#include "dm-net/http/server.h"
#include "dm-net/store/store_client.h"

/* Copies a condition; one that is too long is as good as none. */
static bool
keep(const struct http_request *r, enum http_field f, char *out, size_t size)
{
	return http_request_has(r, f) &&
	       bytes_copy_text(r->field[f], out, size);
}

static void
keep_conditions(struct http_exchange *x, const struct http_request *r)
{
	x->get.has_range =
	    x->method == METHOD_GET &&
	    keep(r, FIELD_RANGE, x->get.range, sizeof(x->get.range));
	x->get.has_if_range = http_request_has(r, FIELD_IF_RANGE);
	if (!keep(r, FIELD_IF_RANGE, x->get.if_range, sizeof(x->get.if_range)))
		x->get.if_range[0] = '\0';
	x->get.has_if_none_match = keep(r, FIELD_IF_NONE_MATCH,
	    x->get.if_none_match, sizeof(x->get.if_none_match));
}

static void
answer_part(struct http_exchange *x, uint64_t first, uint64_t length)
{
	const struct entry *e = &x->file->entry;
	struct http_head *h = &x->own_head;

	http_head_add(h, "Content-Type", "application/octet-stream");
	http_head_add(h, "X-Content-Type-Options", "nosniff");
	http_head_add(h, "Content-Length", "%" PRIu64, length);
	http_head_add(h, "Content-Range",
	    "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first, first + length - 1,
	    e->size);
	http_file_fields(h, e, clock_unix_ns());
	x->body = BODY_FILE;
	x->offset = first;
	x->left = length;
	http_api_answer(x, 206, h);
}

/* x->file is set: the response of RFC 9110, 13.2.2. */
static void
answer_file(struct http_exchange *x)
{
	const struct http_file *f = x->file;
	enum http_range range = RANGE_NONE;
	uint64_t first, length;

	x->has_length = true;
	if (x->get.has_if_none_match &&
	    http_etag_listed(bytes_text(x->get.if_none_match), f->etag)) {
		http_file_fields(&x->own_head, &f->entry, clock_unix_ns());
		http_api_answer(x, 304, &x->own_head);
		return;
	}
	if (x->get.has_range &&
	    (!x->get.has_if_range ||
		http_if_range(bytes_text(x->get.if_range), f->etag)))
		range = http_range_parse(
		    bytes_text(x->get.range), f->entry.size, &first, &length);
	if (range == RANGE_OUTSIDE) {
		struct http_problem p = {
		    .has_size = true, .size = f->entry.size};

		http_api_problem(x, VERDICT_BAD_RANGE, &p);
	} else if (range == RANGE_PART) {
		answer_part(x, first, length);
	} else {
		x->body = BODY_FILE;
		x->offset = 0;
		x->left = f->entry.size;
		http_api_answer(x, 200, &f->head);
	}
}

static void
on_opened(void *ctx, enum verdict v, const struct entry *e, int fd)
{
	struct http_exchange *x = ctx;
	struct http_files *files = x->server->files;
	uint64_t now_ns = clock_unix_ns();

	x->asked = 0;
	x->has_reserved = false;
	if (v == VERDICT_OK && strcmp(e->name, x->name) != 0) {
		close(fd);
		v = VERDICT_NOT_FOUND;
	}
	if (v != VERDICT_OK) {
		http_files_unreserve(files);
		/* An expired file does not exist for readers. */
		http_api_refuse(
		    x, v == VERDICT_EXPIRED ? VERDICT_NOT_FOUND : v);
		return;
	}
	x->file = http_files_add(files, e, fd, now_ns);
	answer_file(x);
}

/* A file that was held before dm-store ended may be stale. */
static void
drop_stale(struct http_server *s)
{
	uint64_t epoch = store_client_epoch(s->backend.store);

	if (s->store_epoch == epoch)
		return;
	http_files_forget_all(s->files);
	s->store_epoch = epoch;
}

/* A client that holds many of the files already leaves the rest to others. */
static bool
may_open(struct http_exchange *x)
{
	struct http_files *files = x->server->files;

	if (http_files_is_crowded(files) &&
	    http_conn_source_files(x->conn) > HTTP_FILES_SOURCE_MAX)
		return false;
	return http_files_reserve(files);
}

void
http_get_begin(struct http_exchange *x, const struct http_request *r,
    const struct http_target *t)
{
	struct http_server *s = x->server;
	uint8_t key[16];
	enum verdict v;

	drop_stale(s);
	keep_conditions(x, r);
	x->is_reading = true;
	x->conn->n_files++;
	x->file = http_files_find(s->files, t->name, clock_unix_ns());
	if (x->file != NULL) {
		answer_file(x);
		return;
	}
	if (!may_open(x)) {
		http_api_refuse(x, VERDICT_BUSY);
		return;
	}
	memcpy(x->name, t->name, sizeof(x->name));
	name_key(t->name, key);
	v = store_open(s->backend.store, key, NULL, on_opened, x, &x->asked);
	if (v == VERDICT_OK) {
		x->has_reserved = true;
		return;
	}
	http_files_unreserve(s->files);
	http_api_refuse(x, v);
}
