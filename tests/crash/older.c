/* SPDX-License-Identifier: ISC */
#include "older.h"

#include <errno.h>
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "dm-store/index.h"
#include "dm-store/row.h"

static const char *const v1_tables[] = { "meta", "records", "winners",
	"visible", "wanted", "expiry", "signers", "redo", "pending", "history",
	"old", "refusals", "peers" };
#define V1_TABLES (sizeof(v1_tables) / sizeof(v1_tables[0]))

static void
must(int rc, const char *what)
{
	if (rc != 0)
		fatal("crash: %s: %s", what, mdb_strerror(rc));
}

static MDB_env *
env_open(const char *path)
{
	MDB_env *env;

	must(mdb_env_create(&env), "an environment");
	must(mdb_env_set_mapsize(env, (size_t)64 << 20), "its size");
	must(mdb_env_set_maxdbs(env, 32), "its tables");
	must(mdb_env_open(env, path, 0, 0600), path);
	return env;
}

static void
copy_table(MDB_txn *from, MDB_txn *to, const char *name)
{
	MDB_dbi from_dbi, to_dbi;
	MDB_cursor *cursor;
	MDB_val k, v;

	must(mdb_dbi_open(from, name, 0, &from_dbi), name);
	must(mdb_dbi_open(to, name, MDB_CREATE, &to_dbi), name);
	must(mdb_cursor_open(from, from_dbi, &cursor), name);
	while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0)
		must(mdb_put(to, to_dbi, &k, &v, 0), name);
	mdb_cursor_close(cursor);
}

/* What says that it is of format 1. */
static void
put_format(MDB_txn *txn)
{
	uint8_t row[8 + ROW_SEAL_SIZE];
	MDB_val k = { 6, (void *)(uintptr_t)"format" }, v = { 0, row };
	MDB_dbi dbi;

	row_put_u64(row + 1, 1);
	v.mv_size = row_seal(INDEX_META, "format", 6, row, 8);
	must(mdb_dbi_open(txn, "meta", 0, &dbi), "meta");
	must(mdb_put(txn, dbi, &k, &v, 0), "the format");
}

void
older_make_v1(const char *path)
{
	char fresh[300], from[400], to[400];
	MDB_txn *in, *out;
	MDB_env *env, *old;

	snprintf(fresh, sizeof(fresh), "%s.v1", path);
	if (mkdir(fresh, 0700) == -1)
		fatal("crash: %s: %s", fresh, strerror(errno));
	env = env_open(path);
	old = env_open(fresh);
	must(mdb_txn_begin(env, NULL, MDB_RDONLY, &in), "reading");
	must(mdb_txn_begin(old, NULL, 0, &out), "writing");
	for (size_t i = 0; i < V1_TABLES; i++)
		copy_table(in, out, v1_tables[i]);
	put_format(out);
	mdb_txn_abort(in);
	must(mdb_txn_commit(out), "format 1");
	mdb_env_close(env);
	mdb_env_close(old);
	snprintf(from, sizeof(from), "%s/data.mdb", fresh);
	snprintf(to, sizeof(to), "%s/data.mdb", path);
	if (rename(from, to) == -1)
		fatal("crash: %s: %s", to, strerror(errno));
	snprintf(from, sizeof(from), "%s/lock.mdb", fresh);
	unlink(from);
	rmdir(fresh);
}
