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

#include "tests/double/sibling.h"

#ifdef DMD_SANITIZER /* keeps freed memory and shadows all of it */
#define RSS_KIB_MAX (1u << 20)
#else
#define RSS_KIB_MAX (256 << 10)
#endif

static struct key_pair key, stranger;
static struct entry good;

/* --- its life --- */

static void
spawn(void)
{
	struct ipc_config_begin limits = fix_limits();

	/* nothing is too large by configuration: sums must not wrap */
	limits.max_file_size = limits.max_total_size = UINT64_MAX;
	sib_start();
	child_process_configure(sib.dmd, &limits, key.public_key);
	SIB_UNTIL(sib.is_ready);
}

/* --- what must still be so --- */

static enum verdict
open_file(const char *name, char *text, size_t size)
{
	struct ipc_open m = {.id = 7};
	struct ipc_opened opened;

	name_key(name, m.key);
	sib_say(IPC_OPEN, &m);
	sib_hear(IPC_OPENED, &opened);
	memset(text, 0, size);
	if (opened.verdict == VERDICT_OK) {
		assert_true(pread(sib.heard_fd, text, size - 1, 0) > 0);
		/* what dm-net holds it cannot write, nor may it once more */
		assert_int_equal(
		    fcntl(sib.heard_fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	}
	return (enum verdict)opened.verdict;
}

static int
only_the_good(
    const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	if (kind != FTW_F ||
	    strcmp(path + strlen(sib.child.dir), "/files/d/good") == 0)
		return 0;
	print_message("%s should not be there\n", path);
	return 1;
}

static void
nothing_below(const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", sib.child.dir, name);
	assert_int_equal(nftw(path, only_the_good, 16, FTW_PHYS), 0);
}

/* The same process serves the next dm-net what was signed, and only that. */
static void
assert_sound(void)
{
	char text[16];
	int status;

	sib_connect(true);
	assert_int_equal(open_file("d/good", text, sizeof(text)), VERDICT_OK);
	assert_string_equal(text, "good");
	assert_int_equal(
	    open_file("d/bad", text, sizeof(text)), VERDICT_NOT_FOUND);
	event_base_loop(sib.base, EVLOOP_NONBLOCK);
	assert_int_equal(sib.n_violations, 0);
	assert_int_equal(waitpid(sib.child.pid, &status, WNOHANG), 0);
	nothing_below("files");
	nothing_below("index/tmp");
	nothing_below("quarantine");
#ifndef DMD_SANITIZER
	assert_true(sib_proc_status("VmHWM:") < RSS_KIB_MAX);
#else
	assert_true(sib_proc_status("VmHWM:") > 0);
#endif
}

static void
begin(uint64_t id, uint64_t ticket, const struct entry *e, bool is_known)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct ipc_put_begin m = {
	    .id = id, .ticket = ticket, .sha256_known = is_known};

	if (e != NULL)
		m.entry = bytes_of(buf, entry_encode(e, buf));
	sib_say(IPC_PUT_BEGIN, &m);
}

static void
data(uint64_t id, const void *bytes, size_t len)
{
	struct ipc_put_data m = {id, bytes_of(bytes, len)};

	sib_say(IPC_PUT_DATA, &m);
}

static void
end(uint64_t id)
{
	struct ipc_put_end m = {id};

	sib_say(IPC_PUT_END, &m);
}

static void
assert_result(uint64_t id, enum verdict v)
{
	struct ipc_put_result m;

	sib_hear(IPC_PUT_RESULT, &m);
	assert_int_equal(m.id, id);
	assert_int_equal(m.verdict, v);
}

static void
whole(uint64_t id, uint64_t ticket, const struct entry *e, const void *content,
    size_t len)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct ipc_put_whole m = {
	    .id = id, .ticket = ticket, .content = bytes_of(content, len)};

	if (e != NULL)
		m.entry = bytes_of(buf, entry_encode(e, buf));
	sib_say(IPC_PUT_WHOLE, &m);
}

