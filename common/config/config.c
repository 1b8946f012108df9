/* SPDX-License-Identifier: ISC */
#include "common/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ini.h>

#include "common/config/config_options.h"
#include "common/config/toml_inih.h"
#include "common/config/toml_lex.h"

#define SECTION_FILES "files"
#define MESSAGE_MAX 1024
#define GUESS_MAX 64	/* bytes of a key that is compared with known ones */
#define SECTIONS_MAX 16 /* more than there are */

/* One file while it is read. */
struct loading {
	const char *path;
	struct config_errors *errors;
	struct config *config;
	struct toml toml;
	struct option_context x;
	struct option_keys keys;
	unsigned section_line[SECTIONS_MAX]; /* by section_number() */
	unsigned *option_line;		     /* by row; 0: not there */
};

/* --- errors ----------------------------------------------------------- */

static void __attribute__((format(printf, 4, 0)))
add_error(struct config_errors *errors, const char *path, unsigned line,
    const char *fmt, va_list ap)
{
	char raw[MESSAGE_MAX], safe[MESSAGE_MAX], *text;
	int n;

	if (errors->n == CONFIG_ERRORS_MAX) {
		errors->more = true;
		return;
	}
	n = vsnprintf(raw, sizeof(raw), fmt, ap);
	if (n < 0)
		n = 0;
	if ((size_t)n >= sizeof(raw))
		n = (int)sizeof(raw) - 1;
	log_escape(raw, (size_t)n, safe, sizeof(safe));
	if (line > 0)
		n = asprintf(&text, "%s:%u: %s", path, line, safe);
	else
		n = asprintf(&text, "%s: %s", path, safe);
	if (n == -1)
		fatal("out of memory (error message)");
	errors->line[errors->n] = line;
	errors->text[errors->n++] = text;
}

static void __attribute__((format(printf, 3, 4)))
on_error(void *ctx, unsigned line, const char *fmt, ...)
{
	struct loading *l = ctx;
	va_list ap;

	va_start(ap, fmt);
	add_error(l->errors, l->path, line, fmt, ap);
	va_end(ap);
}

static void
on_lex_error(void *ctx, unsigned line, const char *message)
{
	on_error(ctx, line, "%s", message);
}

/* By line; those of one line stay in the order they were found in. */
static void
sort_errors(struct config_errors *errors)
{
	for (size_t i = 1; i < errors->n; i++) {
		char *text = errors->text[i];
		unsigned line = errors->line[i];
		size_t k = i;

		for (; k > 0 && errors->line[k - 1] > line; k--) {
			errors->text[k] = errors->text[k - 1];
			errors->line[k] = errors->line[k - 1];
		}
		errors->text[k] = text;
		errors->line[k] = line;
	}
}

void
config_errors_clear(struct config_errors *errors)
{
	for (size_t i = 0; i < errors->n; i++)
		free(errors->text[i]);
	memset(errors, 0, sizeof(*errors));
}

/* --- guessing what was meant ------------------------------------------ */

/* Edits between two words (Levenshtein); large for very long ones. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[GUESS_MAX + 1], a_len = strlen(a), b_len = strlen(b);

	if (a_len > GUESS_MAX || b_len > GUESS_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t best = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_len];
}

static const char *
nearest_section(const char *name)
{
	const char *best = SECTION_FILES;

	for (size_t i = 0; i < options_n; i++)
		if (*options[i].section != '\0' &&
		    distance(name, options[i].section) < distance(name, best))
			best = options[i].section;
	return best;
}

/* The nearest row, one of the same section first; NULL if none is near. */
static const struct option *
nearest_option(const char *section, const char *key)
{
	const struct option *best = NULL;
	size_t best_score = SIZE_MAX;

	for (size_t i = 0; i < options_n; i++) {
		size_t score = distance(key, options[i].key);

		if (score > strlen(key) / 2)
			continue;
		if (strcmp(options[i].section, section) != 0)
			score++;
		if (score < best_score) {
			best = &options[i];
			best_score = score;
		}
	}
	return best;
}

/* "port, interface, ...": the keys of a section. */
static void
list_keys(const char *section, char *out, size_t size)
{
	size_t len = 0;

	*out = '\0';
	for (size_t i = 0; i < options_n && len < size; i++)
		if (strcmp(options[i].section, section) == 0)
			len += (size_t)snprintf(out + len, size - len, "%s%s",
			    len > 0 ? ", " : "", options[i].key);
}

