/* SPDX-License-Identifier: ISC */
/*
 * dm-store taken over: the real dm-net, under its sandbox, is answered with
 * everything that such a sibling may think of. What breaks the rules is
 * reported to dmd; whoever asks over HTTP gets an error or an answer cut short
 * and never waits; memory and descriptors stay within bounds; and the same
 * process goes on serving with the next dm-store.
 */
#include "tests/double/sibling.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/keys/keys.h"
#include "common/log.h"
#include "common/name.h"
#include "dm-net/libp2p/host.h"
#include "tests/double/fake_store.h"
#include "tests/double/http_talk.h"

#define GOOD "good content"
#define GOOD_LEN (sizeof(GOOD) - 1)
#define LARGE (8u << 20)
#define SIGNED_AT UINT64_C(1700000000000000000)
#ifdef DMD_SANITIZER /* keeps freed memory and shadows all of it */
#define RSS_KIB_MAX (1u << 20)
#else
#define RSS_KIB_MAX (64 << 10)
#endif

static struct key_pair key;
static uint16_t port;
static bool is_signed;
static struct entry good, other, gone, large;

/* --- dmd's end: all that dm-net needs --- */

static void
on_sign_tls(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_sign_tls *m = msg;
	uint8_t text[sizeof(P2P_TLS_SIGN_PREFIX) + P2P_SPKI_LEN];
	size_t len = sizeof(P2P_TLS_SIGN_PREFIX) - 1;
	struct ipc_signature answer;

	assert_int_equal(m->spki.len, P2P_SPKI_LEN);
	memcpy(text, P2P_TLS_SIGN_PREFIX, len);
	memcpy(text + len, m->spki.data, P2P_SPKI_LEN);
	key_sign(&key, text, len + P2P_SPKI_LEN, answer.signature);
	memcpy(answer.public_key, key.public_key, sizeof(key.public_key));
	ipc_send(ipc, IPC_SIGNATURE, &answer, -1);
	is_signed = true;
}

/* kind: 0 libp2p, 1 HTTP. Returns the port. */
static uint16_t
give_listener(uint32_t id, uint64_t kind)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	struct ipc_listen m = {.id = id, .kind = kind};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(fd, 64), 0);
	getsockname(fd, (struct sockaddr *)&sin, &len);
	m.address = bytes_of((const uint8_t *)&sin.sin_addr, 4);
	m.port = ntohs(sin.sin_port);
	ipc_send(sib.dmd, IPC_LISTEN, &m, fd);
	return (uint16_t)m.port;
}

static void
configure(void)
{
	struct ipc_config_begin begin = {.generation = 1,
	    .max_file_size = 1 << 30,
	    .max_clock_skew_ns = UINT64_C(1000000000),
	    .max_total_size = UINT64_MAX,
	    .max_files = 1000,
	    .push_pull_interval_ns = UINT64_C(30000000000),
	    .max_peers = 10,
	    .http_read = 2,
	    .cluster_port = 7946,
	    .http_port = port};
	struct ipc_config_name name = {
	    bytes_text("d/*"), bytes_of(key.public_key, 32)};
	struct ipc_config_commit commit = {1};

	ipc_send(sib.dmd, IPC_CONFIG_BEGIN, &begin, -1);
	ipc_send(sib.dmd, IPC_CONFIG_NAME, &name, -1);
	ipc_send(sib.dmd, IPC_CONFIG_COMMIT, &commit, -1);
}

/* A link over which the index was told: to one row, or none. */
static void
link_up(void)
{
	struct ipc_index_complete complete = {};
	struct ipc_index_credit credit;

	sib_connect(true);
	sib_hear(IPC_INDEX_CREDIT, &credit);
	sib_say(IPC_INDEX_COMPLETE, &complete);
}

