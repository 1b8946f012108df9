/* SPDX-License-Identifier: ISC */
#include "../unit/dm-store/fixture.h"

#include <sys/mman.h>

#include "common/hex.h"
#include "dm-store/files_path.h"
#include "dm-store/read_budget.h"
#include "dm-store/scrub_old.h"
#include "dm-store/restore.h"
#include "older.h"
#include "scenario.h"

#define VERSIONS_MAX 512
#define NAMES_MAX 128
#define IDS_MAX 1024

enum { MARK_ACK, MARK_FREE }; /* free: anything goes for that name */

struct version {
	char name[64];
	struct entry entry;
	struct entry_rank rank;
};

/* Shared: written by the child that runs a scenario. */
static struct shared {
	uint32_t n;
	struct version version[VERSIONS_MAX];
} * shared;

static struct key_pair keys[2];
static struct fix f;
static int version_of_id[IDS_MAX];
static unsigned n_asked, n_answered;
static uint8_t content[CONTENT_CAP];

void
scenario_setup(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		fatal("crash: mmap: %s", strerror(errno));
	key_generate(&keys[0]);
	key_generate(&keys[1]);
	umask(027);
	log_set_level(LOG_L_FATAL);
}

/* --- versions --------------------------------------------------------- */

/* Every version has its own bytes; same: those of that one. */
static const uint8_t *
fill(uint32_t seed, size_t len)
{
	for (size_t i = 0; i < len; i++)
		content[i] = (uint8_t)(i * 31 + i / 251 + seed * 7 + 1);
	return content;
}

static uint32_t
seed_of(const struct entry *e)
{
	return (uint32_t)(e->signed_at_ns % 1000);
}

/* The next version of a name: seeds are in the last digits of its time, so
 * that content can be made again from the entry. */
static uint32_t
make(const char *name, size_t len, bool is_delete, uint32_t seed,
    uint64_t valid_for_s, const struct key_pair *key)
{
	uint32_t i = shared->n;
	struct version *v = &shared->version[i];
	uint64_t at = START_NS + i * 1000 + seed;

	strcpy(v->name, name);
	if (is_delete) {
		v->entry = fix_delete(name, at, key);
	} else {
		v->entry = fix_file(name, at, fill(seed, len), len, key);
		v->entry.valid_for_s = valid_for_s;
		fix_sign(&v->entry, key);
	}
	entry_rank(&v->entry, &v->rank);
	shared->n = i + 1;
	return i;
}

static void
acknowledge(const struct entry_rank *rank)
{
	for (uint32_t i = 0; i < shared->n; i++)
		if (entry_rank_compare(&shared->version[i].rank, rank) == 0)
			trace_mark(MARK_ACK, (int)i);
}

/* What leaves the store: an answer that says yes, an announcement. */
static void
on_send(struct store *s, enum ipc_message m, const void *msg, int fd)
{
	const struct ipc_put_result *r = msg;
	const struct ipc_verdict *v = msg;
	struct entry_rank rank;

	fix_send(s, m, msg, fd);
	n_answered += m == IPC_PUT_RESULT;
	if (m == IPC_PUT_RESULT && verdict_is_ok((enum verdict)r->verdict)) {
		trace_mark(MARK_ACK, version_of_id[r->id]);
	} else if (m == IPC_VERDICT && version_of_id[v->id] != -1 &&
		   verdict_is_ok((enum verdict)v->verdict)) {
		trace_mark(MARK_ACK, version_of_id[v->id]);
	} else if (m == IPC_ENTRY) {
		entry_rank(&f.announced, &rank);
		acknowledge(&rank);
	}
}

/* --- what is done to a store ------------------------------------------ */

static void
start(const char *dir)
{
	memset(&f, 0, sizeof(f));
	memset(version_of_id, -1, sizeof(version_of_id));
	f.opened_fd = -1;
	n_asked = n_answered = 0;
	snprintf(f.dir, sizeof(f.dir), "%s", dir);
	fix_now = START_NS + NS_PER_S;
	fix_mono = NS_PER_S;
	fix_start(&f);
	f.s.send = on_send;
}

