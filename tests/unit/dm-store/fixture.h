/* SPDX-License-Identifier: ISC */
/* A store on a real directory and a real index, with a clock of its own and
 * without processes: what it would send to dm-net is kept for the test. */
#ifndef TESTS_DMSTORE_FIXTURE_H
#define TESTS_DMSTORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/keys/keys.h"
#include "common/log.h"
#include "common/name.h"
#include "common/keys/sshsig.h"
#include "dm-store/judge.h"
#include "dm-store/queries.h"
#include "dm-store/commit.h"
#include "dm-store/expire.h"
#include "dm-store/history.h"
#include "dm-store/put.h"
#include "dm-store/recover.h"
#include "dm-store/redo.h"
#include "dm-store/reload.h"
#include "dm-store/state_dirs.h"
#include "dm-store/store.h"
#include "dm-store/index_feed.h"

#define HELPER static __attribute__((unused))
#define START_NS (UINT64_C(1800000000) * NS_PER_S)
#define CONTENT_CAP ((size_t)300 << 10)

static uint64_t fix_now = START_NS;
static uint64_t fix_mono = NS_PER_S;

struct fix {
	struct store s;
	char dir[64];
	unsigned sent[IPC_MESSAGE_COUNT];
	struct ipc_verdict verdict;
	struct ipc_put_result result;
	uint64_t credit;
	enum verdict opened;
	int opened_fd;
	struct entry opened_entry, announced, wanted, read, listed[64];
	uint64_t want_ticket;
	bool is_origin;
	size_t inline_len;
	uint8_t rows[IPC_INDEX_ROW_SIZE * 4096];
	size_t n_rows, n_listed;
	bool has_more;
	uint64_t next_id;
};

HELPER uint64_t
fix_wall(void)
{
	return fix_now;
}

HELPER uint64_t
fix_mono_ns(void)
{
	return fix_mono;
}

/* Time goes by. */
HELPER void
fix_pass(uint64_t ns)
{
	fix_now += ns;
	fix_mono += ns;
}

HELPER void
fix_take_entry(struct bytes b, struct entry *e)
{
	if (b.len > 0)
		assert_int_equal(entry_decode(e, b.data, b.len), b.len);
	else
		memset(e, 0, sizeof(*e));
}

HELPER void
fix_send(struct store *s, enum ipc_message m, const void *msg, int fd)
{
	struct fix *f = s->send_ctx;

	f->sent[m]++;
	if (m == IPC_VERDICT) {
		f->verdict = *(const struct ipc_verdict *)msg;
	} else if (m == IPC_PUT_RESULT) {
		f->result = *(const struct ipc_put_result *)msg;
	} else if (m == IPC_PUT_CREDIT) {
		f->credit += ((const struct ipc_put_credit *)msg)->bytes;
	} else if (m == IPC_OPENED) {
		f->opened =
		    (enum verdict)((const struct ipc_opened *)msg)->verdict;
		fix_take_entry(
		    ((const struct ipc_opened *)msg)->entry, &f->opened_entry);
		f->opened_fd = fd;
		fd = -1;
	} else if (m == IPC_ENTRY_READ) {
		f->opened =
		    (enum verdict)((const struct ipc_entry_read *)msg)->verdict;
		fix_take_entry(
		    ((const struct ipc_entry_read *)msg)->entry, &f->read);
	} else if (m == IPC_ENTRY) {
		fix_take_entry(
		    ((const struct ipc_entry *)msg)->entry, &f->announced);
		f->is_origin = ((const struct ipc_entry *)msg)->origin;
		f->inline_len = ((const struct ipc_entry *)msg)->content.len;
	} else if (m == IPC_WANT) {
		fix_take_entry(
		    ((const struct ipc_want *)msg)->entry, &f->wanted);
		f->want_ticket = ((const struct ipc_want *)msg)->ticket;
	} else if (m == IPC_INDEX_ROWS) {
		const struct ipc_index_rows *r = msg;

		memcpy(f->rows + f->n_rows * IPC_INDEX_ROW_SIZE, r->rows.data,
		    r->rows.len);
		f->n_rows += r->rows.len / IPC_INDEX_ROW_SIZE;
	} else if (m == IPC_LIST_ROW) {
		fix_take_entry(((const struct ipc_list_row *)msg)->entry,
		    &f->listed[f->n_listed++]);
	} else if (m == IPC_LIST_END) {
		f->has_more = ((const struct ipc_list_end *)msg)->more;
	}
	if (fd != -1)
		close(fd);
}