static int
setup(void **state)
{
	sib.handlers[IPC_SIGN_TLS] = on_sign_tls;
	sib_start();
	is_signed = false;
	SIB_UNTIL(is_signed);
	port = give_listener(1, 1);
	give_listener(2, 0);
	configure();
	link_up();
	SIB_UNTIL(sib.is_ready);
	return 0;
}

static int
teardown(void **state)
{
	sib_end();
	return 0;
}

/* --- a client --- */

struct client {
	int fd;
	char text[LARGE + 4096];
	size_t len;
};

static struct client client = {.fd = -1};

static void
ask_bytes(const char *text)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_port = htons(port)};

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (client.fd != -1)
		close(client.fd);
	client.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    connect(client.fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	client.len = 0;
	assert_int_equal(
	    send(client.fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void
ask(const char *target)
{
	char text[512];

	snprintf(text, sizeof(text),
	    "GET %s HTTP/1.1\r\nHost: localhost:%u\r\n"
	    "Connection: close\r\n\r\n",
	    target, port);
	ask_bytes(text);
}

/* Whether more came before the end. */
static bool
client_reads(size_t max)
{
	struct pollfd p = {client.fd, POLLIN, 0};
	int64_t end = sib_now_ms() + SIBLING_PATIENCE_MS;
	size_t room = sizeof(client.text) - 1 - client.len;
	ssize_t n;

	while (poll(&p, 1, 1) == 0) {
		assert_true(sib_now_ms() < end);
		event_base_loop(sib.base, EVLOOP_NONBLOCK);
	}
	n = recv(
	    client.fd, client.text + client.len, max < room ? max : room, 0);
	if (n > 0)
		client.len += (size_t)n;
	client.text[client.len] = '\0';
	return n > 0;
}

/* The status; all of the answer is in client.text. */
static int
answer(void)
{
	int status = 0;

	while (client_reads(SIZE_MAX))
		continue;
	sscanf(client.text, "HTTP/1.1 %d", &status);
	return status;
}

static const char *
body(void)
{
	const char *end = strstr(client.text, "\r\n\r\n");

	return end == NULL ? "" : end + 4;
}

/* Fewer bytes came than the head says. */
static bool
is_cut_short(void)
{
	const char *length = strstr(client.text, "Content-Length: ");

	assert_non_null(length);
	return client.len - (size_t)(body() - client.text) <
	       strtoull(length + 16, NULL, 10);
}

/* --- what the store says --- */

static uint64_t
hear_open(void)
{
	struct ipc_open m;

	sib_hear(IPC_OPEN, &m);
	return m.id;
}

static void
say_opened(uint64_t id, enum verdict v, const struct entry *e, int fd)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct ipc_opened m = {.id = id, .verdict = v};

	if (e != NULL)
		m.entry = bytes_of(buf, entry_encode(e, buf));
	sib_say_fd(IPC_OPENED, &m, fd);
	if (fd != -1)
		close(fd);
}

static int
file_of(const void *bytes, size_t len)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_int_equal(write(fd, bytes, len), len);
	return fd;
}

/* The same process serves what the next store has, within bounds. */
static void
assert_sound(void)
{
	int status;

	link_up();
	ask("/files/d/good");
	say_opened(hear_open(), VERDICT_OK, &good, file_of(GOOD, GOOD_LEN));
	assert_int_equal(answer(), 200);
	assert_string_equal(body(), GOOD);
	event_base_loop(sib.base, EVLOOP_NONBLOCK);
	assert_int_equal(sib.n_violations, 0);
	assert_int_equal(waitpid(sib.child.pid, &status, WNOHANG), 0);
	assert_true(sib_proc_status("RssAnon:") < RSS_KIB_MAX);
}

/* --- packets ----------------------------------------------------------- */

static void
test_others_messages(void **state)
{
	sib_others_messages(IPC_RETRACT);
	assert_sound();
}

static void
test_misshapen(void **state)
{
	unsigned before = sib_descriptors();

	sib_misshapen();
	assert_sound();
	assert_true(sib_descriptors() <= before + 2); /* the file, its client */
}

static void
test_noise(void **state)
{
	sib_noise();
	assert_sound();
}

/* --- files that are none ------------------------------------------------ */

static int
a_pipe(void)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	close(fds[1]);
	return fds[0];
}

