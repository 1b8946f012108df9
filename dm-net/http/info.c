/* SPDX-License-Identifier: ISC */
#include "dm-net/http/info.h"

#include <inttypes.h>
#include <string.h>

#include "common/base64.h"
#include "common/clock.h"
#include "dm-net/http/api.h"
#include "dm-net/http/date.h"
#include "dm-net/http/files.h"
#include "dm-net/http/head.h"
#include "dm-net/http/list.h"
#include "dm-net/http/page.h"
#include "dm-net/http/server.h"
#include "dm-net/memory.h"
#include "dm-net/store/store_client.h"

/* Of the largest rows they are no more than HTTP_PAGE_BYTES. */
#define PEERS_OF_PAGE 32

static void
json_text(struct http_text *t, const char *key, struct bytes value)
{
	http_text_printf(t, "\"%s\":", key);
	http_text_json(t, value.data, value.len);
	http_text_add(t, ",", 1);
}

/* --- /peers ----------------------------------------------------------- */

static void
peer_row(void *arg, const struct row_peer *p)
{
	static const char *const directions[] = {"null", "\"in\"", "\"out\""};
	struct http_exchange *x = arg;
	struct http_text *t = &x->text;
	char since[HTTP_TIME_SIZE];

	http_text_add(t, x->walk.rows++ == 0 ? "[\n{" : ",\n{", 3);
	json_text(t, "peer", p->peer);
	json_text(t, "address", p->address);
	http_text_printf(t, "\"direction\":%s,", directions[p->direction % 3]);
	json_text(t, "state", p->state);
	http_time(p->since_ns, since);
	if (p->since_ns != 0)
		http_text_printf(t, "\"since\":\"%s\",", since);
	else
		http_text_printf(t, "\"since\":null,");
	if (p->rtt_ns != 0)
		http_text_printf(t, "\"rtt_ns\":%" PRIu64 ",", p->rtt_ns);
	else
		http_text_printf(t, "\"rtt_ns\":null,");
	http_text_printf(t, "\"synced\":%s,", p->synced ? "true" : "false");
	http_text_printf(t,
	    "\"files\":%" PRIu64 ",\"in_bytes\":%" PRIu64
	    ",\"out_bytes\":%" PRIu64 ",",
	    p->files, p->in_bytes, p->out_bytes);
	json_text(t, "agent", p->agent);
	http_text_printf(t, "\"last_error\":");
	http_text_json(t, p->last_error.data, p->last_error.len);
	http_text_add(t, "}", 1);
}

static void
peers_pull(struct http_exchange *x)
{
	const struct http_backend *b = &x->server->backend;

	if (!http_page_begin(x))
		return;
	x->text_ends =
	    !b->peers(b->ctx, &x->walk.peer, PEERS_OF_PAGE, peer_row, x);
	if (x->text_ends)
		http_text_add(
		    &x->text, x->walk.rows == 0 ? "[]\n" : "\n]\n", 3);
	http_page_end(x);
}

void
http_peers_begin(struct http_exchange *x, const struct http_request *r,
    const struct http_target *target)
{
	x->walk.rows = 0;
	x->pull = peers_pull;
	http_page_answer(x, "application/json");
}

/* --- /healthz --------------------------------------------------------- */

static const char *
yes_no(bool b)
{
	return b ? "true" : "false";
}

