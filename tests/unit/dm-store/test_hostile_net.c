/* SPDX-License-Identifier: ISC */
/*
 * dm-net taken over: the real dm-store, under its sandbox, is sent everything
 * that such a sibling may think of, packet by packet. What breaks the rules is
 * reported to dmd; nothing that was not signed is ever stored; memory and
 * descriptors stay within bounds; and the same process goes on serving the
 * next dm-net.
 */
#include "fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/ipc_table.h"
#include "tests/double/store_child.h"

#define PATIENCE_MS 60000
#ifdef DMD_SANITIZER /* keeps freed memory and shadows all of it */
#define RSS_KIB_MAX (1u << 20)
#else
#define RSS_KIB_MAX (256 << 10)
#endif

static struct store_child child = {.log = "fatal stderr"};
static struct key_pair key, stranger;
static struct event_base *base;
static struct ipc *dmd;
static bool is_ready, is_gone;
static unsigned n_violations;
static char reason[256];
static int net = -1; /* the hostile end: no library of ours behind it */
static struct entry good;

/* --- dmd's end --- */

static void
on_ready(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	(void)ctx;
	(void)ipc;
	(void)msg;
	(void)fd;
	is_ready = true;
}

static void
on_violated(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_violated *m = msg;

	(void)ctx;
	(void)ipc;
	(void)fd;
	assert_int_equal(m->role, ROLE_NET);
	assert_true(bytes_copy_text(m->reason, reason, sizeof(reason)));
	n_violations++;
}

static void
on_ignored(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	(void)ctx;
	(void)ipc;
	(void)msg;
	(void)fd;
}

static void
on_closed(void *ctx, struct ipc *ipc, const char *violation)
{
	(void)ctx;
	(void)ipc;
	if (violation != NULL)
		print_message("towards dmd: %s\n", violation);
	is_gone = true;
}

static ipc_handler *handlers[IPC_MESSAGE_COUNT];

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

#define UNTIL(what)                                              \
	do {                                                     \
		int64_t end_ = now_ms() + PATIENCE_MS;           \
		while (!(what) && !is_gone && now_ms() < end_) { \
			event_base_loop(base, EVLOOP_NONBLOCK);  \
			if (!(what))                             \
				poll(NULL, 0, 1);                \
		}                                                \
		assert_false(is_gone);                           \
		assert_true(what);                               \
	} while (0)

/* --- its life --- */

static void
spawn(void)
{
	const struct ipc_owner owner = {handlers, NULL, on_closed, NULL};
	struct ipc_config_begin limits = fix_limits();

	/* nothing is too large by configuration: sums must not wrap */
	limits.max_file_size = limits.max_total_size = UINT64_MAX;
	is_ready = is_gone = false;
	store_child_make_dir(&child);
	dmd = store_child_start(&child, base, &owner);
	store_child_configure(dmd, &limits, key.public_key);
	UNTIL(is_ready);
}

/* --- the hostile end --- */

static void
say_bytes(const void *packet, size_t len)
{
	/* gone already: then it was found out by an earlier one */
	if (send(net, packet, len, MSG_NOSIGNAL) == -1)
		assert_true(errno == EPIPE || errno == ECONNRESET);
}

static void
say(enum ipc_message m, const void *msg)
{
	uint8_t buf[IPC_MESSAGE_MAX];
	size_t len =
	    codec_encode(ipc_message_struct(m), m, msg, buf, sizeof(buf));

	assert_true(len > 0);
	say_bytes(buf, len);
}

static void
greet(void)
{
	struct ipc_hello hello = {.role = ROLE_NET};

	ipc_table_hash(hello.table_hash);
	say(IPC_HELLO, &hello);
}

static void
connect_net(bool is_greeting)
{
	struct ipc_link link = {ROLE_NET};
	int fds[2];

	if (net != -1)
		close(net);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	ipc_send(dmd, IPC_LINK, &link, fds[1]);
	net = fds[0];
	n_violations = 0;
	reason[0] = '\0';
	if (is_greeting)
		greet();
}

static uint8_t heard_bytes[IPC_MESSAGE_MAX];

