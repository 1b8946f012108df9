/* SPDX-License-Identifier: ISC */
/*
 * What a process does to one directory tree, call by call: the C library's
 * calls that write, sync and name things are defined here, in front of the C
 * library's own, so that dm-store's and LMDB's go through the same recorder.
 * The record lies in memory that is shared with children: a child may die at
 * any moment and its parent still knows what it had done. Can also make the Nth
 * call of a kind fail. One record at a time.
 */
#ifndef TESTS_CRASH_TRACE_H
#define TESTS_CRASH_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define TRACE_OPS_MAX 16384
#define TRACE_NODES_MAX 4096
#define TRACE_NAME_MAX 80
#define TRACE_ROOT 0 /* the node of the tree's top */
#define TRACE_NEVER UINT32_MAX

enum trace_kind {
	TRACE_CREATE, /* node as name in dir */
	TRACE_LINK,
	TRACE_UNLINK,
	TRACE_RENAME, /* name in dir becomes name2 in dir2 */
	TRACE_WRITE,
	TRACE_RESIZE,
	TRACE_SYNC, /* of one node; of all if it is TRACE_NEVER */
	TRACE_MARK, /* said by the scenario: no call */
};

struct trace_op {
	enum trace_kind kind;
	uint32_t node, dir, dir2;
	char name[TRACE_NAME_MAX], name2[TRACE_NAME_MAX];
	uint64_t off, len;
	const uint8_t *data;
	uint32_t durable_at; /* number of the sync that covers it, or NEVER */
	bool is_doomed;	     /* content; a sync failed: no later covers it */
	int mark, value;
};

/* What a sync is of, for lies. */
enum trace_class {
	CLASS_INDEX,	/* LMDB's pages */
	CLASS_META,	/* LMDB's meta page */
	CLASS_UPLOAD,	/* a large file in tmp/ */
	CLASS_PLACED,	/* a small file, in files/ by then */
	CLASS_TMP_DIR,
	CLASS_FILES_DIR, /* files/ and what is below */
	CLASS_INDEX_DIR,
	CLASS_STATE_DIR,
	CLASS_ALL, /* syncfs(2) */
	CLASSES
};

struct trace_node {
	dev_t dev;
	ino_t ino;
	bool is_dir, is_base;
	uint32_t parent; /* where it was first seen */
	char name[TRACE_NAME_MAX];
	mode_t mode;
	uint64_t len; /* of data: content at the start */
	const uint8_t *data;
};

struct trace {
	struct trace_node node[TRACE_NODES_MAX];
	uint32_t n_nodes;
	struct trace_op op[TRACE_OPS_MAX];
	uint32_t n_ops;
	uint64_t fail_counts[3]; /* calls seen, of each kind of failure */
	uint8_t *arena;		 /* content */
	size_t used;
};

enum trace_failure { FAIL_WRITE, FAIL_SYNC, FAIL_MALLOC };

/*
 * Begins a record of the tree at path; what is there counts as durable. lies:
 * a mask of classes whose syncs do nothing on the disk (but return 0).
 */
struct trace *trace_begin(const char *path, uint32_t lies);
void trace_end(void);
void trace_free(struct trace *);

/* Puts a mark into the record; fine without one. */
void trace_mark(int mark, int value);

/* The nth call of that kind from now on (from 1) fails with error, once. */
void trace_fail(enum trace_failure, uint64_t nth, int error);

const char *trace_class_name(enum trace_class);
/* One line about an operation, for a report. */
void trace_describe(const struct trace *, uint32_t op, char out[static 320]);

#endif