void
http_healthz_begin(struct http_exchange *x, const struct http_request *r,
    const struct http_target *target)
{
	const struct http_server *s = x->server;
	char key[BASE64_LEN(32) + 3] = "null";
	struct http_facts f = {0};
	struct http_text *t = &x->text;
	bool is_ready;

	s->backend.facts(s->backend.ctx, &f);
	is_ready = f.configured && s->is_configured && f.listening &&
		   f.store_ready && f.store_writable;
	if (s->settings.has_network) {
		key[0] = '"';
		base64_encode(s->settings.network, 32, key + 1);
		strcat(key, "\"");
	}
	http_text_printf(t, "{\"status\":\"%s\",\"ready\":%s,",
	    is_ready ? "ok" : "not-ready", yes_no(is_ready));
	http_text_printf(
	    t, "\"version\":\"%s\",\"network\":%s,", DMD_VERSION, key);
	http_text_printf(t, "\"configured\":%s,\"listening\":%s,",
	    yes_no(f.configured), yes_no(f.listening));
	http_text_printf(t, "\"store\":\"%s\",",
	    !f.store_ready     ? "starting"
	    : f.store_writable ? "ok"
			       : "read-only");
	http_text_printf(t,
	    "\"config_generation\":%" PRIu64 ",\"files\":%" PRIu64
	    ",\"peers_connected\":%u,\"peers_known\":%u}\n",
	    f.config_generation, f.files, f.peers_connected, f.peers_known);
	x->text_ends = true;
	http_api_answer_text(x, is_ready ? 200 : 503, "application/json");
}

/* --- /metrics --------------------------------------------------------- */

static void
family(
    struct http_text *t, const char *name, const char *type, const char *help)
{
	http_text_printf(
	    t, "# HELP dm_%s %s\n# TYPE dm_%s %s\n", name, help, name, type);
}

static void
number(struct http_text *t, const char *name, const char *type,
    const char *help, uint64_t n)
{
	family(t, name, type, help);
	http_text_printf(t, "dm_%s %" PRIu64 "\n", name, n);
}

static void
metrics_requests(struct http_text *t, const struct http_counters *c)
{
	family(t, "http_requests_total", "counter",
	    "Answers by method and status.");
	for (int m = 0; m < METHOD_COUNT; m++)
		for (int s = 0; s <= HTTP_STATUS_MAX - HTTP_STATUS_MIN; s++)
			if (c->requests[m][s] != 0)
				http_text_printf(t,
				    "dm_http_requests_total{method=\"%s\","
				    "code=\"%d\"} %" PRIu64 "\n",
				    http_method_name((enum http_method)m),
				    s + HTTP_STATUS_MIN, c->requests[m][s]);
	family(t, "http_connections_dropped_total", "counter",
	    "Connections closed for a new one, by the limit that it hit.");
	http_text_printf(t,
	    "dm_http_connections_dropped_total{limit=\"all\"} %" PRIu64 "\n"
	    "dm_http_connections_dropped_total{limit=\"address\"} %" PRIu64
	    "\n",
	    c->dropped_full, c->dropped_per_address);
	number(t, "http_timeouts_total", "counter",
	    "Connections and requests that were ended because they were slow.",
	    c->timed_out);
	number(t, "http_upload_bytes_total", "counter",
	    "Bytes of uploads passed on.", c->received_bytes);
}

/* All reasons from the beginning, so that the first refusal is an increase. */
static void
metrics_rejected(struct http_text *t, const struct http_facts *f)
{
	family(t, "rejected_total", "counter",
	    "Versions refused, by the code of the reason.");
	for (int v = 0; v < VERDICT_COUNT; v++)
		if (!verdict_is_ok((enum verdict)v) && v != VERDICT_FETCH)
			http_text_printf(t,
			    "dm_rejected_total{reason=\"%s\"} %" PRIu64 "\n",
			    verdict_code((enum verdict)v), f->rejected[v]);
}

static void
metrics_node(struct http_text *t, const struct http_facts *f)
{
	family(t, "peers", "gauge", "Peers by state.");
	http_text_printf(t,
	    "dm_peers{state=\"connected\"} %u\n"
	    "dm_peers{state=\"disconnected\"} %u\n",
	    f->peers_connected,
	    f->peers_known > f->peers_connected
		? f->peers_known - f->peers_connected
		: 0);
	number(t, "peers_ahead", "gauge",
	    "Peers with versions signed in this node's future.",
	    f->peers_ahead);
	number(t, "files", "gauge", "Visible files.", f->files);
	number(t, "records", "gauge", "Records in the index.", f->records);
	number(t, "store_bytes", "gauge", "Bytes of content on disk.",
	    f->store_bytes);
	/* UINT64_MAX: the file system does not say */
	if (f->free_bytes != UINT64_MAX)
		number(t, "store_free_bytes", "gauge",
		    "Bytes that are free on the disk of state_dir.",
		    f->free_bytes);
	number(t, "store_writable", "gauge",
	    "1 if uploads are accepted, else 0.", f->store_writable);
	metrics_rejected(t, f);
	number(t, "conflicts_total", "counter",
	    "Versions that met one of another signer for the same name.",
	    f->conflicts);
	number(t, "damaged_total", "counter",
	    "Files and older versions found damaged, changed or missing.",
	    f->damaged);
	number(t, "quarantined_total", "counter",
	    "Files, records and indexes moved to quarantine.", f->quarantined);
	number(t, "healed_total", "counter",
	    "Files that were missing or damaged and are whole again.",
	    f->healed);
	number(t, "files_wanted", "gauge",
	    "Files whose content is not here yet.", f->wanted);
	number(t, "config_generation", "gauge", "Configurations loaded.",
	    f->config_generation);
}