/* The next packet of this kind; others are passed over. */
static void
hear(enum ipc_message wanted, void *msg)
{
	struct pollfd p = {net, POLLIN, 0};
	uint64_t number = IPC_MESSAGE_COUNT;
	ssize_t n;

	while (number != wanted) {
		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		n = recv(net, heard_bytes, sizeof(heard_bytes), 0);
		assert_true(n > 0);
		assert_true(codec_number(heard_bytes, (size_t)n, &number));
		if (number == wanted)
			assert_true(codec_decode(ipc_message_struct(wanted),
			    wanted, msg, heard_bytes, (size_t)n));
	}
}

/* dmd was told, for this reason. */
static void
assert_reported(const char *what, const char *why)
{
	UNTIL(n_violations == 1);
	if (strstr(reason, why) == NULL)
		fail_msg("%s: '%s' instead of '%s'", what, reason, why);
}

/* --- what must still be so --- */

static uint64_t
proc_status(const char *field)
{
	char path[64], line[256];
	uint64_t value = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)child.pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, field, strlen(field)) == 0)
			value = strtoull(line + strlen(field), NULL, 10);
	fclose(f);
	return value;
}

static enum verdict
open_file(const char *name, char *text, size_t size)
{
	struct ipc_open m = {.id = 7};
	struct ipc_opened opened;
	char space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {heard_bytes, sizeof(heard_bytes)};
	struct msghdr msg;
	uint64_t number = IPC_MESSAGE_COUNT;
	ssize_t n = 0;
	int fd;

	name_key(name, m.key);
	say(IPC_OPEN, &m);
	while (number != IPC_OPENED) {
		memset(&msg, 0, sizeof(msg));
		msg.msg_iov = &iov;
		msg.msg_iovlen = 1;
		msg.msg_control = space;
		msg.msg_controllen = sizeof(space);
		n = recvmsg(net, &msg, MSG_CMSG_CLOEXEC);
		assert_true(n > 0);
		assert_true(codec_number(heard_bytes, (size_t)n, &number));
	}
	assert_true(codec_decode(ipc_message_struct(IPC_OPENED), IPC_OPENED,
	    &opened, heard_bytes, (size_t)n));
	memset(text, 0, size);
	if (opened.verdict == VERDICT_OK) {
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
		assert_true(pread(fd, text, size - 1, 0) > 0);
		/* what dm-net holds it cannot write, nor may it once more */
		assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
		close(fd);
	}
	return (enum verdict)opened.verdict;
}

static int
only_the_good(
    const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (kind != FTW_F || strcmp(path + strlen(child.dir), "/files/d/good") == 0)
		return 0;
	print_message("%s should not be there\n", path);
	return 1;
}

static void
nothing_below(const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", child.dir, name);
	assert_int_equal(nftw(path, only_the_good, 16, FTW_PHYS), 0);
}

/* The same process serves the next dm-net what was signed, and only that. */
static void
assert_sound(void)
{
	char text[16];
	int status;

	connect_net(true);
	assert_int_equal(open_file("d/good", text, sizeof(text)), VERDICT_OK);
	assert_string_equal(text, "good");
	assert_int_equal(
	    open_file("d/bad", text, sizeof(text)), VERDICT_NOT_FOUND);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(n_violations, 0);
	assert_int_equal(waitpid(child.pid, &status, WNOHANG), 0);
	nothing_below("files");
	nothing_below("index/tmp");
	nothing_below("quarantine");
#ifndef DMD_SANITIZER
	assert_true(proc_status("VmHWM:") < RSS_KIB_MAX);
#else
	assert_true(proc_status("VmHWM:") > 0);
#endif
}

static uint64_t
wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void
begin(uint64_t id, uint64_t ticket, const struct entry *e, bool is_known)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct ipc_put_begin m = {
	    .id = id, .ticket = ticket, .sha256_known = is_known};

	if (e != NULL)
		m.entry = bytes_of(buf, entry_encode(e, buf));
	say(IPC_PUT_BEGIN, &m);
}