static void
configure(size_t n_keys, const char *pattern)
{
	struct policy *p = fix_policy_begin();

	fix_allow(p, pattern, keys, n_keys);
	fix_allow(p, "top", keys, 2);
	fix_apply(&f, p);
}

/* All of a put but the turn in which it is committed. */
static uint64_t
put_begin(uint32_t i)
{
	const struct entry *e = &shared->version[i].entry;
	uint64_t id = f.next_id + 1;

	version_of_id[id] = (int)i;
	n_asked++;
	fix_begin(&f, e, 0, true);
	fix_content(&f, id, fill(seed_of(e), (size_t)e->size), (size_t)e->size);
	return id;
}

static void
turn(void)
{
	do
		fix_turn(&f);
	while (n_answered < n_asked);
}

static void
put(const char *name, size_t len)
{
	uint32_t seed = shared->n % 999;

	put_begin(make(name, len, false, seed, 0, &keys[0]));
	turn();
}

static void
del(const char *name)
{
	put_begin(make(name, 0, true, 0, 0, &keys[0]));
	turn();
}

/* A second goes by: files are synced, and redo goes. */
static void
tick(void)
{
	fix_pass(NS_PER_S);
	expire_tick(&f.s);
	commit_tick(&f.s);
	fix_turn(&f);
}

/* --- scenarios -------------------------------------------------------- */

static void
first_upload(void)
{
	put("d/a", 1000);
	put("d/sub/b", 3000);
	put("top", 0);
	tick();
}

static void
replacement(void)
{
	put("d/a", 1000);
	put("d/a", 5000);
	tick();
	put("d/a", 200);
	put("d/a", 90000);
	tick();
	put("d/a", 300);
	tick();
	tick();
}

static void
deletion(void)
{
	put("d/a", 1000);
	put("d/sub/b", 80000);
	tick();
	del("d/a");
	del("d/sub/b");
	tick();
	put("d/a", 50);
	del("d/a");
	put("d/a", 60);
	tick();
}

static void
group(void)
{
	char name[32];

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 64; i++) {
			snprintf(name, sizeof(name), "d/%d/f%d", i % 3, i);
			put_begin(make(name, (size_t)(100 + i * 40), false,
			    (uint32_t)(i * 2 + round), 0, &keys[0]));
		}
		turn();
		if (round == 0)
			tick();
	}
	tick();
}

static void
large(void)
{
	put("d/a", 70000);
	put("d/sub/deep/b", 140000);
	put("d/a", 66000);
	tick();
	put("d/a", 250000);
	tick();
}

/* The same content again: signed anew, back from old/, under another name. */
static void
same_content(void)
{
	uint32_t v;

	put_begin(make("d/a", 1000, false, 7, 0, &keys[0]));
	turn();
	put_begin(make("d/a", 1000, false, 7, 0, &keys[0]));
	turn();
	put("d/a", 90000);
	tick();
	/* what a peer announces and old/ has */
	v = make("d/a", 1000, false, 7, 0, &keys[0]);
	version_of_id[f.next_id + 1] = (int)v;
	fix_judge(&f, &shared->version[v].entry);
	/* and what is there already */
	v = make("d/a", 1000, false, 7, 0, &keys[1]);
	version_of_id[f.next_id + 1] = (int)v;
	fix_judge(&f, &shared->version[v].entry);
	tick();
	put_begin(make("d/sub/b", 1000, false, 7, 0, &keys[0]));
	turn();
	tick();
}

static void
expiry(void)
{
	put("d/b", 400);
	put_begin(make("d/a", 2000, false, 9, 3, &keys[0]));
	turn();
	tick();
	tick();
	tick();
	tick();
	put("d/a", 800);
	tick();
}

static void
free_name(const char *name)
{
	for (uint32_t i = 0; i < shared->n; i++)
		if (strcmp(shared->version[i].name, name) == 0)
			trace_mark(MARK_FREE, (int)i);
}

/* A signer, then the names are taken out of the configuration. */
static void
reload(void)
{
	put("d/a", 1000);
	put("top", 50);
	put_begin(make("d/a", 80000, false, 3, 0, &keys[1]));
	turn();
	tick();
	free_name("d/a");
	configure(1, "d/*");
	fix_turn(&f);
	tick();
	configure(2, "e/*");
	fix_turn(&f);
	tick();
	put("top", 900);
	tick();
}