static void
report_unknown_key(
    struct loading *l, const char *section, const struct toml_item *item)
{
	const struct option *o = nearest_option(section, item->name);
	char where[64] = "above the first section", keys[512];

	if (*section != '\0')
		snprintf(where, sizeof(where), "in [%.50s]", section);
	list_keys(section, keys, sizeof(keys));
	if (o == NULL)
		on_error(l, item->line,
		    "unknown key \"%s\" %s: expected one of %s", item->name,
		    where, keys);
	else if (strcmp(o->section, section) == 0)
		on_error(l, item->line,
		    "unknown key \"%s\" %s: did you mean %s?", item->name,
		    where, o->key);
	else if (*o->section == '\0')
		on_error(l, item->line,
		    "unknown key \"%s\" %s: did you mean %s, above the first "
		    "section?",
		    item->name, where, o->key);
	else
		on_error(l, item->line,
		    "unknown key \"%s\" %s: did you mean %s, under [%s]?",
		    item->name, where, o->key, o->section);
}

/* --- sections and keys ------------------------------------------------ */

/* A number below SECTIONS_MAX for a known section, else SECTIONS_MAX. */
static size_t
section_number(const char *name)
{
	size_t number = 1; /* 0: [files] */

	if (strcmp(name, SECTION_FILES) == 0)
		return 0;
	for (size_t i = 0; i < options_n; i++) {
		if (*options[i].section == '\0')
			continue;
		if (strcmp(options[i].section, name) == 0)
			return number;
		if (i + 1 < options_n &&
		    strcmp(options[i].section, options[i + 1].section) != 0)
			number++;
	}
	return SECTIONS_MAX;
}

static void
check_sections(struct loading *l)
{
	for (size_t i = 0; i < l->toml.n_items; i++) {
		const struct toml_item *item = &l->toml.items[i];
		size_t number;

		if (!item->is_section || item->name == NULL)
			continue;
		number = section_number(item->name);
		if (number == SECTIONS_MAX)
			on_error(l, item->line,
			    "unknown section [%s]: did you mean [%s]?",
			    item->name, nearest_section(item->name));
		else if (l->section_line[number] != 0)
			on_error(l, item->line,
			    "section [%s] occurs twice, first on line %u: "
			    "merge them",
			    item->name, l->section_line[number]);
		else
			l->section_line[number] = item->line;
	}
}

/* inih's handler: value is "@12", see toml_lex.h. */
static int
on_key(void *user, const char *section, const char *name, const char *value)
{
	struct loading *l = user;
	const struct toml_item *item = toml_item_of(&l->toml, value);
	const struct option *o;
	unsigned *line;

	(void)name; /* or "@12" too, if the name was too long for inih */
	if (item == NULL)
		return 0;
	if (strcmp(section, SECTION_FILES) == 0) {
		config_files_add(l->config, &l->x, item);
		return 1;
	}
	if (*section != '\0' && section_number(section) == SECTIONS_MAX)
		return 1; /* said already */
	o = option_find(section, item->name);
	if (o == NULL) {
		report_unknown_key(l, section, item);
		return 1;
	}
	line = &l->option_line[o - options];
	if (*line != 0) {
		on_error(l, item->line,
		    "%s occurs twice, first on line %u: remove one", item->name,
		    *line);
		return 1;
	}
	*line = item->line;
	option_set(o, l->config, &l->x, item);
	return 1;
}

/* --- rules between options -------------------------------------------- */

static unsigned
line_of(const struct loading *l, const char *section, const char *key)
{
	return l->option_line[option_find(section, key) - options];
}

static void
check_interfaces(struct loading *l, const char *section)
{
	unsigned one = line_of(l, section, "interface");
	unsigned many = line_of(l, section, "interfaces");

	if (one != 0 && many != 0)
		on_error(l, one > many ? one : many,
		    "both interface and interfaces in [%s]: expected one of "
		    "them, the other is on line %u",
		    section, one > many ? many : one);
}