static void
data(uint64_t id, const void *bytes, size_t len)
{
	struct ipc_put_data m = {id, bytes_of(bytes, len)};

	say(IPC_PUT_DATA, &m);
}

static void
end(uint64_t id)
{
	struct ipc_put_end m = {id};

	say(IPC_PUT_END, &m);
}

static void
assert_result(uint64_t id, enum verdict v)
{
	struct ipc_put_result m;

	hear(IPC_PUT_RESULT, &m);
	assert_int_equal(m.id, id);
	assert_int_equal(m.verdict, v);
}

static int
setup(void **state)
{
	(void)state;
	base = event_base_new();
	spawn();
	connect_net(true);
	good = fix_file("d/good", wall_ns(), "good", 4, &key);
	begin(1, 0, &good, true);
	data(1, "good", 4);
	end(1);
	assert_result(1, VERDICT_CREATED);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	close(net);
	net = -1;
	store_child_end(&child, SIGKILL);
	ipc_free(dmd);
	event_base_free(base);
	store_child_remove_dir(&child);
	return 0;
}

/* --- packets ----------------------------------------------------------- */

static bool
is_its_own(enum ipc_message m)
{
	const struct ipc_row *row = &ipc_table[m];

	return (row->from & 1u << ROLE_NET) && (row->to & 1u << ROLE_STORE);
}

/* Zeros and empty texts: legal in every message of the table. */
static size_t
plain(enum ipc_message m, uint8_t buf[static IPC_MESSAGE_MAX])
{
	static const uint8_t zeros[1024];

	return codec_encode(
	    ipc_message_struct(m), m, zeros, buf, IPC_MESSAGE_MAX);
}

static void
test_others_messages(void **state)
{
	uint8_t buf[IPC_MESSAGE_MAX];

	(void)state;
	for (unsigned m = 0; m < IPC_MESSAGE_COUNT; m++) {
		if (is_its_own(m))
			continue;
		connect_net(true);
		say_bytes(buf, plain(m, buf));
		assert_reported(ipc_message_name(m),
		    m == IPC_HELLO ? "hello" : "may not send");
	}
	connect_net(false);
	say_bytes(buf, plain(IPC_PUT_END, buf));
	assert_reported("before hello", "may not send");
	assert_sound();
}

static void
send_with_fd(const void *packet, size_t len, int fd)
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
	assert_int_equal(sendmsg(net, &msg, MSG_NOSIGNAL), len);
}

static unsigned
descriptors(void)
{
	char path[64];
	struct stat st;
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)child.pid, fd);
		n += lstat(path, &st) == 0;
	}
	return n;
}

static void
test_misshapen(void **state)
{
	uint8_t buf[IPC_MESSAGE_MAX + 1];
	unsigned before = descriptors();
	size_t len;

	(void)state;
	for (unsigned m = 0; m < IPC_MESSAGE_COUNT; m++) {
		if (!is_its_own(m))
			continue;
		len = plain(m, buf);
		connect_net(true);
		send_with_fd(buf, len, 0);
		assert_reported(ipc_message_name(m), "may not send");
		connect_net(true);
		buf[len] = 0xc0;
		say_bytes(buf, len + 1);
		assert_reported(ipc_message_name(m), "");
		if (ipc_message_struct(m)->n_fields == 0)
			continue;
		connect_net(true);
		say_bytes(buf, len - 1);
		assert_reported(ipc_message_name(m), "");
		connect_net(true);
		buf[0] ^= 1; /* one element more or less */
		say_bytes(buf, len);
		assert_reported(ipc_message_name(m), "");
	}
	connect_net(true);
	memset(buf, 0xc1, sizeof(buf));
	say_bytes(buf, sizeof(buf));
	assert_reported("more than a message", "too large");
	assert_sound();
	assert_int_equal(descriptors(), before);
}

