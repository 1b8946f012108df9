/* SPDX-License-Identifier: ISC */
/* [files] of dm.toml(5): names and patterns, and their signers. */
#include "common/config/config_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/keys/keys.h"
#include "common/name.h"

#define SIGNERS_EXPECTED                             \
	"expected an array of public keys, such as " \
	"[\"P6AE0lukf9/qmVglYrGPNYo5ZnpFrnqLeAzlCZF0lTk=\"]"

/* --- reading ---------------------------------------------------------- */

static size_t
hash_text(const char *text)
{
	uint32_t h = 2166136261u; /* FNV-1a; a collision only costs time */

	while (*text != '\0')
		h = (h ^ (uint8_t)*text++) * 16777619u;
	return h % OPTION_KEYS;
}

/* key_parse_public(), with the last ones remembered. */
static enum key_error
parse_signer(struct option_keys *keys, const char *text, uint8_t key[static 32])
{
	size_t slot = hash_text(text);
	enum key_error err;

	if (keys->text[slot] != NULL && strcmp(keys->text[slot], text) == 0) {
		memcpy(key, keys->key[slot], 32);
		return KEY_OK;
	}
	err = key_parse_public(text, strlen(text), key);
	if (err == KEY_OK) {
		keys->text[slot] = text; /* lives as long as the lexer's */
		memcpy(keys->key[slot], key, 32);
	}
	return err;
}

static int
compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

/* Sorts the signers; a key that occurs twice counts once. */
static void
sort_signers(struct config_file *f)
{
	size_t kept = 0;

	qsort(f->signers, f->n, 32, compare_keys);
	for (size_t i = 0; i < f->n; i++) {
		if (kept > 0 &&
		    memcmp(f->signers[kept - 1], f->signers[i], 32) == 0)
			continue;
		memmove(f->signers[kept++], f->signers[i], 32);
	}
	f->n = kept;
}

static void
read_signers(struct config_file *f, const struct option_context *x,
    const struct toml_item *item)
{
	const struct toml_value *v = &item->value;

	f->signers = xcalloc(v->n, 32);
	for (size_t i = 0; i < v->n; i++) {
		const struct toml_string *s = &x->toml->strings[v->first + i];
		enum key_error err =
		    parse_signer(x->keys, s->text, f->signers[f->n]);

		if (err == KEY_OK) {
			f->n++;
			continue;
		}
		x->error(x->ctx, s->line, "\"%s\": \"%s\" is %s", item->name,
		    s->text, key_error_public(err));
	}
	sort_signers(f);
}

void
config_files_add(struct config *c, const struct option_context *x,
    const struct toml_item *item)
{
	struct config_file f = {.line = item->line};

	if (!name_pattern_is_valid(item->name, strlen(item->name))) {
		x->error(x->ctx, item->line,
		    "\"%s\": expected a name or prefix/*: components of "
		    "letters, digits, _ . : - joined by single slashes, none "
		    "starting with . : or -, at most %d bytes and %d deep",
		    item->name, NAME_LEN_MAX, NAME_DEPTH_MAX);
		return;
	}
	if (item->value.type != TOML_ARRAY) {
		x->error(x->ctx, item->line, "\"%s\": " SIGNERS_EXPECTED,
		    item->name);
		return;
	}
	if (item->value.n > CONFIG_SIGNERS_MAX) {
		x->error(x->ctx, item->line,
		    "\"%s\": expected at most %d public keys, found %zu",
		    item->name, CONFIG_SIGNERS_MAX, item->value.n);
		return;
	}
	if (c->nfiles == CONFIG_NAMES_MAX) {
		x->error(x->ctx, item->line,
		    "expected at most %d names under [files]",
		    CONFIG_NAMES_MAX);
		return;
	}
	read_signers(&f, x, item);
	f.pattern = xstrdup(item->name);
	/* doubles at 1, 2, 4, ... */
	if ((c->nfiles & (c->nfiles - 1)) == 0)
		c->files = xrealloc(c->files,
		    c->nfiles == 0 ? 1 : 2 * c->nfiles, sizeof(*c->files));
	c->files[c->nfiles++] = f;
}

void
config_files_clear(struct config *c)
{
	for (size_t i = 0; i < c->nfiles; i++) {
		free(c->files[i].pattern);
		free(c->files[i].signers);
	}
	free(c->files);
	c->files = NULL;
	c->nfiles = 0;
}

/* --- clashes ---------------------------------------------------------- */

static int
compare_files(const void *va, const void *vb)
{
	const struct config_file *a = va, *b = vb;
	int order = name_order(a->pattern, b->pattern);

	if (order != 0)
		return order;
	return a->line < b->line ? -1 : a->line > b->line;
}

static void
report_clash(const struct option_context *x, const struct config_file *a,
    const struct config_file *b)
{
	const struct config_file *late = a->line > b->line ? a : b;
	const struct config_file *early = late == a ? b : a;

	x->error(x->ctx, late->line,
	    "\"%s\" clashes with \"%s\" on line %u: one needs a directory "
	    "where the other may have a file; rename one",
	    late->pattern, early->pattern, early->line);
}

/*
 * In path order all that lies below a name follows it at once, so the names
 * around the current one are a stack; it is enough to look at the innermost,
 * since one that clashes further out was not pushed.
 */
void
config_files_finish(struct config *c, const struct option_context *x)
{
	const struct config_file *stack[2 * NAME_DEPTH_MAX + 1];
	size_t depth = 0;

	if (c->nfiles == 0)
		return;
	qsort(c->files, c->nfiles, sizeof(*c->files), compare_files);
	for (size_t i = 0; i < c->nfiles; i++) {
		const struct config_file *f = &c->files[i];

		if (i > 0 && strcmp(f[-1].pattern, f->pattern) == 0) {
			x->error(x->ctx, f->line,
			    "\"%s\" occurs twice, first on line %u: remove one",
			    f->pattern, f[-1].line);
			continue;
		}
		while (depth > 0 &&
		       !name_is_inside(stack[depth - 1]->pattern, f->pattern))
			depth--;
		if (depth > 0 && name_patterns_clash(
				     stack[depth - 1]->pattern, f->pattern)) {
			report_clash(x, stack[depth - 1], f);
			continue; /* names below it clash with the same ones */
		}
		if (depth == sizeof(stack) / sizeof(stack[0]))
			fatal("config: names nest too deep");
		stack[depth++] = f;
	}
}

/* --- looking up ------------------------------------------------------- */

static const struct config_file *
find_pattern(const struct config *c, const char *pattern)
{
	size_t low = 0, high = c->nfiles;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = name_order(pattern, c->files[mid].pattern);

		if (order == 0)
			return &c->files[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

const struct config_file *
config_find(const struct config *c, const char *name)
{
	const struct config_file *f = find_pattern(c, name);
	const char *slash = strrchr(name, '/');
	char pattern[NAME_LEN_MAX + 1];

	if (f != NULL || slash == NULL)
		return f;
	if ((size_t)snprintf(pattern, sizeof(pattern), "%.*s/*",
		(int)(slash - name), name) >= sizeof(pattern))
		return NULL;
	return find_pattern(c, pattern);
}