static void
check_together(struct loading *l)
{
	const struct config *c = l->config;
	unsigned a, b;

	check_interfaces(l, "cluster");
	check_interfaces(l, "http");
	a = line_of(l, "cluster", "port");
	b = line_of(l, "http", "port");
	if (c->cluster.port == c->http.port)
		on_error(l, a > b ? a : b,
		    "port: expected different ports for [cluster] and [http], "
		    "both are %u",
		    c->http.port);
	a = line_of(l, "limits", "max_file_size");
	b = line_of(l, "limits", "max_total_size");
	if (c->limits.max_file_size > c->limits.max_total_size)
		on_error(l, a > b ? a : b,
		    "max_file_size: expected at most max_total_size");
}

static void
set_identity_key(struct config *c)
{
	if (c->cluster.identity_key == NULL &&
	    asprintf(&c->cluster.identity_key, "%s/identity.key",
		strcmp(c->state_dir, "/") == 0 ? "" : c->state_dir) == -1)
		fatal("out of memory (identity_key)");
}

/* --- the whole -------------------------------------------------------- */

struct config *
config_default(void)
{
	struct config *c = xcalloc(1, sizeof(*c));

	options_set_defaults(c);
	set_identity_key(c);
	return c;
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	options_clear(c);
	config_files_clear(c);
	free(c);
}

static void
read_all(struct loading *l, const char *text, size_t len)
{
	struct toml_cursor cursor = {&l->toml, 0};

	toml_lex(&l->toml, text, len, on_lex_error, l);
	check_sections(l);
	if (ini_parse_stream(toml_line, &cursor, on_key, l) != 0)
		on_error(l, 0, "inih cannot read the lines of the lexer");
	config_files_finish(l->config, &l->x);
	check_together(l);
	set_identity_key(l->config);
}

int
config_parse(const char *path, const char *text, size_t len,
    const struct config_checks *checks, struct config **out,
    struct config_errors *errors)
{
	static const struct config_checks none;
	struct loading *l = xcalloc(1, sizeof(*l));
	int result = 0;

	memset(errors, 0, sizeof(*errors));
	*out = NULL;
	l->path = path;
	l->errors = errors;
	l->config = xcalloc(1, sizeof(*l->config));
	l->option_line = xcalloc(options_n, sizeof(*l->option_line));
	l->x.toml = &l->toml;
	l->x.checks = checks == NULL ? &none : checks;
	l->x.keys = &l->keys;
	l->x.error = on_error;
	l->x.ctx = l;
	options_set_defaults(l->config);
	if (len > CONFIG_SIZE_MAX)
		on_error(
		    l, 0, "larger than %u bytes: shorten it", CONFIG_SIZE_MAX);
	else
		read_all(l, text, len);
	if (errors->n > 0) {
		sort_errors(errors);
		config_free(l->config);
		result = -1;
	} else {
		*out = l->config;
	}
	toml_clear(&l->toml);
	free(l->option_line);
	free(l);
	return result;
}

/* A whole file of at most CONFIG_SIZE_MAX bytes; NULL with errno. */
static char *
read_file(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), saved;
	size_t cap = 16384, n = 0;
	char *text;
	ssize_t got;

	if (fd == -1)
		return NULL;
	text = xmalloc(cap);
	while ((got = read(fd, text + n, cap - n)) != 0) {
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			break;
		n += (size_t)got;
		if (n > CONFIG_SIZE_MAX)
			break; /* one byte over: config_parse() refuses it */
		if (n == cap)
			text = xrealloc(text, cap *= 2, 1);
	}
	saved = errno;
	close(fd);
	if (got == -1) {
		free(text);
		errno = saved;
		return NULL;
	}
	*len = n;
	return text;
}

static void __attribute__((format(printf, 3, 4))) add_file_error(
    struct config_errors *errors, const char *path, const char *fmt, ...)
{
	va_list ap;

	memset(errors, 0, sizeof(*errors));
	va_start(ap, fmt);
	add_error(errors, path, 0, fmt, ap);
	va_end(ap);
}

int
config_load(const char *path, const struct config_checks *checks,
    struct config **out, struct config_errors *errors)
{
	size_t len;
	char *text = read_file(path, &len);
	int result;

	if (text == NULL) {
		*out = NULL;
		add_file_error(
		    errors, path, "cannot be read: %s", strerror(errno));
		return -1;
	}
	result = config_parse(path, text, len, checks, out, errors);
	free(text);
	return result;
}