static void
metrics_seconds(struct http_exchange *x, const char *name,
    const struct entry *e, uint64_t ns)
{
	http_text_printf(&x->text,
	    "dm_%s{name=\"%s\"} %" PRIu64 ".%09" PRIu64 "\n", name, e->name,
	    ns / NS_PER_S, ns % NS_PER_S);
}

static void
expiry_row(struct http_exchange *x, const struct entry *e)
{
	if (e->valid_for_s != 0)
		metrics_seconds(
		    x, "file_expiry_timestamp_seconds", e, entry_expires_ns(e));
}

static void
expiry_end(struct http_exchange *x)
{
	x->text_ends = true;
}

static void
signed_row(struct http_exchange *x, const struct entry *e)
{
	metrics_seconds(x, "file_signed_timestamp_seconds", e, e->signed_at_ns);
}

/* The lines of a family stand together, so there is a walk for each. */
static void
signed_end(struct http_exchange *x)
{
	family(&x->text, "file_expiry_timestamp_seconds", "gauge",
	    "Unix time at which a file expires.");
	x->walk.row = expiry_row;
	x->walk.end = expiry_end;
}

/* All lines that are not of files; those follow, page by page. */
static void
metrics_text(struct http_exchange *x)
{
	const struct http_server *s = x->server;
	const struct http_backend *b = &s->backend;
	struct http_facts f = {0};
	struct http_text *t = &x->text;

	b->facts(b->ctx, &f);
	family(t, "build_info", "gauge",
	    "The version of this node; the value is always 1.");
	http_text_printf(t, "dm_build_info{version=\"%s\"} 1\n", DMD_VERSION);
	metrics_node(t, &f);
	number(t, "http_connections", "gauge", "Open HTTP connections.",
	    s->n_conns);
	number(t, "http_memory_bytes", "gauge",
	    "Memory of HTTP connections and what they are sent.",
	    memory_bytes(s->memory));
	number(t, "http_memory_dropped_total", "counter",
	    "Connections closed for holding most memory when it ran out.",
	    memory_dropped(s->memory));
	number(t, "http_open_files", "gauge", "Files held open for HTTP.",
	    http_files_open(s->files));
	metrics_requests(t, &s->count);
	if (b->metrics != NULL)
		b->metrics(b->ctx, t);
	x->text_ends = !store_client_is_up(b->store);
	if (x->text_ends)
		return;
	family(t, "file_signed_timestamp_seconds", "gauge",
	    "Unix time at which the version of a file was signed.");
	x->walk.row = signed_row;
	x->walk.end = signed_end;
	x->walk.prefix[0] = '\0';
}

static void
metrics_pull(struct http_exchange *x)
{
	if (!http_page_begin(x))
		return;
	metrics_text(x);
	http_page_end(x);
	x->pull = http_walk_pull;
}

void
http_metrics_begin(struct http_exchange *x, const struct http_request *r,
    const struct http_target *target)
{
	x->walk.type = "text/plain; version=0.0.4";
	x->pull = metrics_pull;
	if (x->via->is_taken(x))
		x->pull(x);
	if (x->pull == metrics_pull || x->text_ends)
		http_api_answer_text(x, 200, x->walk.type);
	else
		http_walk_begin(x);
}
