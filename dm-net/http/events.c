/* SPDX-License-Identifier: ISC */
#include "dm-net/http/events.h"

#include <event2/util.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/log.h"
#include "dm-net/http/api.h"
#include "dm-net/http/condition.h"
#include "dm-net/http/list.h"
#include "dm-net/http/server.h"
#include "dm-net/http/target.h"
#include "dm-net/store/store_client.h"

#define RUN_DIGITS 16

struct http_events {
	TAILQ_HEAD(, http_exchange) subscribers;
	unsigned n_subscribers;
	uint64_t run;	 /* part of each id */
	uint64_t serial; /* of the last event; 0: none yet */
	struct http_text kept[HTTP_EVENTS_KEPT]; /* by serial, in turn */
	bool ends_in_reset;
	unsigned quiet_s;
	uint64_t store_epoch;
};

struct http_events *
http_events_new(void)
{
	struct http_events *ev = xcalloc(1, sizeof(*ev));

	TAILQ_INIT(&ev->subscribers);
	evutil_secure_rng_get_bytes(&ev->run, sizeof(ev->run));
	return ev;
}

void
http_events_free(struct http_events *ev)
{
	if (ev == NULL)
		return;
	for (int i = 0; i < HTTP_EVENTS_KEPT; i++)
		http_text_clear(&ev->kept[i]);
	free(ev);
}

/* One who does not take its events is cut: it may come back and catch up. */
static void
give(struct http_exchange *x, const void *data, size_t len)
{
	if (x->body != BODY_TEXT)
		return;
	if (http_text_left(&x->text) + len > HTTP_EVENTS_BACKLOG_MAX)
		x->body = BODY_BROKEN;
	else
		http_text_add(&x->text, data, len);
	x->via->more(x);
}

static void
give_all(struct http_events *ev, const struct http_text *t)
{
	struct http_exchange *x;

	TAILQ_FOREACH(x, &ev->subscribers, subscriber)
		give(x, http_text_at(t), http_text_left(t));
}

/* The next event begins; its data follows. */
static struct http_text *
event_begin(struct http_events *ev, const char *kind)
{
	struct http_text *t = &ev->kept[++ev->serial % HTTP_EVENTS_KEPT];

	http_text_clear(t);
	http_text_printf(t,
	    "id: %016" PRIx64 "-%" PRIu64 "\nevent: %s\ndata: ", ev->run,
	    ev->serial, kind);
	return t;
}

static void
event_end(struct http_events *ev, struct http_text *t)
{
	http_text_add(t, "\n\n", 2);
	give_all(ev, t);
}

void
http_events_entry(struct http_events *ev, const struct entry *e)
{
	struct http_text *t =
	    event_begin(ev, e->kind == ENTRY_DELETE ? "delete" : "file");

	http_list_entry(t, e);
	event_end(ev, t);
	ev->ends_in_reset = false;
}

void
http_events_reset(struct http_events *ev)
{
	struct http_text *t;

	if (ev->ends_in_reset)
		return;
	t = event_begin(ev, "reset");
	http_text_add(t, "{}", 2);
	event_end(ev, t);
	ev->ends_in_reset = true;
}

void
http_events_tick(struct http_events *ev, struct http_server *s)
{
	static const char sign[] = ":\n\n"; /* a comment */
	uint64_t epoch = store_client_epoch(s->backend.store);
	struct http_exchange *x;

	if (epoch != ev->store_epoch && ev->serial > 0)
		http_events_reset(ev);
	ev->store_epoch = epoch;
	if (++ev->quiet_s < HTTP_EVENTS_SIGN_S)
		return;
	ev->quiet_s = 0;
	TAILQ_FOREACH(x, &ev->subscribers, subscriber)
		if (http_text_left(&x->text) == 0)
			give(x, sign, sizeof(sign) - 1);
}

void
http_events_leave(struct http_exchange *x)
{
	struct http_events *ev = x->server->events;

	if (!x->is_subscriber)
		return;
	x->is_subscriber = false;
	TAILQ_REMOVE(&ev->subscribers, x, subscriber);
	ev->n_subscribers--;
}

/* The serial of an id of ours that can be continued from. */
static bool
parse_id(const struct http_events *ev, struct bytes id, uint64_t *serial)
{
	char run[RUN_DIGITS + 2];

	snprintf(run, sizeof(run), "%016" PRIx64 "-", ev->run);
	return id.len > RUN_DIGITS + 1 &&
	       memcmp(id.data, run, RUN_DIGITS + 1) == 0 &&
	       http_decimal(
		   id.data + RUN_DIGITS + 1, id.len - RUN_DIGITS - 1, serial) &&
	       *serial <= ev->serial &&
	       ev->serial - *serial <= HTTP_EVENTS_KEPT;
}

/* Sends the events since the id, or "reset" if they are no longer known. */
static void
catch_up(struct http_events *ev, struct http_exchange *x, struct bytes id)
{
	uint64_t serial;

	if (!parse_id(ev, id, &serial)) {
		http_text_printf(&x->text,
		    "id: %016" PRIx64 "-%" PRIu64
		    "\nevent: reset\ndata: {}\n\n",
		    ev->run, ev->serial);
		return;
	}
	while (serial++ < ev->serial) {
		const struct http_text *t =
		    &ev->kept[serial % HTTP_EVENTS_KEPT];

		http_text_add(&x->text, http_text_at(t), http_text_left(t));
	}
}

void
http_events_begin(struct http_exchange *x, const struct http_request *r,
    const struct http_target *target)
{
	struct http_events *ev = x->server->events;

	if (ev->n_subscribers >= HTTP_EVENTS_SUBSCRIBERS_MAX) {
		http_api_refuse(x, VERDICT_BUSY);
		return;
	}
	http_text_add(&x->text, ":\n\n", 3);
	if (http_request_has(r, FIELD_LAST_EVENT_ID))
		catch_up(ev, x, r->field[FIELD_LAST_EVENT_ID]);
	x->is_subscriber = true;
	TAILQ_INSERT_TAIL(&ev->subscribers, x, subscriber);
	ev->n_subscribers++;
	http_api_answer_text(x, 200, "text/event-stream");
}
