/* SPDX-License-Identifier: ISC */
#include "dmctl/http_client.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/duration.h"
#include "common/log.h"
#include "dmctl/lookup.h"
#include "dmctl/progress.h"
#include "dmctl/time_text.h"

#define CONNECT_NS_MAX (10 * NS_PER_S) /* for each address */
#define CALL_NS_MIN (60 * NS_PER_S)    /* and for the bodies */
#define IDLE_NS_MAX (60 * NS_PER_S)
#define CONTINUE_NS_MAX (5 * NS_PER_S) /* then the body goes unasked */
#define EXPECT_SIZE 65536	       /* bodies from here on ask first */
#define REQUEST_MAX 4096
#define BUFFER_SIZE 65536

struct http_client {
	struct url url;
	int fd;
	bool is_reused;		   /* answered a request before */
	uint64_t deadline_mono_ns; /* of all calls, 0: none */
	uint64_t end_mono_ns;	   /* of this call */
	char error[HTTP_CLIENT_ERROR_MAX];
	struct http_response response;
	uint8_t buffer[BUFFER_SIZE];
};

/* One request under way. */
struct transfer {
	struct http_client *client;
	const struct http_call *call;
	char head[REQUEST_MAX];
	size_t head_len;
	size_t head_sent;
	uint64_t body_sent;
	size_t chunk_at; /* of buffer: read, not sent yet */
	size_t chunk_len;
	bool is_waiting; /* for 100 Continue */
	bool is_refused; /* the other side reads no more */
	uint64_t continue_mono_ns;
	uint64_t idle_mono_ns;
	uint64_t body_max; /* of the response; once has_head */
	uint64_t received; /* of its body */
	bool has_head;
	bool is_stopped; /* the caller wants no more */
	bool is_too_long;
	struct progress progress;
};

struct http_client *
http_client_new(const struct url *url, uint64_t deadline_mono_ns)
{
	struct http_client *c = xcalloc(1, sizeof(*c));

	c->url = *url;
	c->fd = -1;
	c->deadline_mono_ns = deadline_mono_ns;
	return c;
}

static void
client_close(struct http_client *c)
{
	if (c->fd != -1)
		close(c->fd);
	c->fd = -1;
	c->is_reused = false;
}

void
http_client_free(struct http_client *c)
{
	if (c == NULL)
		return;
	client_close(c);
	http_response_clear(&c->response);
	free(c);
}

const char *
http_client_error(const struct http_client *c)
{
	return c->error;
}

static enum http_outcome __attribute__((format(printf, 3, 4)))
fail(struct http_client *c, enum http_outcome outcome, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->error, sizeof(c->error), fmt, ap);
	va_end(ap);
	client_close(c);
	return outcome;
}

/* --- connecting ------------------------------------------------------- */

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A connected socket that never blocks, -1 with errno. */
static int
connect_one(const struct addrinfo *ai, uint64_t end_mono_ns)
{
	struct pollfd p = {-1, POLLOUT, 0};
	uint64_t deadline =
	    earlier(clock_mono_ns() + CONNECT_NS_MAX, end_mono_ns);
	socklen_t len = sizeof(int);
	int on = 1, error = 0, n;

	p.fd = socket(ai->ai_family,
	    ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, ai->ai_protocol);
	if (p.fd == -1)
		return -1;
	if (connect(p.fd, ai->ai_addr, ai->ai_addrlen) == -1)
		error = errno;
	if (error == EINPROGRESS) {
		do
			n = poll(&p, 1, time_left_ms(deadline));
		while (n == -1 && errno == EINTR);
		if (n == 0)
			error = ETIMEDOUT;
		else if (getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &error, &len) ==
			 -1)
			error = errno;
	}
	if (error != 0) {
		close(p.fd);
		errno = error;
		return -1;
	}
	/* only saves time */
	(void)setsockopt(p.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return p.fd;
}

