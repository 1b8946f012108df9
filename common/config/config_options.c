/* SPDX-License-Identifier: ISC */
#include "common/config/config_options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "common/clock.h"
#include "common/duration.h"
#include "common/ip_text.h"
#include "common/keys/keys.h"

#define NS_PER_DAY (86400 * NS_PER_S)
static_assert(13 * NS_PER_DAY <= SKEW_NS_MAX, "the clock skew has a ceiling");
#define SIZE_MAX_BYTES (UINT64_C(1) << 50) /* "1048576G" */
#define COUNT_MAX 10000000
#define PATH_LEN_MAX 3072 /* leaves room for names below it */
#define USER_LEN_MAX 32
#define INTERFACE_LEN_MAX 127 /* an alternative name */
#define ITEM_LEN_MAX 512      /* a multiaddr or a peer id */

/* clang-format off */
#define ROW(s, k, t, r, f, min, max, def)                                     \
	{ s, k, t, r, offsetof(struct config, f),                             \
	  sizeof(((struct config *)0)->f), min, max, def }

const struct option options[] = {
/*  section, key, type, needs a restart, field, bounds, default */
ROW("", "log_level", OPTION_LEVEL, false, log_level, 0, 0, "\"info\""),
ROW("", "state_dir", OPTION_PATH, true, state_dir, 1, PATH_LEN_MAX,
    "\"/var/lib/data-mesher\""),
ROW("", "control_socket", OPTION_PATH, true, control_socket, 1,
    sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
    "\"/run/dmd/control.sock\""),
ROW("", "net_user", OPTION_USER, true, net_user, 1, 0, "\"_dmnet\""),
ROW("", "store_user", OPTION_USER, true, store_user, 1, 0, "\"_dmstore\""),
ROW("", "resolver_user", OPTION_USER, true, resolver_user, 1, 0,
    "\"_dmres\""),
ROW("", "group", OPTION_USER, true, group, 1, 0, "\"data-mesher\""),

ROW("cluster", "port", OPTION_INTEGER, false, cluster.port, 1, 65535, "7946"),
ROW("cluster", "interface", OPTION_INTERFACE, false, cluster.interfaces, 0,
    CONFIG_INTERFACES_MAX, NULL),
ROW("cluster", "interfaces", OPTION_INTERFACES, false, cluster.interfaces, 0,
    CONFIG_INTERFACES_MAX, "[]"),
ROW("cluster", "bootstrap_peers", OPTION_DIALABLES, false,
    cluster.bootstrap_peers, 0, CONFIG_PEERS_MAX, "[]"),
ROW("cluster", "push_pull_interval", OPTION_DURATION, false,
    cluster.push_pull_interval_ns, 100 * NS_PER_MS, NS_PER_DAY, "\"30s\""),
ROW("cluster", "identity_key", OPTION_PATH, true, cluster.identity_key, 1,
    PATH_LEN_MAX, NULL),
ROW("cluster", "allowed_peers", OPTION_PEER_IDS, false,
    cluster.allowed_peers, 0, CONFIG_PEERS_MAX, "[]"),
ROW("cluster", "advertise", OPTION_MULTIADDRS, false, cluster.advertise, 0,
    CONFIG_ADVERTISE_MAX, "[]"),
ROW("cluster", "max_peers", OPTION_INTEGER, false, cluster.max_peers, 1,
    16384, "512"),
ROW("cluster", "perf", OPTION_BOOL, false, cluster.perf, 0, 1, "false"),

ROW("http", "port", OPTION_INTEGER, false, http.port, 1, 65535, "7331"),
ROW("http", "interface", OPTION_INTERFACE, false, http.interfaces, 0,
    CONFIG_INTERFACES_MAX, NULL),
ROW("http", "interfaces", OPTION_INTERFACES, false, http.interfaces, 0,
    CONFIG_INTERFACES_MAX, "[]"),
ROW("http", "read", OPTION_READ, false, http.read, 0, 0, "\"local\""),

ROW("network", "key", OPTION_KEY, false, network, 0, 0, NULL),

ROW("limits", "max_file_size", OPTION_SIZE, false, limits.max_file_size, 1,
    SIZE_MAX_BYTES, "\"64M\""),
ROW("limits", "max_clock_skew", OPTION_DURATION, false,
    limits.max_clock_skew_ns, 1000 * NS_PER_MS, 13 * NS_PER_DAY, "\"5m\""),
ROW("limits", "max_total_size", OPTION_SIZE, false, limits.max_total_size, 1,
    SIZE_MAX_BYTES, "\"10G\""),
ROW("limits", "min_free", OPTION_SIZE, false, limits.min_free, 0,
    SIZE_MAX_BYTES, "\"64M\""),
ROW("limits", "max_files", OPTION_INTEGER, false, limits.max_files, 1,
    COUNT_MAX, "1000000"),
ROW("limits", "max_records_per_signer", OPTION_INTEGER, false,
    limits.max_records_per_signer, 1, COUNT_MAX, "100000"),
ROW("limits", "history_size", OPTION_SIZE, false, limits.history_size, 0,
    SIZE_MAX_BYTES, "\"256M\""),
ROW("limits", "history_versions", OPTION_INTEGER, false,
    limits.history_versions, 0, 1000, "8"),
};
/* clang-format on */
const size_t options_n = sizeof(options) / sizeof(options[0]);

