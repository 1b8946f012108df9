/* SPDX-License-Identifier: ISC */
#include "dmd/control.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xevent.h"

#define ACCEPTS_PER_TURN 16
#define CONTROL_BACKLOG 64

/* A client whose header has not come yet. */
struct waiting {
	LIST_ENTRY(waiting) next;
	struct control *control;
	struct event *event;
	int fd;
	uid_t uid;
	gid_t gid;
};

struct control {
	struct event_base *base;
	const struct users *users;
	struct control_server *own;
	struct children *children;
	char *path;
	int fd;
	struct event *accept;
	struct event *pause; /* accepts again */
	LIST_HEAD(waiting_list, waiting) waiting;
};

/* --- one client ------------------------------------------------------- */

static void
waiting_free(struct waiting *w)
{
	LIST_REMOVE(w, next);
	event_free(w->event);
	if (w->fd != -1)
		close(w->fd);
	free(w);
}

/*
 * The last answer to a client that no process serves. Its request is taken off
 * (one byte of each record is read, the rest goes with it) and no further one
 * let in: closing a socket with records unread would lose the answer.
 */
static void
refuse(int fd, enum verdict verdict, const char *sentence)
{
	uint8_t buf[CONTROL_ANSWER_MAX], byte;
	size_t len = control_end_encode(verdict,
	    sentence != NULL ? sentence : verdict_sentence(verdict), buf);

	(void)send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)shutdown(fd, SHUT_RD);
	while (recv(fd, &byte, 1, MSG_DONTWAIT) > 0)
		continue;
}

static void
pass(struct waiting *w, enum role owner,
    const uint8_t header[static CONTROL_HEADER_SIZE], bool privileged)
{
	struct child *c = children_get(w->control->children, owner);
	struct ipc_client msg = {
	    .uid = w->uid, .gid = w->gid, .privileged = privileged};

	if (c->ipc == NULL || c->state == CHILD_ENDING ||
	    (owner == ROLE_NET && !c->has_signed)) {
		if (owner == ROLE_STORE)
			refuse(w->fd, VERDICT_NO_STORE, NULL);
		else
			refuse(w->fd, VERDICT_BUSY,
			    "dm-net is restarting: try again");
		return;
	}
	/* it does not read: its clients must not use up dmd's descriptors */
	if (ipc_queued_fds(c->ipc) >= CONTROL_CLIENTS_MAX) {
		refuse(w->fd, VERDICT_BUSY, NULL);
		return;
	}
	memcpy(msg.header, header, CONTROL_HEADER_SIZE);
	ipc_send(c->ipc, IPC_CLIENT, &msg, w->fd);
	w->fd = -1;
}

static void
route(struct waiting *w, const uint8_t header[static CONTROL_HEADER_SIZE])
{
	bool privileged = w->uid == 0 || w->uid == w->control->users->own_uid;
	const struct control_info *info;
	uint8_t command;
	uint16_t len;

	if (!control_header_decode(header, &command, &len)) {
		refuse(w->fd, VERDICT_MALFORMED, NULL);
		return;
	}
	info = control_info(command);
	if (info == NULL) {
		refuse(w->fd, VERDICT_UNKNOWN_COMMAND, NULL);
	} else if (info->privileged && !privileged) {
		refuse(w->fd, VERDICT_DENIED, NULL);
	} else if (info->owner == ROLE_DMD) {
		control_server_take(
		    w->control->own, w->fd, header, w->uid, w->gid, privileged);
		w->fd = -1;
	} else {
		pass(w, info->owner, header, privileged);
	}
}

/*
 * MSG_PEEK without a control buffer: a descriptor that came along stays with
 * the request and never enters this process.
 */
static void
on_request(evutil_socket_t fd, short what, void *arg)
{
	struct waiting *w = arg;
	uint8_t header[CONTROL_HEADER_SIZE];
	ssize_t n;

	if (what & EV_READ) {
		n = recv(fd, header, sizeof(header), MSG_PEEK | MSG_DONTWAIT);
		if (n == (ssize_t)sizeof(header))
			route(w, header);
		else if (n > 0)
			refuse(fd, VERDICT_MALFORMED, NULL);
	}
	waiting_free(w);
}

/* --- accepting -------------------------------------------------------- */

