/* SPDX-License-Identifier: ISC */
#include "tests/double/sibling.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct sibling sib = {.fd = -1, .heard_fd = -1};

int64_t
sib_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- dmd's end --- */

static void
on_ready(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	sib.is_ready = true;
}

static void
on_violated(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_violated *m = msg;

	assert_int_equal(m->role, sib.role);
	assert_true(
	    bytes_copy_text(m->reason, sib.reason, sizeof(sib.reason)));
	sib.n_violations++;
}

static void
on_ignored(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
}

static void
on_closed(void *ctx, struct ipc *ipc, const char *violation)
{
	if (violation != NULL)
		print_message("towards dmd: %s\n", violation);
	sib.is_gone = true;
}

void
sib_start(void)
{
	const struct ipc_owner owner = {sib.handlers, NULL, on_closed, NULL};

	sib.handlers[IPC_READY] = on_ready;
	sib.handlers[IPC_VIOLATED] = on_violated;
	sib.handlers[IPC_LOG_SINK_LOST] = on_ignored;
	sib.is_ready = sib.is_gone = false;
	sib.base = event_base_new();
	child_process_make_dir(&sib.child);
	sib.dmd = child_process_start(&sib.child, sib.base, &owner);
}

static void
disconnect(void)
{
	if (sib.fd != -1)
		close(sib.fd);
	if (sib.heard_fd != -1)
		close(sib.heard_fd);
	sib.fd = sib.heard_fd = -1;
	sib.heard_left = 0;
}

void
sib_end(void)
{
	disconnect();
	child_process_end(&sib.child, SIGKILL);
	ipc_free(sib.dmd);
	event_base_free(sib.base);
	child_process_remove_dir(&sib.child);
}

/* --- the hostile end --- */

void
sib_say_bytes(const void *packet, size_t len)
{
	if (send(sib.fd, packet, len, MSG_NOSIGNAL) == -1)
		assert_true(errno == EPIPE || errno == ECONNRESET);
}

void
sib_say_with_fd(const void *packet, size_t len, int fd)
{
	struct iovec iov = {(void *)(uintptr_t)packet, len};
	char space[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	msg.msg_control = space;
	msg.msg_controllen = sizeof(space);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(sib.fd, &msg, MSG_NOSIGNAL) == -1)
		assert_true(errno == EPIPE || errno == ECONNRESET);
}

void
sib_say_fd(enum ipc_message m, const void *msg, int fd)
{
	uint8_t buf[IPC_MESSAGE_MAX];
	size_t len =
	    codec_encode(ipc_message_struct(m), m, msg, buf, sizeof(buf));

	assert_true(len > 0);
	if (fd == -1)
		sib_say_bytes(buf, len);
	else
		sib_say_with_fd(buf, len, fd);
}

void
sib_say(enum ipc_message m, const void *msg)
{
	sib_say_fd(m, msg, -1);
}

static void
greet(void)
{
	struct ipc_hello hello = {.role = sib.role};

	ipc_table_hash(hello.table_hash);
	sib_say(IPC_HELLO, &hello);
}

void
sib_connect(bool is_greeting)
{
	struct ipc_link link = {sib.role};
	int fds[2];

	disconnect();
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	ipc_send(sib.dmd, IPC_LINK, &link, fds[1]);
	sib.fd = fds[0];
	sib.n_violations = 0;
	sib.reason[0] = '\0';
	if (is_greeting)
		greet();
}

size_t
sib_plain(enum ipc_message m, uint8_t buf[static IPC_MESSAGE_MAX])
{
	static const uint8_t zeros[1024];

	return codec_encode(
	    ipc_message_struct(m), m, zeros, buf, IPC_MESSAGE_MAX);
}

/* A packet, with its descriptor if there is one. */
static size_t
receive(void)
{
	char space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {sib.heard, sizeof(sib.heard)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct pollfd p = {sib.fd, POLLIN, 0};
	int64_t end = sib_now_ms() + SIBLING_PATIENCE_MS;
	ssize_t n;

	msg.msg_control = space;
	msg.msg_controllen = sizeof(space);
	/* what dmd's end has to send goes out meanwhile */
	while (poll(&p, 1, 1) == 0 && sib_now_ms() < end)
		event_base_loop(sib.base, EVLOOP_NONBLOCK);
	n = recvmsg(sib.fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	assert_true(n > 0);
	if (sib.heard_fd != -1)
		close(sib.heard_fd);
	sib.heard_fd = -1;
	if (CMSG_FIRSTHDR(&msg) != NULL)
		memcpy(&sib.heard_fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)),
		    sizeof(sib.heard_fd));
	return (size_t)n;
}