static enum http_outcome
client_connect(struct http_client *c)
{
	/* both loopback addresses, whatever hosts(5) says: RFC 6761, 6.3 */
	const char *host =
	    strcasecmp(c->url.host, "localhost") == 0 ? NULL : c->url.host;
	struct addrinfo *list, *ai;
	char at[URL_AUTHORITY_MAX];
	int error, saved = ECONNREFUSED;

	if (c->fd != -1)
		return HTTP_ANSWERED;
	error = lookup(host, c->url.port, c->end_mono_ns, &list);
	if (error == EAI_AGAIN)
		return fail(c, HTTP_UNREACHABLE, "%s: %s", c->url.host,
		    gai_strerror(error));
	if (error == EAI_SYSTEM && errno == ETIMEDOUT)
		return fail(c, HTTP_UNREACHABLE,
		    "%s: no name server answered in time", c->url.host);
	if (error != 0)
		return fail(c, HTTP_UNRESOLVED, "%s: %s", c->url.host,
		    error == EAI_SYSTEM ? strerror(errno)
					: gai_strerror(error));
	for (ai = list; ai != NULL && c->fd == -1; ai = ai->ai_next) {
		c->fd = connect_one(ai, c->end_mono_ns);
		if (c->fd == -1)
			saved = errno;
	}
	freeaddrinfo(list);
	if (c->fd == -1)
		return fail(c, HTTP_UNREACHABLE,
		    "no dmd answers at http://%s: %s (check that it runs)",
		    url_authority(&c->url, at), strerror(saved));
	return HTTP_ANSWERED;
}

/* --- one request ------------------------------------------------------ */

/* When silence from now on is too long; extra_ns is added to the usual time. */
static uint64_t
idle_end(const struct http_client *c, uint64_t extra_ns)
{
	return c->deadline_mono_ns != 0
		   ? c->deadline_mono_ns
		   : clock_mono_ns() + IDLE_NS_MAX + extra_ns;
}

/* When a call that starts now has to be over; its answer may move it once. */
static uint64_t
call_end(const struct http_client *c, const struct http_call *call)
{
	uint64_t size = call->has_body ? call->body_size : 0;

	return c->deadline_mono_ns != 0
		   ? c->deadline_mono_ns
		   : clock_mono_ns() + CALL_NS_MIN + time_network_ns(size) +
			 time_disk_ns(size);
}

static void
transfer_init(
    struct transfer *t, struct http_client *c, const struct http_call *call)
{
	char host[URL_AUTHORITY_MAX], body[96] = "";
	int n;

	memset(t, 0, sizeof(*t));
	t->client = c;
	t->call = call;
	t->is_waiting = call->has_body && call->body_size >= EXPECT_SIZE;
	if (call->has_body)
		snprintf(body, sizeof(body),
		    "Content-Length: %" PRIu64 "\r\n%s", call->body_size,
		    t->is_waiting ? "Expect: 100-continue\r\n" : "");
	n = snprintf(t->head, sizeof(t->head),
	    "%s %s%s HTTP/1.1\r\nHost: %s\r\n"
	    "User-Agent: dmctl/" DMD_VERSION "\r\nAccept: */*\r\n%s%s\r\n",
	    call->method, c->url.prefix, call->path,
	    url_host_field(&c->url, host), body, call->fields);
	if (n < 0 || (size_t)n >= sizeof(t->head))
		fatal("a request's head of %d bytes", n);
	t->head_len = (size_t)n;
	t->idle_mono_ns = idle_end(c, 0);
	progress_init(&t->progress, call->path, call->body_size);
	http_response_init(&c->response);
}

static bool
has_to_send(const struct transfer *t)
{
	if (t->is_refused)
		return false;
	if (t->head_sent < t->head_len)
		return true;
	return t->call->has_body && !t->is_waiting &&
	       t->body_sent < t->call->body_size;
}

