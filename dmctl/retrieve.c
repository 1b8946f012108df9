/* SPDX-License-Identifier: ISC */
#include "dmctl/retrieve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/duration.h"
#include "common/log.h"
#include "common/sha256.h"
#include "dmctl/content.h"
#include "dmctl/entry_fields.h"
#include "dmctl/json_scan.h"

#define BUFFER_SIZE (128u << 10)
#define PROBLEM_MAX 4096

struct reading {
	const char *name;
	const char *which; /* NULL: the current version */
	retrieve_fn *take;
	void *ctx;
	struct sha256 *hash;
	uint64_t size;
	bool is_stopped;
	int code; /* why we ended a call over HTTP, EX_OK: we did not */
	bool has_entry;
	struct entry *entry;
	uint64_t file_max;
	const struct http_response *response;
	char problem[PROBLEM_MAX]; /* of a refusal over HTTP */
	size_t problem_len;
};

static void
reading_add(struct reading *r, const void *data, size_t len)
{
	if (r->is_stopped)
		return;
	sha256_add(r->hash, data, len);
	r->size += len;
	if (!r->take(r->ctx, data, len))
		r->is_stopped = true;
}

/* --- over the control socket ------------------------------------------ */

/* Only a regular file of this size is read: an impostor could hand over a pipe
 * that never ends. */
static bool
is_file_of(int fd, uint64_t size)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == size;
}

static int
read_content(struct reading *r, int fd, uint64_t size)
{
	uint8_t *buffer;
	int code = EX_OK;
	off_t at = 0;
	ssize_t n;

	if (!is_file_of(fd, size)) {
		log_error(
		    "%s: the received content does not match its signed hash",
		    r->name);
		return EX_DATAERR;
	}
	buffer = xmalloc(BUFFER_SIZE);
	/* its offset may be shared with other readers */
	while (!r->is_stopped && r->size <= size &&
	       (n = pread(fd, buffer, BUFFER_SIZE, at)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			log_error("%s: %s", r->name, strerror(errno));
			code = EX_IOERR;
			break;
		}
		reading_add(r, buffer, (size_t)n);
		at += n;
	}
	free(buffer);
	return code;
}

static int
from_control(struct target *t, struct reading *r, struct entry *e)
{
	const struct control_get current = {.name = bytes_text(r->name)};
	const struct control_get_version earlier = {.name = bytes_text(r->name),
	    .which = bytes_text(r->which != NULL ? r->which : "")};
	enum ask_result result;
	struct control_ask ask;
	int code, fd = -1;

	code = r->which == NULL
		   ? target_ask(t, &ask, CONTROL_GET, &current)
		   : target_ask(t, &ask, CONTROL_GET_VERSION, &earlier);
	if (code != EX_OK)
		return code;
	while ((result = control_ask_next(&ask, target_deadline(t, &ask))) ==
	       ASK_ROW) {
		const struct bytes *entry = &ask.answer.row.content.entry;

		if (ask.answer.kind == ROW_CONTENT && fd == -1 &&
		    entry_decode(e, entry->data, entry->len) > 0)
			fd = control_ask_take_fd(&ask);
	}
	code = target_ended(t, &ask, result, r->name);
	if (code == EX_OK && fd == -1) {
		log_error("%s: dmd sent no content", r->name);
		code = EX_PROTOCOL;
	}
	if (code == EX_OK)
		code = read_content(r, fd, e->size);
	if (fd != -1)
		close(fd);
	control_ask_close(&ask);
	return code;
}

/* --- over HTTP -------------------------------------------------------- */

