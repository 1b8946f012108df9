/* SPDX-License-Identifier: ISC */
/*
 * Stands in for dm-net and dm-store where dmd itself is tested: a real child
 * (channel, sandbox, configuration) that says on its log what it is told and
 * does the wrong thing when a configured name asks for it:
 *
 *   ROLE/garbage	sends bytes that are no message
 *   ROLE/foreign	sends a message that its role may not send
 *   ROLE/twice		says ready twice
 *   ROLE/exit		ends with status 3 before it is ready
 *   ROLE/mute		is never ready
 *   ROLE/accuse	says that its sibling broke the rules
 *   ROLE/slander	says so of dmd
 *   ROLE/slow		takes 20 ms for each message of a configuration to come
 *   net/sign		asks for a second TLS signature (every dm-net starts
 *			by asking for one)
 *
 *   net/shut		shuts its listening sockets down
 *   net/block		makes accept(2) wait on them, and unfit for use
 *   store/program_HOW	tries to leave a set-user-id program in files/: HOW is
 *			open, openat2, chmod, chmodat or group (a directory)
 *
 * with ROLE being net or store. A client of dmctl tells dm-net's stand-in what
 * to do to the real dm-store, in the place of a request's fields: "accuse", or
 * an entry, which is sent as a put with the content "old". Built for the tests
 * only.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/child.h"
#include "common/control.h"
#include "common/entry.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/verdict.h"

#define LISTENERS_MAX 64

struct standin {
	struct event_base *base;
	enum role role;
	const char *name; /* "net" */
	uint32_t layers;
	struct ipc *dmd;
	struct ipc *link[ROLE_COUNT];
	bool is_ready;
	bool is_mute;
	struct {
		uint64_t id;
		int fd;
	} listeners[LISTENERS_MAX];
	size_t n_listeners;
	bool is_slow;
	int files_fd; /* dm-store's: files/ */
	ipc_handler *handlers[IPC_MESSAGE_COUNT];
	ipc_handler *of_sibling[IPC_MESSAGE_COUNT];
};

static void
say_ready(struct standin *s)
{
	struct ipc_ready ready = {.layers = s->layers};

	ipc_send(s->dmd, IPC_READY, &ready, -1);
}

/* SubjectPublicKeyInfo of a P-256 key; the point need not be on the curve. */
static void
ask_signature(struct standin *s)
{
	static const uint8_t head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a,
	    0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
	    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
	uint8_t spki[91];
	struct ipc_sign_tls msg = {.spki = bytes_of(spki, sizeof(spki))};

	memset(spki, 0x41, sizeof(spki));
	memcpy(spki, head, sizeof(head));
	ipc_send(s->dmd, IPC_SIGN_TLS, &msg, -1);
}

static void
shut_listeners(const struct standin *s)
{
	for (size_t i = 0; i < s->n_listeners; i++)
		shutdown(s->listeners[i].fd, SHUT_RDWR);
	log_info("standin: shut");
}

static void
block_listeners(const struct standin *s)
{
	const struct linger linger = {.l_onoff = 1};
	bool is_good = true;

	for (size_t i = 0; i < s->n_listeners; i++) {
		int fd = s->listeners[i].fd;

		is_good &= fcntl(fd, F_SETFL, 0) == 0;
		is_good &= setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger,
			       sizeof(linger)) == 0;
	}
	log_info("standin: block%s", is_good ? "" : " failed");
}

/* What a dm-store that was taken over would leave for a user who can reach
 * files/: a program that runs with its rights, outside its sandbox. */
static void
leave_program(const struct standin *s, const char *how)
{
	struct open_how request = {
	    .flags = O_CREAT | O_WRONLY, .mode = 06755};
	int fd = -1, plain_fd = -1, rc = -1;

	log_info("standin: program %s", how);
	if (strcmp(how, "open") == 0)
		fd = openat(s->files_fd, how, O_CREAT | O_WRONLY, 06755);
	else if (strcmp(how, "openat2") == 0)
		fd = (int)syscall(SYS_openat2, s->files_fd, how, &request,
		    sizeof(request));
	else if (strcmp(how, "group") == 0)
		rc = mkdirat(s->files_fd, how, 02777);
	else
		plain_fd = openat(s->files_fd, how, O_CREAT | O_WRONLY, 0640);
	if (strcmp(how, "chmod") == 0)
		rc = fchmod(plain_fd, 06755);
	else if (strcmp(how, "chmodat") == 0)
		rc = fchmodat(s->files_fd, how, 06755, 0);
	log_info("standin: program %s: %s", how,
	    fd != -1 || rc == 0 ? "made" : strerror(errno));
}

static void
accuse(struct standin *s)
{
	struct ipc_violated violated = {
	    .role = s->role == ROLE_NET ? ROLE_STORE : ROLE_NET,
	    .reason = bytes_text("it sent \x1b[31m")};

	ipc_send(s->dmd, IPC_VIOLATED, &violated, -1);
}

