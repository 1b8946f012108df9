/* SPDX-License-Identifier: ISC */
#include "trace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define ARENA_SIZE ((size_t)512 << 20) /* address space; taken as used */

static struct {
	struct trace *t;   /* NULL: not recording */
	uint32_t lies;
	bool is_paused;
	struct {
		uint64_t nth, seen;
		int error;
	} fail[3];
	pthread_mutex_t lock;
} rec = { .lock = PTHREAD_MUTEX_INITIALIZER };


static void __attribute__((noreturn)) die(const char *why)
{
	fprintf(stderr, "crash: trace: %s: %s\n", why, strerror(errno));
	_exit(99);
}

/* --- nodes ------------------------------------------------------------ */

static const uint8_t *
keep(const void *data, size_t len)
{
	uint8_t *p = rec.t->arena + rec.t->used;

	if (len > ARENA_SIZE - rec.t->used)
		die("too much content");
	memcpy(p, data, len);
	rec.t->used += len;
	return p;
}

static void
copy_name(char out[static TRACE_NAME_MAX], const char *name)
{
	if (strlen(name) >= TRACE_NAME_MAX)
		die(name);
	strcpy(out, name);
}

/* Numbers are used again by file systems: the latest node has it. */
static uint32_t
node_find(const struct stat *st)
{
	for (uint32_t i = rec.t->n_nodes; i-- > 0;)
		if (rec.t->node[i].ino == st->st_ino &&
		    rec.t->node[i].dev == st->st_dev)
			return i;
	return TRACE_NEVER;
}

static uint32_t
node_of_fd(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? node_find(&st) : TRACE_NEVER;
}

static uint32_t
node_at(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0
		   ? node_find(&st)
		   : TRACE_NEVER;
}

static uint32_t
node_new(const struct stat *st, uint32_t parent, const char *name)
{
	struct trace_node *n = &rec.t->node[rec.t->n_nodes];

	if (rec.t->n_nodes == TRACE_NODES_MAX)
		die("too many files");
	n->dev = st->st_dev;
	n->ino = st->st_ino;
	n->is_dir = S_ISDIR(st->st_mode);
	n->mode = st->st_mode & 07777;
	n->parent = parent;
	copy_name(n->name, name);
	return rec.t->n_nodes++;
}

static void
load_content(struct trace_node *n, int dir_fd, const char *name)
{
	int fd = (int)syscall(SYS_openat, dir_fd, name, O_RDONLY | O_CLOEXEC);
	uint8_t *p = rec.t->arena + rec.t->used;
	ssize_t got;

	if (fd == -1)
		die(name);
	n->data = p;
	while ((got = pread(fd, p + n->len, 1 << 20, (off_t)n->len)) > 0)
		n->len += (uint64_t)got;
	rec.t->used += n->len;
	close(fd);
}

/* The tree as it is before the record begins. */
static void
load_tree(int dir_fd, uint32_t dir)
{
	DIR *d = fdopendir(dir_fd);
	struct dirent *e;
	struct stat st;
	uint32_t i;
	int fd;

	if (d == NULL)
		die("fdopendir");
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
		    -1)
			die(e->d_name);
		i = node_new(&st, dir, e->d_name);
		rec.t->node[i].is_base = true;
		if (S_ISREG(st.st_mode)) {
			load_content(&rec.t->node[i], dirfd(d), e->d_name);
			continue;
		}
		fd = (int)syscall(SYS_openat, dirfd(d), e->d_name,
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd == -1)
			die(e->d_name);
		load_tree(fd, i);
	}
	closedir(d);
}

/* --- the record ------------------------------------------------------- */

struct trace *
trace_begin(const char *path, uint32_t lies)
{
	struct stat st;
	int fd;

	rec.t = mmap(NULL, sizeof(struct trace), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (rec.t == MAP_FAILED)
		die("mmap");
	rec.t->arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (rec.t->arena == MAP_FAILED)
		die("mmap");
	rec.lies = lies;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1)
		die(path);
	node_new(&st, TRACE_ROOT, "");
	rec.t->node[TRACE_ROOT].is_base = true;
	load_tree(fd, TRACE_ROOT);
	return rec.t;
}

void
trace_end(void)
{
	rec.t = NULL;
}

void
trace_free(struct trace *t)
{
	munmap(t->arena, ARENA_SIZE);
	munmap(t, sizeof(*t));
}

static struct trace_op *
op_new(enum trace_kind kind, uint32_t node)
{
	struct trace_op *op = &rec.t->op[rec.t->n_ops];

	if (rec.t->n_ops == TRACE_OPS_MAX)
		die("too many operations");
	op->kind = kind;
	op->node = node;
	op->dir = op->dir2 = TRACE_NEVER;
	op->durable_at = TRACE_NEVER;
	return op;
}