/* Noise in the shape of messages: the first byte and the number are right. */
static void
test_noise(void **state)
{
	uint8_t buf[512];

	(void)state;
	srand(1);
	for (int i = 0; i < 300; i++) {
		unsigned m = (unsigned)rand() % IPC_MESSAGE_COUNT;
		size_t len = 2 + (size_t)rand() % (sizeof(buf) - 2);

		if (!is_its_own(m))
			continue;
		for (size_t j = 0; j < len; j++)
			buf[j] = (uint8_t)rand();
		buf[0] = (uint8_t)(0x91 + ipc_message_struct(m)->n_fields);
		buf[1] = (uint8_t)m;
		connect_net(true);
		say_bytes(buf, len);
		assert_reported(ipc_message_name(m), "");
	}
	assert_sound();
}

/* --- puts -------------------------------------------------------------- */

static void
test_wrong_order(void **state)
{
	static const uint64_t ids[] = {0, 1, UINT64_MAX};
	static uint8_t chunk[IPC_CHUNK_MAX];
	struct entry e = fix_file("d/bad", wall_ns(), "bad", 3, &key);

	(void)state;
	connect_net(true);
	/* nothing is under way: as late as after a refusal, so no offence */
	for (size_t i = 0; i < 3; i++) {
		struct ipc_put_abort abort_m = {ids[i]};

		data(ids[i], chunk, sizeof(chunk));
		end(ids[i]);
		say(IPC_PUT_ABORT, &abort_m);
		begin(ids[i], UINT64_MAX - i, NULL, true);
		assert_result(ids[i], VERDICT_TICKET_GONE);
		begin(ids[i], 0, NULL, true);
		assert_result(ids[i], VERDICT_MALFORMED);
	}
	/* the end before the content, more content than announced, other */
	begin(5, 0, &e, true);
	end(5);
	assert_result(5, VERDICT_BAD_CONTENT);
	begin(6, 0, &e, true);
	data(6, "badbad", 6);
	assert_result(6, VERDICT_BAD_CONTENT);
	begin(7, 0, &e, true);
	data(7, "dab", 3);
	end(7);
	assert_result(7, VERDICT_BAD_CONTENT);
	begin(8, 0, &e, true);
	begin(8, 0, &e, true);
	assert_reported("a number twice", "number of another");
	/* no credit for asking, while the signature is being looked at */
	connect_net(true);
	begin(8, 0, &e, true);
	hear(IPC_PUT_CREDIT, &(struct ipc_put_credit){});
	kill(child.pid, SIGSTOP);
	begin(9, 0, &e, true);
	data(9, NULL, 0);
	kill(child.pid, SIGCONT);
	assert_reported("content before credit", "beyond its credit");
	assert_sound();
}

/* Content beyond its credit meets a full socket, not memory; credit for rows
 * of the index is counted. */
static void
test_credit(void **state)
{
	static uint8_t content[64 * IPC_CHUNK_MAX];
	struct ipc_index_credit credit = {IPC_INDEX_WINDOW};
	struct entry e =
	    fix_file("d/bad", wall_ns(), content, sizeof(content), &key);

	(void)state;
	content[sizeof(content) - 1] = 1;
	connect_net(true);
	begin(1, 0, &e, true);
	for (int i = 0; i < 64; i++)
		data(1, content + i * IPC_CHUNK_MAX, IPC_CHUNK_MAX);
	end(1);
	assert_result(1, VERDICT_BAD_CONTENT);
	assert_sound();
	connect_net(true);
	/* both are there when it looks: it has sent nothing in between */
	hear(IPC_STORE_STATS, &(struct ipc_store_stats){});
	kill(child.pid, SIGSTOP);
	say(IPC_INDEX_CREDIT, &credit);
	say(IPC_INDEX_CREDIT, &credit);
	kill(child.pid, SIGCONT);
	assert_reported("credit", "more index credit");
	assert_sound();
}

