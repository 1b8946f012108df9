/* SPDX-License-Identifier: ISC */
#include "dmd/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/signals.h"

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62 /* Linux 5.1 */
#endif

struct listener {
	struct endpoint endpoint;
	uint32_t id;
	int fd;
};

#define PATIENCE_MS 2000
#define PAUSE_MS 50

struct failure {
	struct endpoint endpoint;
	int error;
};

/* The time in which dm-net has to close a socket after it was told to. */
#define RELEASE_NS (2 * NS_PER_S)

struct listen {
	struct listener all[ENDPOINTS_MAX];
	size_t n;
	struct endpoint released[ENDPOINTS_MAX]; /* dm-net may still have it */
	size_t n_released;
	uint64_t released_ns; /* monotonic, when the last one was */
	bool is_held;
	struct failure failed[ENDPOINTS_MAX]; /* told already */
	size_t n_failed;
	unsigned patience_ms; /* left, for ports in use at the start */
	uint32_t next_id;
	struct ipc *net;
};

struct listen *
listen_new(void)
{
	struct listen *l = xcalloc(1, sizeof(*l));

	l->next_id = 1;
	l->patience_ms = PATIENCE_MS;
	return l;
}

void
listen_free(struct listen *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		close(l->all[i].fd);
	free(l);
}

/* -1 with errno. */
static int
endpoint_bind(const struct endpoint *e)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_sockaddr(e, &ss);
	int fd, on = 1, saved;

	fd = socket(e->len == 4 ? AF_INET : AF_INET6,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    (e->len == 16 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on,
				 sizeof(on)) == -1) ||
	    (e->index != 0 && setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX,
				  &e->index, sizeof(e->index)) == -1) ||
	    bind(fd, (struct sockaddr *)&ss, len) == -1 ||
	    listen(fd, LISTEN_BACKLOG) == -1) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* Shut down by a child that had a copy, or by ss -K. */
static bool
listener_is_dead(const struct listener *one)
{
	int accepts = 0;
	socklen_t len = sizeof(accepts);

	return getsockopt(one->fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &len) ==
		   -1 ||
	       accepts == 0;
}

/*
 * Resets all that a dm-net can change of a shared socket and that the next
 * dm-net, or a connection that it accepts, would inherit.
 */
static void
listener_restore(const struct listener *one)
{
	static const struct {
		int level, name;
	} off[] = {{SOL_SOCKET, SO_KEEPALIVE}, {IPPROTO_TCP, TCP_NODELAY},
	    {IPPROTO_TCP, TCP_CORK}, {IPPROTO_TCP, TCP_USER_TIMEOUT},
	    {IPPROTO_TCP, TCP_NOTSENT_LOWAT}};
	const struct linger linger = {0, 0};
	const int zero = 0;
	int flags = fcntl(one->fd, F_GETFL);
	bool is_good = flags != -1;
	char text[ENDPOINT_TEXT_MAX];

	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++)
		is_good &= setsockopt(one->fd, off[i].level, off[i].name, &zero,
			       sizeof(zero)) == 0;
	is_good &= setsockopt(one->fd, SOL_SOCKET, SO_LINGER, &linger,
		       sizeof(linger)) == 0;
	is_good &= fcntl(one->fd, F_SETFL, flags | O_NONBLOCK) == 0;
	if (!is_good)
		log_error("cannot reset the options of the socket of %s: %s",
		    endpoint_text(&one->endpoint, text), strerror(errno));
}

static void
listener_send(struct listen *l, const struct listener *one)
{
	struct ipc_listen msg = {.id = one->id,
	    .kind = one->endpoint.kind,
	    .address = bytes_of(one->endpoint.bytes, one->endpoint.len),
	    .port = one->endpoint.port,
	    .interface = bytes_text(one->endpoint.interface)};
	char text[ENDPOINT_TEXT_MAX];
	int fd;

	if (l->net == NULL)
		return;
	listener_restore(one);
	fd = fcntl(one->fd, F_DUPFD_CLOEXEC, 0);
	if (fd == -1) {
		log_error("cannot hand the socket of %s to dm-net: %s",
		    endpoint_text(&one->endpoint, text), strerror(errno));
		return;
	}
	ipc_send(l->net, IPC_LISTEN, &msg, fd);
}