/* Whole only now: a parent that looks never sees half of one. */
static void
op_done(void)
{
	__atomic_add_fetch(&rec.t->n_ops, 1, __ATOMIC_RELEASE);
}

void
trace_mark(int mark, int value)
{
	struct trace_op *op;

	if (rec.t == NULL)
		return;
	pthread_mutex_lock(&rec.lock);
	op = op_new(TRACE_MARK, TRACE_NEVER);
	op->mark = mark;
	op->value = value;
	op_done();
	pthread_mutex_unlock(&rec.lock);
}

static bool
is_below_files(uint32_t node)
{
	const struct trace_node *n = &rec.t->node[node];

	while (node != TRACE_ROOT && n->parent != TRACE_ROOT) {
		node = n->parent;
		n = &rec.t->node[node];
	}
	return strcmp(n->name, "files") == 0;
}

static enum trace_class
class_of(uint32_t node, bool is_meta)
{
	const struct trace_node *n = &rec.t->node[node];

	if (node == TRACE_ROOT)
		return CLASS_STATE_DIR;
	if (!n->is_dir) {
		if (strcmp(n->name, "data.mdb") == 0)
			return is_meta ? CLASS_META : CLASS_INDEX;
		return strncmp(n->name, "put-", 4) == 0 ? CLASS_UPLOAD
							: CLASS_PLACED;
	}
	if (is_below_files(node))
		return CLASS_FILES_DIR;
	return strncmp(n->name, "tmp", 3) == 0 ? CLASS_TMP_DIR : CLASS_INDEX_DIR;
}

static bool
is_covered(const struct trace_op *op, uint32_t node)
{
	if (op->kind == TRACE_MARK || op->kind == TRACE_SYNC)
		return false;
	if (node == TRACE_NEVER)
		return true;
	if (op->kind == TRACE_WRITE || op->kind == TRACE_RESIZE)
		return op->node == node;
	return op->dir == node || op->dir2 == node;
}

/*
 * From from on. A sync that failed leaves content that it covers never to be
 * durable: Linux marks the pages clean, and a later sync has nothing to do.
 * Names are in the journal of the file system, or in its tree: they stay to be
 * written, or nothing can be written any more.
 */
static void
record_sync(uint32_t node, uint32_t from, bool is_meta, bool has_failed)
{
	enum trace_class class =
	    node == TRACE_NEVER ? CLASS_ALL : class_of(node, is_meta);
	uint32_t now = rec.t->n_ops;

	op_new(TRACE_SYNC, node);
	for (uint32_t i = from; i < now && !(rec.lies & 1u << class); i++) {
		struct trace_op *op = &rec.t->op[i];

		if (op->durable_at != TRACE_NEVER || op->is_doomed ||
		    !is_covered(op, node))
			continue;
		if (!has_failed)
			op->durable_at = now;
		else if (op->kind == TRACE_WRITE || op->kind == TRACE_RESIZE)
			op->is_doomed = true;
	}
	op_done();
}