static void
test_unsigned(void **state)
{
	struct entry e = fix_file("d/bad", wall_ns(), "bad", 3, &key), f;
	struct entry strange =
	    fix_file("d/bad", wall_ns(), "bad", 3, &stranger);
	struct entry old = fix_file("d/good", 1, "bad", 3, &key);
	struct entry early =
	    fix_file("d/bad", SIGNED_AT_NS_MAX, "bad", 3, &key);
	struct ipc_verdict v;
	uint8_t buf[ENTRY_SIZE_MAX];
	struct ipc_judge judge = {.id = UINT64_MAX};

	struct entry bad[9];
	const struct {
		enum verdict verdict;
		const struct entry *entry;
	} rows[] = {
	    {VERDICT_BAD_SIGNATURE, &bad[0]},
	    {VERDICT_BAD_SIGNATURE, &bad[1]},
	    {VERDICT_BAD_SIGNATURE, &bad[2]},
	    {VERDICT_BAD_SIGNATURE, &bad[3]},
	    {VERDICT_UNKNOWN_FILE, &bad[4]},
	    {VERDICT_OTHER_NETWORK, &bad[5]},
	    {VERDICT_TOO_LARGE, &bad[6]},
	    {VERDICT_TOO_LARGE, &bad[7]},
	    {VERDICT_NO_SPACE, &bad[8]},
	    {VERDICT_UNKNOWN_SIGNER, &strange},
	    {VERDICT_NOT_NEWER, &old},
	    {VERDICT_SIGNED_IN_FUTURE, &early},
	};

	(void)state;
	for (size_t i = 0; i < 9; i++)
		bad[i] = e;
	bad[0].signature[63] ^= 0x20;
	bad[1].signed_at_ns--;
	bad[2].valid_for_s = UINT32_MAX;
	strcpy(bad[3].name, "d/worse");
	strcpy(bad[4].name, "e/bad");
	bad[5].has_network = true;
	bad[6].size = UINT64_MAX;
	bad[7].size = (UINT64_C(1) << 63) - 1;
	bad[8].size = UINT64_C(1) << 60;
	connect_net(true);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(i, 0, rows[i].entry, true);
		assert_result(i, rows[i].verdict);
		judge.entry = bytes_of(buf, entry_encode(rows[i].entry, buf));
		say(IPC_JUDGE, &judge);
		hear(IPC_VERDICT, &v);
		assert_int_equal(v.verdict, rows[i].verdict);
		assert_int_equal(v.ticket, 0);
	}
	/* the hash left to be found: the signature is looked at then */
	f = e;
	f.signature[0] ^= 1;
	memset(f.sha256, 0, 32);
	begin(100, 0, &f, false);
	data(100, "bad", 3);
	end(100);
	assert_result(100, VERDICT_BAD_SIGNATURE);
	/* a ticket is for what was judged, not for what comes with it */
	judge.entry = bytes_of(buf, entry_encode(&e, buf));
	say(IPC_JUDGE, &judge);
	hear(IPC_VERDICT, &v);
	assert_int_equal(v.verdict, VERDICT_FETCH);
	begin(101, v.ticket, &f, false);
	data(101, "dab", 3);
	end(101);
	assert_result(101, VERDICT_BAD_CONTENT);
	assert_sound();
}

/* --- floods -------------------------------------------------------------- */

/* Sends for as long as the other end takes it and has not cut us. */
static void
flood(const uint8_t *packet, size_t len)
{
	int64_t last = now_ms() + PATIENCE_MS;
	struct pollfd p = {net, POLLOUT, 0};

	while (n_violations == 0 && now_ms() < last) {
		while (
		    send(net, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL) != -1)
			continue;
		event_base_loop(base, EVLOOP_NONBLOCK);
		assert_false(is_gone);
		poll(&p, 1, 1);
	}
	assert_reported("a flood", "stopped reading");
}

static void
test_never_reading(void **state)
{
	uint8_t packet[1024], buf[ENTRY_SIZE_MAX];
	struct entry e = fix_file("e/x", 1, "x", 1, &stranger);
	struct ipc_judge judge = {
	    .id = 1, .entry = bytes_of(buf, entry_encode(&e, buf))};
	struct ipc_open open_m = {.id = 1};
	struct ipc_list list = {
	    1, bytes_text(""), bytes_text(""), IPC_LIST_LIMIT_MAX};
	struct ipc_ping ping = {1};

	(void)state;
	connect_net(true);
	flood(packet, codec_encode(ipc_message_struct(IPC_JUDGE), IPC_JUDGE,
			  &judge, packet, sizeof(packet)));
	connect_net(true);
	name_key("d/good", open_m.key);
	flood(packet, codec_encode(ipc_message_struct(IPC_OPEN), IPC_OPEN,
			  &open_m, packet, sizeof(packet)));
	connect_net(true);
	flood(packet, codec_encode(ipc_message_struct(IPC_LIST), IPC_LIST,
			  &list, packet, sizeof(packet)));
	connect_net(true);
	flood(packet, codec_encode(ipc_message_struct(IPC_PING), IPC_PING,
			  &ping, packet, sizeof(packet)));
	assert_sound();
}

