/* SPDX-License-Identifier: ISC */
#include "common/control_serve.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/control_request.h"
#include "common/fdpass.h"
#include "common/log.h"
#include "common/xevent.h"

#define QUEUE_WANTS_BYTES (64u << 10) /* rows are welcome below this */
#define QUEUE_BYTES_MAX (4u << 20)    /* a handler that never asks */
#define TEXT_MAX 512		      /* of a value row, control.def */

static_assert(QUEUE_WANTS_BYTES + 2 * CONTROL_ANSWER_MAX < QUEUE_BYTES_MAX,
    "a handler that asks is never cut");

/* One answer record that the client has not taken yet. */
struct answer_record {
	STAILQ_ENTRY(answer_record) next;
	int fd; /* rides with it, -1: none; owned */
	size_t len;
	uint8_t data[];
};

enum client_state {
	CLIENT_REQUEST, /* its one record is to be read */
	CLIENT_ANSWER,	/* the handler has it */
	CLIENT_ENDED,	/* the last record is queued */
	CLIENT_GONE,	/* closed, but the handler still knows it */
};

struct control_client {
	LIST_ENTRY(control_client) next;
	struct control_server *server;
	enum client_state state;
	int fd;
	struct event *io; /* the request, then room for answers */
	struct event *hangup;
	uint8_t header[CONTROL_HEADER_SIZE];
	uint64_t uid;
	bool privileged;
	STAILQ_HEAD(records, answer_record) queue;
	size_t queued_bytes; /* of memory, not only of data */
	bool hungry;	     /* tell the handler when there is room */
	void (*on_wants)(void *, struct control_client *);
	void (*on_gone)(void *);
	void *on_ctx;
};

struct control_server {
	struct event_base *base;
	enum role self;
	control_handler *const *commands;
	void *ctx;
	LIST_HEAD(control_clients, control_client) clients;
	size_t n_clients;
};

static const struct timeval idle = {
    (time_t)(CONTROL_IDLE_NS_MAX / NS_PER_S), 0};

/* --- a client's end --------------------------------------------------- */

