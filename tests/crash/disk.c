/* SPDX-License-Identifier: ISC */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

#define SECTOR 512u
#define ENTRIES_MAX 8192

struct content {
	uint8_t *data;
	size_t len, cap;
};

struct entry_at {
	uint32_t dir, node;
	const char *name;
};

struct disk {
	const struct trace *t;
	uint32_t cut;
	enum disk_style style;
	uint64_t random;
	uint32_t newest;  /* of what is not durable */
	uint32_t journal; /* names up to here */
	uint32_t n_entries;
	struct entry_at entry[ENTRIES_MAX];
	struct content content[TRACE_NODES_MAX];
	char *made[TRACE_NODES_MAX]; /* where it is, for links */
};

const char *
disk_style_name(enum disk_style s)
{
	static const char *const names[DISK_STYLES] = { "none", "all", "names",
		"empty", "data", "newest", "older", "journal", "random" };

	return names[s];
}

bool
disk_is_seeded(enum disk_style s)
{
	return s == DISK_JOURNAL || s == DISK_RANDOM;
}

/* splitmix64 */
static uint64_t
roll(struct disk *d)
{
	uint64_t z = d->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static bool
is_durable(const struct disk *d, uint32_t i)
{
	return d->t->op[i].durable_at < d->cut;
}

static bool
is_data(const struct trace_op *op)
{
	return op->kind == TRACE_WRITE || op->kind == TRACE_RESIZE;
}

/* Does a call that was not synced leave a trace at all? */
static bool
survives(struct disk *d, uint32_t i)
{
	const struct trace_op *op = &d->t->op[i];

	if (is_durable(d, i))
		return true;
	switch (d->style) {
	case DISK_NONE:
		return false;
	case DISK_ALL:
		return true;
	case DISK_NAMES:
	case DISK_EMPTY:
		return !is_data(op);
	case DISK_DATA:
		return is_data(op);
	case DISK_NEWEST:
		return i == d->newest;
	case DISK_OLDER:
		return i != d->newest;
	case DISK_JOURNAL:
		return is_data(op) ? roll(d) & 1 : i < d->journal;
	case DISK_RANDOM:
		return roll(d) & 1;
	case DISK_STYLES:
		break;
	}
	return false;
}

/* --- content ---------------------------------------------------------- */

static void
resize(struct content *c, size_t len)
{
	if (len > c->cap) {
		c->cap = len > 2 * c->cap ? len : 2 * c->cap;
		c->data = xrealloc(c->data, c->cap, 1);
	}
	if (len > c->len)
		memset(c->data + c->len, 0, len - c->len);
	c->len = len;
}

/* Sector by sector, as the disk may have got to it. */
static void
apply_write(struct disk *d, const struct trace_op *op, bool is_whole)
{
	struct content *c = &d->content[op->node];
	size_t block = roll(d) & 1 ? SECTOR : 4096, n;

	if (c->len < op->off + op->len)
		resize(c, (size_t)(op->off + op->len));
	for (size_t at = 0; at < op->len; at += n) {
		n = block - (op->off + at) % block;
		n = n < op->len - at ? n : op->len - at;
		if (is_whole || roll(d) % 3 != 0)
			memcpy(c->data + op->off + at, op->data + at, n);
	}
}

static void
apply_data(struct disk *d, uint32_t i)
{
	const struct trace_op *op = &d->t->op[i];
	struct content *c = &d->content[op->node];
	bool has_size = d->style == DISK_NAMES ||
			(d->style == DISK_RANDOM && roll(d) & 1);

	if (survives(d, i)) {
		if (op->kind == TRACE_RESIZE)
			resize(c, (size_t)op->len);
		else
			apply_write(d, op,
			    is_durable(d, i) || !disk_is_seeded(d->style));
	} else if (has_size && op->kind == TRACE_WRITE &&
		   c->len < op->off + op->len) {
		resize(c, (size_t)(op->off + op->len));
	}
}

/* --- names ------------------------------------------------------------ */

static void
entry_set(struct disk *d, uint32_t dir, const char *name, uint32_t node)
{
	struct entry_at *e = d->entry, *end = e + d->n_entries;

	while (e < end && !(e->dir == dir && strcmp(e->name, name) == 0))
		e++;
	if (e == end) {
		if (d->n_entries == ENTRIES_MAX)
			fatal("crash: too many names");
		d->n_entries++;
	}
	e->dir = dir;
	e->name = name;
	e->node = node;
}

/* Only while it is this file: an earlier call may not have survived. */
static void
entry_drop(struct disk *d, uint32_t dir, const char *name, uint32_t node)
{
	for (uint32_t i = 0; i < d->n_entries; i++) {
		struct entry_at *e = &d->entry[i];

		if (e->dir == dir && e->node == node &&
		    strcmp(e->name, name) == 0) {
			*e = d->entry[--d->n_entries];
			return;
		}
	}
}

static void
apply_name(struct disk *d, uint32_t i)
{
	const struct trace_op *op = &d->t->op[i];

	if (!survives(d, i))
		return;
	if (op->kind == TRACE_CREATE || op->kind == TRACE_LINK) {
		entry_set(d, op->dir, op->name, op->node);
	} else if (op->kind == TRACE_UNLINK) {
		entry_drop(d, op->dir, op->name, op->node);
	} else if (op->kind == TRACE_RENAME) {
		entry_drop(d, op->dir, op->name, op->node);
		entry_set(d, op->dir2, op->name2, op->node);
	}
}

/* --- all of it -------------------------------------------------------- */

static void
load_base(struct disk *d)
{
	const struct trace_node *n;

	for (uint32_t i = 0; i < d->t->n_nodes; i++) {
		n = &d->t->node[i];
		if (!n->is_base || i == TRACE_ROOT)
			continue;
		entry_set(d, n->parent, n->name, i);
		resize(&d->content[i], (size_t)n->len);
		if (n->len > 0)
			memcpy(d->content[i].data, n->data, (size_t)n->len);
	}
}

static void
write_file(const char *path, const struct content *c, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
	size_t done = 0;
	ssize_t n;

	if (fd == -1)
		fatal("crash: %s: %s", path, strerror(errno));
	for (; done < c->len; done += (size_t)n) {
		n = write(fd, c->data + done, c->len - done);
		if (n <= 0)
			fatal("crash: %s: %s", path, strerror(errno));
	}
	close(fd);
}

/* What a directory that is not there itself holds is gone with it. */
static void
write_dir(struct disk *d, uint32_t dir, const char *path)
{
	char at[512];

	for (uint32_t i = 0; i < d->n_entries; i++) {
		const struct entry_at *e = &d->entry[i];
		const struct trace_node *n = &d->t->node[e->node];

		if (e->dir != dir)
			continue;
		snprintf(at, sizeof(at), "%s/%s", path, e->name);
		if (n->is_dir) {
			if (mkdir(at, n->mode & 07777) == -1)
				fatal("crash: %s: %s", at, strerror(errno));
			write_dir(d, e->node, at);
		} else if (d->made[e->node] != NULL) {
			if (link(d->made[e->node], at) == -1)
				fatal("crash: %s: %s", at, strerror(errno));
		} else {
			write_file(at, &d->content[e->node], n->mode);
			d->made[e->node] = xstrdup(at);
		}
	}
}

/* Where DISK_NEWEST, DISK_OLDER and DISK_JOURNAL divide. */
static void
find_borders(struct disk *d)
{
	uint32_t first = d->cut;

	d->newest = TRACE_NEVER;
	for (uint32_t i = 0; i < d->cut; i++) {
		if (is_durable(d, i) || d->t->op[i].kind >= TRACE_SYNC)
			continue;
		if (first == d->cut)
			first = i;
		d->newest = i;
	}
	d->journal =
	    first + (uint32_t)(roll(d) % (uint64_t)(d->cut - first + 1));
}

void
disk_make(const struct trace *t, uint32_t cut, enum disk_style style,
    uint64_t seed, const char *dir)
{
	struct disk *d = xcalloc(1, sizeof(*d));

	d->t = t;
	d->cut = cut;
	d->style = style;
	d->random = seed * 1000003 + cut;
	load_base(d);
	find_borders(d);
	for (uint32_t i = 0; i < cut; i++) {
		if (is_data(&t->op[i]))
			apply_data(d, i);
		else
			apply_name(d, i);
	}
	write_dir(d, TRACE_ROOT, dir);
	for (uint32_t i = 0; i < t->n_nodes; i++) {
		free(d->content[i].data);
		free(d->made[i]);
	}
	free(d);
}
