/* SPDX-License-Identifier: ISC */
#include "dm-store/notify.h"

#include <stdlib.h>
#include <string.h>

#include "common/control_serve.h"
#include "dm-store/ticket.h"

/* --- answers --- */

static void
answer_control(const struct reply *reply, const struct answer *a)
{
	const struct row_held held = {a->held_signed_at_ns};
	struct control_client *client = reply->waiter->client;

	if (client != NULL) {
		if (a->verdict == VERDICT_NOT_NEWER)
			control_client_row(client, ROW_HELD, &held, -1);
		control_client_end(client, a->verdict, NULL);
	}
	free(reply->waiter);
}

void
notify_answer(
    struct store *s, const struct reply *reply, const struct answer *a)
{
	const struct ipc_verdict verdict = {
	    reply->id, a->verdict, a->ticket, a->held_signed_at_ns};
	const struct ipc_put_result result = {
	    reply->id, a->verdict, a->held_signed_at_ns};

	switch (reply->to) {
	case REPLY_NOBODY:
		break;
	case REPLY_JUDGE:
		if (reply->link == s->link)
			s->send(s, IPC_VERDICT, &verdict, -1);
		break;
	case REPLY_PUT:
		if (reply->link == s->link)
			s->send(s, IPC_PUT_RESULT, &result, -1);
		break;
	case REPLY_CONTROL:
		answer_control(reply, a);
		break;
	}
}

/* --- changes --- */

/* True if the replica of dm-net has it. */
static bool
is_listed(bool has, const struct winner *w)
{
	return has && w->state != WINNER_WANTED && w->state != WINNER_LOST;
}

static void
send_entry(struct store *s, const struct change *ch)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct ipc_entry m;

	m.entry = bytes_of(buf, entry_encode(&ch->entry, buf));
	m.origin = ch->is_origin;
	m.content = bytes_of(ch->inline_content, ch->inline_len);
	s->send(s, IPC_ENTRY, &m, -1);
}

void
notify_want(
    struct store *s, const struct entry *e, const uint8_t version[static 32])
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct ipc_want m;

	m.ticket = ticket_issue(s->tickets, e, version, true);
	m.entry = bytes_of(buf, entry_encode(e, buf));
	s->send(s, IPC_WANT, &m, -1);
}

void
notify_change(struct store *s, const struct change *ch)
{
	bool was = is_listed(ch->had, &ch->prev);
	bool is = is_listed(ch->has, &ch->now);
	struct ipc_retract retract;
	int order = ch->had && ch->has
			? entry_rank_compare(&ch->now.rank, &ch->prev.rank)
			: 0;

	if (was && (!is || order < 0)) {
		memcpy(retract.key, ch->key, sizeof(retract.key));
		s->send(s, IPC_RETRACT, &retract, -1);
	}
	if (ch->has && ch->now.state != WINNER_WANTED)
		ticket_drop(s->tickets, ch->now.rank.version);
	if (is && (!was || order != 0))
		send_entry(s, ch);
	/* many at once wait for index_feed.c's rounds */
	if (ch->has && ch->now.state == WINNER_WANTED &&
	    tickets_wants(s->tickets) < ANNOUNCE_WANTS_MAX)
		notify_want(s, &ch->entry, ch->now.rank.version);
}
