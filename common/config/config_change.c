/* SPDX-License-Identifier: ISC */
/* The difference between two configurations: whether it needs a restart, and a
 * line for the log. */
#include "common/config/config_options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/name.h"

#define LABEL_MAX 64

/* "log_level", "[limits] max_files" */
static const char *
label(const struct option *o, char out[static LABEL_MAX])
{
	if (*o->section == '\0')
		snprintf(out, LABEL_MAX, "%s", o->key);
	else
		snprintf(out, LABEL_MAX, "[%s] %s", o->section, o->key);
	return out;
}

bool
config_needs_restart(
    const struct config *old, const struct config *new, const char **what)
{
	for (size_t i = 0; i < options_n; i++)
		if (options[i].restart &&
		    !option_is_equal(&options[i], old, new)) {
			*what = options[i].key;
			return true;
		}
	return false;
}

/* Text that grows until its buffer is full. */
struct change_text {
	char *at;
	size_t left;
};

static void __attribute__((format(printf, 2, 3)))
text_add(struct change_text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at, t->left, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= t->left)
		n = t->left == 0 ? 0 : (int)t->left - 1;
	t->at += n;
	t->left -= (size_t)n;
}

struct files_change {
	size_t added;
	size_t removed;
	size_t other_signers;
};

static bool
has_same_signers(const struct config_file *a, const struct config_file *b)
{
	return a->n == b->n &&
	       (a->n == 0 || memcmp(a->signers, b->signers, 32 * a->n) == 0);
}

/* Both lists are in name_order(). */
static void
compare_lists(const struct config *old, const struct config *new,
    struct files_change *change)
{
	const struct config_file *a = old->files, *b = new->files;
	size_t a_left = old->nfiles, b_left = new->nfiles;

	while (a_left > 0 && b_left > 0) {
		int order = name_order(a->pattern, b->pattern);

		if (order < 0)
			change->removed++;
		else if (order > 0)
			change->added++;
		else if (!has_same_signers(a, b))
			change->other_signers++;
		if (order <= 0) {
			a++;
			a_left--;
		}
		if (order >= 0) {
			b++;
			b_left--;
		}
	}
	change->removed += a_left;
	change->added += b_left;
}

const char *
config_describe_change(
    const struct config *old, const struct config *new, char *out, size_t size)
{
	struct files_change change = {0, 0, 0};
	struct change_text t = {out, size};
	const char *sep = "";
	char name[LABEL_MAX];

	if (size > 0)
		*out = '\0';
	for (size_t i = 0; i < options_n; i++) {
		if (options[i].type == OPTION_INTERFACE || /* as interfaces */
		    option_is_equal(&options[i], old, new))
			continue;
		text_add(&t, "%s%s", sep, label(&options[i], name));
		sep = ", ";
	}
	compare_lists(old, new, &change);
	if (change.added + change.removed + change.other_signers > 0)
		text_add(&t,
		    "%s[files]: %zu added, %zu removed, %zu with other "
		    "signers",
		    *sep == '\0' ? "" : "; ", change.added, change.removed,
		    change.other_signers);
	else if (*sep == '\0')
		text_add(&t, "nothing changed");
	return out;
}

static const char *
type_name(enum option_type type)
{
	switch (type) {
	case OPTION_LEVEL:
		return "level";
	case OPTION_READ:
		return "read";
	case OPTION_BOOL:
		return "boolean";
	case OPTION_INTEGER:
		return "integer";
	case OPTION_DURATION:
		return "duration";
	case OPTION_SIZE:
		return "size";
	case OPTION_PATH:
		return "path";
	case OPTION_USER:
		return "user";
	case OPTION_KEY:
		return "public key";
	case OPTION_INTERFACE:
		return "interface";
	case OPTION_INTERFACES:
		return "interfaces";
	case OPTION_DIALABLES:
	case OPTION_MULTIADDRS:
		return "multiaddrs";
	case OPTION_PEER_IDS:
		return "peer ids";
	}
	return "";
}

bool
config_option(size_t i, struct config_option *out)
{
	if (i > options_n)
		return false;
	if (i == options_n) { /* the names of [files] */
		*out = (struct config_option){
		    .section = "files",
		    .key = "*",
		    .type = "public keys",
		    .default_value = "",
		};
		return true;
	}
	*out = (struct config_option){
	    .section = options[i].section,
	    .key = options[i].key,
	    .type = type_name(options[i].type),
	    .default_value = options[i].default_value,
	    .restart = options[i].restart,
	};
	if (options[i].offset == offsetof(struct config, cluster.identity_key))
		out->default_value = "\"STATE_DIR/identity.key\"";
	if (out->default_value == NULL)
		out->default_value = "";
	return true;
}