/* Each tenth of a second the loop may read so much at once: not now. */
static void
be_busy(void)
{
	while (read_budget_take(&f.s, 4096))
		continue;
}

static void
find(void)
{
	do
		fix_turn(&f);
	while (restore_is_busy(&f.s));
	fix_turn(&f);
}

/* A signer is withdrawn, and what then wins is found in old/ piece by piece;
 * of another name the content stays where it is. */
static void
fallback(void)
{
	uint32_t v;

	put("d/a", 80000);
	v = make("d/b", 70000, false, 9, 0, &keys[0]);
	put_begin(v);
	turn();
	put_begin(make("d/a", 90000, false, 3, 0, &keys[1]));
	put_begin(make("d/b", 70000, false, 9, 0, &keys[1]));
	turn();
	tick();
	free_name("d/a");
	free_name("d/b");
	be_busy();
	configure(1, "d/*");
	find();
	acknowledge(&shared->version[v].rank);
	tick();
	put("top", 900);
	tick();
}

/* The placed file goes back to where it was a moment before. */
static void
displace(uint32_t i)
{
	const struct version *v = &shared->version[i];
	char path[300], from[400], to[400], hex[FILES_HEX_SIZE];

	snprintf(path, sizeof(path), "files/%s", v->name);
	fix_path(&f, path, from);
	hex_encode(v->rank.version, 32, hex);
	snprintf(path, sizeof(path), "index/tmp/%s", hex);
	fix_path(&f, path, to);
	if (rename(from, to) == -1)
		fatal("crash: %s: %s", from, strerror(errno));
}

/* A file is still there that was to go. */
static void
leave(uint32_t i)
{
	const struct version *v = &shared->version[i];
	size_t len = (size_t)v->entry.size;
	char path[300], full[400];
	int fd;

	snprintf(path, sizeof(path), "files/%s", v->name);
	fix_path(&f, path, full);
	fd = open(full, O_WRONLY | O_CREAT | O_EXCL, 0640);
	if (fd == -1 ||
	    write(fd, fill(seed_of(&v->entry), len), len) != (ssize_t)len)
		fatal("crash: %s: %s", full, strerror(errno));
	close(fd);
}

/*
 * An index of format 1 whose last run ended in the middle: with a redo whose
 * file is not in its place, a pending one, a removal that did not happen,
 * refusals, old content, and a setting that is not the one to come.
 */
static void
prepare_v1(void)
{
	char path[400];
	uint32_t top, small, large;

	top = make("top", 10, false, 4, 0, &keys[0]);
	put_begin(top);
	turn();
	put("d/a", 1000);
	put("d/a", 3000);
	put_begin(make("d/sub/b", 70000, false, 5, 0, &keys[1]));
	turn();
	del("d/0/gone");
	tick();
	small = make("d/c", 4000, false, 8, 0, &keys[0]);
	put_begin(small);
	turn();
	large = make("d/sub/b", 90000, false, 6, 0, &keys[0]);
	put_begin(large);
	turn();
	del("top");
	leave(top);
	displace(small);
	displace(large);
	fix_die(&f);
	fix_path(&f, "index", path);
	older_make_v1(path);
}

/* The first start of this version, and what it does then. */
static void
migration(void)
{
	put("d/a", 500);
	put("d/sub/b", 80000);
	del("d/c");
	tick();
}

const struct scenario scenarios[] = {{"first-upload", first_upload, NULL},
    {"replacement", replacement, NULL}, {"delete", deletion, NULL},
    {"large", large, NULL}, {"same-content", same_content, NULL},
    {"expiry", expiry, NULL}, {"reload", reload, NULL},
    {"fallback", fallback, NULL}, {"migration", migration, prepare_v1},
    {"group", group, NULL}, {NULL, NULL, NULL}};