const struct option *
option_find(const char *section, const char *key)
{
	for (size_t i = 0; i < options_n; i++)
		if (strcmp(options[i].section, section) == 0 &&
		    strcmp(options[i].key, key) == 0)
			return &options[i];
	return NULL;
}

/* The field of an option, by its type. */
static void *
field(const struct option *o, const struct config *c)
{
	return (char *)(uintptr_t)c + o->offset;
}

/* --- texts ------------------------------------------------------------ */

static bool
is_path(const char *text, uint64_t len_max)
{
	return text[0] == '/' && strlen(text) <= len_max;
}

static bool
is_user(const char *text)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789_.-";

	return text[0] != '\0' && text[0] != '-' &&
	       strlen(text) <= USER_LEN_MAX && text[strspn(text, set)] == '\0';
}

/* True if the text can be a kernel's interface name, or an address with a zone.
 * No name has a colon, so a text with one must be an IPv6 address: an address
 * with a port is refused. */
static bool
is_interface(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > INTERFACE_LEN_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~' || text[i] == '/')
			return false;
	return strchr(text, ':') == NULL || ip_text_parse(text).len == 16;
}

static const char not_interface[] =
    "the name or an address of a network interface, such as \"eth0\"";

/* NULL if the text may be an item of such a list, else a description of the
 * expected text. */
static const char *
check_item(
    enum option_type type, const struct config_checks *checks, const char *text)
{
	bool (*is_ok)(const char *) = NULL;
	const char *expected = not_interface;

	if (type == OPTION_INTERFACE || type == OPTION_INTERFACES) {
		is_ok = is_interface;
	} else if (type == OPTION_DIALABLES) {
		expected = "a multiaddr with a peer id, such as "
			   "\"/dns/alpha.example/tcp/7946/p2p/12D3KooW...\"";
		is_ok = checks->dialable_ok;
	} else if (type == OPTION_MULTIADDRS) {
		expected = "a multiaddr such as \"/ip4/192.0.2.1/tcp/7946\"";
		is_ok = checks->multiaddr_ok;
	} else if (type == OPTION_PEER_IDS) {
		expected = "a peer id such as \"12D3KooW...\"";
		is_ok = checks->peer_id_ok;
	}
	if (*text == '\0' || strlen(text) > ITEM_LEN_MAX)
		return expected;
	return is_ok == NULL || is_ok(text) ? NULL : expected;
}

/* --- setting ---------------------------------------------------------- */

/* The text of a string value; NULL after reporting an error. */
static const char *
need_string(const struct option_context *x, const struct toml_item *item,
    const char *expected)
{
	if (item->value.type == TOML_STRING)
		return x->toml->strings[item->value.first].text;
	x->error(x->ctx, item->line, "%s: expected %s, in quotes", item->name,
	    expected);
	return NULL;
}

static void
set_level(const struct option *o, struct config *c,
    const struct option_context *x, const struct toml_item *item)
{
	static const char expected[] = "one of fatal, error, warn, info, debug";
	const char *text = need_string(x, item, expected);

	if (text != NULL && !log_level_parse(text, field(o, c)))
		x->error(x->ctx, item->line, "%s: expected %s, found \"%s\"",
		    item->name, expected, text);
}

static void
set_read(const struct option *o, struct config *c,
    const struct option_context *x, const struct toml_item *item)
{
	static const char *const words[] = {"none", "local", "all"};
	static const char expected[] = "one of none, local, all";
	const char *text = need_string(x, item, expected);
	enum config_read *value = field(o, c);

	if (text == NULL)
		return;
	for (size_t i = 0; i < 3; i++)
		if (strcmp(words[i], text) == 0) {
			*value = (enum config_read)i;
			return;
		}
	x->error(x->ctx, item->line, "%s: expected %s, found \"%s\"",
	    item->name, expected, text);
}

static void
set_bool(const struct option *o, struct config *c,
    const struct option_context *x, const struct toml_item *item)
{
	bool *value = field(o, c);

	if (item->value.type == TOML_BOOL)
		*value = item->value.integer != 0;
	else
		x->error(x->ctx, item->line, "%s: expected true or false",
		    item->name);
}