/* Takes the signed size and the rest from the head; EX_OK or an exit code. */
static int
take_entry(struct reading *r, const struct http_response *response)
{
	struct entry *e = r->entry;
	char text[SIZE_TEXT_MAX], most[SIZE_TEXT_MAX];

	snprintf(e->name, sizeof(e->name), "%s", r->name);
	r->has_entry = entry_fields_parse(response, e);
	if (!r->has_entry) {
		log_error("%s: the answer has no signature, so the server is "
			  "not dmd: check --url",
		    r->name);
		return EX_PROTOCOL;
	}
	if (e->size <= r->file_max)
		return EX_OK;
	log_error("%s: the server announces %s, and the limit is %s: raise "
		  "max_file_size in the dm.toml that -f names (without one the "
		  "limit is 1G)",
	    r->name, size_format(e->size, text),
	    size_format(r->file_max, most));
	return EX_DATAERR;
}

/* Takes no content from a server whose head is not that of dmd. */
static bool
on_head(void *ctx, const struct http_response *response, uint64_t *body_max)
{
	struct reading *r = ctx;

	if (response->status != 200)
		return true;
	r->code = take_entry(r, response);
	*body_max = r->entry->size;
	return r->code == EX_OK;
}

static bool
on_body(void *ctx, const uint8_t *data, size_t len)
{
	struct reading *r = ctx;

	if (r->response->status == 200) {
		reading_add(r, data, len);
		return !r->is_stopped;
	}
	if (len > sizeof(r->problem) - r->problem_len)
		len = sizeof(r->problem) - r->problem_len;
	memcpy(r->problem + r->problem_len, data, len);
	r->problem_len += len;
	return true;
}

/* 4xx and 5xx: dmd sends a code, which verdict.def explains. */
static int
refused(const struct reading *r)
{
	char code[64], detail[1024];

	if (json_scan_text(r->problem, r->problem_len, "code", code,
		sizeof(code)) == JSON_STRING &&
	    json_scan_text(r->problem, r->problem_len, "detail", detail,
		sizeof(detail)) == JSON_STRING) {
		log_error("%s: %s", r->name, detail);
		for (int v = 0; v < VERDICT_COUNT; v++)
			if (strcmp(verdict_code((enum verdict)v), code) == 0)
				return verdict_exit((enum verdict)v);
	}
	log_error("%s: HTTP status %d", r->name, r->response->status);
	return EX_UNAVAILABLE;
}

static int
from_http(struct target *t, struct reading *r)
{
	char path[NAME_LEN_MAX + 8];
	const struct http_call call = {.method = "GET",
	    .path = path,
	    .fields = "",
	    .body_fd = -1,
	    .on_head = on_head,
	    .on_body = on_body,
	    .ctx = r};
	enum http_outcome outcome;

	snprintf(path, sizeof(path), "/files/%s", r->name);
	outcome = http_client_call(t->http, &call, &r->response);
	if (outcome == HTTP_STOPPED)
		return r->code != EX_OK ? r->code : EX_IOERR;
	if (outcome != HTTP_ANSWERED)
		return target_http_failed(t, outcome);
	if (r->response->status != 200)
		return refused(r);
	/* one without a body */
	return r->has_entry ? EX_OK : take_entry(r, r->response);
}

int
retrieve(struct target *t, const char *name, retrieve_fn *take, void *ctx,
    struct entry *e)
{
	return retrieve_version(t, name, NULL, take, ctx, e);
}

int
retrieve_version(struct target *t, const char *name, const char *which,
    retrieve_fn *take, void *ctx, struct entry *e)
{
	struct reading r = {.name = name,
	    .which = which,
	    .take = take,
	    .ctx = ctx,
	    .entry = e,
	    .file_max = target_file_max(t)};
	uint8_t sha256[32];
	int code;

	memset(e, 0, sizeof(*e));
	r.hash = sha256_new();
	code = t->http != NULL ? from_http(t, &r) : from_control(t, &r, e);
	sha256_end(r.hash, sha256);
	sha256_free(r.hash);
	if (code != EX_OK)
		return code;
	if (r.is_stopped)
		return EX_IOERR;
	if (strcmp(e->name, name) == 0 && r.size == e->size &&
	    memcmp(sha256, e->sha256, sizeof(sha256)) == 0)
		return EX_OK;
	log_error(
	    "%s: the received content does not match its signed hash", name);
	return EX_DATAERR;
}