/* ... whose writer says nothing: reading it would be for ever. */
static int
a_quiet_pipe(void)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	return fds[0];
}

static int
a_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int
a_directory(void)
{
	return open("/", O_RDONLY | O_DIRECTORY);
}

static int
a_device(void)
{
	return open("/dev/zero", O_RDONLY);
}

static int
shorter(void)
{
	return file_of(GOOD, GOOD_LEN - 1);
}

static int
longer(void)
{
	return file_of(GOOD "!", GOOD_LEN + 1);
}

/* Of the right size, and not to be read from. */
static int
for_writing(void)
{
	char path[64];
	int fd = file_of(GOOD, GOOD_LEN), out;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	out = open(path, O_WRONLY);
	close(fd);
	return out;
}

static int
for_its_path(void)
{
	char path[64];
	int fd = file_of(GOOD, GOOD_LEN), out;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	out = open(path, O_PATH);
	close(fd);
	return out;
}

static void
test_no_file(void **state)
{
	static const struct {
		const char *name;
		int (*make)(void);
		bool is_promised; /* found out while it is read */
	} rows[] = {
	    {"a pipe", a_pipe, false},
	    {"a quiet pipe", a_quiet_pipe, false},
	    {"a socket", a_socket, false},
	    {"a directory", a_directory, false},
	    {"a device", a_device, false},
	    {"shorter", shorter, false},
	    {"longer", longer, false},
	    {"for writing", for_writing, true},
	    {"for its path", for_its_path, true},
	};
	unsigned before = sib_descriptors();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = rows[i].make(), status;

		assert_true(fd != -1);
		print_message("%s\n", rows[i].name);
		link_up();
		ask("/files/d/good");
		say_opened(hear_open(), VERDICT_OK, &good, fd);
		status = answer();
		if (rows[i].is_promised && status == 200)
			assert_true(is_cut_short());
		else
			assert_int_equal(status, 500);
		assert_null(strstr(client.text, GOOD));
	}
	assert_sound();
	assert_true(sib_descriptors() <= before + 2);
}

/* It gets shorter while it is sent, on a connection that takes little. */
static void
test_shrinks(void **state)
{
	static uint8_t bytes[LARGE];
	int fd = file_of(bytes, sizeof(bytes)), again = dup(fd);

	ask("/files/d/large");
	say_opened(hear_open(), VERDICT_OK, &large, fd);
	while (client.len < 4096)
		assert_true(client_reads(4096));
	assert_int_equal(ftruncate(again, 10), 0);
	close(again);
	assert_int_equal(answer(), 200);
	assert_true(is_cut_short());
	assert_sound();
}

/* --- answers that are lies ---------------------------------------------- */

static void
say_opened_bytes(
    uint64_t id, enum verdict v, const void *bytes, size_t len, int fd)
{
	struct ipc_opened m = {
	    .id = id, .verdict = v, .entry = bytes_of(bytes, len)};

	sib_say_fd(IPC_OPENED, &m, fd);
	if (fd != -1)
		close(fd);
}