static void
set_integer(const struct option *o, struct config *c,
    const struct option_context *x, const struct toml_item *item)
{
	int64_t v = item->value.integer;
	void *value = field(o, c);

	if (item->value.type != TOML_INTEGER)
		x->error(x->ctx, item->line,
		    "%s: expected an integer from %llu to %llu, without "
		    "quotes",
		    item->name, (unsigned long long)o->min,
		    (unsigned long long)o->max);
	else if (v < (int64_t)o->min || v > (int64_t)o->max)
		x->error(x->ctx, item->line,
		    "%s: expected an integer from %llu to %llu, found %lld",
		    item->name, (unsigned long long)o->min,
		    (unsigned long long)o->max, (long long)v);
	else if (o->size == sizeof(uint16_t))
		*(uint16_t *)value = (uint16_t)v;
	else if (o->size == sizeof(uint32_t))
		*(uint32_t *)value = (uint32_t)v;
	else
		*(uint64_t *)value = (uint64_t)v;
}

static void
set_duration(const struct option *o, struct config *c,
    const struct option_context *x, const struct toml_item *item)
{
	static const char expected[] = "a duration such as \"30s\" or "
				       "\"1h30m\" (units ms, s, m, h, d)";
	char min[DURATION_TEXT_MAX], max[DURATION_TEXT_MAX];
	const char *text = need_string(x, item, expected);
	uint64_t ns;

	if (text == NULL)
		return;
	if (!duration_parse(text, &ns))
		x->error(x->ctx, item->line, "%s: expected %s, found \"%s\"",
		    item->name, expected, text);
	else if (ns < o->min || ns > o->max)
		x->error(x->ctx, item->line,
		    "%s: expected a duration from %s to %s, found \"%s\"",
		    item->name, duration_format(o->min, min),
		    duration_format(o->max, max), text);
	else
		*(uint64_t *)field(o, c) = ns;
}

static void
set_size(const struct option *o, struct config *c,
    const struct option_context *x, const struct toml_item *item)
{
	static const char expected[] = "a size such as \"64M\" (K, M, G are "
				       "powers of 1024, none is bytes)";
	char min[SIZE_TEXT_MAX], max[SIZE_TEXT_MAX];
	const char *text;
	uint64_t bytes;

	text = need_string(x, item, expected);
	if (text == NULL)
		return;
	if (!size_parse(text, &bytes))
		x->error(x->ctx, item->line, "%s: expected %s, found \"%s\"",
		    item->name, expected, text);
	else if (bytes < o->min || bytes > o->max)
		x->error(x->ctx, item->line,
		    "%s: expected a size from %s to %s, found \"%s\"",
		    item->name, size_format(o->min, min),
		    size_format(o->max, max), text);
	else
		*(uint64_t *)field(o, c) = bytes;
}

static void
set_text(const struct option *o, struct config *c,
    const struct option_context *x, const struct toml_item *item)
{
	bool path = o->type == OPTION_PATH;
	const char *expected =
	    path ? "an absolute path" : "the name of a user or group";
	const char *text = need_string(x, item, expected);
	char **value = field(o, c);
	size_t len;

	if (text == NULL)
		return;
	if (path ? !is_path(text, o->max) : !is_user(text)) {
		x->error(x->ctx, item->line,
		    path ? "%s: expected %s of at most %llu bytes, "
			   "found \"%s\""
			 : "%s: expected %s (at most %llu bytes), "
			   "found \"%s\"",
		    item->name, expected,
		    (unsigned long long)(path ? o->max : USER_LEN_MAX), text);
		return;
	}
	free(*value);
	*value = xstrdup(text);
	for (len = strlen(text); len > 1 && text[len - 1] == '/'; len--)
		(*value)[len - 1] = '\0'; /* "/x/" is the same place as "/x" */
}

static void
set_key(struct config *c, const struct option_context *x,
    const struct toml_item *item)
{
	const char *text = need_string(x, item, "the network's public key");
	enum key_error err;

	if (text == NULL)
		return;
	err = key_parse_public(text, strlen(text), c->network);
	if (err == KEY_OK)
		c->has_network = true;
	else
		x->error(x->ctx, item->line, "%s: \"%s\" is %s", item->name,
		    text, key_error_public(err));
}

static void
list_clear(struct config_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->item[i]);
	free(list->item);
	list->item = NULL;
	list->n = 0;
}

static void
list_add(struct config_list *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->item[i], text) == 0)
			return; /* merged from several places */
	list->item = xrealloc(list->item, list->n + 1, sizeof(*list->item));
	list->item[list->n++] = xstrdup(text);
}

