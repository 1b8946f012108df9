/* SPDX-License-Identifier: ISC */
#include "dm-net/http/routes.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "dm-net/http/api.h"
#include "dm-net/http/conn_io.h"
#include "dm-net/http/events.h"
#include "dm-net/http/files.h"
#include "dm-net/http/get.h"
#include "dm-net/http/info.h"
#include "dm-net/http/list.h"
#include "dm-net/http/page.h"
#include "dm-net/http/put.h"
#include "dm-net/http/server.h"
#include "dm-net/http/target.h"
#include "dm-net/store/store_client.h"

typedef void begin_fn(struct http_exchange *, const struct http_request *,
    const struct http_target *);

/* The methods of each route, and its readers. */
static const struct {
	begin_fn *begin[METHOD_COUNT];
	const char *allow;
	bool is_open; /* read = ... does not apply */
} routes[] = {
    [ROUTE_NONE] = {.allow = ""},
    [ROUTE_FILE] = {{[METHOD_GET] = http_get_begin,
			[METHOD_HEAD] = http_get_begin,
			[METHOD_PUT] = http_put_begin,
			[METHOD_DELETE] = http_put_begin},
	"GET, HEAD, PUT, DELETE", false},
    [ROUTE_FILES] =
	{{[METHOD_GET] = http_list_begin, [METHOD_HEAD] = http_list_begin},
	    "GET, HEAD", false},
    [ROUTE_PEERS] =
	{{[METHOD_GET] = http_peers_begin, [METHOD_HEAD] = http_peers_begin},
	    "GET, HEAD", false},
    [ROUTE_EVENTS] = {{[METHOD_GET] = http_events_begin}, "GET", false},
    [ROUTE_HEALTHZ] = {{[METHOD_GET] = http_healthz_begin,
			   [METHOD_HEAD] = http_healthz_begin},
	"GET, HEAD", true},
    [ROUTE_METRICS] = {{[METHOD_GET] = http_metrics_begin,
			   [METHOD_HEAD] = http_metrics_begin},
	"GET, HEAD", false},
};

void
http_exchange_init(struct http_exchange *x, const struct http_transport *via,
    struct http_conn *conn, struct http_server *server)
{
	/* Only the first part is cleared, for speed (exchange.h). */
	memset(x, 0, offsetof(struct http_exchange, own_head.field));
	x->via = via;
	x->conn = conn;
	x->server = server;
	x->text.holder = &conn->memory;
}

void
http_exchange_end(struct http_exchange *x)
{
	http_events_leave(x);
	if (x->asked != 0)
		store_cancel(x->server->backend.store, x->asked);
	x->asked = 0;
	if (x->has_reserved)
		http_files_unreserve(x->server->files);
	x->has_reserved = false;
	http_put_end(x);
	if (x->is_reading)
		x->conn->n_files--;
	x->is_reading = false;
	if (x->file != NULL)
		http_file_release(x->file);
	x->file = NULL;
	http_page_leave(x);
	http_text_clear(&x->text);
}

/* --- judging a head --------------------------------------------------- */

/* Host says localhost, or an address of this node. */
static bool
host_is_ours(const struct http_exchange *x, struct bytes authority)
{
	const struct http_backend *b = &x->server->backend;
	char text[64];
	uint8_t address[16];
	struct bytes host;

	if (!http_host_parse(authority, &host) ||
	    !bytes_copy_text(host, text, sizeof(text)))
		return false;
	if (strcasecmp(text, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, text, address) == 1)
		return address[0] == 127 ||
		       b->is_own_address(b->ctx, address, 4);
	if (inet_pton(AF_INET6, text, address) == 1)
		return memcmp(address, &in6addr_loopback, 16) == 0 ||
		       b->is_own_address(b->ctx, address, 16);
	return false;
}

/*
 * A browser says for each request whether another site has caused it (Fetch
 * Metadata Request Headers, section 2.4), also for those without an Origin,
 * such as those of an image or a link. "none" is typed by the user himself.
 */
static bool
is_of_other_site(const struct http_request *r)
{
	struct bytes site = r->field[FIELD_SEC_FETCH_SITE];

	return http_request_has(r, FIELD_SEC_FETCH_SITE) &&
	       !bytes_is_text(site, "none") &&
	       !bytes_is_text(site, "same-origin");
}

/*
 * Web pages may not use this node through a browser that runs on it: neither
 * from another origin, nor by a name of theirs that points here.
 */