static void
test_opened(void **state)
{
	static const struct {
		const char *name;
		const struct entry *entry;
		enum verdict verdict;
		bool has_fd;
		const char *why;
	} rows[] = {
	    {"another's", &other, VERDICT_OK, true, "entry of another file"},
	    {"another's, none", &other, VERDICT_DELETED, false,
		"entry of another file"},
	    {"a tombstone", &gone, VERDICT_OK, true, "do not fit"},
	    {"of nothing", NULL, VERDICT_OK, true, "do not fit"},
	    {"without it", &good, VERDICT_OK, false, "do not fit"},
	    {"and refused", &good, VERDICT_NOT_FOUND, true, "do not fit"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		link_up();
		ask("/files/d/good");
		say_opened(hear_open(), rows[i].verdict, rows[i].entry,
		    rows[i].has_fd ? file_of(GOOD, GOOD_LEN) : -1);
		sib_assert_reported(rows[i].name, rows[i].why);
		assert_int_equal(answer(), 503);
	}
	link_up();
	ask("/files/d/good");
	say_opened_bytes(
	    hear_open(), VERDICT_OK, "\xc1", 1, file_of(GOOD, GOOD_LEN));
	sib_assert_reported("malformed", "malformed entry");
	assert_int_equal(answer(), 503);
	assert_sound();
}

/* Answers to what nobody asked, of another kind, and twice. */
static void
test_unasked(void **state)
{
	static const enum ipc_message answers[] = {IPC_VERDICT, IPC_OPENED,
	    IPC_ENTRY_READ, IPC_LIST_ROW, IPC_LIST_END};
	struct ipc_list_end end = {0};
	struct ipc_put_result result = {.id = UINT64_C(99) << 16};
	uint8_t buf[IPC_MESSAGE_MAX];
	uint64_t id;

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		link_up();
		sib_say_bytes(buf, sib_plain(answers[i], buf));
		sib_assert_reported(
		    ipc_message_name(answers[i]), "that was not requested");
	}
	link_up();
	sib_say(IPC_PUT_RESULT, &result);
	sib_assert_reported("a result", "never begun");

	link_up();
	ask("/files/d/good");
	end.id = hear_open();
	sib_say(IPC_LIST_END, &end);
	sib_assert_reported("another kind", "that was not requested");
	assert_int_equal(answer(), 503);

	link_up();
	ask("/files/d/good");
	id = hear_open();
	say_opened(id, VERDICT_NOT_FOUND, NULL, -1);
	assert_int_equal(answer(), 404);
	say_opened(id, VERDICT_NOT_FOUND, NULL, -1);
	sib_assert_reported("twice", "that was not requested");
	assert_sound();
}

static void
say_row(uint64_t id, const char *name)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct ipc_list_row m = {.id = id};
	struct entry e;

	fake_entry(&e, ENTRY_FILE, name, SIGNED_AT, "", 0, 1);
	m.entry = bytes_of(buf, entry_encode(&e, buf));
	sib_say(IPC_LIST_ROW, &m);
}

static void
test_rows(void **state)
{
	static const char *const rows[][2] = {
	    {"d/b", "d/a"}, {"d/a", "d/a"}, {"e/a", NULL}, {"c", NULL}};
	struct ipc_list_end end = {.more = true};
	struct ipc_list list;
	char name[16];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		link_up();
		ask("/files?prefix=d/");
		sib_hear(IPC_LIST, &list);
		for (size_t j = 0; j < 2 && rows[i][j] != NULL; j++)
			say_row(list.id, rows[i][j]);
		sib_assert_reported(rows[i][0], "was not asked for");
		assert_int_equal(answer(), 503);
	}
	link_up();
	ask("/files");
	sib_hear(IPC_LIST, &list);
	for (unsigned i = 0; i <= list.limit; i++) {
		snprintf(name, sizeof(name), "d/%03u", i);
		say_row(list.id, name);
	}
	sib_assert_reported("more", "more rows than");
	assert_int_equal(answer(), 503);
	/* more for ever */
	link_up();
	ask("/files");
	sib_hear(IPC_LIST, &list);
	end.id = list.id;
	sib_say(IPC_LIST_END, &end);
	assert_int_equal(answer(), 500);
	assert_sound();
}

static void
say_entry(const struct entry *e, bool is_origin, const char *content)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct ipc_entry m = {
	    .origin = is_origin, .content = bytes_text(content)};

	if (e != NULL)
		m.entry = bytes_of(buf, entry_encode(e, buf));
	sib_say(IPC_ENTRY, &m);
}