static void
allow_all(void)
{
	struct policy *p = fix_policy_begin();

	fix_allow(p, "d/*", keys, 2);
	fix_allow(p, "d/0/*", keys, 2);
	fix_allow(p, "d/1/*", keys, 2);
	fix_allow(p, "d/2/*", keys, 2);
	fix_allow(p, "d/sub/*", keys, 2);
	fix_allow(p, "d/sub/deep/*", keys, 2);
	fix_allow(p, "top", keys, 2);
	fix_apply(&f, p);
}

void
scenario_prepare(const struct scenario *sc, const char *dir)
{
	shared->n = 0;
	if (sc->prepare == NULL)
		return;
	start(dir);
	allow_all();
	sc->prepare();
}

void
scenario_run(const struct scenario *sc, const char *dir)
{
	/* what there was before the record is owed from its beginning */
	for (uint32_t i = 0; i < shared->n; i++)
		trace_mark(MARK_ACK, (int)i);
	start(dir);
	allow_all();
	sc->run();
	fix_die(&f);
}

void
scenario_recover(const char *dir)
{
	start(dir);
	fix_die(&f);
}

/* --- what must be true afterwards ------------------------------------- */

/* Of one name: the greatest acknowledged version, or -1. */
static int
floor_of(const struct trace *t, uint32_t cut, const char *name, bool *is_free)
{
	int best = -1;

	*is_free = false;
	for (uint32_t i = 0; i < cut; i++) {
		const struct trace_op *op = &t->op[i];
		const struct version *v = &shared->version[op->value];

		if (op->kind != TRACE_MARK || op->value < 0 ||
		    strcmp(v->name, name) != 0)
			continue;
		if (op->mark == MARK_FREE)
			*is_free = true;
		else if (best == -1 || entry_rank_compare(&v->rank,
					   &shared->version[best].rank) > 0)
			best = op->value;
	}
	return best;
}

static const struct version *
version_with(const char *name, const struct entry_rank *rank)
{
	for (uint32_t i = 0; i < shared->n; i++)
		if (strcmp(shared->version[i].name, name) == 0 &&
		    entry_rank_compare(&shared->version[i].rank, rank) == 0)
			return &shared->version[i];
	return NULL;
}

/* files/NAME is exactly what was signed. */
static bool
is_whole(const char *name, const struct entry *e)
{
	size_t len = (size_t)e->size;
	uint8_t *buf = xmalloc(len + 1);
	char path[400];
	bool is_same;
	int fd;

	snprintf(path, sizeof(path), "%s/files/%s", f.dir, name);
	fd = open(path, O_RDONLY);
	is_same = fd != -1 && read(fd, buf, len + 1) == (ssize_t)len &&
		  memcmp(buf, fill(seed_of(e), len), len) == 0;
	if (fd != -1)
		close(fd);
	free(buf);
	return is_same;
}

static const char *
check_name(
    const struct trace *t, uint32_t cut, const char *name, unsigned *n_shown)
{
	char path[300];
	bool is_free, is_there;
	int least = floor_of(t, cut, name, &is_free);
	struct winner w = fix_winner(&f, name);
	const struct version *v;

	snprintf(path, sizeof(path), "files/%s", name);
	is_there = fix_exists(&f, path);
	if (w.name[0] == '\0') {
		if (is_there)
			return "a file that the index does not know";
		return least == -1 || is_free ? NULL
					      : "an acknowledged version is "
						"gone";
	}
	v = version_with(name, &w.rank);
	if (v == NULL)
		return "a version that nobody made";
	if (least != -1 && !is_free &&
	    entry_rank_compare(&w.rank, &shared->version[least].rank) < 0)
		return "older than what was acknowledged";
	if (w.state == WINNER_WANTED || w.state == WINNER_LOST)
		return "the content of a version is gone";
	if (w.state != WINNER_SHOWN)
		return is_there ? "visible without being current" : NULL;
	(*n_shown)++;
	if (!is_whole(name, &v->entry))
		return "content that was not signed";
	if (fix_open(&f, name, NULL) != VERDICT_OK &&
	    !entry_is_expired(&v->entry, fix_now))
		return "it cannot be opened";
	return NULL;
}

static unsigned n_files;

static int
count_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	n_files += kind == FTW_F;
	return 0;
}