static int
setup(void **state)
{
	spawn();
	sib_connect(true);
	good = fix_file("d/good", clock_unix_ns(), "good", 4, &key);
	begin(1, 0, &good, true);
	data(1, "good", 4);
	end(1);
	assert_result(1, VERDICT_CREATED);
	return 0;
}

static int
teardown(void **state)
{
	sib_end();
	return 0;
}

/* --- packets ----------------------------------------------------------- */

static void
test_others_messages(void **state)
{
	sib_others_messages(IPC_PUT_END);
	assert_sound();
}

static void
test_misshapen(void **state)
{
	unsigned before = sib_descriptors();

	sib_misshapen();
	assert_sound();
	assert_int_equal(sib_descriptors(), before);
}

static void
test_noise(void **state)
{
	sib_noise();
	assert_sound();
}

/* --- puts -------------------------------------------------------------- */

static void
test_wrong_order(void **state)
{
	static const uint64_t ids[] = {0, 1, UINT64_MAX};
	static uint8_t chunk[IPC_CHUNK_MAX];
	struct entry e = fix_file("d/bad", clock_unix_ns(), "bad", 3, &key);

	sib_connect(true);
	/* nothing is under way: as late as after a refusal, so no offence */
	for (size_t i = 0; i < 3; i++) {
		struct ipc_put_abort abort_m = {ids[i]};

		data(ids[i], chunk, sizeof(chunk));
		end(ids[i]);
		sib_say(IPC_PUT_ABORT, &abort_m);
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
	sib_assert_reported("a number twice", "number of another");
	/* no credit for asking, while the signature is being looked at */
	sib_connect(true);
	begin(8, 0, &e, true);
	sib_hear(IPC_PUT_CREDIT, &(struct ipc_put_credit){});
	kill(sib.child.pid, SIGSTOP);
	begin(9, 0, &e, true);
	data(9, NULL, 0);
	kill(sib.child.pid, SIGCONT);
	sib_assert_reported("content before credit", "beyond its credit");
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
	    fix_file("d/bad", clock_unix_ns(), content, sizeof(content), &key);

	content[sizeof(content) - 1] = 1;
	sib_connect(true);
	begin(1, 0, &e, true);
	for (int i = 0; i < 64; i++)
		data(1, content + i * IPC_CHUNK_MAX, IPC_CHUNK_MAX);
	end(1);
	assert_result(1, VERDICT_BAD_CONTENT);
	assert_sound();
	sib_connect(true);
	/* both are there when it looks: it has sent nothing in between */
	sib_hear(IPC_STORE_STATS, &(struct ipc_store_stats){});
	kill(sib.child.pid, SIGSTOP);
	sib_say(IPC_INDEX_CREDIT, &credit);
	sib_say(IPC_INDEX_CREDIT, &credit);
	kill(sib.child.pid, SIGCONT);
	sib_assert_reported("credit", "more index credit");
	assert_sound();
}

static void
test_unsigned(void **state)
{
	struct entry e = fix_file("d/bad", clock_unix_ns(), "bad", 3, &key), f;
	struct entry strange =
	    fix_file("d/bad", clock_unix_ns(), "bad", 3, &stranger);
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
	sib_connect(true);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(i, 0, rows[i].entry, true);
		assert_result(i, rows[i].verdict);
		judge.entry = bytes_of(buf, entry_encode(rows[i].entry, buf));
		sib_say(IPC_JUDGE, &judge);
		sib_hear(IPC_VERDICT, &v);
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
	sib_say(IPC_JUDGE, &judge);
	sib_hear(IPC_VERDICT, &v);
	assert_int_equal(v.verdict, VERDICT_FETCH);
	begin(101, v.ticket, &f, false);
	data(101, "dab", 3);
	end(101);
	assert_result(101, VERDICT_BAD_CONTENT);
	assert_sound();
}

/* --- floods -------------------------------------------------------------- */

/* Answers wait in 64 MiB at most, each counted as more than 32 bytes. */
#define FLOOD_MAX (2u << 20)

/* Sends so many and never reads, until the other end has taken nothing for half
 * a second: it does not queue without end. How many it took. */
static unsigned
flood(const uint8_t *packet, size_t len, unsigned many)
{
	struct pollfd p = {sib.fd, POLLOUT, 0};
	unsigned taken = 0;

	while (sib.n_violations == 0 && taken < many && poll(&p, 1, 500) == 1) {
		while (send(sib.fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL) !=
		       -1)
			taken++;
		assert_true(taken < FLOOD_MAX);
		event_base_loop(sib.base, EVLOOP_NONBLOCK);
		assert_false(sib.is_gone);
	}
	return taken;
}

static void
flood_connection(enum ipc_message m, const void *msg, unsigned many)
{
	uint8_t packet[1024];

	sib_connect(true);
	flood(packet,
	    codec_encode(ipc_message_struct(m), m, msg, packet, sizeof(packet)),
	    many);
}

/* Half a second without a turn of the processor is not the end of it. */
static void
flood_until_reported(enum ipc_message m, const void *msg)
{
	uint8_t packet[1024];
	size_t len =
	    codec_encode(ipc_message_struct(m), m, msg, packet, sizeof(packet));
	int64_t last = sib_now_ms() + SIBLING_PATIENCE_MS;
	unsigned taken = 0;

	sib_connect(true);
	while (sib.n_violations == 0) {
		unsigned n = flood(packet, len, FLOOD_MAX);

		taken += n;
		assert_true(taken < FLOOD_MAX);
		if (n > 0)
			last = sib_now_ms() + SIBLING_PATIENCE_MS;
		assert_true(sib_now_ms() < last);
		event_base_loop(sib.base, EVLOOP_NONBLOCK);
	}
	sib_assert_reported("a flood", "stopped reading");
}

static void
test_never_reading(void **state)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct entry e = fix_file("e/x", 1, "x", 1, &stranger);
	struct ipc_judge judge = {
	    .id = 1, .entry = bytes_of(buf, entry_encode(&e, buf))};
	struct ipc_open open_m = {.id = 1};
	struct ipc_list list = {
	    1, bytes_text(""), bytes_text(""), IPC_LIST_LIMIT_MAX};
	struct ipc_ping ping = {1};

	/* each costs the verification of a signature, so not without end */
	flood_connection(IPC_JUDGE, &judge, 100000);
	name_key("d/good", open_m.key);
	flood_until_reported(IPC_OPEN, &open_m);
	flood_connection(IPC_LIST, &list, FLOOD_MAX);
	flood_until_reported(IPC_PING, &ping);
	assert_sound();
}