/* More of the body into the buffer: 1, or 0 if it cannot be read. */
static bool
fill_chunk(struct transfer *t)
{
	uint64_t left = t->call->body_size - t->body_sent;
	size_t want = left < BUFFER_SIZE ? (size_t)left : BUFFER_SIZE;
	ssize_t n;

	do
		n = pread(t->call->body_fd, t->client->buffer, want,
		    (off_t)t->body_sent);
	while (n == -1 && errno == EINTR);
	t->chunk_at = 0;
	t->chunk_len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* Sends as much as the socket takes now. */
static enum http_outcome
send_some(struct transfer *t)
{
	struct http_client *c = t->client;
	bool is_head = t->head_sent < t->head_len;
	const void *data;
	size_t len;
	ssize_t n;

	if (!is_head && t->chunk_at == t->chunk_len && !fill_chunk(t))
		return fail(c, HTTP_BODY,
		    "the file changed while it was read: upload it again");
	data = is_head ? (const void *)(t->head + t->head_sent)
		       : c->buffer + t->chunk_at;
	len = is_head ? t->head_len - t->head_sent : t->chunk_len - t->chunk_at;
	n = send(c->fd, data, len, MSG_NOSIGNAL);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return HTTP_ANSWERED;
	if (n == -1) {
		/* an answer that is already here may give the reason */
		t->is_refused = true;
		c->response.may_keep_alive = false;
		return HTTP_ANSWERED;
	}
	/* the answer to a large body comes when the disk has it */
	t->idle_mono_ns = idle_end(c, time_disk_ns(t->body_sent));
	if (is_head) {
		t->head_sent += (size_t)n;
		t->continue_mono_ns = clock_mono_ns() + CONTINUE_NS_MAX;
		return HTTP_ANSWERED;
	}
	t->chunk_at += (size_t)n;
	t->body_sent += (uint64_t)n;
	progress_show(&t->progress, t->body_sent);
	return HTTP_ANSWERED;
}

/* The final head is here: sets the bound and the deadline of the body. */
static bool
take_head(struct transfer *t)
{
	struct http_client *c = t->client;

	t->has_head = true;
	t->body_max = HTTP_CLIENT_BODY_MAX;
	if (t->call->on_head != NULL &&
	    !t->call->on_head(t->call->ctx, &c->response, &t->body_max))
		return false;
	if (c->deadline_mono_ns == 0)
		c->end_mono_ns += time_network_ns(t->body_max);
	return true;
}

static void
body_pass(void *ctx, const uint8_t *data, size_t len)
{
	struct transfer *t = ctx;

	if (t->is_stopped)
		return;
	if (!t->has_head && !take_head(t)) {
		t->is_stopped = true;
		return;
	}
	if (len > t->body_max - t->received) {
		t->is_stopped = t->is_too_long = true;
		return;
	}
	t->received += len;
	if (t->call->on_body != NULL &&
	    !t->call->on_body(t->call->ctx, data, len))
		t->is_stopped = true;
}

/* Reads the bytes that are there. The client's buffer may hold a chunk, so it
 * has its own. */
static enum http_outcome
receive_some(struct transfer *t)
{
	struct http_client *c = t->client;
	char at[URL_AUTHORITY_MAX], size[SIZE_TEXT_MAX];
	uint8_t data[16384];
	ssize_t n = recv(c->fd, data, sizeof(data), 0);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return HTTP_ANSWERED;
	if (n <= 0) {
		int saved = n == 0 ? ECONNRESET : errno;

		http_response_end(&c->response);
		if (n == 0 && c->response.state == RESPONSE_DONE)
			return HTTP_ANSWERED;
		return fail(c, HTTP_LOST,
		    "the connection to http://%s broke: %s",
		    url_authority(&c->url, at), strerror(saved));
	}
	t->idle_mono_ns = idle_end(c, 0);
	if (http_response_feed(&c->response, data, (size_t)n, body_pass, t) <
	    (size_t)n)
		c->response.may_keep_alive = false; /* not asked for */
	if (c->response.is_continue)
		t->is_waiting = false;
	if (t->is_too_long)
		return fail(c, HTTP_MALFORMED,
		    "the answer of http://%s is longer than %s",
		    url_authority(&c->url, at), size_format(t->body_max, size));
	if (t->is_stopped)
		return fail(c, HTTP_STOPPED,
		    "the answer of http://%s was refused",
		    url_authority(&c->url, at));
	if (c->response.state == RESPONSE_BAD)
		return fail(c, HTTP_MALFORMED,
		    "the server at http://%s does not speak HTTP/1.1 as dmd "
		    "does: check --url",
		    url_authority(&c->url, at));
	return HTTP_ANSWERED;
}

/* Nothing came for too long, or not all of the answer came in time. */
static enum http_outcome
late(struct transfer *t)
{
	struct http_client *c = t->client;
	char at[URL_AUTHORITY_MAX];

	url_authority(&c->url, at);
	if (c->response.status == 0)
		return fail(c, HTTP_LOST, "http://%s does not answer%s", at,
		    t->call->has_body ? ", and may or may not have stored the "
					"version: check with dmctl show"
				      : "");
	return fail(
	    c, HTTP_LOST, "the answer of http://%s did not end in time", at);
}

static enum http_outcome
transfer_step(struct transfer *t)
{
	struct http_client *c = t->client;
	struct pollfd p = {c->fd, POLLIN, 0};
	uint64_t deadline = earlier(t->idle_mono_ns, c->end_mono_ns);
	enum http_outcome outcome = HTTP_ANSWERED;
	int n;

	if (clock_mono_ns() >= c->end_mono_ns)
		return late(t); /* the server may send without a pause */

	/* once an answer has begun, the rest of the body is not sent */
	if (c->response.status == 0 && has_to_send(t))
		p.events |= POLLOUT;
	else if (t->is_waiting && t->continue_mono_ns < deadline)
		deadline = t->continue_mono_ns;
	n = poll(&p, 1, time_left_ms(deadline));
	if (n == -1 && errno != EINTR)
		return fail(c, HTTP_LOST, "poll: %s", strerror(errno));
	if (n == 0 && t->is_waiting && deadline == t->continue_mono_ns) {
		t->is_waiting = false; /* RFC 9110, 10.1.1 */
		return HTTP_ANSWERED;
	}
	if (n == 0)
		return late(t);
	/* reads first: a reset may follow a refusal */
	if (n > 0 && (p.revents & (POLLIN | POLLHUP | POLLERR)) != 0)
		outcome = receive_some(t);
	if (outcome == HTTP_ANSWERED && n > 0 && (p.revents & POLLOUT) != 0 &&
	    c->response.status == 0)
		outcome = send_some(t);
	return outcome;
}

static enum http_outcome
transfer_run(struct transfer *t)
{
	struct http_client *c = t->client;
	enum http_outcome outcome = HTTP_ANSWERED;

	while (outcome == HTTP_ANSWERED && c->response.state != RESPONSE_DONE)
		outcome = transfer_step(t);
	progress_end(&t->progress);
	return outcome;
}

enum http_outcome
http_client_call(struct http_client *c, const struct http_call *call,
    const struct http_response **response)
{
	enum http_outcome outcome;
	struct transfer t;
	bool was_reused;

	*response = &c->response;
	c->end_mono_ns = call_end(c, call);
	do {
		was_reused = c->is_reused;
		outcome = client_connect(c);
		if (outcome != HTTP_ANSWERED)
			return outcome;
		transfer_init(&t, c, call);
		outcome = transfer_run(&t);
		/* An idle connection may have been closed in the meantime:
		 * tries once more over a new one. A second upload of the same
		 * version changes nothing. */
	} while (outcome == HTTP_LOST && was_reused && c->response.status == 0);
	if (outcome != HTTP_ANSWERED)
		return outcome;
	if (has_to_send(&t) || t.is_waiting || t.is_refused ||
	    !c->response.may_keep_alive)
		client_close(c);
	else
		c->is_reused = true;
	return HTTP_ANSWERED;
}