static const char *
check_all(const struct trace *t, uint32_t cut)
{
	unsigned n_shown = 0;
	const char *wrong;
	char path[400];
	bool has_acks = false;

	for (uint32_t i = 0; i < shared->n; i++) {
		const char *name = shared->version[i].name;
		bool is_again = false;

		for (uint32_t j = 0; j < i && !is_again; j++)
			is_again = strcmp(shared->version[j].name, name) == 0;
		wrong = is_again ? NULL : check_name(t, cut, name, &n_shown);
		if (wrong != NULL) {
			fprintf(stderr, "%s: ", name);
			return wrong;
		}
	}
	fix_path(&f, "files", path);
	n_files = 0;
	nftw(path, count_file, 16, FTW_PHYS);
	if (n_files != n_shown)
		return "files that nobody uploaded";
	fix_path(&f, "index/tmp", path);
	n_files = 0;
	nftw(path, count_file, 16, FTW_PHYS);
	if (n_files != 0)
		return "left-overs in tmp/";
	for (uint32_t i = 0; i < cut; i++)
		has_acks |= t->op[i].kind == TRACE_MARK;
	fix_path(&f, "quarantine", path);
	n_files = 0;
	nftw(path, count_file, 16, FTW_PHYS);
	if (has_acks && n_files > 0)
		return "something went to quarantine";
	return NULL;
}

static bool
is_redo_left(void)
{
	return index_count(f.s.index, VIEW_COMMITTED, INDEX_REDO) != 0 ||
	       index_count(f.s.index, VIEW_COMMITTED, INDEX_PENDING) != 0;
}

/* old/: all that rows speak of is whole or gone, and after the scrub there is
 * nothing else. */
static const char *
check_old(void)
{
	struct scrub_old *o = scrub_old_new();
	uint64_t damaged = 0;
	char path[400];
	size_t left;

	scrub_old_begin(o);
	do
		left = sizeof(content);
	while (scrub_old_step(&f.s, o, content, &left, &damaged));
	scrub_old_free(o);
	fix_turn(&f);
	fix_path(&f, "index/old", path);
	n_files = 0;
	nftw(path, count_file, 16, FTW_PHYS);
	if (damaged > 0)
		return "older content that was not signed";
	if (n_files != index_count(f.s.index, VIEW_COMMITTED, INDEX_OLD))
		return "older content that no row knows";
	return NULL;
}

/* It goes on working, and what it stores then is there after a start. */
static const char *
check_goes_on(const char *dir)
{
	struct entry e = fix_file(
	    "new/n", START_NS + NS_PER_S, fill(1, 70000), 70000, &keys[0]);
	struct entry s =
	    fix_file("new/s", START_NS + NS_PER_S, fill(1, 100), 100, &keys[0]);
	struct policy *p = fix_policy_begin();

	e.signed_at_ns = s.signed_at_ns = START_NS + NS_PER_S + 1;
	fix_sign(&e, &keys[0]);
	fix_sign(&s, &keys[0]);
	fix_allow(p, "new/*", keys, 2);
	fix_apply(&f, p);
	if (fix_put(&f, &e, fill(1, 70000), 70000) != VERDICT_CREATED ||
	    fix_put(&f, &s, fill(1, 100), 100) != VERDICT_CREATED)
		return "it stores nothing any more";
	tick();
	fix_die(&f);
	start(dir);
	if (!is_whole("new/n", &e) || !is_whole("new/s", &s))
		return "what it stored after recovery is gone";
	return NULL;
}

const char *
scenario_check(
    const struct trace *t, uint32_t cut, const char *dir, bool is_deep)
{
	const char *wrong;

	start(dir);
	wrong = is_redo_left() ? "redo is left" : NULL;
	/* as the first configuration does, and the seconds after it */
	restore_soon(&f.s);
	find();
	commit_settle(&f.s);
	if (wrong == NULL)
		wrong = check_all(t, cut);
	if (wrong == NULL && is_deep)
		wrong = check_old();
	if (wrong == NULL && is_deep)
		wrong = check_goes_on(dir);
	fix_die(&f);
	return wrong;
}
