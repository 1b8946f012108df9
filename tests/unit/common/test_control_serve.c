/* SPDX-License-Identifier: ISC */
/* The serving end of the control socket, with clients that keep to the
 * protocol and clients that do not. */
#include "common/control_serve.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"

#define TURNS_MAX 2000
#define LONG_ROWS 20000u

/* The loop's clock, moved on by hand: libevent asks this function. */
static time_t clock_ahead_s;

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, id, ts);

	ts->tv_sec += clock_ahead_s;
	return rc;
}

/* What the handler does with a request. */
enum script {
	SCRIPT_ROWS,  /* two rows and the end */
	SCRIPT_LATER, /* nothing yet: the test goes on with the client */
	SCRIPT_LONG,  /* LONG_ROWS rows, as they are wanted */
	SCRIPT_FILE,  /* a row with a descriptor */
};

struct fixture {
	struct event_base *base;
	struct control_server *server;
	enum script script;
	unsigned n_handled;
	unsigned n_gone;
	unsigned n_rows;
	unsigned n_wants;
	enum control_command command;
	char prefix[NAME_LEN_MAX + 1];
	uint64_t level;
	char content[64];
	struct control_client *client;
};

static void
on_gone(void *ctx)
{
	struct fixture *f = ctx;

	f->n_gone++;
	f->client = NULL;
}

static void
send_long(void *ctx, struct control_client *client)
{
	struct fixture *f = ctx;

	f->n_wants++;
	while (f->n_rows < LONG_ROWS) {
		if (!control_client_wants(client))
			return;
		control_client_number(client, "row", VALUE_NUMBER, f->n_rows++);
	}
	control_client_end(client, VERDICT_OK, NULL);
}

static void
send_file(struct control_client *client)
{
	struct row_content row = {.entry = bytes_text("entry")};
	int fd = memfd_create("content", MFD_CLOEXEC);

	assert_int_not_equal(fd, -1);
	assert_int_equal(pwrite(fd, "hello", 5, 0), 5);
	control_client_row(client, ROW_CONTENT, &row, fd);
	control_client_end(client, VERDICT_OK, NULL);
}

static void
handler(void *ctx, struct control_client *client, enum control_command command,
    const void *request, int fd)
{
	struct fixture *f = ctx;
	const struct control_list *list = request;
	const struct control_log *log = request;

	f->n_handled++;
	f->command = command;
	f->client = client;
	if (command == CONTROL_LIST)
		assert_true(bytes_copy_text(
		    list->prefix, f->prefix, sizeof(f->prefix)));
	if (command == CONTROL_LOG)
		f->level = log->level;
	if (fd != -1) {
		assert_true(
		    pread(fd, f->content, sizeof(f->content) - 1, 0) >= 0);
		close(fd);
	}
	switch (f->script) {
	case SCRIPT_ROWS:
		control_client_text(client, "state", "%s", "ready");
		control_client_number(client, "files", VALUE_NUMBER, 7);
		control_client_end(client, VERDICT_OK, NULL);
		return;
	case SCRIPT_LATER:
		return;
	case SCRIPT_LONG:
		control_client_on_wants(client, send_long, on_gone, f);
		return;
	case SCRIPT_FILE:
		send_file(client);
		return;
	}
}