static void
test_entries(void **state)
{
	struct ipc_want want = {.ticket = 1};

	link_up();
	say_entry(NULL, false, "");
	sib_assert_reported("no entry", "malformed entry");
	link_up();
	sib_say(IPC_WANT, &want);
	sib_assert_reported("want of none", "malformed entry");
	link_up();
	say_entry(&good, true, "evil content");
	sib_assert_reported("evil", "does not match its hash");
	link_up();
	say_entry(&good, true, GOOD "!");
	sib_assert_reported("longer", "does not match its hash");
	link_up();
	say_entry(&good, false, GOOD);
	sib_assert_reported("of no origin", "does not match its hash");
	link_up();
	say_entry(&gone, true, GOOD);
	sib_assert_reported("of a tombstone", "does not match its hash");
	link_up();
	say_entry(&good, true, GOOD);
	assert_sound();
}

/* --- the index ---------------------------------------------------------- */

/* Keys as they are, or such as take the trie the most memory. */
static void
fill_rows(uint8_t *out, size_t n, uint64_t from, bool is_evil)
{
	memset(out, 0, n * IPC_INDEX_ROW_SIZE);
	for (size_t i = 0; i < n; i++, out += IPC_INDEX_ROW_SIZE) {
		uint64_t at = is_evil ? (from + i) / 33 : from + i;
		uint64_t h = at * UINT64_C(0x9e3779b97f4a7c15);

		memcpy(out, &h, sizeof(h));
		if (is_evil)
			out[15] = (uint8_t)((from + i) % 33);
		out[48] = 1; /* signed at some time */
	}
}

/* Rows without end. */
static void
flood_index(bool is_evil)
{
	static uint8_t bytes[IPC_INDEX_ROWS_MAX * IPC_INDEX_ROW_SIZE];
	struct ipc_index_rows rows = {bytes_of(bytes, sizeof(bytes))};
	struct ipc_index_credit credit;
	uint64_t n = 0;

	sib_connect(true);
	sib_hear(IPC_INDEX_CREDIT, &credit);
	for (; n < 20000000 && sib.n_violations == 0; n += IPC_INDEX_ROWS_MAX) {
		fill_rows(bytes, IPC_INDEX_ROWS_MAX, n, is_evil);
		sib_say(IPC_INDEX_ROWS, &rows);
		event_base_loop(sib.base, EVLOOP_NONBLOCK);
	}
	sib_assert_reported("too many", "more names than");
	assert_true(n > 1000000);
}

static void
test_index(void **state)
{
	static uint8_t bytes[IPC_INDEX_ROW_SIZE];
	struct ipc_index_rows rows = {bytes_of(bytes, 63)};
	struct ipc_index_complete complete = {};
	struct ipc_index_credit credit;

	sib_connect(true);
	sib_hear(IPC_INDEX_CREDIT, &credit);
	sib_say(IPC_INDEX_ROWS, &rows);
	sib_assert_reported("a part of a row", "malformed");
	link_up();
	rows.rows.len = IPC_INDEX_ROW_SIZE;
	sib_say(IPC_INDEX_ROWS, &rows);
	sib_assert_reported("behind the end", "not asked for");
	link_up();
	sib_say(IPC_INDEX_COMPLETE, &complete);
	sib_assert_reported("two ends", "not asked for");
	assert_sound();
}

__attribute__((unused)) static void
test_index_without_end(void **state)
{
	flood_index(false);
	flood_index(true);
	link_up(); /* forgets them */
	assert_int_equal(sib.n_violations, 0);
}

/* --- much of everything --- */

