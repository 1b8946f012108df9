/* SPDX-License-Identifier: ISC */
/*
 * The real dm-store, under its sandbox, driven over its channels as dmd and
 * dm-net drive it; and killed at any moment, again and again: what it has
 * acknowledged is there afterwards, and nothing else is.
 */
#include "fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "common/control.h"
#include "common/ipc.h"
#include "tests/double/child_process.h"

#define NAMES 12
#define VERSIONS 4000
#define ROUNDS 40
#define UNDER_WAY_MAX 8

static struct key_pair key;

/* What this test knows of one version that it made. */
struct made {
	unsigned name;
	size_t len;
	struct entry entry;
	uint8_t fill;
};

static struct {
	struct event_base *base;
	struct event *patience;
	struct child_process child;
	struct ipc *dmd;
	struct ipc *net;
	bool is_ready, is_complete, is_gone, is_late;
	unsigned n_stats, n_entries, n_rows, n_wants;
	struct made made[VERSIONS];
	size_t n_made;
	int acknowledged[NAMES]; /* the last of each name, or -1 */
	/* puts under way: number -> version */
	struct {
		bool is_used;
		uint64_t id;
		size_t version;
		size_t sent;
	} put[UNDER_WAY_MAX];
	uint64_t next_id;
	enum verdict opened;
	struct entry opened_entry;
	int opened_fd;
	bool has_answer;
	uint64_t answered; /* puts, in all */
} t;

/* --- handlers --------------------------------------------------------- */

static void
on_ready(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	t.is_ready = true;
}

static void
on_ignored(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	if (fd != -1)
		close(fd);
}

static void
on_stats(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	on_ignored(ctx, ipc, msg, fd);
	t.n_stats++;
}

static void
on_entry(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	on_ignored(ctx, ipc, msg, fd);
	t.n_entries++;
}

static void
on_want(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	on_ignored(ctx, ipc, msg, fd);
	t.n_wants++;
}

static void
on_rows(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_index_rows *m = msg;

	on_ignored(ctx, ipc, msg, fd);
	t.n_rows += (unsigned)(m->rows.len / IPC_INDEX_ROW_SIZE);
}

static void
on_complete(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	on_ignored(ctx, ipc, msg, fd);
	t.is_complete = true;
}

static void
on_opened(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_opened *m = msg;

	t.opened = (enum verdict)m->verdict;
	fix_take_entry(m->entry, &t.opened_entry);
	t.opened_fd = fd;
	t.has_answer = true;
}

static void
fill_chunk(const struct made *v, uint8_t *chunk, size_t len)
{
	memset(chunk, v->fill, len);
}

static void
on_credit(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_put_credit *m = msg;
	uint8_t chunk[IPC_CHUNK_MAX];
	struct ipc_put_data data = {.id = m->id};
	struct ipc_put_end end = {.id = m->id};
	uint64_t credit = m->bytes;
	size_t i = 0, n;

	on_ignored(ctx, ipc, msg, fd);
	while (i < UNDER_WAY_MAX && !(t.put[i].is_used && t.put[i].id == m->id))
		i++;
	assert_true(i < UNDER_WAY_MAX);
	const struct made *v = &t.made[t.put[i].version];

	while (credit > 0 && t.put[i].sent < v->len) {
		n = v->len - t.put[i].sent;
		n = n < sizeof(chunk) ? n : sizeof(chunk);
		n = n < credit ? n : credit;
		fill_chunk(v, chunk, n);
		data.data = bytes_of(chunk, n);
		ipc_send(ipc, IPC_PUT_DATA, &data, -1);
		t.put[i].sent += n;
		credit -= n;
	}
	if (t.put[i].sent == v->len)
		ipc_send(ipc, IPC_PUT_END, &end, -1);
}

static void
on_result(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_put_result *m = msg;
	size_t i = 0;

	on_ignored(ctx, ipc, msg, fd);
	while (i < UNDER_WAY_MAX && !(t.put[i].is_used && t.put[i].id == m->id))
		i++;
	assert_true(i < UNDER_WAY_MAX);
	t.put[i].is_used = false;
	t.answered++;
	/* versions of a name finish in any order: older ones are refused */
	if (verdict_is_ok((enum verdict)m->verdict)) {
		const struct made *v = &t.made[t.put[i].version];
		int *ack = &t.acknowledged[v->name];

		if (*ack == -1 ||
		    entry_compare(&v->entry, &t.made[*ack].entry) > 0)
			*ack = (int)t.put[i].version;
	} else {
		assert_int_equal(m->verdict, VERDICT_NOT_NEWER);
	}
}

static void
on_closed(void *ctx, struct ipc *ipc, const char *violation)
{
	if (violation != NULL)
		fail_msg("%s", violation);
	if (ipc == t.dmd)
		t.dmd = NULL;
	else
		t.net = NULL;
	ipc_free(ipc);
	t.is_gone = true;
}