/* Content that comes together with its entry. */
static void
test_whole(void **state)
{
	static uint8_t much[IPC_CHUNK_MAX];
	struct entry e = fix_file("d/bad", clock_unix_ns(), "bad", 3, &key);
	struct entry large =
	    fix_file("d/bad", clock_unix_ns(), much, sizeof(much), &key);
	struct entry forged = e, huge = large;

	forged.signature[63] ^= 0x20;
	huge.size = UINT64_MAX;
	sib_connect(true);
	whole(2, 0, &forged, "bad", 3);
	assert_result(2, VERDICT_BAD_SIGNATURE);
	whole(3, 0, &e, "baD", 3);
	assert_result(3, VERDICT_BAD_CONTENT);
	whole(4, 0, &e, "bad", 2);
	assert_result(4, VERDICT_BAD_CONTENT);
	whole(5, 0, &e, much, sizeof(much));
	assert_result(5, VERDICT_BAD_CONTENT);
	whole(6, 0, &large, "", 0);
	assert_result(6, VERDICT_BAD_CONTENT);
	whole(7, 0, &huge, much, sizeof(much));
	assert_result(7, VERDICT_BAD_CONTENT);
	whole(8, UINT64_MAX, NULL, "bad", 3);
	assert_result(8, VERDICT_TICKET_GONE);
	whole(9, 0, NULL, "bad", 3);
	assert_result(9, VERDICT_MALFORMED);
	assert_sound();
	sib_connect(true);
	begin(1, 0, &large, true);
	whole(1, 0, &e, "bad", 3);
	sib_assert_reported("whole", "number of another");
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

	sib_connect(true);
	for (uint64_t i = 0; i <= IPC_PUTS_MAX; i++) {
		snprintf(name, sizeof(name), "d/%u", (unsigned)i);
		e = fix_file(
		    name, clock_unix_ns(), content, sizeof(content), &key);
		begin(i, 0, &e, true);
		if (i == IPC_PUTS_MAX) {
			assert_result(i, VERDICT_BUSY);
			break;
		}
		sib_hear(IPC_PUT_CREDIT, &credit);
		data(i, content, IPC_CHUNK_MAX);
	}
	assert_sound(); /* among others: nothing is left in tmp/ */
}