static void
test_chatter(void **state)
{
	struct ipc_peer_hint hint = {.last_success_s = 1};
	struct ipc_store_stats stats = {.files = UINT64_MAX};
	struct ipc_retract retract = {{0}};
	uint8_t buf[ENTRY_SIZE_MAX];
	struct ipc_want want = {0};
	struct entry e = good;

	/* a peer id and an address as they may be */
	memcpy(hint.peer_id, "\0\x24\x08\x01\x12\x20", 6);
	hint.address = bytes_of("\4\x7f\0\0\1\6\0\1", 8);
	for (uint32_t i = 0; i < 30000; i++) {
		memcpy(hint.peer_id + 6, &i, sizeof(i));
		sib_say(IPC_PEER_HINT, &hint);
		snprintf(e.name, sizeof(e.name), "d/%u", i);
		name_key(e.name, retract.key);
		want.entry = bytes_of(buf, entry_encode(&e, buf));
		want.ticket = i;
		sib_say(IPC_WANT, &want);
		say_entry(&e, false, "");
		sib_say(IPC_RETRACT, &retract);
		sib_say(IPC_STORE_STATS, &stats);
	}
	event_base_loop(sib.base, EVLOOP_NONBLOCK);
	assert_int_equal(sib.n_violations, 0);
	assert_sound();
}

/* Credit for a put beyond the window. */
static void
test_puts(void **state)
{
	struct ipc_put_credit credit = {.bytes = IPC_PUT_WINDOW + 1};
	struct ipc_put_begin put;
	char head[2048];

	link_up();
	talk_put_head(head, sizeof(head), &good, "Connection: close\r\n");
	ask_bytes(head);
	sib_hear(IPC_PUT_BEGIN, &put);
	credit.id = put.id;
	sib_say(IPC_PUT_CREDIT, &credit);
	sib_assert_reported("credit", "more put credit");
	assert_int_equal(answer(), 503);
	assert_sound();
}

/* It answers pings and nothing else: whoever asks is not kept for ever. Only
 * for those who have a minute and a half. */
static void
test_silence(void **state)
{
	int64_t start = sib_now_ms();
	struct ipc_ping ping;
	struct ipc_pong pong;
	struct pollfd p;

	if (getenv("DMD_LONG") == NULL)
		skip();
	ask("/files/d/good");
	hear_open();
	p = (struct pollfd){client.fd, POLLIN, 0};
	while (poll(&p, 1, 0) == 0 && sib_now_ms() - start < 90000) {
		struct pollfd q = {sib.fd, POLLIN, 0};

		event_base_loop(sib.base, EVLOOP_NONBLOCK);
		if (poll(&q, 1, 10) == 0)
			continue;
		if (q.revents & POLLHUP)
			break;
		sib_hear(IPC_PING, &ping);
		pong.number = ping.number;
		sib_say(IPC_PONG, &pong);
	}
	print_message("after %d s\n", (int)((sib_now_ms() - start) / 1000));
	sib_assert_reported("silence", "does not answer");
	assert_int_equal(answer(), 503);
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
	    cmocka_unit_test_setup_teardown(test_no_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_shrinks, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_opened, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_unasked, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_entries, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_index, setup, teardown),
#ifndef DMD_SANITIZER /* for which there is no limit of memory */
	    cmocka_unit_test_setup_teardown(
		test_index_without_end, setup, teardown),
#endif
	    cmocka_unit_test_setup_teardown(test_chatter, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_puts, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_silence, setup, teardown),
	};
	static uint8_t zeros[LARGE];

	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_L_FATAL);
	sib.role = ROLE_STORE;
	sib.child.role = ROLE_NET;
	sib.child.log = "fatal stderr";
	child_process_find(&sib.child, argv[0]);
	key_generate(&key);
	fake_entry(&good, ENTRY_FILE, "d/good", SIGNED_AT, GOOD, GOOD_LEN, 1);
	fake_entry(&other, ENTRY_FILE, "d/other", SIGNED_AT, GOOD, GOOD_LEN, 1);
	fake_entry(&gone, ENTRY_DELETE, "d/good", SIGNED_AT, "", 0, 1);
	fake_entry(&large, ENTRY_FILE, "d/large", SIGNED_AT, zeros, LARGE, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