static void
listener_drop(struct listen *l, size_t i)
{
	struct ipc_unlisten msg = {.id = l->all[i].id};

	close(l->all[i].fd);
	if (l->net != NULL)
		ipc_send(l->net, IPC_UNLISTEN, &msg, -1);
	l->all[i] = l->all[--l->n];
}

struct wanted {
	const struct endpoint *all;
	size_t n;
};

static bool
endpoints_have(const struct endpoint *all, size_t n, const struct endpoint *e)
{
	for (size_t i = 0; i < n; i++)
		if (endpoint_equal(&all[i], e))
			return true;
	return false;
}

static bool
listen_has(const struct listen *l, const struct endpoint *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (endpoint_equal(&l->all[i].endpoint, e))
			return true;
	return false;
}

/* Logs one line with the remedy. */
static void
bind_complain(const struct endpoint *e, int error)
{
	char text[ENDPOINT_TEXT_MAX];

	endpoint_text(e, text);
	if (error == EADDRINUSE)
		log_error("cannot listen on %s: the port is in use by another "
			  "program",
		    text);
	else if (error == EACCES || error == EPERM)
		log_error("cannot listen on %s: %s (ports below 1024 need "
			  "root, and a restart if they are new)",
		    text, strerror(error));
	else
		log_error("cannot listen on %s: %s", text, strerror(error));
}

static int
bind_exit_code(int error)
{
	if (error == EADDRINUSE)
		return EX_TEMPFAIL;
	return error == EACCES || error == EPERM ? EX_NOPERM : EX_OSERR;
}

/* NULL if this one was bound, or never wanted, when last tried. */
static struct failure *
failure_find(struct listen *l, const struct endpoint *e)
{
	for (size_t i = 0; i < l->n_failed; i++)
		if (endpoint_equal(&l->failed[i].endpoint, e))
			return &l->failed[i];
	return NULL;
}

/* Said once, however often it is tried again. */
static void
failure_note(struct listen *l, const struct endpoint *e, int error)
{
	struct failure *f = failure_find(l, e);

	if (f != NULL && f->error == error)
		return;
	if (f == NULL) {
		f = &l->failed[l->n_failed++];
		f->endpoint = *e;
	}
	f->error = error;
	bind_complain(e, error);
}

static void
failures_keep(struct listen *l, const struct endpoint *wanted, size_t n)
{
	for (size_t i = l->n_failed; i-- > 0;)
		if (!endpoints_have(wanted, n, &l->failed[i].endpoint) ||
		    listen_has(l, &l->failed[i].endpoint))
			l->failed[i] = l->failed[--l->n_failed];
}

/*
 * The children of a dmd that was killed hold its ports for the moment they
 * need to notice: a start right after it waits for them. As endpoint_bind().
 */
static int
endpoint_bind_patiently(struct listen *l, const struct endpoint *e)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};
	char text[ENDPOINT_TEXT_MAX];
	int fd = endpoint_bind(e);

	if (fd == -1 && errno == EADDRINUSE && l->patience_ms > 0)
		log_info("%s is in use: waiting for it to be free",
		    endpoint_text(e, text));
	while (fd == -1 && errno == EADDRINUSE && l->patience_ms > 0 &&
	       !signals_end_is_asked()) {
		nanosleep(&pause, NULL);
		l->patience_ms -= PAUSE_MS;
		fd = endpoint_bind(e);
	}
	return fd;
}

/* Two sockets of which the kernel may refuse the second. */
static bool
may_clash(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && a->len == b->len;
}

/* True if the address is in use by a socket that we are about to close, or have
 * just closed. */
static bool
is_our_own(
    const struct listen *l, const struct endpoint *e, const struct wanted *w)
{
	for (size_t i = 0; i < l->n; i++)
		if (may_clash(&l->all[i].endpoint, e) &&
		    !endpoints_have(w->all, w->n, &l->all[i].endpoint))
			return true;
	if (clock_mono_ns() - l->released_ns > RELEASE_NS)
		return false;
	for (size_t i = 0; i < l->n_released; i++)
		if (may_clash(&l->released[i], e))
			return true;
	return false;
}