/* What peers can order is under credit, which comes back. */
static void
test_suspects(void **state)
{
	struct ipc_suspect_credit credit;
	struct ipc_suspect suspect = {0};

	sib_connect(true);
	for (unsigned turn = 0; turn < 2; turn++) {
		unsigned given = 0;

		for (unsigned i = 0; i < IPC_SUSPECT_WINDOW; i++)
			sib_say(IPC_SUSPECT, &suspect);
		while (given < IPC_SUSPECT_WINDOW) {
			sib_hear(IPC_SUSPECT_CREDIT, &credit);
			given += (unsigned)credit.messages;
		}
		assert_int_equal(given, IPC_SUSPECT_WINDOW);
	}
	for (unsigned i = 0; i < 3 * IPC_SUSPECT_WINDOW; i++)
		sib_say(IPC_SUSPECT, &suspect);
	sib_assert_reported("suspects", "more suspects than the window");
	assert_sound();
}

/* What it may say as often as it likes. */
static void
test_chatter(void **state)
{
	struct ipc_save_peer peer = {0};
	struct ipc_drop_ticket drop = {0};
	unsigned n = 0;
	char text[16];

	sib_connect(true);
	sib_say(IPC_INDEX_CREDIT, &(struct ipc_index_credit){IPC_INDEX_WINDOW});
	sib_hear(IPC_INDEX_COMPLETE, &(struct ipc_index_complete){});
	for (unsigned i = 0; i < 5000; i++) {
		peer.peer_id[0] = (uint8_t)i;
		peer.last_success_s = UINT64_MAX;
		sib_say(IPC_SAVE_PEER, &peer);
		drop.ticket = i % 2 == 0 ? i : UINT64_MAX - i;
		sib_say(IPC_DROP_TICKET, &drop);
	}
	assert_int_equal(open_file("d/good", text, sizeof(text)), VERDICT_OK);
	/* they are written within a second, and told over the next link */
	SIB_UNTIL(poll(&(struct pollfd){sib.fd, POLLIN, 0}, 1, 1500) >= 0);
	sib_connect(true);
	sib_say(IPC_INDEX_CREDIT, &(struct ipc_index_credit){IPC_INDEX_WINDOW});
	for (;;) {
		uint64_t msg[128], number = sib_hear_any(msg);

		if (number == IPC_INDEX_COMPLETE)
			break;
		n += number == IPC_PEER_HINT;
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
	    cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_never_reading, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_open_ends, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_suspects, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_chatter, setup, teardown),
	};

	umask(027);
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_L_FATAL);
	sib.role = ROLE_NET;
	sib.child.role = ROLE_STORE;
	sib.child.log = "fatal stderr";
	child_process_find(&sib.child, argv[0]);
	key_generate(&key);
	key_generate(&stranger);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
