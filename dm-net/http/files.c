/* SPDX-License-Identifier: ISC */
#include "dm-net/http/files.h"

#include <event2/util.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/hex.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/name.h"
#include "common/siphash.h"
#include "dm-net/http/date.h"

#define BUCKETS 512

TAILQ_HEAD(file_list, http_file);
LIST_HEAD(file_bucket, http_file);

struct http_files {
	struct file_list all;
	struct file_bucket bucket[BUCKETS];
	unsigned max;
	unsigned n_open;
	unsigned n_reserved;
	unsigned n_used; /* of those open */
	uint8_t secret[SIPHASH_SECRET_BYTES];
};

struct http_files *
http_files_new(unsigned files_max)
{
	struct http_files *files = xcalloc(1, sizeof(*files));

	files->max = files_max;
	TAILQ_INIT(&files->all);
	for (int i = 0; i < BUCKETS; i++)
		LIST_INIT(&files->bucket[i]);
	evutil_secure_rng_get_bytes(files->secret, sizeof(files->secret));
	return files;
}

void
http_files_free(struct http_files *files)
{
	if (files == NULL)
		return;
	http_files_forget_all(files);
	free(files);
}

static struct file_bucket *
bucket_of(struct http_files *files, const char *name)
{
	return &files->bucket[siphash(files->secret, name, strlen(name)) %
			      BUCKETS];
}

static void
file_close(struct http_file *f)
{
	TAILQ_REMOVE(&f->files->all, f, all);
	f->files->n_open--;
	close(f->fd);
	free(f);
}

/* It is not found any more, and closed once nobody sends it. */
static void
file_unlist(struct http_file *f)
{
	if (f->is_listed)
		LIST_REMOVE(f, bucket);
	f->is_listed = false;
	if (f->users == 0)
		file_close(f);
}

static struct http_file *
use(struct http_file *f)
{
	if (f->users++ == 0)
		f->files->n_used++;
	return f;
}

static struct http_file *
lookup(struct http_files *files, const char *name)
{
	struct http_file *f;

	LIST_FOREACH(f, bucket_of(files, name), bucket)
		if (strcmp(f->entry.name, name) == 0)
			return f;
	return NULL;
}

struct http_file *
http_files_find(struct http_files *files, const char *name, uint64_t now_ns)
{
	struct http_file *f = lookup(files, name);

	if (f == NULL)
		return NULL;
	/* Last-Modified would be after Date if the clock was set back. */
	if ((f->expires_ns != 0 && f->expires_ns <= now_ns) ||
	    f->entry.signed_at_ns > now_ns) {
		file_unlist(f);
		return NULL;
	}
	if (TAILQ_NEXT(f, all) != NULL) {
		TAILQ_REMOVE(&files->all, f, all);
		TAILQ_INSERT_TAIL(&files->all, f, all);
	}
	return use(f);
}

bool
http_files_reserve(struct http_files *files)
{
	struct http_file *f;

	if (files->n_open + files->n_reserved >= files->max) {
		TAILQ_FOREACH(f, &files->all, all)
			if (f->users == 0)
				break;
		if (f == NULL)
			return false;
		file_unlist(f);
	}
	files->n_reserved++;
	return true;
}

bool
http_files_is_crowded(const struct http_files *files)
{
	return files->n_used + files->n_reserved >= files->max / 2;
}

void
http_files_unreserve(struct http_files *files)
{
	files->n_reserved--;
}

void
http_file_fields(struct http_head *h, const struct entry *e, uint64_t now_ns)
{
	char date[HTTP_DATE_SIZE], key[BASE64_LEN(32) + 1];
	char signature[BASE64_LEN(64) + 1], hash[HEX_SIZE(32)];
	uint64_t at = e->signed_at_ns < now_ns ? e->signed_at_ns : now_ns;

	hex_encode(e->sha256, sizeof(e->sha256), hash);
	http_date(at / NS_PER_S, date);
	base64_encode(e->signer, sizeof(e->signer), key);
	base64_encode(e->signature, sizeof(e->signature), signature);
	http_head_add(h, "ETag", "\"%s\"", hash);
	http_head_add(h, "Last-Modified", "%s", date);
	http_head_add(h, "Accept-Ranges", "bytes");
	http_head_add(h, "Cache-Control", "no-cache");
	http_head_add(h, "X-Signedat", "%" PRIu64 ".%09" PRIu64,
	    e->signed_at_ns / NS_PER_S, e->signed_at_ns % NS_PER_S);
	http_head_add(h, "X-Signedby", "%s", key);
	http_head_add(h, "X-Signature", "%s", signature);
	http_head_add(h, "X-Validfor", "%" PRIu64, e->valid_for_s);
	http_head_add(h, "X-Sha256", "%s", hash);
}

struct http_file *
http_files_add(
    struct http_files *files, const struct entry *e, int fd, uint64_t now_ns)
{
	struct http_file *f = lookup(files, e->name);

	files->n_reserved--;
	/* Asked for many times at once: one descriptor does for all. */
	if (f != NULL && entry_compare(&f->entry, e) == 0) {
		close(fd);
		return use(f);
	}
	if (f != NULL)
		file_unlist(f);
	f = xcalloc(1, sizeof(*f));
	f->files = files;
	f->entry = *e;
	name_key(e->name, f->key);
	f->fd = fd;
	f->expires_ns = entry_expires_ns(e);
	http_head_add(&f->head, "Content-Type", "application/octet-stream");
	http_head_add(&f->head, "X-Content-Type-Options", "nosniff");
	http_head_add(&f->head, "Content-Length", "%" PRIu64, e->size);
	http_file_fields(&f->head, e, now_ns);
	f->etag[0] = '"';
	hex_encode(e->sha256, sizeof(e->sha256), f->etag + 1);
	strcat(f->etag, "\"");
	files->n_open++;
	TAILQ_INSERT_TAIL(&files->all, f, all);
	/* A head made before the signed time says an earlier Last-Modified
	 * than it could later: such a file is not kept. */
	f->is_listed = e->signed_at_ns <= now_ns;
	if (f->is_listed)
		LIST_INSERT_HEAD(bucket_of(files, e->name), f, bucket);
	return use(f);
}

void
http_file_release(struct http_file *f)
{
	if (--f->users > 0)
		return;
	f->files->n_used--;
	if (!f->is_listed)
		file_close(f);
}

void
http_files_forget_name(struct http_files *files, const char *name)
{
	struct http_file *f = lookup(files, name);

	if (f != NULL)
		file_unlist(f);
}

void
http_files_forget_key(struct http_files *files, const uint8_t key[static 16])
{
	struct http_file *f, *next;

	for (f = TAILQ_FIRST(&files->all); f != NULL; f = next) {
		next = TAILQ_NEXT(f, all);
		if (memcmp(f->key, key, sizeof(f->key)) == 0)
			file_unlist(f);
	}
}

void
http_files_forget_all(struct http_files *files)
{
	struct http_file *f, *next;

	for (f = TAILQ_FIRST(&files->all); f != NULL; f = next) {
		next = TAILQ_NEXT(f, all);
		file_unlist(f);
	}
}

unsigned
http_files_open(const struct http_files *files)
{
	return files->n_open;
}
