/* SPDX-License-Identifier: ISC */
/* A head of HTTP/1.1, and what its fields say: entry, conditions, target. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/log.h"
#include "dm-net/http/condition.h"
#include "dm-net/http/http.h"
#include "dm-net/http/http1.h"
#include "dm-net/http/request.h"
#include "dm-net/http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_entry(const struct http_request *r, const struct http_target *t)
{
	struct http_settings settings = {.max_file_size = UINT64_MAX};
	uint64_t size = 0;
	struct entry e;
	bool known;
	const char *why;

	http_request_length(r, &size);
	for (int kind = ENTRY_FILE; kind <= ENTRY_DELETE; kind++)
		if (http_request_entry(r, &settings, (enum entry_kind)kind,
			t->name, kind == ENTRY_FILE ? size : 0, &e, &known,
			&why) == VERDICT_OK &&
		    !entry_is_sane(&e))
			fatal("an entry that may not be signed");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct http_request r;
	struct http_target t;
	struct bytes host;
	uint64_t first, length;
	bool keep_alive;

	if (http1_parse((const char *)data, len, &r, &keep_alive) != VERDICT_OK)
		return 0;
	http_host_parse(r.field[FIELD_HOST], &host);
	http_etag_listed(r.field[FIELD_IF_NONE_MATCH], "\"etag\"");
	if (http_range_parse(r.field[FIELD_RANGE], 1000, &first, &length) ==
		RANGE_PART &&
	    (length == 0 || first >= 1000 || length > 1000 - first))
		fatal("a range outside the file");
	if (http_target_parse(&t, r.target) == VERDICT_OK &&
	    t.route == ROUTE_FILE)
		check_entry(&r, &t);
	return 0;
}
