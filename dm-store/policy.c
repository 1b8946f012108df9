/* SPDX-License-Identifier: ISC */
#include "dm-store/policy.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/name.h"
#include "common/sha256.h"

struct policy *
policy_new(const struct ipc_config_begin *m)
{
	struct policy *p;

	if (m->network.len != 0 && m->network.len != 32)
		return NULL;
	p = xcalloc(1, sizeof(*p));
	p->generation = m->generation;
	p->has_network = m->network.len == 32;
	if (p->has_network)
		memcpy(p->network, m->network.data, 32);
	p->max_file_size = m->max_file_size;
	p->max_clock_skew_ns = m->max_clock_skew_ns;
	p->max_total_size = m->max_total_size;
	p->min_free = m->min_free;
	p->max_files = m->max_files;
	p->max_records_per_signer = m->max_records_per_signer;
	p->history_size = m->history_size;
	p->history_versions = m->history_versions;
	return p;
}

bool
policy_add(struct policy *p, struct bytes pattern, struct bytes signers)
{
	struct policy_file *f;

	if (!name_pattern_is_valid((const char *)pattern.data, pattern.len) ||
	    signers.len % 32 != 0 || p->n >= CONFIG_NAMES_MAX)
		return false;
	if (p->n == p->cap) {
		p->cap = p->cap != 0 ? 2 * p->cap : 16;
		p->files = xrealloc(p->files, p->cap, sizeof(*p->files));
	}
	f = &p->files[p->n++];
	f->pattern = xmalloc(pattern.len + 1);
	memcpy(f->pattern, pattern.data, pattern.len);
	f->pattern[pattern.len] = '\0';
	f->n = signers.len / 32;
	f->signers = xmalloc(signers.len != 0 ? signers.len : 1);
	if (signers.len != 0)
		memcpy(f->signers, signers.data, signers.len);
	return true;
}

static int
file_compare(const void *a, const void *b)
{
	const struct policy_file *x = a, *y = b;

	return strcmp(x->pattern, y->pattern);
}

static int
signer_compare(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

static void
hash_names(struct policy *p)
{
	struct sha256 *h = sha256_new();
	uint8_t has = p->has_network;
	uint64_t n;

	sha256_add(h, &has, 1);
	sha256_add(h, p->network, sizeof(p->network));
	for (size_t i = 0; i < p->n; i++) {
		n = p->files[i].n;
		sha256_add(
		    h, p->files[i].pattern, strlen(p->files[i].pattern) + 1);
		sha256_add(h, &n, sizeof(n));
		sha256_add(h, p->files[i].signers, n * 32);
	}
	sha256_end(h, p->hash);
	sha256_free(h);
}

bool
policy_seal(struct policy *p)
{
	if (p->n > 0)
		qsort(p->files, p->n, sizeof(*p->files), file_compare);
	for (size_t i = 0; i < p->n; i++) {
		if (i > 0 &&
		    strcmp(p->files[i - 1].pattern, p->files[i].pattern) == 0)
			return false;
		qsort(p->files[i].signers, p->files[i].n, 32, signer_compare);
	}
	hash_names(p);
	return true;
}

void
policy_free(struct policy *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++) {
		free(p->files[i].pattern);
		free(p->files[i].signers);
	}
	free(p->files);
	free(p);
}

static const struct policy_file *
find_pattern(const struct policy *p, char *pattern)
{
	const struct policy_file wanted = {.pattern = pattern};

	if (p->n == 0)
		return NULL;
	return bsearch(&wanted, p->files, p->n, sizeof(wanted), file_compare);
}

const struct policy_file *
policy_find(const struct policy *p, const char *name)
{
	char pattern[NAME_LEN_MAX + 2];
	const struct policy_file *f;
	char *slash;

	memcpy(pattern, name, strlen(name) + 1);
	f = find_pattern(p, pattern);
	if (f != NULL)
		return f;
	slash = strrchr(pattern, '/');
	if (slash == NULL)
		return NULL;
	memcpy(slash, "/*", 3);
	return find_pattern(p, pattern);
}

bool
policy_may_sign(const struct policy_file *f, const uint8_t signer[static 32])
{
	return f->n > 0 &&
	       bsearch(signer, f->signers, f->n, 32, signer_compare) != NULL;
}

bool
policy_is_network(const struct policy *p, const struct entry *e)
{
	if (!p->has_network || !e->has_network)
		return p->has_network == e->has_network;
	return memcmp(p->network, e->network, 32) == 0;
}

bool
policy_admits(const struct policy *p, const struct entry *e)
{
	const struct policy_file *f = policy_find(p, e->name);

	return f != NULL && policy_may_sign(f, e->signer) &&
	       policy_is_network(p, e);
}