/* A process starts: opens and recovers, as main() does. */
HELPER void
fix_start(struct fix *f)
{
	char path[80];
	int dirs[FILES_DIRS];

	memset(&f->s, 0, sizeof(f->s));
	f->s.base = event_base_new();
	assert_non_null(f->s.base);
	clock_init(&f->s.clock);
	f->s.clock.wall_ns = fix_wall;
	f->s.clock.mono_ns = fix_mono_ns;
	clock_watch(&f->s.clock);
	f->s.send = fix_send;
	f->s.send_ctx = f;
	assert_int_equal(state_dirs_hold(f->dir, true, dirs), 0);
	assert_int_equal(state_dirs_open(&f->s.files, dirs), 0);
	snprintf(path, sizeof(path), "%s/index", f->dir);
	/* the last run did not end in order: the index is checked */
	index_mark(f->s.files.index_fd);
	assert_int_equal(recover_open(&f->s, path), RECOVER_OK);
	assert_int_equal(recover_run(&f->s), 0);
	store_setup(&f->s);
}

/* It dies: what is not durable is gone. */
HELPER void
fix_die(struct fix *f)
{
	store_clear(&f->s);
	event_base_free(f->s.base);
}

HELPER void
fix_new(struct fix *f)
{
	memset(f, 0, sizeof(*f));
	f->opened_fd = -1;
	strcpy(f->dir, "/tmp/dm-store-test.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	umask(027);
	fix_now = START_NS;
	fix_mono = NS_PER_S;
	log_set_level(LOG_L_FATAL);
	fix_start(f);
}

HELPER int
fix_remove_one(
    const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	return remove(path);
}

HELPER void
fix_free(struct fix *f)
{
	fix_die(f);
	nftw(f->dir, fix_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

HELPER void
fix_turn(struct fix *f)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(f->s.base, EVLOOP_NONBLOCK);
}

/* --- configuration ---------------------------------------------------- */

HELPER struct ipc_config_begin
fix_limits(void)
{
	struct ipc_config_begin m = {.max_file_size = 64 << 20,
	    .max_clock_skew_ns = 300 * NS_PER_S,
	    .max_total_size = UINT64_C(10) << 30,
	    .max_files = 1000,
	    .max_records_per_signer = 1000,
	    .history_size = 256 << 20,
	    .history_versions = 8};

	return m;
}

HELPER struct policy *
fix_policy_begin(void)
{
	const struct ipc_config_begin m = fix_limits();
	struct policy *p = policy_new(&m);

	assert_non_null(p);
	return p;
}

HELPER void
fix_allow(struct policy *p, const char *pattern, const struct key_pair *keys,
    size_t n)
{
	uint8_t signers[8 * 32];

	for (size_t i = 0; i < n; i++)
		memcpy(signers + 32 * i, keys[i].public_key, 32);
	assert_true(
	    policy_add(p, bytes_text(pattern), bytes_of(signers, 32 * n)));
}

static bool fix_is_applied;

HELPER void
fix_applied(struct store *s)
{
	(void)s;
	fix_is_applied = true;
}

/* In as many turns as it takes. */
HELPER void
fix_apply(struct fix *f, struct policy *p)
{
	assert_true(policy_seal(p));
	fix_is_applied = false;
	reload_apply(&f->s, p, fix_applied);
	while (!fix_is_applied)
		event_base_loop(f->s.base, EVLOOP_NONBLOCK);
	fix_turn(f);
}

/* One pattern, these keys. */
HELPER void
fix_configure(
    struct fix *f, const char *pattern, const struct key_pair *keys, size_t n)
{
	struct policy *p = fix_policy_begin();

	fix_allow(p, pattern, keys, n);
	fix_apply(f, p);
}

/* --- entries --- */

HELPER void
fix_sign(struct entry *e, const struct key_pair *k)
{
	char text[TEXT_LEN_MAX];
	uint8_t bytes[SSHSIG_SIGNED_MAX];
	size_t len;

	memcpy(e->signer, k->public_key, 32);
	len = sshsig_signed_bytes(text, entry_text(e, text), bytes);
	key_sign(k, bytes, len, e->signature);
}

HELPER void
fix_hash(const void *data, size_t len, uint8_t hash[32])
{
	EVP_Digest(data, len, hash, NULL, EVP_sha256(), NULL);
}

HELPER struct entry
fix_file(const char *name, uint64_t at_ns, const void *content, size_t len,
    const struct key_pair *k)
{
	struct entry e;

	memset(&e, 0, sizeof(e));
	strcpy(e.name, name);
	e.signed_at_ns = at_ns;
	e.size = len;
	fix_hash(content, len, e.sha256);
	fix_sign(&e, k);
	return e;
}

HELPER struct entry
fix_delete(const char *name, uint64_t at_ns, const struct key_pair *k)
{
	struct entry e = fix_file(name, at_ns, "", 0, k);

	e.kind = ENTRY_DELETE;
	fix_sign(&e, k);
	return e;
}

/* --- what dm-net does --- */

HELPER enum verdict
fix_judge(struct fix *f, const struct entry *e)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct ipc_judge m = {.id = ++f->next_id};

	m.entry = bytes_of(buf, entry_encode(e, buf));
	queries_judge(&f->s, &m);
	fix_turn(f);
	assert_int_equal(f->verdict.id, m.id);
	return (enum verdict)f->verdict.verdict;
}

/* Begins a put; ticket 0 with an entry. Its number. */
HELPER uint64_t
fix_begin(struct fix *f, const struct entry *e, uint64_t ticket, bool known)
{
	uint8_t buf[ENTRY_SIZE_MAX];
	struct ipc_put_begin m = {
	    .id = ++f->next_id, .ticket = ticket, .sha256_known = known};
	const char *why;

	if (ticket == 0)
		m.entry = bytes_of(buf, entry_encode(e, buf));
	f->credit = 0;
	memset(&f->result, 0, sizeof(f->result));
	assert_true(put_on_begin(&f->s, &m, &why));
	return m.id;
}

/* Content within the credit, then the end. */
HELPER void
fix_content(struct fix *f, uint64_t id, const void *content, size_t len)
{
	const uint8_t *p = content;
	struct ipc_put_data m = {.id = id};
	struct ipc_put_end end = {.id = id};
	const char *why;
	size_t n;

	while (len > 0 && f->credit > 0) {
		n = len < IPC_CHUNK_MAX ? len : IPC_CHUNK_MAX;
		if (n > f->credit)
			n = f->credit;
		m.data = bytes_of(p, n);
		f->credit -= n;
		assert_true(put_on_data(&f->s, &m, &why));
		p += n;
		len -= n;
	}
	put_on_end(&f->s, &end);
}

HELPER enum verdict
fix_put(struct fix *f, const struct entry *e, const void *content, size_t len)
{
	uint64_t id = fix_begin(f, e, 0, true);

	fix_content(f, id, content, len);
	fix_turn(f);
	assert_int_equal(f->result.id, id);
	return (enum verdict)f->result.verdict;
}

/* An announced version is judged and fetched. */
HELPER enum verdict
fix_fetch(struct fix *f, const struct entry *e, const void *content, size_t len)
{
	enum verdict v = fix_judge(f, e);
	uint64_t id;

	if (v != VERDICT_FETCH)
		return v;
	id = fix_begin(f, NULL, f->verdict.ticket, true);
	fix_content(f, id, content, len);
	fix_turn(f);
	assert_int_equal(f->result.id, id);
	return (enum verdict)f->result.verdict;
}

HELPER enum verdict
fix_open(struct fix *f, const char *name, const uint8_t *version)
{
	struct ipc_open m = {.id = ++f->next_id};

	if (f->opened_fd != -1)
		close(f->opened_fd);
	f->opened_fd = -1;
	name_key(name, m.key);
	if (version != NULL)
		m.version = bytes_of(version, 32);
	queries_open(&f->s, &m);
	fix_turn(f);
	return f->opened;
}

/* What OPEN gives is exactly this. */
HELPER void
fix_assert_opens(struct fix *f, const char *name, const uint8_t *version,
    const void *content, size_t len)
{
	uint8_t *buf = malloc(len + 1);

	assert_int_equal(fix_open(f, name, version), VERDICT_OK);
	assert_int_equal(pread(f->opened_fd, buf, len + 1, 0), len);
	assert_memory_equal(buf, content, len);
	assert_true((fcntl(f->opened_fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
	close(f->opened_fd);
	f->opened_fd = -1;
	free(buf);
}

/* --- what a user sees --- */

HELPER void
fix_path(struct fix *f, const char *name, char out[400])
{
	snprintf(out, 400, "%s/%s", f->dir, name);
}

HELPER bool
fix_exists(struct fix *f, const char *path)
{
	char full[400];
	struct stat st;

	fix_path(f, path, full);
	return lstat(full, &st) == 0;
}

HELPER void
fix_assert_content(
    struct fix *f, const char *name, const void *content, size_t len)
{
	char path[300], full[400];
	uint8_t *buf = malloc(len + 1);
	int fd;

	snprintf(path, sizeof(path), "files/%s", name);
	fix_path(f, path, full);
	fd = open(full, O_RDONLY);
	assert_true(fd != -1);
	assert_int_equal(read(fd, buf, len + 1), len);
	assert_memory_equal(buf, content, len);
	close(fd);
	free(buf);
}

HELPER unsigned
fix_count_dir(struct fix *f, const char *path)
{
	char command[500], line[32] = "";
	FILE *p;

	snprintf(command, sizeof(command), "ls -A %s/%s | wc -l", f->dir, path);
	p = popen(command, "r");
	assert_non_null(p);
	assert_non_null(fgets(line, sizeof(line), p));
	pclose(p);
	return (unsigned)atoi(line);
}

HELPER struct winner
fix_winner(struct fix *f, const char *name)
{
	struct winner w;
	uint8_t key[16];

	memset(&w, 0, sizeof(w));
	name_key(name, key);
	if (table_winner(f->s.index, VIEW_COMMITTED, key, &w) != FOUND)
		w.name[0] = '\0';
	return w;
}

#endif