static ipc_handler *dmd_handlers[IPC_MESSAGE_COUNT];
static ipc_handler *net_handlers[IPC_MESSAGE_COUNT];

static void
handlers_init(void)
{
	dmd_handlers[IPC_READY] = on_ready;
	dmd_handlers[IPC_LOG_SINK_LOST] = on_ignored;
	net_handlers[IPC_VERDICT] = on_ignored;
	net_handlers[IPC_PUT_CREDIT] = on_credit;
	net_handlers[IPC_PUT_RESULT] = on_result;
	net_handlers[IPC_OPENED] = on_opened;
	net_handlers[IPC_INDEX_ROWS] = on_rows;
	net_handlers[IPC_INDEX_COMPLETE] = on_complete;
	net_handlers[IPC_ENTRY] = on_entry;
	net_handlers[IPC_STORE_STATS] = on_stats;
	net_handlers[IPC_WANT] = on_want;
	net_handlers[IPC_RETRACT] = on_ignored;
}

/* --- its life --- */

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	t.is_late = true;
}

/* Runs the loop until it holds; fails after a minute. */
#define UNTIL(what)                                           \
	do {                                                  \
		const struct timeval minute_ = {60, 0};       \
		t.is_late = false;                            \
		event_add(t.patience, &minute_);              \
		while (!(what) && !t.is_late)                 \
			event_base_loop(t.base, EVLOOP_ONCE); \
		event_del(t.patience);                        \
		assert_true(what);                            \
	} while (0)

static void
spawn(void)
{
	const struct ipc_owner owner = {dmd_handlers, NULL, on_closed, NULL};

	t.is_ready = t.is_complete = t.is_gone = false;
	memset(t.put, 0, sizeof(t.put));
	t.dmd = child_process_start(&t.child, t.base, &owner);
}

static void
configure(void)
{
	const struct ipc_config_begin limits = fix_limits();
	const struct ipc_owner owner = {net_handlers, NULL, on_closed, NULL};
	struct ipc_link link = {ROLE_NET};
	struct ipc_index_credit credit = {IPC_INDEX_WINDOW};
	int fds[2];

	child_process_configure(t.dmd, &limits, key.public_key);
	assert_int_equal(ipc_pair(fds), 0);
	ipc_send(t.dmd, IPC_LINK, &link, fds[1]);
	/* a sent descriptor is closed by ipc_send() */
	t.net = ipc_new(t.base, fds[0], ROLE_NET, ROLE_STORE, &owner);
	ipc_send(t.net, IPC_INDEX_CREDIT, &credit, -1);
}

static void
end_child(int sig)
{
	int status = child_process_end(&t.child, sig);

	if (sig == 0)
		assert_int_equal(status, 0);
	ipc_free(t.dmd);
	ipc_free(t.net);
	t.dmd = t.net = NULL;
}

static int
setup(void **state)
{
	child_process_make_dir(&t.child);
	t.base = event_base_new();
	t.patience = event_new(t.base, -1, 0, on_late, NULL);
	t.n_made = 0;
	for (int i = 0; i < NAMES; i++)
		t.acknowledged[i] = -1;
	return 0;
}

static int
teardown(void **state)
{
	event_free(t.patience);
	event_base_free(t.base);
	child_process_remove_dir(&t.child);
	return 0;
}

/* --- work --- */

static size_t
make_version(void)
{
	static const size_t sizes[] = {0, 10, 3000, 65536, 65537, 200000};
	struct made *v = &t.made[t.n_made];
	char name[32];
	uint8_t *content;

	assert_true(t.n_made < VERSIONS);
	v->name = (unsigned)rand() % NAMES;
	v->len = sizes[rand() % 6];
	v->fill = (uint8_t)rand();
	content = malloc(v->len + 1);
	fill_chunk(v, content, v->len);
	snprintf(name, sizeof(name), "d/n%u", v->name);
	v->entry = fix_file(name, clock_unix_ns(), content, v->len, &key);
	if (rand() % 10 == 0)
		v->entry = fix_delete(name, clock_unix_ns(), &key);
	if (v->entry.kind == ENTRY_DELETE)
		v->len = 0;
	free(content);
	return t.n_made++;
}

static void
begin_puts(void)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct ipc_put_begin m = {.sha256_known = true};

	for (size_t i = 0; i < UNDER_WAY_MAX; i++) {
		if (t.put[i].is_used)
			continue;
		t.put[i].is_used = true;
		t.put[i].id = m.id = ++t.next_id;
		t.put[i].version = make_version();
		t.put[i].sent = 0;
		m.entry = bytes_of(
		    buf, entry_encode(&t.made[t.put[i].version].entry, buf));
		ipc_send(t.net, IPC_PUT_BEGIN, &m, -1);
	}
}