static bool
has_room(const struct control *c, uid_t uid)
{
	const struct waiting *w;
	size_t all = 0, same = 0;

	for (w = LIST_FIRST(&c->waiting); w != NULL; w = LIST_NEXT(w, next)) {
		all++;
		same += w->uid == uid;
	}
	return control_has_room(
	    all, same, uid == 0 || uid == c->users->own_uid);
}

static void
client_add(struct control *c, int fd)
{
	const struct timeval idle = {
	    .tv_sec = (time_t)(CONTROL_IDLE_NS_MAX / NS_PER_S)};
	struct ucred who;
	socklen_t len = sizeof(who);
	struct waiting *w;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == -1) {
		close(fd);
		return;
	}
	if (!has_room(c, who.uid)) {
		refuse(fd, VERDICT_BUSY, NULL);
		close(fd);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	w->control = c;
	w->fd = fd;
	w->uid = who.uid;
	w->gid = who.gid;
	w->event = xevent(c->base, fd, EV_READ, on_request, w);
	xevent_add(w->event, &idle);
	LIST_INSERT_HEAD(&c->waiting, w, next);
}

static void
on_accept(evutil_socket_t listen_fd, short what, void *arg)
{
	const struct timeval a_while = {.tv_sec = 1};
	struct control *c = arg;
	int fd;

	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		fd = accept4(
		    listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd != -1) {
			client_add(c, fd);
			continue;
		}
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		log_warn("cannot accept a client of the control socket: %s; "
			 "tries again soon",
		    strerror(errno));
		event_del(c->accept);
		evtimer_add(c->pause, &a_while);
		return;
	}
}

static void
on_pause(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	event_add(c->accept, NULL);
}

/* --- the socket ------------------------------------------------------- */

/* True if no process listens on it: a dmd that was killed left it. */
static bool
is_stale(const struct sockaddr_un *sa)
{
	struct stat st;
	bool is_refused = false;
	int fd;

	if (lstat(sa->sun_path, &st) == -1 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return false;
	if (connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == -1)
		is_refused = errno == ECONNREFUSED;
	close(fd);
	return is_refused;
}

/* Until it listens nobody can connect, so its rights are set before that. */
static int
socket_open(const char *path, const struct users *users, int *exit_code)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd, rc;

	*exit_code = EX_CANTCREAT;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1) {
		log_error("cannot make a socket: %s", strerror(errno));
		return -1;
	}
	rc = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
	if (rc == -1 && errno == EADDRINUSE && is_stale(&sa) &&
	    unlink(path) == 0)
		rc = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
	if (rc == -1 && errno == EADDRINUSE) {
		log_error("%s is in use: another dmd has it, or it is not a "
			  "socket; name another control_socket in dm.toml",
		    path);
		*exit_code = EX_TEMPFAIL;
		close(fd);
		return -1;
	}
	if (rc == -1 || lchown(path, (uid_t)-1, users->group) == -1 ||
	    chmod(path, 0660) == -1 || listen(fd, CONTROL_BACKLOG) == -1) {
		log_error("cannot make the control socket %s: %s", path,
		    strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

struct control *
control_new(struct event_base *base, const char *path,
    const struct users *users, struct control_server *own, int *exit_code)
{
	struct control *c;
	int fd = socket_open(path, users, exit_code);

	if (fd == -1)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->base = base;
	c->users = users;
	c->own = own;
	c->path = xstrdup(path);
	c->fd = fd;
	LIST_INIT(&c->waiting);
	c->accept = xevent(base, fd, EV_READ | EV_PERSIST, on_accept, c);
	c->pause = xevent(base, -1, 0, on_pause, c);
	return c;
}

void
control_attach(struct control *c, struct children *children)
{
	c->children = children;
	event_add(c->accept, NULL);
}

void
control_free(struct control *c)
{
	if (c == NULL)
		return;
	while (!LIST_EMPTY(&c->waiting))
		waiting_free(LIST_FIRST(&c->waiting));
	event_free(c->accept);
	event_free(c->pause);
	close(c->fd);
	if (unlink(c->path) == -1 && errno != ENOENT)
		log_warn("cannot remove %s: %s", c->path, strerror(errno));
	free(c->path);
	free(c);
}