static enum verdict
judge_source(const struct http_exchange *x, const struct http_request *r,
    const struct http_target *t)
{
	struct bytes authority = t->authority, host;

	if (http_request_has(r, FIELD_ORIGIN) || is_of_other_site(r))
		return VERDICT_ORIGIN_REFUSED;
	if (authority.data == NULL)
		authority = r->field[FIELD_HOST];
	if (authority.data == NULL)
		return r->is_version_10 ? VERDICT_OK : VERDICT_MALFORMED;
	if (http_conn_is_local(x->conn))
		return host_is_ours(x, authority) ? VERDICT_OK
						  : VERDICT_MISDIRECTED;
	return http_host_parse(authority, &host) ? VERDICT_OK
						 : VERDICT_MALFORMED;
}

static enum verdict
judge_body(struct http_exchange *x, const struct http_request *r)
{
	uint64_t length = 0;

	if (http_request_has(r, FIELD_TRANSFER_ENCODING)) {
		x->body_left = UINT64_MAX;
		return r->method == METHOD_PUT ? VERDICT_LENGTH_REQUIRED
					       : VERDICT_MALFORMED;
	}
	if (http_request_has(r, FIELD_CONTENT_LENGTH) &&
	    !http_request_length(r, &length)) {
		x->body_left = UINT64_MAX;
		return VERDICT_MALFORMED;
	}
	x->body_left = length;
	/* Refused by its route; whatever follows is not another request. */
	if (r->method == METHOD_PUT &&
	    !http_request_has(r, FIELD_CONTENT_LENGTH))
		x->body_left = UINT64_MAX;
	if (length > 0 && r->method != METHOD_PUT)
		return VERDICT_MALFORMED;
	if (!http_request_has(r, FIELD_EXPECT))
		return VERDICT_OK;
	if (!http_request_is(r, FIELD_EXPECT, "100-continue"))
		return VERDICT_BAD_EXPECTATION;
	x->expects_continue = length > 0;
	return VERDICT_OK;
}

static enum verdict
judge_route(const struct http_exchange *x, const struct http_target *t)
{
	enum config_read read = x->server->settings.read;
	bool is_write = x->method == METHOD_PUT || x->method == METHOD_DELETE;

	if (t->route == ROUTE_NONE)
		return VERDICT_NO_RESOURCE;
	if (routes[t->route].begin[x->method] == NULL)
		return VERDICT_METHOD_NOT_ALLOWED;
	if (routes[t->route].is_open)
		return VERDICT_OK;
	if (!x->server->is_configured)
		return VERDICT_STARTING;
	if (is_write || read == CONFIG_READ_ALL)
		return VERDICT_OK;
	if (read == CONFIG_READ_LOCAL && http_conn_is_local(x->conn))
		return VERDICT_OK;
	return VERDICT_READ_REFUSED;
}

static enum verdict
judge(struct http_exchange *x, const struct http_request *r,
    struct http_target *t)
{
	enum verdict body = judge_body(x, r), v;

	if (r->is_repeated)
		return VERDICT_MALFORMED;
	v = http_target_parse(t, r->target);
	if (v == VERDICT_MALFORMED)
		return v;
	/* The client is judged before its request, so that a web page learns
	 * nothing. */
	if (judge_source(x, r, t) != VERDICT_OK)
		return judge_source(x, r, t);
	if (v != VERDICT_OK)
		return v;
	v = judge_route(x, t);
	return v != VERDICT_OK ? v : body;
}

void
http_route_begin(struct http_exchange *x, const struct http_request *r)
{
	struct http_target t;
	enum verdict v;

	x->method = r->method;
	v = judge(x, r, &t);
	if (v != VERDICT_OK &&
	    (x->method == METHOD_PUT || x->method == METHOD_DELETE))
		http_put_refused(x, v, NULL);
	if (v == VERDICT_METHOD_NOT_ALLOWED) {
		struct http_problem p = {.allow = routes[t.route].allow};

		http_api_problem(x, v, &p);
	} else if (v != VERDICT_OK) {
		http_api_refuse(x, v);
	} else {
		routes[t.route].begin[x->method](x, r, &t);
	}
}

void
http_route_pull(struct http_exchange *x)
{
	if (x->body == BODY_TEXT && !x->text_ends && x->pull != NULL)
		x->pull(x);
}