enum added { ADDED, ADDED_NOT, ADDED_LATER };

static enum added
listener_add(struct listen *l, const struct endpoint *e, const struct wanted *w,
    int *exit_code)
{
	char text[ENDPOINT_TEXT_MAX];
	struct listener *one;
	int fd = endpoint_bind_patiently(l, e);

	if (fd == -1 && errno == EADDRINUSE && is_our_own(l, e, w))
		return ADDED_LATER;
	if (fd == -1) {
		/* no IPv6 here, or gone since the table was read: the next
		 * change of the table brings it back */
		if ((errno == EAFNOSUPPORT && e->len == 16) ||
		    errno == EADDRNOTAVAIL || errno == ENODEV) {
			log_debug("not listening on %s: %s",
			    endpoint_text(e, text), strerror(errno));
			return ADDED;
		}
		*exit_code = bind_exit_code(errno);
		failure_note(l, e, errno);
		return ADDED_NOT;
	}
	one = &l->all[l->n++];
	one->endpoint = *e;
	one->fd = fd;
	one->id = l->next_id++;
	log_info("listening on %s", endpoint_text(e, text));
	listener_send(l, one);
	return ADDED;
}

/* Binds the missing endpoints. Returns how many failed; is_held: others wait.
 */
static size_t
listen_add_wanted(struct listen *l, const struct wanted *w, int *exit_code)
{
	size_t failed = 0;

	l->is_held = false;
	for (size_t i = 0; i < w->n; i++) {
		enum added added =
		    listen_has(l, &w->all[i])
			? ADDED
			: listener_add(l, &w->all[i], w, exit_code);

		failed += added == ADDED_NOT;
		l->is_held |= added == ADDED_LATER;
	}
	return failed;
}

static void
listen_drop_dead(struct listen *l)
{
	char text[ENDPOINT_TEXT_MAX];

	for (size_t i = l->n; i-- > 0;) {
		if (!listener_is_dead(&l->all[i]))
			continue;
		log_warn("the socket of %s was shut down: dmd binds it again",
		    endpoint_text(&l->all[i].endpoint, text));
		listener_drop(l, i);
	}
}

static void
listen_drop_unwanted(struct listen *l, const struct wanted *w)
{
	uint64_t now_ns = clock_mono_ns();
	char text[ENDPOINT_TEXT_MAX];

	if (now_ns - l->released_ns > RELEASE_NS)
		l->n_released = 0;
	for (size_t i = l->n; i-- > 0;) {
		const struct endpoint *e = &l->all[i].endpoint;

		if (endpoints_have(w->all, w->n, e))
			continue;
		log_info("no longer listening on %s", endpoint_text(e, text));
		if (l->n_released < ENDPOINTS_MAX)
			l->released[l->n_released++] = *e;
		l->released_ns = now_ns;
		listener_drop(l, i);
	}
}

size_t
listen_update(
    struct listen *l, const struct endpoint *wanted, size_t n, int *exit_code)
{
	const struct wanted w = {wanted, n};
	size_t failed;

	listen_drop_dead(l);
	failures_keep(l, wanted, n);
	/* the new before the old, as far as there is room and no clash */
	if (l->n + n > ENDPOINTS_MAX)
		listen_drop_unwanted(l, &w);
	failed = listen_add_wanted(l, &w, exit_code);
	listen_drop_unwanted(l, &w);
	if (l->is_held)
		failed = listen_add_wanted(l, &w, exit_code);
	failures_keep(l, wanted, n);
	l->patience_ms = 0; /* from now on there is a loop to be in */
	return failed;
}

bool
listen_is_held(const struct listen *l)
{
	return l->is_held;
}

void
listen_attach(struct listen *l, struct ipc *net)
{
	l->net = net;
	for (size_t i = 0; i < l->n; i++)
		listener_send(l, &l->all[i]);
}

const struct endpoint *
listen_failed(const struct listen *l, size_t i, int *error)
{
	if (i >= l->n_failed)
		return NULL;
	*error = l->failed[i].error;
	return &l->failed[i].endpoint;
}

const struct endpoint *
listen_endpoint(const struct listen *l, size_t i)
{
	return i < l->n ? &l->all[i].endpoint : NULL;
}