static bool
is_zeros(const uint8_t *p, size_t len)
{
	return len > 0 && p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

/* More of the zeros that were just written: where between them the cut comes
 * makes no difference. Arena: theirs are the last bytes in it. */
static bool
extends_zeros(uint32_t node, const uint8_t *data, size_t len, uint64_t off)
{
	struct trace_op *op;

	if (rec.t->n_ops == 0 || !is_zeros(data, len))
		return false;
	op = &rec.t->op[rec.t->n_ops - 1];
	if (op->kind != TRACE_WRITE || op->node != node ||
	    op->off + op->len != off ||
	    op->data + op->len != rec.t->arena + rec.t->used ||
	    !is_zeros(op->data, op->len))
		return false;
	keep(data, len);
	op->len += len;
	return true;
}

static void
record_write(int fd, const void *data, size_t len, uint64_t off)
{
	uint32_t node = node_of_fd(fd);
	struct trace_op *op;
	int flags;

	if (node == TRACE_NEVER || len == 0 ||
	    strcmp(rec.t->node[node].name, "lock.mdb") == 0)
		return;
	if (extends_zeros(node, data, len, off))
		return;
	op = op_new(TRACE_WRITE, node);
	op->off = off;
	op->len = len;
	op->data = keep(data, len);
	op_done();
	flags = fcntl(fd, F_GETFL);
	if (flags != -1 && flags & O_DSYNC)
		record_sync(node, rec.t->n_ops - 1, true, false);
}

static void
record_name(enum trace_kind kind, uint32_t node, int dir_fd, const char *name,
    int dir2_fd, const char *name2)
{
	uint32_t dir = node_of_fd(dir_fd);
	struct trace_op *op;

	if (dir == TRACE_NEVER)
		return;
	op = op_new(kind, node);
	op->dir = dir;
	copy_name(op->name, name);
	if (name2 != NULL) {
		op->dir2 = node_of_fd(dir2_fd);
		copy_name(op->name2, name2);
	}
	op_done();
}

/* A file or directory that has just been made. */
static void
record_created(int dir_fd, const char *name)
{
	uint32_t parent = node_of_fd(dir_fd);
	struct stat st;

	if (parent == TRACE_NEVER ||
	    fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return;
	record_name(TRACE_CREATE, node_new(&st, parent, name), dir_fd, name, -1,
	    NULL);
}

/* --- failures --------------------------------------------------------- */

void
trace_fail(enum trace_failure kind, uint64_t nth, int error)
{
	rec.fail[kind].nth = nth;
	rec.fail[kind].seen = 0;
	rec.fail[kind].error = error;
}

/* errno, or 0. */
static int
failure(enum trace_failure kind)
{
	if (rec.t != NULL)
		rec.t->fail_counts[kind]++;
	if (rec.fail[kind].nth == 0 ||
	    ++rec.fail[kind].seen != rec.fail[kind].nth)
		return 0;
	return rec.fail[kind].error;
}

#define LOCKED_BEGIN \
	int error = 0, saved; \
	bool is_on = rec.t != NULL; \
	if (is_on) \
		pthread_mutex_lock(&rec.lock)
#define LOCKED_END \
	saved = errno; \
	if (is_on) \
		pthread_mutex_unlock(&rec.lock); \
	errno = saved

/* --- the calls -------------------------------------------------------- */

ssize_t
write(int fd, const void *data, size_t len)
{
	struct stat st;
	ssize_t n;
	off_t at;

	LOCKED_BEGIN;
	if (is_on && node_of_fd(fd) != TRACE_NEVER)
		error = failure(FAIL_WRITE);
	if (error != 0) {
		errno = error;
		n = -1;
	} else {
		at = is_on ? lseek(fd, 0, SEEK_CUR) : -1;
		if (at != -1 && (fcntl(fd, F_GETFL) & O_APPEND) &&
		    fstat(fd, &st) == 0)
			at = st.st_size;
		n = syscall(SYS_write, fd, data, len);
		if (n > 0 && at != -1)
			record_write(fd, data, (size_t)n, (uint64_t)at);
	}
	LOCKED_END;
	return n;
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t off)
{
	ssize_t n;

	LOCKED_BEGIN;
	if (is_on && node_of_fd(fd) != TRACE_NEVER)
		error = failure(FAIL_WRITE);
	if (error != 0) {
		errno = error;
		n = -1;
	} else {
		n = syscall(SYS_pwrite64, fd, data, len, off);
		if (n > 0 && is_on)
			record_write(fd, data, (size_t)n, (uint64_t)off);
	}
	LOCKED_END;
	return n;
}

ssize_t
writev(int fd, const struct iovec *iov, int count)
{
	ssize_t n, all = 0;

	if (rec.t == NULL || node_of_fd(fd) == TRACE_NEVER)
		return syscall(SYS_writev, fd, iov, count);
	for (int i = 0; i < count; i++) {
		n = write(fd, iov[i].iov_base, iov[i].iov_len);
		if (n == -1)
			return all > 0 ? all : -1;
		all += n;
		if ((size_t)n < iov[i].iov_len)
			break;
	}
	return all;
}

int
ftruncate(int fd, off_t len)
{
	struct trace_op *op;
	uint32_t node;
	int rc;

	LOCKED_BEGIN;
	(void)error;
	rc = (int)syscall(SYS_ftruncate, fd, len);
	node = is_on && rc == 0 ? node_of_fd(fd) : TRACE_NEVER;
	if (node != TRACE_NEVER) {
		op = op_new(TRACE_RESIZE, node);
		op->len = (uint64_t)len;
		op_done();
	}
	LOCKED_END;
	return rc;
}

static int
sync_fd(int fd, long call)
{
	uint32_t node = TRACE_NEVER;
	int rc;

	LOCKED_BEGIN;
	if (is_on && call != SYS_syncfs)
		node = node_of_fd(fd);
	if (is_on && (node != TRACE_NEVER || call == SYS_syncfs)) {
		error = failure(FAIL_SYNC);
		record_sync(node, 0, false, error != 0);
	}
	rc = error == 0 ? (int)syscall(call, fd) : -1;
	if (error != 0)
		errno = error;
	LOCKED_END;
	return rc;
}

int
fsync(int fd)
{
	return sync_fd(fd, SYS_fsync);
}

int
fdatasync(int fd)
{
	return sync_fd(fd, SYS_fdatasync);
}

int
syncfs(int fd)
{
	return sync_fd(fd, SYS_syncfs);
}

/* LMDB without MDB_WRITEMAP never gets here. */
int
msync(void *p, size_t len, int flags)
{
	if (rec.t != NULL)
		die("msync(2) is not modelled");
	return (int)syscall(SYS_msync, p, len, flags);
}

static int
open_at(int dir_fd, const char *path, int flags, mode_t mode)
{
	bool is_new;
	int fd;

	LOCKED_BEGIN;
	(void)error;
	is_new = is_on && flags & O_CREAT &&
		 faccessat(dir_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == -1;
	fd = (int)syscall(SYS_openat, dir_fd, path, flags, mode);
	if (fd != -1 && is_new)
		record_created(dir_fd, path);
	LOCKED_END;
	return fd;
}

int
openat(int dir_fd, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = (mode_t)va_arg(ap, int);
	va_end(ap);
	return open_at(dir_fd, path, flags, mode);
}

/* LMDB's, by a whole path: seen from the directory that it is in. */
int
open(const char *path, int flags, ...)
{
	const char *base = strrchr(path, '/');
	char dir[512];
	mode_t mode = 0;
	va_list ap;
	int dir_fd, fd;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = (mode_t)va_arg(ap, int);
	va_end(ap);
	if (rec.t == NULL || !(flags & O_CREAT) || base == NULL ||
	    (size_t)(base - path) >= sizeof(dir))
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	memcpy(dir, path, (size_t)(base - path));
	dir[base - path] = '\0';
	dir_fd = (int)syscall(
	    SYS_openat, AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd == -1)
		return -1;
	fd = open_at(dir_fd, base + 1, flags, mode);
	close(dir_fd);
	return fd;
}

int
mkdirat(int dir_fd, const char *name, mode_t mode)
{
	int rc;

	LOCKED_BEGIN;
	(void)error;
	rc = (int)syscall(SYS_mkdirat, dir_fd, name, mode);
	if (rc == 0 && is_on)
		record_created(dir_fd, name);
	LOCKED_END;
	return rc;
}

int
renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	uint32_t node;
	int rc;

	LOCKED_BEGIN;
	(void)error;
	node = is_on ? node_at(from_fd, from) : TRACE_NEVER;
	rc = (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
	/* two names of one file: rename(2) does nothing at all */
	if (rc == 0 && node != TRACE_NEVER && node_at(from_fd, from) != node)
		record_name(TRACE_RENAME, node, from_fd, from, to_fd, to);
	LOCKED_END;
	return rc;
}

int
linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	int rc;

	LOCKED_BEGIN;
	(void)error;
	rc = (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
	if (rc == 0 && is_on)
		record_name(TRACE_LINK, node_at(to_fd, to), to_fd, to, -1,
		    NULL);
	LOCKED_END;
	return rc;
}

int
unlinkat(int dir_fd, const char *name, int flags)
{
	uint32_t node;
	int rc;

	LOCKED_BEGIN;
	(void)error;
	node = is_on ? node_at(dir_fd, name) : TRACE_NEVER;
	rc = (int)syscall(SYS_unlinkat, dir_fd, name, flags);
	if (rc == 0 && node != TRACE_NEVER)
		record_name(TRACE_UNLINK, node, dir_fd, name, -1, NULL);
	LOCKED_END;
	return rc;
}

#if defined(__GLIBC__) && !defined(DMD_SANITIZER)
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

static bool
malloc_fails(void)
{
	/* not the record's own, and none before there is one */
	if (rec.t == NULL || failure(FAIL_MALLOC) == 0)
		return false;
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t size)
{
	return malloc_fails() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	return malloc_fails() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
	return malloc_fails() ? NULL : __libc_realloc(p, size);
}
#endif

/* --- reports ---------------------------------------------------------- */

const char *
trace_class_name(enum trace_class c)
{
	static const char *const names[CLASSES] = { "index pages",
		"index meta page", "content in tmp/", "content in files/",
		"tmp/", "files/", "index/", "state directory", "syncfs" };

	return names[c];
}

void
trace_describe(const struct trace *t, uint32_t i, char out[static 320])
{
	static const char *const kinds[] = { "create", "link", "unlink",
		"rename", "write", "resize", "sync", "mark" };
	const struct trace_op *op = &t->op[i];
	const char *node =
	    op->node < t->n_nodes ? t->node[op->node].name : "(all)";

	snprintf(out, 320, "%u %s %s %s%s%s %llu+%llu mark %d,%d durable at %d",
	    i, kinds[op->kind], node, op->name, op->name2[0] ? " -> " : "",
	    op->name2, (unsigned long long)op->off, (unsigned long long)op->len,
	    op->mark, op->value, (int)op->durable_at);
}
