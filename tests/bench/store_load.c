/* SPDX-License-Identifier: ISC */
/*
 * For the figures of dm-store in `make bench`: what a disk and a processor
 * could do at best, and state directories with as many files as one likes,
 * made in bulk with the store's own tables.
 *
 *   store_load limit DIR COUNT BATCH   versions a second: each verified, BATCH
 *       in one synchronous LMDB commit of DIR
 *   store_load verify COUNT            verifications a second, one processor
 *   store_load fill STATE_DIR KEY.pub PREFIX COUNT files|tombstones
 *       names PREFIX0/f0, PREFIX1/f1... up to PREFIX15, then 0 again; nothing
 *       may run on STATE_DIR
 */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/keys/key_check.h"
#include "common/keys/keys.h"
#include "common/log.h"
#include "common/name.h"
#include "dm-store/state_dirs.h"
#include "dm-store/table.h"

#define DIRS 16
#define FILL_BATCH 20000
#define LINKS_MAX 60000 /* of one file: ext4 has 65000 */
#define VALUE_SIZE 1400 /* a record and 1 KiB */

static double
now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* --- limits --------------------------------------------------------------- */

struct checked {
	struct key_pair key;
	struct key_check *check;
	uint8_t text[150], signature[64];
};

static void
checked_make(struct checked *c)
{
	c->check = key_check_new();
	key_generate(&c->key);
	memset(c->text, 't', sizeof(c->text));
	key_sign(&c->key, c->text, sizeof(c->text), c->signature);
}

static void
checked_verify(const struct checked *c)
{
	if (!key_check_signature(c->check, c->key.public_key, c->text,
		sizeof(c->text), c->signature))
		fatal("a signature does not verify");
}

static int
verify(unsigned count)
{
	struct checked c;
	double start;

	checked_make(&c);
	start = now_s();
	for (unsigned i = 0; i < count; i++)
		checked_verify(&c);
	printf("%.1f\n", count / (now_s() - start));
	return 0;
}

static void
must(int rc)
{
	if (rc != 0)
		fatal("LMDB: %s", mdb_strerror(rc));
}

static int
limit(const char *dir, unsigned count, unsigned batch)
{
	static char value[VALUE_SIZE];
	struct checked c;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	double start;

	checked_make(&c);
	must(mdb_env_create(&env));
	must(mdb_env_set_mapsize(env, (size_t)1 << 30));
	must(mdb_env_open(env, dir, 0, 0600));
	must(mdb_txn_begin(env, NULL, 0, &txn));
	must(mdb_dbi_open(txn, NULL, 0, &dbi));
	must(mdb_txn_commit(txn));
	start = now_s();
	for (unsigned i = 0; i < count;) {
		must(mdb_txn_begin(env, NULL, 0, &txn));
		for (unsigned end = i + batch; i < end; i++) {
			MDB_val k = {sizeof(i), &i}, v = {VALUE_SIZE, value};

			checked_verify(&c);
			must(mdb_put(txn, dbi, &k, &v, 0));
		}
		must(mdb_txn_commit(txn));
	}
	printf("%.1f\n", count / (now_s() - start));
	mdb_env_close(env);
	return 0;
}

/* --- many files ----------------------------------------------------------- */

struct filling {
	struct files files;
	struct index *index;
	struct stat owner; /* of files/ */
	const char *prefix;
	bool is_tombstones;
	uint8_t signer[32];
	uint64_t at_ns;
};

static void
open_state(struct filling *fl, const char *state_dir)
{
	char path[400];
	int dirs[FILES_DIRS];

	snprintf(path, sizeof(path), "%s/index", state_dir);
	if (state_dirs_hold(state_dir, false, dirs) == -1 ||
	    state_dirs_open(&fl->files, dirs) == -1 ||
	    fstat(fl->files.files_fd, &fl->owner) == -1 ||
	    index_open(path, fl->files.index_fd, &fl->index) != INDEX_OK)
		fatal("%s: %s", state_dir, strerror(errno));
}