static void
misbehave(struct standin *s, const char *what)
{
	struct ipc_violated slander = {
	    .role = ROLE_DMD, .reason = bytes_text("it is dmd")};

	if (strcmp(what, "garbage") == 0)
		send(CHILD_FD, "\xc1garbage", 8, 0);
	else if (strcmp(what, "foreign") == 0 && s->role == ROLE_STORE)
		ask_signature(s);
	else if (strcmp(what, "twice") == 0)
		say_ready(s);
	else if (strcmp(what, "exit") == 0)
		_exit(3);
	else if (strcmp(what, "mute") == 0)
		s->is_mute = true;
	else if (strcmp(what, "slow") == 0)
		s->is_slow = true;
	else if (strcmp(what, "accuse") == 0)
		accuse(s);
	else if (strcmp(what, "slander") == 0)
		ipc_send(s->dmd, IPC_VIOLATED, &slander, -1);
	else if (strcmp(what, "sign") == 0)
		ask_signature(s);
	else if (strcmp(what, "shut") == 0)
		shut_listeners(s);
	else if (strcmp(what, "block") == 0)
		block_listeners(s);
	else if (strncmp(what, "program_", 8) == 0)
		leave_program(s, what + 8);
}

static void
on_name(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_config_name *m = msg;
	struct standin *s = ctx;
	size_t len = strlen(s->name);
	char pattern[256];

	if (s->is_slow)
		usleep(20000);
	if (!bytes_copy_text(m->pattern, pattern, sizeof(pattern)))
		return;
	log_info("standin: name %s, %zu signers", pattern, m->signers.len / 32);
	if (strncmp(pattern, s->name, len) == 0 && pattern[len] == '/')
		misbehave(s, pattern + len + 1);
}

static void
on_begin(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_config_begin *m = msg;

	log_info("standin: begin generation %llu, network %zu bytes",
	    (unsigned long long)m->generation, m->network.len);
}

static void
on_peer(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_config_peer *m = msg;

	log_info("standin: peer kind %llu %.*s", (unsigned long long)m->kind,
	    (int)m->text.len, (const char *)m->text.data);
}

static void
on_commit(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	struct standin *s = ctx;

	log_info("standin: commit");
	if (!s->is_ready && !s->is_mute)
		say_ready(s);
	s->is_ready = true;
}

/* Nothing is accepted. */
static void
on_listen(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_listen *m = msg;
	struct standin *s = ctx;
	char address[33] = "";

	hex_encode(m->address.data, m->address.len, address);
	log_info("standin: listen %llu kind %llu %s %llu '%.*s'",
	    (unsigned long long)m->id, (unsigned long long)m->kind, address,
	    (unsigned long long)m->port, (int)m->interface.len,
	    (const char *)m->interface.data);
	if (s->n_listeners == LISTENERS_MAX)
		fatal("standin: too many listeners");
	s->listeners[s->n_listeners].id = m->id;
	s->listeners[s->n_listeners++].fd = fd;
}

static void
on_unlisten(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_unlisten *m = msg;
	struct standin *s = ctx;

	log_info("standin: unlisten %llu", (unsigned long long)m->id);
	for (size_t i = s->n_listeners; i-- > 0;)
		if (s->listeners[i].id == m->id) {
			close(s->listeners[i].fd);
			s->listeners[i] = s->listeners[--s->n_listeners];
		}
}

static void
on_own_address(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_own_address *m = msg;
	char address[33] = "";

	hex_encode(m->address.data, m->address.len, address);
	log_info("standin: own %s%s", address, m->first ? " first" : "");
}

static void
on_restarts(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_restarts *m = msg;

	log_info("standin: restarts %llu %llu %llu", (unsigned long long)m->net,
	    (unsigned long long)m->store, (unsigned long long)m->resolver);
}

static void
on_record(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_peer_record *m = msg;
	char text[2 * 512 + 1] = "";

	if (m->envelope.len <= 512)
		hex_encode(m->envelope.data, m->envelope.len, text);
	log_info("standin: record %s", text);
}

static void
on_signature(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_signature *m = msg;
	char key[65], signature[129];

	hex_encode(m->public_key, 32, key);
	hex_encode(m->signature, 64, signature);
	log_info("standin: signature %s %s", key, signature);
}

static void
on_link_closed(void *ctx, struct ipc *ipc, const char *violation)
{
	struct standin *s = ctx;
	enum role peer = ipc_peer(ipc);

	log_info("standin: link to %s closed%s%s", role_name(peer),
	    violation != NULL ? ": " : "", violation != NULL ? violation : "");
	if (s->link[peer] == ipc)
		s->link[peer] = NULL;
	ipc_free(ipc);
}

static void
on_link_opened(void *ctx, struct ipc *ipc)
{
	log_info("standin: link to %s open", role_name(ipc_peer(ipc)));
}