/* Each command is handled alike. */
/* clang-format off */
#define F_U64(name, field, max)
#define F_FIXED(name, field, len)
#define F_BYTES(name, field, max)
#define F_TEXT(name, field, max)
#define COMMAND_END(name)
#define COMMAND(name, NAME, number, owner, privileged, fd) \
	static void \
	on_##name(void *ctx, struct control_client *client, \
	    const void *request, int attached_fd) \
	{ handler(ctx, client, CONTROL_##NAME, request, attached_fd); }
#include "common/control.def"
#undef COMMAND

static control_handler *const commands[CONTROL_COMMAND_COUNT] = {
#define COMMAND(name, NAME, number, owner, privileged, fd) \
	[CONTROL_##NAME] = on_##name,
#include "common/control.def"
#undef COMMAND
};
/* clang-format on */

static void
fixture_start(struct fixture *f, enum role self)
{
	memset(f, 0, sizeof(*f));
	clock_ahead_s = 0;
	f->base = event_base_new();
	assert_non_null(f->base);
	f->server = control_server_new(f->base, self, commands, f);
}

static void
fixture_stop(struct fixture *f)
{
	control_server_free(f->server);
	event_base_free(f->base);
}

static void
turn(struct fixture *f)
{
	assert_int_not_equal(event_base_loop(f->base, EVLOOP_NONBLOCK), -1);
}

static void
send_record(int fd, const void *data, size_t len, const int *fds, size_t n)
{
	struct iovec iov = {(void *)(uintptr_t)data, len};
	char control[CMSG_SPACE(4 * sizeof(int))] = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cmsg;

	if (n > 0) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, n * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &msg, MSG_NOSIGNAL), len);
}

static uint64_t client_uid = 1000;

/* A client whose request is there when the server gets it, as from dmd. */
static int
client_raw(struct fixture *f, const uint8_t *header, const void *record,
    size_t len, const int *fds, size_t n, bool privileged)
{
	int pair[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	if (len > 0)
		send_record(pair[0], record, len, fds, n);
	control_server_take(f->server, pair[1], header, client_uid, client_uid,
	    privileged);
	return pair[0];
}

static int
client_new(struct fixture *f, enum control_command command, const void *fields,
    bool privileged)
{
	uint8_t buf[CONTROL_REQUEST_MAX];
	size_t len = control_request_encode(command, fields, buf);

	return client_raw(f, buf, buf, len, NULL, 0, privileged);
}

/* The next answer; turns the loop until it is there. Length 0: closed. */
static size_t
receive(struct fixture *f, int fd, uint8_t buf[static CONTROL_ANSWER_MAX],
    int *attached)
{
	struct iovec iov = {buf, CONTROL_ANSWER_MAX};
	char control[CMSG_SPACE(sizeof(int))];
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cmsg;
	ssize_t n;

	msg.msg_control = control;
	for (unsigned i = 0; i < TURNS_MAX; i++) {
		msg.msg_controllen = sizeof(control);
		n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n >= 0) {
			cmsg = CMSG_FIRSTHDR(&msg);
			if (attached != NULL && cmsg != NULL)
				memcpy(attached, CMSG_DATA(cmsg), sizeof(int));
			return (size_t)n;
		}
		if (errno == ECONNRESET)
			return 0;
		assert_int_equal(errno, EAGAIN);
		turn(f);
	}
	fail_msg("no answer came");
	return 0;
}

/* Reads rows and the end, which must have this verdict, then end of file. */
static unsigned
expect_end(struct fixture *f, int fd, enum verdict verdict)
{
	uint8_t buf[CONTROL_ANSWER_MAX];
	struct control_answer answer;
	unsigned rows = 0;
	size_t len;

	for (;;) {
		len = receive(f, fd, buf, NULL);
		assert_int_not_equal(len, 0);
		assert_true(control_answer_decode(&answer, buf, len));
		if (answer.is_end)
			break;
		rows++;
	}
	assert_int_equal(answer.verdict, verdict);
	assert_int_equal(receive(f, fd, buf, NULL), 0);
	close(fd);
	return rows;
}

static void
test_answer(void **state)
{
	const struct control_list list = {.prefix = bytes_text("app/")};
	struct fixture f;
	int fd;

	fixture_start(&f, ROLE_STORE);
	fd = client_new(&f, CONTROL_LIST, &list, false);
	assert_int_equal(expect_end(&f, fd, VERDICT_OK), 2);
	assert_int_equal(f.command, CONTROL_LIST);
	assert_string_equal(f.prefix, "app/");
	assert_int_equal(f.n_handled, 1);
	fixture_stop(&f);
}

static void
test_dmd_fixed_body(void **state)
{
	/* the same number, as MessagePack also allows it: not taken by root */
	static const uint8_t wide[] = {'D', 'M', 'C', '1', 1, CONTROL_LOG, 4, 0,
	    0x92, CONTROL_LOG, 0xcc, 3};
	static const uint8_t large[] = {
	    'D', 'M', 'C', '1', 1, CONTROL_LOG, 3, 0, 0x92, CONTROL_LOG, 5};
	const struct control_log log = {.level = 3};
	struct fixture f;

	fixture_start(&f, ROLE_DMD);
	expect_end(&f, client_new(&f, CONTROL_LOG, &log, true), VERDICT_OK);
	assert_int_equal(f.level, 3);
	expect_end(
	    &f, client_new(&f, CONTROL_STATUS_DMD, &log, false), VERDICT_OK);
	assert_int_equal(f.n_handled, 2);
	expect_end(&f, client_raw(&f, wide, wide, sizeof(wide), NULL, 0, true),
	    VERDICT_MALFORMED);
	expect_end(&f,
	    client_raw(&f, large, large, sizeof(large), NULL, 0, true),
	    VERDICT_MALFORMED);
	assert_int_equal(f.n_handled, 2);
	fixture_stop(&f);
}

static void
test_privilege(void **state)
{
	const struct control_log log = {.level = 1};
	struct fixture f;

	fixture_start(&f, ROLE_DMD);
	expect_end(
	    &f, client_new(&f, CONTROL_LOG, &log, false), VERDICT_DENIED);
	expect_end(
	    &f, client_new(&f, CONTROL_STOP, &log, false), VERDICT_DENIED);
	assert_int_equal(f.n_handled, 0);
	fixture_stop(&f);
}

/* dmd judged one header; the record must not carry another. */
static void
test_wrong_header(void **state)
{
	uint8_t buf[CONTROL_REQUEST_MAX], header[CONTROL_HEADER_SIZE];
	const struct control_list list = {.prefix = bytes_text("")};
	struct fixture f;
	size_t len;

	fixture_start(&f, ROLE_STORE);
	len = control_request_encode(CONTROL_LIST, &list, buf);
	memcpy(header, buf, sizeof(header));
	header[5] = CONTROL_STATUS_STORE;
	expect_end(&f, client_raw(&f, header, buf, len, NULL, 0, true),
	    VERDICT_MALFORMED);
	assert_int_equal(f.n_handled, 0);
	fixture_stop(&f);
}

static void
test_wrong_length(void **state)
{
	uint8_t buf[CONTROL_REQUEST_MAX + 1000];
	const struct control_list list = {.prefix = bytes_text("app/")};
	struct fixture f;
	size_t len;

	fixture_start(&f, ROLE_STORE);
	memset(buf, 0, sizeof(buf));
	len = control_request_encode(CONTROL_LIST, &list, buf);
	expect_end(&f, client_raw(&f, buf, buf, len + 1, NULL, 0, false),
	    VERDICT_MALFORMED);
	expect_end(&f, client_raw(&f, buf, buf, len - 1, NULL, 0, false),
	    VERDICT_MALFORMED);
	expect_end(
	    &f, client_raw(&f, buf, buf, 5, NULL, 0, false), VERDICT_MALFORMED);
	expect_end(&f,
	    client_raw(&f, buf, buf, CONTROL_REQUEST_MAX + 1, NULL, 0, false),
	    VERDICT_MALFORMED);
	expect_end(&f, client_raw(&f, buf, buf, sizeof(buf), NULL, 0, false),
	    VERDICT_MALFORMED);
	assert_int_equal(f.n_handled, 0);
	fixture_stop(&f);
}

static void
test_not_ours(void **state)
{
	const struct control_stop none;
	struct fixture f;
	uint8_t buf[CONTROL_REQUEST_MAX];
	size_t len;

	fixture_start(&f, ROLE_NET);
	expect_end(&f, client_new(&f, CONTROL_STOP, &none, true),
	    VERDICT_UNKNOWN_COMMAND);
	len = control_request_encode(CONTROL_PEERS, &none, buf);
	buf[5] = 250;
	expect_end(&f, client_raw(&f, buf, buf, len, NULL, 0, true),
	    VERDICT_UNKNOWN_COMMAND);
	assert_int_equal(f.n_handled, 0);
	fixture_stop(&f);
}

/* One request a connection, whatever follows. */
static void
test_second_record(void **state)
{
	const struct control_list list = {.prefix = bytes_text("a")};
	uint8_t buf[CONTROL_REQUEST_MAX];
	struct fixture f;
	size_t len;
	int fd;

	fixture_start(&f, ROLE_STORE);
	f.script = SCRIPT_LATER;
	fd = client_new(&f, CONTROL_LIST, &list, false);
	len = control_request_encode(CONTROL_LIST, &list, buf);
	send_record(fd, buf, len, NULL, 0);
	for (unsigned i = 0; i < 20; i++)
		turn(&f);
	assert_int_equal(f.n_handled, 1);
	control_client_end(f.client, VERDICT_OK, NULL);
	for (unsigned i = 0; i < 20; i++)
		turn(&f);
	assert_int_equal(f.n_handled, 1);
	close(fd);
	fixture_stop(&f);
}

static int
sealed_memfd(const char *content, int seals)
{
	int fd = memfd_create("upload", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_not_equal(fd, -1);
	assert_int_equal(
	    pwrite(fd, content, strlen(content), 0), strlen(content));
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static unsigned
open_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static void
test_attached(void **state)
{
	const int all = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
	const struct control_upload upload = {.entry = bytes_text("entry")};
	const struct control_list list = {.prefix = bytes_text("")};
	uint8_t up[CONTROL_REQUEST_MAX], other[CONTROL_REQUEST_MAX];
	size_t up_len, other_len;
	unsigned before;
	struct fixture f;
	int fds[3];

	fixture_start(&f, ROLE_STORE);
	up_len = control_request_encode(CONTROL_UPLOAD, &upload, up);
	other_len = control_request_encode(CONTROL_LIST, &list, other);
	fds[0] = sealed_memfd("content", all);
	fds[1] = fds[2] = fds[0];
	before = open_descriptors();
	expect_end(
	    &f, client_raw(&f, up, up, up_len, fds, 1, false), VERDICT_OK);
	assert_string_equal(f.content, "content");
	assert_int_equal(f.n_handled, 1);
	/* two, of which the control buffer's padding has room for the second,
	 * three, and one where none belongs */
	expect_end(&f, client_raw(&f, up, up, up_len, fds, 2, false),
	    VERDICT_MALFORMED);
	expect_end(&f, client_raw(&f, up, up, up_len, fds, 3, false),
	    VERDICT_MALFORMED);
	expect_end(&f, client_raw(&f, other, other, other_len, fds, 1, false),
	    VERDICT_MALFORMED);
	assert_int_equal(f.n_handled, 1);
	assert_int_equal(open_descriptors(), before);
	close(fds[0]);
	fixture_stop(&f);
}

static void
test_unsealed(void **state)
{
	const struct control_upload upload = {.entry = bytes_text("entry")};
	uint8_t up[CONTROL_REQUEST_MAX];
	int fds[3], pipes[2];
	size_t len;
	struct fixture f;

	fixture_start(&f, ROLE_STORE);
	len = control_request_encode(CONTROL_UPLOAD, &upload, up);
	assert_int_equal(pipe(pipes), 0);
	fds[0] = sealed_memfd("x", F_SEAL_GROW | F_SEAL_SHRINK);
	fds[1] = sealed_memfd("x", F_SEAL_WRITE | F_SEAL_GROW);
	fds[2] = pipes[0];
	for (unsigned i = 0; i < 3; i++) {
		expect_end(&f, client_raw(&f, up, up, len, &fds[i], 1, false),
		    VERDICT_MALFORMED);
		close(fds[i]);
	}
	assert_int_equal(f.n_handled, 0);
	close(pipes[1]);
	fixture_stop(&f);
}

/* Nothing attached ever arrives in dmd. */
static void
test_dmd_attached(void **state)
{
	const struct control_stop none;
	uint8_t buf[CONTROL_REQUEST_MAX];
	struct fixture f;
	unsigned before;
	size_t len;
	int fd;

	fixture_start(&f, ROLE_DMD);
	len = control_request_encode(CONTROL_RELOAD, &none, buf);
	fd = sealed_memfd("x", F_SEAL_WRITE);
	before = open_descriptors();
	expect_end(
	    &f, client_raw(&f, buf, buf, len, &fd, 1, true), VERDICT_MALFORMED);
	assert_int_equal(f.n_handled, 0);
	assert_int_equal(open_descriptors(), before);
	close(fd);
	fixture_stop(&f);
}

static void
test_row_with_file(void **state)
{
	const struct control_get get = {.name = bytes_text("a")};
	uint8_t buf[CONTROL_ANSWER_MAX];
	struct control_answer answer;
	char text[6] = "";
	struct fixture f;
	int fd, attached = -1;
	size_t len;

	fixture_start(&f, ROLE_STORE);
	f.script = SCRIPT_FILE;
	fd = client_new(&f, CONTROL_GET, &get, false);
	len = receive(&f, fd, buf, &attached);
	assert_true(control_answer_decode(&answer, buf, len));
	assert_int_equal(answer.kind, ROW_CONTENT);
	assert_int_not_equal(attached, -1);
	assert_int_equal(pread(attached, text, 5, 0), 5);
	assert_string_equal(text, "hello");
	close(attached);
	expect_end(&f, fd, VERDICT_OK);
	fixture_stop(&f);
}

/* Much more than a socket holds, without piling up here. */
static void
test_long_answer(void **state)
{
	const struct control_list list = {.prefix = bytes_text("")};
	struct fixture f;
	int fd;

	fixture_start(&f, ROLE_STORE);
	f.script = SCRIPT_LONG;
	fd = client_new(&f, CONTROL_LIST, &list, false);
	for (unsigned i = 0; i < 200; i++)
		turn(&f);
	assert_true(f.n_rows > 0 && f.n_rows < LONG_ROWS);
	assert_int_equal(expect_end(&f, fd, VERDICT_OK), LONG_ROWS);
	assert_true(f.n_wants > 1);
	assert_int_equal(f.n_gone, 0);
	fixture_stop(&f);
}

static void
test_hang_up(void **state)
{
	const struct control_list list = {.prefix = bytes_text("")};
	struct fixture f;
	int fd;

	fixture_start(&f, ROLE_STORE);
	/* told at once, though nothing is being sent */
	f.script = SCRIPT_LATER;
	fd = client_new(&f, CONTROL_LIST, &list, false);
	turn(&f);
	assert_non_null(f.client);
	control_client_on_wants(f.client, NULL, on_gone, &f);
	close(fd);
	turn(&f);
	assert_int_equal(f.n_gone, 1);
	/* not told: the client stays valid until the end */
	fd = client_new(&f, CONTROL_LIST, &list, false);
	turn(&f);
	close(fd);
	turn(&f);
	control_client_text(f.client, "key", "nobody hears this");
	control_client_end(f.client, VERDICT_OK, NULL);
	/* told late */
	fd = client_new(&f, CONTROL_LIST, &list, false);
	turn(&f);
	close(fd);
	turn(&f);
	control_client_on_wants(f.client, send_long, on_gone, &f);
	turn(&f);
	assert_int_equal(f.n_gone, 2);
	assert_int_equal(f.n_rows, 0);
	fixture_stop(&f);
}

static void
test_gone_with_server(void **state)
{
	const struct control_list list = {.prefix = bytes_text("")};
	struct fixture f;
	int fd[2];

	fixture_start(&f, ROLE_STORE);
	f.script = SCRIPT_LATER;
	fd[0] = client_new(&f, CONTROL_LIST, &list, false);
	turn(&f);
	control_client_on_wants(f.client, NULL, on_gone, &f);
	fd[1] = client_new(&f, CONTROL_LIST, &list, false);
	fixture_stop(&f);
	assert_int_equal(f.n_gone, 1);
	close(fd[0]);
	close(fd[1]);
}

/* One more is turned away before anything is read of it. */
static void
expect_refused(struct fixture *f, bool privileged)
{
	const struct control_list list = {.prefix = bytes_text("")};
	int fd = client_new(f, CONTROL_LIST, &list, privileged);
	uint8_t buf[CONTROL_ANSWER_MAX];
	struct control_answer answer;
	ssize_t len = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	assert_true(len > 0);
	assert_true(control_answer_decode(&answer, buf, (size_t)len));
	assert_true(answer.is_end);
	assert_int_equal(answer.verdict, VERDICT_BUSY);
	close(fd);
}

/* One user leaves places to others, all of them some to root. */
static void
test_too_many(void **state)
{
	const struct control_list list = {.prefix = bytes_text("")};
	const unsigned open = CONTROL_CLIENTS_MAX - CONTROL_CLIENTS_SPARED;
	int fds[CONTROL_CLIENTS_MAX];
	struct fixture f;

	fixture_start(&f, ROLE_STORE);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		client_uid = i < CONTROL_CLIENTS_USER_MAX ? 1000 : 1001;
		fds[i] = client_new(&f, CONTROL_LIST, &list, i >= open);
		client_uid = 1000;
		if (i >= CONTROL_CLIENTS_USER_MAX)
			expect_refused(&f, false);
		client_uid = 1002;
		if (i + 1 >= open)
			expect_refused(&f, false);
	}
	expect_refused(&f, true);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		assert_int_equal(expect_end(&f, fds[i], VERDICT_OK), 2);
	/* and there is room again */
	client_uid = 1000;
	expect_end(&f, client_new(&f, CONTROL_LIST, &list, false), VERDICT_OK);
	fixture_stop(&f);
}

/* Neither a request that never comes nor an answer that is never taken keeps a
 * place; an answer that takes long to find does. */
static void
test_idle(void **state)
{
	const struct control_list list = {.prefix = bytes_text("")};
	uint8_t header[CONTROL_HEADER_SIZE] = {0}, buf[CONTROL_ANSWER_MAX];
	int silent, slow, waiting;
	struct fixture f;

	fixture_start(&f, ROLE_STORE);
	f.script = SCRIPT_LATER;
	waiting = client_new(&f, CONTROL_LIST, &list, false);
	turn(&f);
	f.script = SCRIPT_LONG;
	slow = client_new(&f, CONTROL_LIST, &list, false);
	silent = client_raw(&f, header, "", 0, NULL, 0, false);
	for (unsigned i = 0; i < 200; i++)
		turn(&f);
	clock_ahead_s = 9;
	turn(&f);
	turn(&f);
	assert_int_equal(recv(silent, buf, 1, MSG_DONTWAIT), -1);
	assert_int_equal(f.n_gone, 0);
	clock_ahead_s = 12;
	turn(&f);
	turn(&f);
	assert_int_equal(recv(silent, buf, 1, MSG_DONTWAIT), 0);
	assert_int_equal(f.n_gone, 1);
	assert_int_equal(recv(waiting, buf, 1, MSG_DONTWAIT), -1);
	close(silent);
	close(slow);
	close(waiting);
	fixture_stop(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answer),
	    cmocka_unit_test(test_dmd_fixed_body),
	    cmocka_unit_test(test_privilege),
	    cmocka_unit_test(test_wrong_header),
	    cmocka_unit_test(test_wrong_length),
	    cmocka_unit_test(test_not_ours),
	    cmocka_unit_test(test_second_record),
	    cmocka_unit_test(test_attached),
	    cmocka_unit_test(test_unsealed),
	    cmocka_unit_test(test_dmd_attached),
	    cmocka_unit_test(test_row_with_file),
	    cmocka_unit_test(test_long_answer),
	    cmocka_unit_test(test_hang_up),
	    cmocka_unit_test(test_gone_with_server),
	    cmocka_unit_test(test_too_many),
	    cmocka_unit_test(test_idle),
	};

	log_init("test");
	log_set_level(LOG_L_FATAL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