/* Uploads until so many more are answered. */
static void
upload(uint64_t n)
{
	uint64_t end = t.answered + n;

	begin_puts();
	while (t.answered < end) {
		uint64_t before = t.answered;

		UNTIL(t.answered > before);
		if (t.answered < end)
			begin_puts();
	}
}

/* The one that is served: one we made, whole, and none before the last that
 * was acknowledged. */
static void
check_name(unsigned n)
{
	struct ipc_open m = {.id = ++t.next_id};
	char name[32];
	const struct made *ack =
	    t.acknowledged[n] != -1 ? &t.made[t.acknowledged[n]] : NULL;
	uint8_t *buf, hash[32];
	size_t i = 0;
	ssize_t len;

	snprintf(name, sizeof(name), "d/n%u", n);
	name_key(name, m.key);
	t.has_answer = false;
	ipc_send(t.net, IPC_OPEN, &m, -1);
	UNTIL(t.has_answer);
	if (t.opened == VERDICT_NOT_FOUND) {
		assert_null(ack);
		return;
	}
	assert_true(t.opened == VERDICT_OK || t.opened == VERDICT_DELETED);
	while (i < t.n_made &&
	       entry_compare(&t.made[i].entry, &t.opened_entry) != 0)
		i++;
	assert_true(i < t.n_made);
	if (ack != NULL)
		assert_true(entry_compare(&t.opened_entry, &ack->entry) >= 0);
	if (t.opened == VERDICT_DELETED)
		return;
	buf = malloc(t.made[i].len + 1);
	len = pread(t.opened_fd, buf, t.made[i].len + 1, 0);
	assert_int_equal(len, t.made[i].len);
	fix_hash(buf, (size_t)len, hash);
	assert_memory_equal(hash, t.opened_entry.sha256, 32);
	free(buf);
	close(t.opened_fd);
}

static void
test_kill(void **state)
{
	struct timeval tv = {0, 0};
	unsigned seed = (unsigned)clock_unix_ns();
	bool was_early = false;

	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < ROUNDS; round++) {
		spawn();
		/* at times before it has even started, never twice running */
		if (rand() % 4 == 0 && !was_early) {
			usleep((unsigned)(rand() % 30000));
			was_early = true;
			end_child(SIGKILL);
			continue;
		}
		was_early = false;
		configure();
		UNTIL(t.is_ready && t.is_complete);
		for (unsigned i = 0; i < NAMES; i++)
			check_name(i);
		begin_puts();
		t.is_late = false;
		tv.tv_usec = rand() % 60000;
		event_add(t.patience, &tv);
		while (!t.is_late) {
			event_base_loop(t.base, EVLOOP_ONCE);
			begin_puts();
		}
		/* acknowledgements that are on their way count too: read
		 * after the kill what was sent before it */
		kill(t.child.pid, SIGKILL);
		UNTIL(t.is_gone);
		end_child(SIGKILL);
	}
	spawn();
	configure();
	UNTIL(t.is_ready && t.is_complete);
	for (unsigned i = 0; i < NAMES; i++)
		check_name(i);
	print_message("%zu versions made, %llu answered\n", t.n_made,
	    (unsigned long long)t.answered);
	assert_true(t.answered > 0);
	end_child(SIGKILL);
}

/* An ordinary run, to its ordinary end. */
static void
test_run(void **state)
{
	struct ipc_stop stop = {};

	srand(1);
	spawn();
	configure();
	UNTIL(t.is_ready && t.is_complete);
	assert_int_equal(t.n_stats, 1);
	upload(100);
	for (unsigned i = 0; i < NAMES; i++)
		check_name(i);
	assert_true(t.n_entries > 0);
	ipc_send(t.dmd, IPC_STOP, &stop, -1);
	UNTIL(t.is_gone);
	end_child(0);
	t.n_rows = 0;
	spawn();
	configure();
	UNTIL(t.is_ready && t.is_complete);
	assert_true(t.n_rows > 0 && t.n_rows <= NAMES);
	/* dmd goes away: so does dm-store, in order */
	ipc_free(t.dmd);
	t.dmd = NULL;
	UNTIL(t.is_gone);
	end_child(0);
}

/* A damaged index, files gone by hand: all under the sandbox. */
static void
test_damage(void **state)
{
	char path[200], zeros[8192] = {0};
	struct ipc_stop stop = {};
	int fd;

	srand(2);
	spawn();
	configure();
	UNTIL(t.is_ready && t.is_complete);
	upload(50);
	ipc_send(t.dmd, IPC_STOP, &stop, -1);
	UNTIL(t.is_gone);
	end_child(0);
	snprintf(path, sizeof(path), "%s/files/d", t.child.dir);
	nftw(path, fix_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	t.n_wants = 0;
	spawn();
	configure();
	UNTIL(t.is_ready && t.is_complete);
	UNTIL(t.n_wants > 0);
	kill(t.child.pid, SIGKILL);
	UNTIL(t.is_gone);
	end_child(SIGKILL);
	snprintf(path, sizeof(path), "%s/index/data.mdb", t.child.dir);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, zeros, sizeof(zeros), 0), sizeof(zeros));
	close(fd);
	t.n_rows = 0;
	spawn();
	configure();
	UNTIL(t.is_ready && t.is_complete);
	assert_true(t.n_rows > 0); /* they were read out of it */
	for (int i = 0; i < NAMES; i++)
		t.acknowledged[i] = -1;
	upload(20);
	end_child(SIGKILL);
}