static void
on_link(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_link *m = msg;
	struct standin *s = ctx;
	const struct ipc_owner owner = {
	    s->of_sibling, on_link_opened, on_link_closed, s};

	ipc_free(s->link[m->role]);
	s->link[m->role] =
	    ipc_new(s->base, fd, s->role, (enum role)m->role, &owner);
}

static void
put_old(struct standin *s, struct bytes entry)
{
	const struct ipc_put_whole m = {.id = 1,
	    .entry = entry,
	    .from = bytes_text("standin"),
	    .content = bytes_text("old")};

	if (s->link[ROLE_STORE] == NULL)
		log_info("standin: no dm-store to put it to");
	else
		ipc_send(s->link[ROLE_STORE], IPC_PUT_WHOLE, &m, -1);
}

/* What a real dm-store says. */
static void
on_ignored(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	if (fd != -1)
		close(fd);
}

static void
on_put_result(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_put_result *m = msg;

	log_info("standin: put: %s", verdict_code((enum verdict)m->verdict));
}

static void
obey(struct standin *s, struct bytes order)
{
	if (order.len == 6 && memcmp(order.data, "accuse", 6) == 0)
		accuse(s);
	else if (order.len > 32)
		put_old(s, order);
}

static void
on_client(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_client *m = msg;
	uint8_t request[CONTROL_HEADER_SIZE + ENTRY_SIZE_MAX];
	struct standin *s = ctx;
	ssize_t n;

	n = recv(fd, request, sizeof(request), MSG_DONTWAIT);
	log_info("standin: client uid %llu privileged %d, %zd bytes, %s",
	    (unsigned long long)m->uid, m->privileged, n,
	    n >= 8 && memcmp(request, m->header, 8) == 0 ? "header agrees"
							 : "header differs");
	if (s->role == ROLE_NET && n > CONTROL_HEADER_SIZE)
		obey(s, bytes_of(request + CONTROL_HEADER_SIZE,
			    (size_t)n - CONTROL_HEADER_SIZE));
	close(fd);
}

static void
on_log_level(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_log_level *m = msg;

	log_info("standin: log level %llu", (unsigned long long)m->level);
}

static void
on_log_sink(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	log_info("standin: log sink");
	close(fd);
}

static void
on_stop(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	struct standin *s = ctx;

	log_info("standin: stop");
	event_base_loopbreak(s->base);
}

static void
on_dmd_closed(void *ctx, struct ipc *ipc, const char *violation)
{
	struct standin *s = ctx;

	log_info("standin: dmd is gone");
	event_base_loopbreak(s->base);
}

static void
handlers_init(struct standin *s)
{
	s->handlers[IPC_CONFIG_BEGIN] = on_begin;
	s->handlers[IPC_CONFIG_NAME] = on_name;
	s->handlers[IPC_CONFIG_PEER] = on_peer;
	s->handlers[IPC_CONFIG_COMMIT] = on_commit;
	s->handlers[IPC_LISTEN] = on_listen;
	s->handlers[IPC_UNLISTEN] = on_unlisten;
	s->handlers[IPC_OWN_ADDRESS] = on_own_address;
	s->handlers[IPC_PEER_RECORD] = on_record;
	s->handlers[IPC_RESTARTS] = on_restarts;
	s->handlers[IPC_SIGNATURE] = on_signature;
	s->handlers[IPC_LINK] = on_link;
	s->handlers[IPC_CLIENT] = on_client;
	s->handlers[IPC_LOG_LEVEL] = on_log_level;
	s->handlers[IPC_LOG_SINK] = on_log_sink;
	s->handlers[IPC_STOP] = on_stop;
	for (size_t i = 0; i < IPC_MESSAGE_COUNT; i++)
		s->of_sibling[i] = on_ignored;
	s->of_sibling[IPC_PUT_RESULT] = on_put_result;
}

/* The descriptor that dm-store has of files/ when it is confined; -1: none. */
static int
files_open(const struct standin *s, const struct child_settings *settings)
{
	char path[4096];

	if (s->role != ROLE_STORE)
		return -1;
	snprintf(path, sizeof(path), "%s/files", settings->state_dir);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int
main(int argc, char **argv)
{
	struct child_settings settings;
	struct standin s = {0};
	struct ipc_owner owner = {
	    .handlers = s.handlers, .closed = on_dmd_closed, .ctx = &s};

	s.role = argc > 0 && strstr(argv[0], "store") != NULL ? ROLE_STORE
							      : ROLE_NET;
	s.name = s.role == ROLE_STORE ? "store" : "net";
	child_begin(s.role, &settings);
	s.base = event_base_new();
	if (s.base == NULL)
		fatal("libevent does not start");
	s.files_fd = files_open(&s, &settings);
	s.layers = child_confine(
	    s.role, &settings, &s.files_fd, s.files_fd != -1 ? 1 : 0);
	handlers_init(&s);
	s.dmd = ipc_new(s.base, CHILD_FD, s.role, ROLE_DMD, &owner);
	if (s.role == ROLE_NET)
		ask_signature(&s);
	event_base_dispatch(s.base);
	return 0;
}