static void
queue_clear(struct control_client *client)
{
	struct answer_record *r;

	while ((r = STAILQ_FIRST(&client->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&client->queue, next);
		if (r->fd != -1)
			close(r->fd);
		free(r);
	}
	client->queued_bytes = 0;
}

static void
client_close(struct control_client *client)
{
	if (client->io != NULL)
		event_free(client->io);
	if (client->hangup != NULL)
		event_free(client->hangup);
	client->io = NULL;
	client->hangup = NULL;
	if (client->fd != -1)
		close(client->fd);
	client->fd = -1;
	queue_clear(client);
}

static void
client_free(struct control_client *client)
{
	client_close(client);
	LIST_REMOVE(client, next);
	client->server->n_clients--;
	free(client);
}

/*
 * The socket is of no more use. A handler that has not ended yet is told, or,
 * if it did not ask to be, keeps a client that drops its rows. Called from
 * event callbacks only, never below a handler.
 */
static void
client_lost(struct control_client *client)
{
	void (*on_gone)(void *) = client->on_gone;
	void *ctx = client->on_ctx;

	if (client->state == CLIENT_ANSWER && on_gone == NULL) {
		client_close(client);
		client->state = CLIENT_GONE;
		return;
	}
	if (client->state != CLIENT_ANSWER)
		on_gone = NULL;
	client_free(client);
	if (on_gone != NULL)
		on_gone(ctx);
}

/* --- answers ---------------------------------------------------------- */

static void
io_wait(struct control_client *client)
{
	xevent_add(client->io, &idle);
}

/* False if the socket is of no more use. */
static bool
queue_flush(struct control_client *client)
{
	struct answer_record *r;

	while ((r = STAILQ_FIRST(&client->queue)) != NULL) {
		if (fdpass_send(
			client->fd, r->data, r->len, r->fd, MSG_DONTWAIT) == -1)
			return errno == EAGAIN || errno == ENOBUFS;
		STAILQ_REMOVE_HEAD(&client->queue, next);
		client->queued_bytes -= sizeof(*r) + r->len;
		if (r->fd != -1)
			close(r->fd);
		free(r);
	}
	return true;
}

/* There is room for answers, or there was none for too long. */
static void
on_room(evutil_socket_t fd, short what, void *arg)
{
	struct control_client *client = arg;

	if ((what & EV_TIMEOUT) != 0) {
		log_debug("control socket: a client of uid %llu does not read "
			  "its answer, and is closed",
		    (unsigned long long)client->uid);
		client_lost(client);
		return;
	}
	if (client->queued_bytes > QUEUE_BYTES_MAX || !queue_flush(client)) {
		client_lost(client);
		return;
	}
	if (client->hungry && STAILQ_EMPTY(&client->queue) &&
	    client->state == CLIENT_ANSWER) {
		client->hungry = false;
		if (client->on_wants != NULL)
			client->on_wants(client->on_ctx, client);
	}
	if (!STAILQ_EMPTY(&client->queue))
		io_wait(client);
	else if (client->state == CLIENT_ENDED)
		client_free(client);
}

static void
record_queue(
    struct control_client *client, const uint8_t *data, size_t len, int fd)
{
	struct answer_record *r;

	if (client->state == CLIENT_GONE ||
	    client->queued_bytes > QUEUE_BYTES_MAX) {
		if (fd != -1)
			close(fd);
		return;
	}
	r = xmalloc(sizeof(*r) + len);
	r->fd = fd;
	r->len = len;
	memcpy(r->data, data, len);
	/* only the first one: a later one must not move the idle timer */
	if (STAILQ_EMPTY(&client->queue))
		io_wait(client);
	STAILQ_INSERT_TAIL(&client->queue, r, next);
	client->queued_bytes += sizeof(*r) + len;
	if (client->queued_bytes >= QUEUE_WANTS_BYTES)
		client->hungry = true;
	if (client->queued_bytes > QUEUE_BYTES_MAX)
		log_error("control socket: the answer to a client of uid %llu "
			  "grew beyond %u bytes, and is cut off",
		    (unsigned long long)client->uid, QUEUE_BYTES_MAX);
}

void
control_client_row(struct control_client *client, enum control_row kind,
    const void *row, int fd)
{
	uint8_t buf[CONTROL_ANSWER_MAX];

	record_queue(client, buf, control_row_encode(kind, row, buf), fd);
}

void
control_client_text(
    struct control_client *client, const char *key, const char *fmt, ...)
{
	char text[TEXT_MAX + 1];
	struct row_value row = {.key = bytes_text(key)};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	row.text = bytes_text(text);
	control_client_row(client, ROW_VALUE, &row, -1);
}

void
control_client_number(struct control_client *client, const char *key,
    enum row_value_kind kind, uint64_t number)
{
	const struct row_value row = {
	    .key = bytes_text(key),
	    .kind = kind,
	    .number = number,
	    .text = bytes_text(""),
	};

	control_client_row(client, ROW_VALUE, &row, -1);
}

void
control_client_end(
    struct control_client *client, enum verdict verdict, const char *sentence)
{
	uint8_t buf[CONTROL_ANSWER_MAX];

	if (client->state == CLIENT_GONE) {
		client_free(client);
		return;
	}
	record_queue(
	    client, buf, control_end_encode(verdict, sentence, buf), -1);
	client->state = CLIENT_ENDED;
}

bool
control_client_wants(const struct control_client *client)
{
	return client->queued_bytes < QUEUE_WANTS_BYTES;
}

static void
on_gone_late(evutil_socket_t fd, short what, void *arg)
{
	struct control_client *client = arg;

	client->state = CLIENT_ANSWER;
	client_lost(client);
}

/* It was lost before its handler asked to be told. */
static void
gone_schedule(struct control_client *client)
{
	static const struct timeval now = {0, 0};

	if (client->io == NULL)
		client->io =
		    xevent(client->server->base, -1, 0, on_gone_late, client);
	xevent_add(client->io, &now);
}

void
control_client_on_wants(struct control_client *client,
    void (*fn)(void *ctx, struct control_client *), void (*gone)(void *ctx),
    void *ctx)
{
	client->on_wants = fn;
	client->on_gone = gone;
	client->on_ctx = ctx;
	if (client->state == CLIENT_GONE && gone != NULL)
		gone_schedule(client);
	if (fn == NULL || client->state != CLIENT_ANSWER)
		return;
	client->hungry = true;
	if (STAILQ_EMPTY(&client->queue))
		io_wait(client);
}

/* --- the request ------------------------------------------------------ */

static void
request_handle(struct control_client *client, struct control_request *req)
{
	struct control_server *server = client->server;
	const struct control_info *info = NULL;
	enum verdict verdict;
	const char *why;
	union control_body body;

	memset(&body, 0, sizeof(body));
	client->state = CLIENT_ANSWER;
	event_free(client->io);
	client->io =
	    xevent(server->base, client->fd, EV_WRITE, on_room, client);
	verdict = control_request_judge(req, server->self, client->header,
	    client->privileged, &info, &body, &why);
	if (verdict != VERDICT_OK) {
		if (req->fd != -1)
			close(req->fd);
		control_client_end(client, verdict, why);
		return;
	}
	log_debug("control socket: %s from uid %llu", info->name,
	    (unsigned long long)client->uid);
	server->commands[info->command](server->ctx, client, &body, req->fd);
}

static void
on_request(evutil_socket_t fd, short what, void *arg)
{
	struct control_client *client = arg;
	struct control_request req;

	if ((what & EV_TIMEOUT) != 0) {
		client_lost(client);
		return;
	}
	if (control_request_receive(
		client->fd, client->server->self != ROLE_DMD, &req) == -1) {
		if (errno == EAGAIN || errno == EINTR)
			io_wait(client);
		else
			client_lost(client);
		return;
	}
	request_handle(client, &req);
}

/* The peer closed, or will send nothing more: it does not wait for us. */
static void
on_hangup(evutil_socket_t fd, short what, void *arg)
{
	struct control_client *client = arg;

	/* the request itself may still lie in front of the end of file */
	if (client->state != CLIENT_REQUEST)
		client_lost(client);
}

/* --- the server ------------------------------------------------------- */

struct control_server *
control_server_new(struct event_base *base, enum role self,
    control_handler *const commands[static CONTROL_COMMAND_COUNT], void *ctx)
{
	struct control_server *server = xcalloc(1, sizeof(*server));

	server->base = base;
	server->self = self;
	server->commands = commands;
	server->ctx = ctx;
	LIST_INIT(&server->clients);
	return server;
}

void
control_server_free(struct control_server *server)
{
	struct control_client *client;

	if (server == NULL)
		return;
	while ((client = LIST_FIRST(&server->clients)) != NULL) {
		if (client->state == CLIENT_ANSWER && client->on_gone != NULL)
			client_lost(client);
		else
			client_free(client);
	}
	free(server);
}

/*
 * Refuses a client. Its request is taken out first: if a socket is closed with
 * unread data, the kernel discards the answer.
 */
static void
refuse_busy(int fd)
{
	uint8_t buf[CONTROL_ANSWER_MAX];
	size_t len = control_end_encode(VERDICT_BUSY, NULL, buf);

	if (recv(fd, buf + len, 1, MSG_DONTWAIT | MSG_TRUNC) > 0 &&
	    send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
		log_debug("control socket: a client was closed before it could "
			  "be told that there are too many");
	close(fd);
}

bool
control_has_room(size_t all, size_t same, bool privileged)
{
	if (privileged)
		return all < CONTROL_CLIENTS_MAX;
	return all < CONTROL_CLIENTS_MAX - CONTROL_CLIENTS_SPARED &&
	       same < CONTROL_CLIENTS_USER_MAX;
}

static bool
has_room(const struct control_server *server, uint64_t uid, bool privileged)
{
	const struct control_client *client;
	size_t same = 0;

	LIST_FOREACH(client, &server->clients, next)
		same += client->uid == uid;
	return control_has_room(server->n_clients, same, privileged);
}

void
control_server_take(struct control_server *server, int fd,
    const uint8_t header[static CONTROL_HEADER_SIZE], uint64_t uid,
    uint64_t gid, bool privileged)
{
	struct control_client *client;

	if (!has_room(server, uid, privileged)) {
		log_debug("control socket: too many clients at once, one of "
			  "uid %llu is refused",
		    (unsigned long long)uid);
		refuse_busy(fd);
		return;
	}
	client = xcalloc(1, sizeof(*client));
	client->server = server;
	client->state = CLIENT_REQUEST;
	client->fd = fd;
	memcpy(client->header, header, CONTROL_HEADER_SIZE);
	client->uid = uid;
	client->privileged = privileged;
	STAILQ_INIT(&client->queue);
	LIST_INSERT_HEAD(&server->clients, client, next);
	server->n_clients++;
	client->io = xevent(server->base, fd, EV_READ, on_request, client);
	client->hangup =
	    xevent(server->base, fd, EV_CLOSED | EV_PERSIST, on_hangup, client);
	xevent_add(client->hangup, NULL);
	io_wait(client);
}