/* --- the control socket --- */

static int
ask(enum control_command c, const void *fields, int attached)
{
	uint8_t buf[CONTROL_REQUEST_MAX];
	size_t len = control_request_encode(c, fields, buf);
	struct iovec iov = {buf, len};
	char space[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct ipc_client client = {.uid = 1, .gid = 1};
	struct cmsghdr *cm;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	if (attached != -1) {
		msg.msg_control = space;
		msg.msg_controllen = sizeof(space);
		cm = CMSG_FIRSTHDR(&msg);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &attached, sizeof(int));
	}
	assert_int_equal(sendmsg(fds[0], &msg, 0), len);
	memcpy(client.header, buf, CONTROL_HEADER_SIZE);
	ipc_send(t.dmd, IPC_CLIENT, &client, fds[1]);
	return fds[0];
}

/* The last answer's verdict; rows are counted. */
static enum verdict
answers(int fd, unsigned *rows, int *content_fd)
{
	uint8_t buf[CONTROL_ANSWER_MAX];
	char space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr msg;
	struct control_answer a;
	ssize_t n;

	*rows = 0;
	for (;;) {
		memset(&msg, 0, sizeof(msg));
		msg.msg_iov = &iov;
		msg.msg_iovlen = 1;
		msg.msg_control = space;
		msg.msg_controllen = sizeof(space);
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
		assert_true(n > 0);
		if (CMSG_FIRSTHDR(&msg) != NULL)
			memcpy(content_fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)),
			    sizeof(int));
		assert_true(control_answer_decode(&a, buf, (size_t)n));
		if (a.is_end) {
			close(fd);
			return a.verdict;
		}
		++*rows;
	}
}

static enum verdict
upload_entry(const struct entry *e, const void *content, unsigned *rows)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct control_upload m;
	int fd = memfd_create("c", MFD_ALLOW_SEALING), none;
	enum verdict v;

	assert_int_equal(write(fd, content, e->size), e->size);
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
	m.entry = bytes_of(buf, entry_encode(e, buf));
	v = answers(ask(CONTROL_UPLOAD, &m, fd), rows, &none);
	close(fd);
	return v;
}

static void
test_control(void **state)
{
	struct control_status_store status = {};
	struct control_list list = {bytes_text("d/")};
	struct control_get get = {bytes_text("d/a")};
	struct control_show show = {bytes_text("d/a")};
	struct entry e = fix_file("d/a", clock_unix_ns(), "hello", 5, &key);
	struct entry old = fix_file("d/a", 1, "hallo", 5, &key);
	unsigned rows;
	char text[8];
	int fd = -1;

	spawn();
	configure();
	UNTIL(t.is_ready && t.is_complete);
	assert_int_equal(
	    answers(ask(CONTROL_STATUS_STORE, &status, -1), &rows, &fd),
	    VERDICT_OK);
	assert_true(rows >= 10);
	assert_int_equal(upload_entry(&e, "hello", &rows), VERDICT_CREATED);
	assert_int_equal(upload_entry(&old, "hallo", &rows), VERDICT_NOT_NEWER);
	assert_int_equal(rows, 1); /* what is held */
	assert_int_equal(
	    answers(ask(CONTROL_LIST, &list, -1), &rows, &fd), VERDICT_OK);
	assert_int_equal(rows, 1);
	assert_int_equal(
	    answers(ask(CONTROL_SHOW, &show, -1), &rows, &fd), VERDICT_OK);
	assert_int_equal(rows, 1);
	assert_int_equal(
	    answers(ask(CONTROL_GET, &get, -1), &rows, &fd), VERDICT_OK);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 5);
	assert_memory_equal(text, "hello", 5);
	close(fd);
	get.name = bytes_text("d/none");
	assert_int_equal(
	    answers(ask(CONTROL_GET, &get, -1), &rows, &fd), VERDICT_NOT_FOUND);
	end_child(SIGKILL);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_run, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_control, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_kill, setup, teardown),
	};

	umask(027);
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_L_FATAL);
	t.child.role = ROLE_STORE;
	t.child.log = "error stderr";
	child_process_find(&t.child, argv[0]);
	key_generate(&key);
	handlers_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