/* Many puts, of which none ends; then the link is cut. */
static void
test_open_ends(void **state)
{
	static uint8_t content[100000];
	struct ipc_put_credit credit;
	struct entry e;
	char name[16];

	(void)state;
	connect_net(true);
	for (uint64_t i = 0; i <= IPC_PUTS_MAX; i++) {
		snprintf(name, sizeof(name), "d/%u", (unsigned)i);
		e = fix_file(name, wall_ns(), content, sizeof(content), &key);
		begin(i, 0, &e, true);
		if (i == IPC_PUTS_MAX) {
			assert_result(i, VERDICT_BUSY);
			break;
		}
		hear(IPC_PUT_CREDIT, &credit);
		data(i, content, IPC_CHUNK_MAX);
	}
	assert_sound(); /* among others: nothing is left in tmp/ */
}

/* What it may say as often as it likes. */
static void
test_chatter(void **state)
{
	struct ipc_suspect suspect = {0};
	struct ipc_save_peer peer = {0};
	struct ipc_drop_ticket drop = {0};
	struct ipc_peer_hint hint;
	unsigned n = 0;
	char text[16];

	(void)state;
	connect_net(true);
	say(IPC_INDEX_CREDIT, &(struct ipc_index_credit){IPC_INDEX_WINDOW});
	hear(IPC_INDEX_COMPLETE, &(struct ipc_index_complete){});
	entry_version(&good, suspect.version);
	name_key("d/good", suspect.key);
	for (unsigned i = 0; i < 5000; i++) {
		say(IPC_SUSPECT, &suspect);
		peer.peer_id[0] = (uint8_t)i;
		peer.last_success_s = UINT64_MAX;
		say(IPC_SAVE_PEER, &peer);
		drop.ticket = i % 2 == 0 ? i : UINT64_MAX - i;
		say(IPC_DROP_TICKET, &drop);
		suspect.key[0] ^= (uint8_t)(i % 3);
	}
	assert_int_equal(open_file("d/good", text, sizeof(text)), VERDICT_OK);
	/* they are written within a second, and told over the next link */
	UNTIL(poll(&(struct pollfd){net, POLLIN, 0}, 1, 1500) >= 0);
	connect_net(true);
	say(IPC_INDEX_CREDIT, &(struct ipc_index_credit){IPC_INDEX_WINDOW});
	for (;;) {
		uint64_t number;
		ssize_t len = recv(net, heard_bytes, sizeof(heard_bytes), 0);

		assert_true(len > 0);
		assert_true(codec_number(heard_bytes, (size_t)len, &number));
		if (number == IPC_INDEX_COMPLETE)
			break;
		if (number == IPC_PEER_HINT) {
			assert_true(codec_decode(
			    ipc_message_struct(IPC_PEER_HINT), IPC_PEER_HINT,
			    &hint, heard_bytes, (size_t)len));
			n++;
		}
	}
	assert_true(n <= IPC_PEER_HINTS_MAX);
	assert_sound();
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_others_messages, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_misshapen, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_noise, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_wrong_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_credit, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_unsigned, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_never_reading, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_open_ends, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_chatter, setup, teardown),
	};

	(void)argc;
	umask(027);
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_L_FATAL);
	if (!store_child_find(&child, argv[0]))
		return 0;
	key_generate(&key);
	key_generate(&stranger);
	handlers[IPC_READY] = on_ready;
	handlers[IPC_VIOLATED] = on_violated;
	handlers[IPC_LOG_SINK_LOST] = on_ignored;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