uint64_t
sib_hear_any(uint64_t msg[static 128])
{
	const uint8_t *at;
	uint64_t number;
	size_t n;

	if (sib.heard_left == 0)
		sib.heard_len = sib.heard_left = receive();
	at = sib.heard + sib.heard_len - sib.heard_left;
	assert_true(codec_number(at, sib.heard_left, &number));
	assert_true(number < IPC_MESSAGE_COUNT);
	n = codec_take(ipc_message_struct((enum ipc_message)number), number,
	    msg, at, sib.heard_left);
	assert_true(n > 0);
	sib.heard_left -= n;
	return number;
}

void
sib_hear(enum ipc_message wanted, void *msg)
{
	uint64_t any[128];

	while (sib_hear_any(any) != wanted)
		continue;
	memcpy(msg, any, ipc_message_struct(wanted)->size);
}

void
sib_assert_reported(const char *what, const char *why)
{
	SIB_UNTIL(sib.n_violations == 1);
	if (strstr(sib.reason, why) == NULL)
		fail_msg("%s: '%s' instead of '%s'", what, sib.reason, why);
}

bool
sib_is_ours(enum ipc_message m)
{
	const struct ipc_row *row = &ipc_table[m];

	return (row->from & 1u << sib.role) &&
	       (row->to & 1u << sib.child.role);
}

/* --- the process --- */

uint64_t
sib_proc_status(const char *field)
{
	char path[64], line[256];
	uint64_t value = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)sib.child.pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, field, strlen(field)) == 0)
			value = strtoull(line + strlen(field), NULL, 10);
	fclose(f);
	return value;
}

unsigned
sib_descriptors(void)
{
	char path[64];
	struct stat st;
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d",
		    (int)sib.child.pid, fd);
		n += lstat(path, &st) == 0;
	}
	return n;
}

/* --- packets that no sibling sends --- */

void
sib_others_messages(enum ipc_message own)
{
	uint8_t buf[IPC_MESSAGE_MAX];

	for (unsigned m = 0; m < IPC_MESSAGE_COUNT; m++) {
		if (sib_is_ours(m))
			continue;
		sib_connect(true);
		sib_say_bytes(buf, sib_plain(m, buf));
		sib_assert_reported(ipc_message_name(m),
		    m == IPC_HELLO ? "hello" : "may not send");
	}
	sib_connect(false);
	sib_say_bytes(buf, sib_plain(own, buf));
	sib_assert_reported("before hello", "may not send");
}

static void
misshape(enum ipc_message m)
{
	uint8_t buf[IPC_MESSAGE_MAX + 1];
	size_t len = sib_plain(m, buf);

	sib_connect(true);
	sib_say_with_fd(buf, len, 0);
	sib_assert_reported(ipc_message_name(m),
	    ipc_table[m].fd == IPC_NO_FD ? "may not send" : "");
	sib_connect(true);
	buf[len] = 0xc0;
	sib_say_bytes(buf, len + 1);
	sib_assert_reported(ipc_message_name(m), "");
	if (ipc_message_struct(m)->n_fields == 0)
		return;
	sib_connect(true);
	sib_say_bytes(buf, len - 1);
	sib_assert_reported(ipc_message_name(m), "");
	sib_connect(true);
	buf[0] ^= 1; /* one element more or less */
	sib_say_bytes(buf, len);
	sib_assert_reported(ipc_message_name(m), "");
}

void
sib_misshapen(void)
{
	static uint8_t large[IPC_MESSAGE_MAX + 1];

	for (unsigned m = 0; m < IPC_MESSAGE_COUNT; m++)
		if (sib_is_ours(m))
			misshape(m);
	sib_connect(true);
	memset(large, 0xc1, sizeof(large));
	sib_say_bytes(large, sizeof(large));
	sib_assert_reported("more than a message", "too large");
}

/* The first byte and the number are right. */
void
sib_noise(void)
{
	uint8_t buf[512];

	srand(1);
	for (int i = 0; i < 300; i++) {
		unsigned m = (unsigned)rand() % IPC_MESSAGE_COUNT;
		size_t len = 2 + (size_t)rand() % (sizeof(buf) - 2);

		if (!sib_is_ours(m))
			continue;
		for (size_t j = 0; j < len; j++)
			buf[j] = (uint8_t)rand();
		buf[0] = (uint8_t)(0x91 + ipc_message_struct(m)->n_fields);
		buf[1] = (uint8_t)m;
		sib_connect(true);
		sib_say_bytes(buf, len);
		sib_assert_reported(ipc_message_name(m), "");
	}
}