/* One file a great many times: what counts is how many names there are. */
static void
make_name(struct filling *fl, unsigned i, const char *name)
{
	static char first[NAME_LEN_MAX + 1];
	int fd = fl->files.files_fd;

	if (i % LINKS_MAX == 0) {
		fd = openat(fd, name, O_WRONLY | O_CREAT | O_EXCL, 0640);
		if (fd == -1 || write(fd, "content\n", 8) != 8 ||
		    fchown(fd, fl->owner.st_uid, fl->owner.st_gid) == -1)
			fatal("%s: %s", name, strerror(errno));
		close(fd);
		strcpy(first, name);
	} else if (linkat(fd, first, fd, name, 0) == -1) {
		fatal("%s: %s", name, strerror(errno));
	}
}

static void
fill_one(struct filling *fl, unsigned i)
{
	struct record rec;
	struct winner w;
	uint8_t key[16];

	memset(&rec, 0, sizeof(rec));
	memset(&w, 0, sizeof(w));
	snprintf(rec.entry.name, sizeof(rec.entry.name), "%s%u/f%u", fl->prefix,
	    i % DIRS, i);
	rec.stored_at_ns = rec.entry.signed_at_ns = fl->at_ns + i;
	rec.entry.kind = fl->is_tombstones ? ENTRY_DELETE : ENTRY_FILE;
	rec.entry.size = fl->is_tombstones ? 0 : 8;
	EVP_Digest("content\n", rec.entry.size, rec.entry.sha256, NULL,
	    EVP_sha256(), NULL);
	memcpy(rec.entry.signer, fl->signer, 32);
	entry_rank(&rec.entry, &w.rank);
	w.size = rec.entry.size;
	w.state = fl->is_tombstones ? WINNER_DELETED : WINNER_SHOWN;
	memcpy(w.signer, rec.entry.signer, 32);
	memcpy(w.sha256, rec.entry.sha256, 32);
	strcpy(w.name, rec.entry.name);
	name_key(w.name, key);
	if (!fl->is_tombstones)
		make_name(fl, i, w.name);
	index_begin(fl->index);
	table_record_set(fl->index, &rec);
	table_winner_set(fl->index, w.name, key, NULL, &w);
}

static int
fill(char **argv)
{
	unsigned count = (unsigned)atoi(argv[5]);
	struct filling fl = {.prefix = argv[4]};
	char dir[64];

	fl.is_tombstones = strcmp(argv[6], "tombstones") == 0;
	fl.at_ns = ((uint64_t)time(NULL) - 3600) * 1000000000u;
	if (key_read_public(argv[3], fl.signer) != KEY_OK)
		fatal("%s: no public key", argv[3]);
	umask(027);
	open_state(&fl, argv[2]);
	for (int i = 0; i < DIRS && !fl.is_tombstones; i++) {
		snprintf(dir, sizeof(dir), "%s%d", fl.prefix, i);
		if (mkdirat(fl.files.files_fd, dir, 0750) == -1 ||
		    fchownat(fl.files.files_fd, dir, fl.owner.st_uid,
			fl.owner.st_gid, 0) == -1)
			fatal("%s: %s", dir, strerror(errno));
	}
	for (unsigned i = 0; i < count; i++) {
		fill_one(&fl, i);
		if ((i % FILL_BATCH == FILL_BATCH - 1 || i == count - 1) &&
		    index_commit(fl.index) == -1)
			fatal("the index: %s", strerror(errno));
	}
	index_close(fl.index);
	state_dirs_close(&fl.files);
	return 0;
}

int
main(int argc, char **argv)
{
	log_init("store_load");
	if (argc == 5 && strcmp(argv[1], "limit") == 0)
		return limit(
		    argv[2], (unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]));
	if (argc == 3 && strcmp(argv[1], "verify") == 0)
		return verify((unsigned)atoi(argv[2]));
	if (argc == 7 && strcmp(argv[1], "fill") == 0)
		return fill(argv);
	fatal("see the head of store_load.c");
}