static void
refuse_item(const struct option *o, const struct option_context *x,
    const struct toml_item *item, const struct toml_string *s,
    const char *expected)
{
	const char *why = NULL;

	if ((o->type == OPTION_DIALABLES || o->type == OPTION_MULTIADDRS) &&
	    x->checks->multiaddr_why != NULL)
		why = x->checks->multiaddr_why(s->text);
	x->error(x->ctx, s->line, "%s: expected %s, found \"%s\"%s%s",
	    item->name, expected, s->text, why != NULL ? ": " : "",
	    why != NULL ? why : "");
}

static void
set_list(const struct option *o, struct config *c,
    const struct option_context *x, const struct toml_item *item)
{
	const struct toml_value *v = &item->value;
	bool single = o->type == OPTION_INTERFACE;

	if (v->type != (single ? TOML_STRING : TOML_ARRAY)) {
		x->error(x->ctx, item->line, "%s: expected %s", item->name,
		    single ? "one string; several go into interfaces"
			   : "an array of strings");
		return;
	}
	if (v->n > o->max) {
		x->error(x->ctx, item->line,
		    "%s: expected at most %llu entries, found %zu", item->name,
		    (unsigned long long)o->max, v->n);
		return;
	}
	list_clear(field(o, c));
	for (size_t i = 0; i < v->n; i++) {
		const struct toml_string *s = &x->toml->strings[v->first + i];
		const char *expected = check_item(o->type, x->checks, s->text);

		if (expected == NULL)
			list_add(field(o, c), s->text);
		else
			refuse_item(o, x, item, s, expected);
	}
}

void
option_set(const struct option *o, struct config *c,
    const struct option_context *x, const struct toml_item *item)
{
	switch (o->type) {
	case OPTION_LEVEL:
		set_level(o, c, x, item);
		break;
	case OPTION_READ:
		set_read(o, c, x, item);
		break;
	case OPTION_BOOL:
		set_bool(o, c, x, item);
		break;
	case OPTION_INTEGER:
		set_integer(o, c, x, item);
		break;
	case OPTION_DURATION:
		set_duration(o, c, x, item);
		break;
	case OPTION_SIZE:
		set_size(o, c, x, item);
		break;
	case OPTION_PATH:
	case OPTION_USER:
		set_text(o, c, x, item);
		break;
	case OPTION_KEY:
		set_key(c, x, item);
		break;
	case OPTION_INTERFACE:
	case OPTION_INTERFACES:
	case OPTION_DIALABLES:
	case OPTION_MULTIADDRS:
	case OPTION_PEER_IDS:
		set_list(o, c, x, item);
		break;
	}
}

/* --- all of them ------------------------------------------------------ */

static bool
is_list(const struct option *o)
{
	return o->size == sizeof(struct config_list) &&
	       o->type >= OPTION_INTERFACE;
}

static bool
is_text(const struct option *o)
{
	return o->type == OPTION_PATH || o->type == OPTION_USER;
}

/* A default that does not lex or fit is a bug in the table. */
static void __attribute__((format(printf, 3, 4)))
default_error(void *ctx, unsigned line, const char *fmt, ...)
{
	fatal("config: a default is wrong: %s", fmt);
}

static void
default_report(void *ctx, unsigned line, const char *message)
{
	default_error(ctx, line, "%s", message);
}

void
options_set_defaults(struct config *c)
{
	static const struct config_checks none;
	char text[128];

	for (size_t i = 0; i < options_n; i++) {
		const struct option *o = &options[i];
		struct toml toml;
		struct option_context x = {
		    .toml = &toml, .checks = &none, .error = default_error};
		int len;

		if (o->default_value == NULL)
			continue;
		len = snprintf(
		    text, sizeof(text), "%s = %s", o->key, o->default_value);
		toml_lex(&toml, text, (size_t)len, default_report, NULL);
		option_set(o, c, &x, &toml.items[0]);
		toml_clear(&toml);
	}
}

void
options_clear(struct config *c)
{
	for (size_t i = 0; i < options_n; i++) {
		if (is_list(&options[i])) {
			list_clear(field(&options[i], c));
		} else if (is_text(&options[i])) {
			char **value = field(&options[i], c);

			free(*value);
			*value = NULL;
		}
	}
}

static bool
list_is_equal(const struct config_list *a, const struct config_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->item[i], b->item[i]) != 0)
			return false;
	return true;
}

bool
option_is_equal(
    const struct option *o, const struct config *a, const struct config *b)
{
	if (is_list(o))
		return list_is_equal(field(o, a), field(o, b));
	if (is_text(o))
		return strcmp(*(char **)field(o, a), *(char **)field(o, b)) ==
		       0;
	if (o->type == OPTION_KEY && a->has_network != b->has_network)
		return false;
	return memcmp(field(o, a), field(o, b), o->size) == 0;
}
