/* SPDX-License-Identifier: ISC */
/* dm.toml: what is accepted, and the message for what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/config/config.h"
#include "common/keys/keys.h"

#define KEY "\"P6AE0lukf9/qmVglYrGPNYo5ZnpFrnqLeAzlCZF0lTk=\""
#define KEY2 "\"ZasdhiAVJTa5b2qG8ynWvdHqALUxC6Eg8pdn6RVXuQE=\""
#define PEER "12D3KooWHs5NXo2CPFvFT6cdsu8eSkfggNtfqTtKBVojHY7En86i"
#define NAME_EXPECTED                                                        \
	"expected a name or prefix/*: components of letters, digits, _ . : " \
	"- joined by single slashes, none starting with . : or -, at most "  \
	"255 bytes and 8 deep"
#define SIGNERS_EXPECTED "expected an array of public keys, such as [" KEY "]"

/* Stand-ins for what dm-net's library says. */
static bool
is_multiaddr(const char *text)
{
	return strncmp(text, "/dns/", 5) == 0;
}

static bool
is_dialable(const char *text)
{
	return is_multiaddr(text) && strstr(text, "/p2p/") != NULL;
}

static bool
is_peer_id(const char *text)
{
	return strncmp(text, "12D3", 4) == 0;
}

static const struct config_checks checks = {
    is_multiaddr, is_dialable, is_peer_id, NULL};

static struct config *
parse(const char *text)
{
	struct config *c;
	struct config_errors errors;

	if (config_parse("f", text, strlen(text), &checks, &c, &errors) == -1)
		fail_msg("%s", errors.text[0]);
	config_errors_clear(&errors);
	return c;
}

static void
test_example(void **state)
{
	const char *path = getenv("DM_TOML");
	struct config_errors errors;
	struct config *c;
	char text[BASE64_LEN(32) + 1];

	if (path == NULL)
		path = "tests/integration/data/dm.toml";
	if (config_load(path, &checks, &c, &errors) == -1)
		fail_msg("%s", errors.text[0]);
	assert_int_equal(c->log_level, LOG_L_INFO);
	assert_string_equal(c->state_dir, "/var/lib/data-mesher");
	assert_string_equal(
	    c->cluster.identity_key, "/var/lib/data-mesher/identity.key");
	assert_int_equal(c->cluster.port, 7946);
	assert_int_equal(c->cluster.bootstrap_peers.n, 2);
	assert_string_equal(c->cluster.bootstrap_peers.item[0],
	    "/dns/alpha.clan/tcp/7946/p2p/" PEER);
	assert_int_equal(
	    c->cluster.push_pull_interval_ns, UINT64_C(30000000000));
	assert_int_equal(c->http.port, 7331);
	assert_int_equal(c->nfiles, 2);
	assert_string_equal(c->files[0].pattern, "config.json");
	assert_int_equal(c->files[0].n, 1);
	base64_encode(c->files[0].signers[0], 32, text);
	assert_memory_equal(text, &KEY[1], strlen(text));
	assert_string_equal(c->files[1].pattern, "data.bin");
	assert_int_equal(c->files[1].n, 2);
	config_free(c);
	config_errors_clear(&errors);
}

static void
test_defaults(void **state)
{
	struct config *c = parse(""), *d = config_default();
	const char *what;
	char text[64];

	assert_string_equal(c->control_socket, "/run/dmd/control.sock");
	assert_string_equal(c->net_user, "_dmnet");
	assert_string_equal(c->store_user, "_dmstore");
	assert_string_equal(c->resolver_user, "_dmres");
	assert_string_equal(c->group, "data-mesher");
	assert_int_equal(c->cluster.max_peers, 512);
	assert_false(c->cluster.perf);
	assert_int_equal(c->http.read, CONFIG_READ_LOCAL);
	assert_false(c->has_network);
	assert_int_equal(c->limits.max_file_size, 64 << 20);
	assert_int_equal(c->limits.max_clock_skew_ns, 300000000000);
	assert_int_equal(c->limits.max_total_size, UINT64_C(10) << 30);
	assert_int_equal(c->limits.min_free, 64 << 20);
	assert_int_equal(c->limits.max_files, 1000000);
	assert_int_equal(c->limits.max_records_per_signer, 100000);
	assert_int_equal(c->limits.history_size, 256 << 20);
	assert_int_equal(c->limits.history_versions, 8);
	assert_false(config_needs_restart(c, d, &what));
	assert_string_equal(config_describe_change(c, d, text, sizeof(text)),
	    "nothing changed");
	config_free(c);
	config_free(d);
}

/* As programs write TOML: one line an array, literal strings, odd keys. */
static void
test_writers(void **state)
{
	struct config *c = parse(
	    "\xef\xbb\xbf"
	    "state_dir = '/srv/\\x ; \"y # z/'\r\n"
	    "\"log_level\" = \"debug\" # not a value\r\n"
	    "[files]\n"
	    "\"dns:sol\" = [ " KEY " ]\n"
	    "'zone/*'=[" KEY2 "," KEY "," KEY2 ",]\n"
	    "app-config = [" KEY "] # \" [\n"
	    "\"zone/a.b\" = []\n"
	    "\"a_name_that_is_longer_than_what_inih_can_hold_as_a_name\" = "
	    "[" KEY "]\n"
	    "[ cluster ]\n"
	    "  bootstrap_peers = []\n"
	    "\tallowed_peers = [ # all of them\n"
	    "    \"" PEER "\", \"" PEER "\", # twice\n"
	    "\n"
	    "    ]\n"
	    "perf = true\n"
	    "identity_key = \"/k\\u00e9\\u20ac\\U0001f511\"\n"
	    "max_peers = 1_000\n"
	    "[\"http\"]\n"
	    "interface = \"tailscale0\"\n"
	    "read = \"a\\u006c\\U0000006c\"\n"
	    "[network]\n"
	    "key = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAID+gBNJbpH/f6plYJWKx"
	    "jzWKOWZ6Ra56i3gM5QmRdJU5 me\"");

	assert_string_equal(c->state_dir, "/srv/\\x ; \"y # z");
	assert_int_equal(c->log_level, LOG_L_DEBUG);
	assert_int_equal(c->nfiles, 5);
	assert_string_equal(c->files[2].pattern, "dns:sol");
	assert_string_equal(c->files[3].pattern, "zone/*");
	assert_int_equal(c->files[3].n, 2);
	assert_int_equal(c->cluster.allowed_peers.n, 1);
	assert_int_equal(c->cluster.max_peers, 1000);
	assert_true(c->cluster.perf);
	assert_string_equal(
	    c->cluster.identity_key, "/k\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91");
	assert_int_equal(c->http.interfaces.n, 1);
	assert_string_equal(c->http.interfaces.item[0], "tailscale0");
	assert_int_equal(c->http.read, CONFIG_READ_ALL);
	assert_true(c->has_network);
	assert_int_equal(c->network[0], 0x3f);
	config_free(c);
}

/* As Nix's readFile hands it over: with the file's line feed. */
static void
test_blanks_around_a_value(void **state)
{
	static const char plain[] =
	    "P6AE0lukf9/qmVglYrGPNYo5ZnpFrnqLeAzlCZF0lTk=";
	static const char line[] =
	    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJB85wnw"
	    "EQYSsmj6wS6RDVYVkBucYFFGA1HkBfALh496 me";
	char text[1024];
	struct config *c;
	uint8_t key[32];

	assert_int_equal(key_parse_public(plain, strlen(plain), key), KEY_OK);
	snprintf(text, sizeof(text),
	    "group = \"\\tmesh\\r\\n\"\n[network]\nkey = \" \\n%s\\n \"\n"
	    "[files]\na = [\"%s\\n\", '\t%s', \" %s \",\n"
	    "\"%s\\u000a\"]\n",
	    plain, plain, plain, plain, line);
	c = parse(text);
	assert_string_equal(c->group, "mesh");
	assert_true(c->has_network);
	assert_memory_equal(c->network, key, 32);
	assert_int_equal(c->files[0].n, 2);
	config_free(c);
	/* spaces may be meant, unless a line end is among them */
	c = parse("state_dir = \"/a \"\ncontrol_socket = \"/b \\n\"\n");
	assert_string_equal(c->state_dir, "/a ");
	assert_string_equal(c->control_socket, "/b");
	config_free(c);
}

static void
test_find(void **state)
{
	struct config *c = parse("[files]\n\"z/*\"=[]\n\"z/a\"=[" KEY "]\n"
				 "\"b\"=[]\n\"z-1\"=[]\n");

	assert_string_equal(config_find(c, "z/a")->pattern, "z/a");
	assert_string_equal(config_find(c, "z/b")->pattern, "z/*");
	assert_string_equal(config_find(c, "z-1")->pattern, "z-1");
	assert_null(config_find(c, "z"));
	assert_null(config_find(c, "z/a/b"));
	assert_null(config_find(c, "a"));
	config_free(c);
}

/* One bad text, and all that is said about it. */
static const struct {
	const char *text;
	const char *errors;
} bad[] = {
    /* clang-format off */
	/* values */
	{ "log_level = info", "f:1: strings need quotes: \"info\"\n" },
	{ "\n\nlog_level = \"loud\"",
	    "f:3: log_level: expected one of fatal, error, warn, info, debug, "
	    "found \"loud\"\n" },
	{ "log_level = 3",
	    "f:1: log_level: expected one of fatal, error, warn, info, debug, "
	    "in quotes\n" },
	{ "state_dir = \"lib\"",
	    "f:1: state_dir: expected an absolute path of at most 3072 bytes, "
	    "found \"lib\"\n" },
	{ "control_socket = \"/2345678901234567890123456789012345678901234567"
	  "89012345678901234567890123456789012345678901234567890123456789\"",
	    "f:1: control_socket: expected an absolute path of at most 107 "
	    "bytes, found \"/2345678901234567890123456789012345678901234567"
	    "89012345678901234567890123456789012345678901234567890123456789"
	    "\"\n" },
	{ "group = \"a b\"",
	    "f:1: group: expected the name of a user or group (at most 32 "
	    "bytes), found \"a b\"\n" },
	{ "[cluster]\nport = 0\n",
	    "f:2: port: expected an integer from 1 to 65535, found 0\n" },
	{ "[cluster]\nport = 65536\n",
	    "f:2: port: expected an integer from 1 to 65535, found 65536\n" },
	{ "[cluster]\nport = \"7946\"\n",
	    "f:2: port: expected an integer from 1 to 65535, without "
	    "quotes\n" },
	{ "[cluster]\nport = -1\n",
	    "f:2: port: expected an integer from 1 to 65535, found -1\n" },
	{ "[cluster]\nport = 0x10\n",
	    "f:2: expected a decimal integer, or a string in quotes\n" },
	{ "[cluster]\nport = 07\n",
	    "f:2: expected a decimal integer, or a string in quotes\n" },
	{ "[cluster]\nport = 1.5\n",
	    "f:2: expected a decimal integer, or a string in quotes\n" },
	{ "[cluster]\nport = 1__0\n",
	    "f:2: expected a decimal integer, or a string in quotes\n" },
	{ "[cluster]\nport = 99999999999999999999\n",
	    "f:2: the number is too large\n" },
	{ "[cluster]\nperf = 1\n", "f:2: perf: expected true or false\n" },
	{ "[cluster]\npush_pull_interval = 30\n",
	    "f:2: push_pull_interval: expected a duration such as \"30s\" or "
	    "\"1h30m\" (units ms, s, m, h, d), in quotes\n" },
	{ "[cluster]\npush_pull_interval = \"30\"\n",
	    "f:2: push_pull_interval: expected a duration such as \"30s\" or "
	    "\"1h30m\" (units ms, s, m, h, d), found \"30\"\n" },
	{ "[cluster]\npush_pull_interval = \"1ms\"\n",
	    "f:2: push_pull_interval: expected a duration from 100ms to 1d, "
	    "found \"1ms\"\n" },
	{ "[limits]\nmax_clock_skew = \"14d\"\n",
	    "f:2: max_clock_skew: expected a duration from 1s to 13d, found "
	    "\"14d\"\n" },
	{ "[limits]\nmin_free = \"1T\"\n",
	    "f:2: min_free: expected a size such as \"64M\" (K, M, G are "
	    "powers of 1024, none is bytes), found \"1T\"\n" },
	{ "[limits]\nmax_file_size = \"0\"\n",
	    "f:2: max_file_size: expected a size from 1 to 1048576G, found "
	    "\"0\"\n" },
	{ "[http]\nread = \"some\"\n",
	    "f:2: read: expected one of none, local, all, found \"some\"\n" },
	{ "[network]\nkey = \"x\"\n",
	    "f:2: key: \"x\" is not a public key: expected base64 of 32 "
	    "bytes or a line \"ssh-ed25519 AAAA...\"\n" },
	{ "[cluster]\ninterface = [\"a\"]\n",
	    "f:2: interface: expected one string; several go into "
	    "interfaces\n" },
	{ "[cluster]\ninterfaces = \"a\"\n",
	    "f:2: interfaces: expected an array of strings\n" },
	{ "[cluster]\ninterfaces = [\n\"a/b\",\n\"\"]\n",
	    "f:3: interfaces: expected the name or an address of a network "
	    "interface, such as \"eth0\", found \"a/b\"\n"
	    "f:4: interfaces: expected the name or an address of a network "
	    "interface, such as \"eth0\", found \"\"\n" },
	{ "[http]\ninterfaces = [\"10.0.0.1:80\",\n\"[::]:80\",\n"
	  "\"[::\",\n\"[::1]x]\"]\n",
	    "f:2: interfaces: expected the name or an address of a network "
	    "interface, such as \"eth0\", found \"10.0.0.1:80\"\n"
	    "f:3: interfaces: expected the name or an address of a network "
	    "interface, such as \"eth0\", found \"[::]:80\"\n"
	    "f:4: interfaces: expected the name or an address of a network "
	    "interface, such as \"eth0\", found \"[::\"\n"
	    "f:5: interfaces: expected the name or an address of a network "
	    "interface, such as \"eth0\", found \"[::1]x]\"\n" },
	{ "[cluster]\nbootstrap_peers = [\"/dns/a/tcp/1\"]\n",
	    "f:2: bootstrap_peers: expected a multiaddr with a peer id, such "
	    "as \"/dns/alpha.example/tcp/7946/p2p/12D3KooW...\", found "
	    "\"/dns/a/tcp/1\"\n" },
	{ "[cluster]\nadvertise = [\"a:1\"]\n",
	    "f:2: advertise: expected a multiaddr such as "
	    "\"/ip4/192.0.2.1/tcp/7946\", found \"a:1\"\n" },
	{ "[cluster]\nallowed_peers = [\"Qm\"]\n",
	    "f:2: allowed_peers: expected a peer id such as \"12D3KooW...\", "
	    "found \"Qm\"\n" },
	/* sections and keys */
	{ "[clutser]\nport = 1\n",
	    "f:1: unknown section [clutser]: did you mean [cluster]?\n" },
	{ "[cluster]\nporrt = 1\n",
	    "f:2: unknown key \"porrt\" in [cluster]: did you mean port?\n" },
	{ "[cluster]\nread = \"all\"\n",
	    "f:2: unknown key \"read\" in [cluster]: did you mean read, under "
	    "[http]?\n" },
	{ "[http]\nlog_level = \"info\"\n",
	    "f:2: unknown key \"log_level\" in [http]: did you mean "
	    "log_level, above the first section?\n" },
	{ "[http]\nxyzzy = 1\n",
	    "f:2: unknown key \"xyzzy\" in [http]: expected one of port, "
	    "interface, interfaces, read\n" },
	{ "port = 1\n",
	    "f:1: unknown key \"port\" above the first section: did you mean "
	    "port, under [cluster]?\n" },
	{ "[http]\nport = 1\nport = 2\n",
	    "f:3: port occurs twice, first on line 2: remove one\n" },
	{ "[http]\n[cluster]\n[http]\n",
	    "f:3: section [http] occurs twice, first on line 1: merge "
	    "them\n" },
	{ "[http]\ninterfaces = [\"a\"]\ninterface = \"a\"\n",
	    "f:3: both interface and interfaces in [http]: expected one of "
	    "them, the other is on line 2\n" },
	{ "[http]\nport = 7946\n",
	    "f:2: port: expected different ports for [cluster] and [http], "
	    "both are 7946\n" },
	{ "[limits]\nmax_file_size = \"11G\"\n",
	    "f:2: max_file_size: expected at most max_total_size\n" },
	/* what else TOML has */
	{ "cluster.port = 1\n",
	    "f:1: dots are only allowed in quotes: write \"config.json\" for "
	    "a name, [section] for a section\n" },
	{ "[a.b]\nport = 1\n",
	    "f:1: dots are only allowed in quotes: write \"config.json\" for "
	    "a name, [section] for a section\n" },
	{ "[[http]]\nport = 1\n",
	    "f:1: arrays of tables ([[...]]) are not supported\n" },
	{ "http = { port = 1 }\n",
	    "f:1: inline tables are not supported: write a [section]\n" },
	{ "group = \"\"\"\nx\"\"\"\n",
	    "f:1: strings over several lines (\"\"\") are not supported\n"
	    "f:2: expected = after the key, found '\"'\n" },
	{ "[cluster]\ninterfaces = [1]\n",
	    "f:2: expected a string or ] in the array, found '1'\n" },
	/* syntax */
	{ "group = \"x\n",
	    "f:1: the string is not closed: expected \" before the end of "
	    "the line\n" },
	{ "group = 'x",
	    "f:1: the string is not closed: expected ' before the end of "
	    "the line\n" },
	{ "group = \"\\q\"\n",
	    "f:1: unknown escape: write \\\\ for a backslash, or use 'single "
	    "quotes'\n" },
	{ "group = \"\\ud800\"\n", "f:1: not a Unicode character\n" },
	{ "group = \"\\u00\"\n", "f:1: expected 4 hexadecimal digits\n" },
	{ "group = \"a\\nb\"\n",
	    "f:1: control characters are not allowed: there is a line feed "
	    "(\\n) inside the string\n" },
	{ "[network]\nkey = \"P6AE\\t0lukf9\"\n",
	    "f:2: control characters are not allowed: there is a tab (\\t) "
	    "inside the string\n" },
	{ "[files]\n\"a\\n\" = []\n",
	    "f:2: control characters are not allowed: there is a line feed "
	    "(\\n) inside the string\n" },
	{ "group = \"\\b\"\n",
	    "f:1: control characters are not allowed\n" },
	{ "group = \"\\u0000\"\n",
	    "f:1: control characters are not allowed\n" },
	{ "# \x01\n", "f:1: control character \\x01\n" },
	{ "#\n# \xff\n", "f:2: not UTF-8: save the file as UTF-8\n" },
	{ "# \xc0\x80\n", "f:1: not UTF-8: save the file as UTF-8\n" },
	{ "group = \"x\" y\n",
	    "f:1: expected the end of the line, found 'y'\n" },
	{ "group\n",
	    "f:1: expected = after the key, found the end of the line\n" },
	{ "group =",
	    "f:1: expected a value (\"text\", a number, true, false or "
	    "[\"an\", \"array\"]), found the end of the file\n" },
	{ "= 1\n",
	    "f:1: expected a key or a [section], found '='\n" },
	{ "[http\nport = 1\n",
	    "f:1: expected ] after the section's name, found the end of the "
	    "line\n" },
	/* one mistake in an array is one message, and the rest is read */
	{ "[cluster]\ninterfaces = [\n  \"a\"\n  \"b\",\n  \"c\"\n]\nport = "
	  "0\n",
	    "f:4: expected , or ] in the array, found '\"'\n"
	    "f:7: port: expected an integer from 1 to 65535, found 0\n" },
	{ "[files]\n\"a\" = [" KEY "\n\"b\" = [" KEY "]\n\".c\" = []\n",
	    "f:3: expected , or ] in the array, found '\"'\n"
	    "f:4: \".c\": " NAME_EXPECTED "\n" },
	/* [files] */
	{ "[files]\nconfig.json = [" KEY "]\n",
	    "f:2: dots are only allowed in quotes: write \"config.json\" for "
	    "a name, [section] for a section\n" },
	{ "[files]\n\"../x\" = [" KEY "]\n",
	    "f:2: \"../x\": " NAME_EXPECTED "\n" },
	{ "[files]\n\"\" = [" KEY "]\n", "f:2: \"\": " NAME_EXPECTED "\n" },
	{ "[files]\n\"x\" = " KEY "\n", "f:2: \"x\": " SIGNERS_EXPECTED "\n" },
	{ "[files]\n\"x\" = [\n" KEY ",\n"
	  "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"\n]\n",
	    "f:4: \"x\": \"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\" "
	    "is not a usable ed25519 key: no point of the curve, or one for "
	    "which anybody can forge signatures\n" },
	{ "[files]\n\"x\" = [\"ssh-rsa AAAAB3NzaC1yc2E=\"]\n",
	    "f:2: \"x\": \"ssh-rsa AAAAB3NzaC1yc2E=\" is not an ed25519 key: "
	    "make one with dmctl generate keypair or ssh-keygen -t "
	    "ed25519\n" },
	{ "[files]\n\"x\" = []\n\"y\" = []\nx = []\n",
	    "f:4: \"x\" occurs twice, first on line 2: remove one\n" },
	{ "[files]\n\"x/y\" = []\n\"x-y\" = []\nx = []\n",
	    "f:4: \"x\" clashes with \"x/y\" on line 2: one needs a directory "
	    "where the other may have a file; rename one\n" },
	{ "[files]\n\"x/*\" = []\n\"x/y\" = []\n\"x/y/z\" = []\n"
	  "\"x/a/*\" = []\n\"x/a/b\" = []\n",
	    "f:4: \"x/y/z\" clashes with \"x/y\" on line 3: one needs a "
	    "directory where the other may have a file; rename one\n"
	    "f:5: \"x/a/*\" clashes with \"x/*\" on line 2: one needs a "
	    "directory where the other may have a file; rename one\n"
	    "f:6: \"x/a/b\" clashes with \"x/*\" on line 2: one needs a "
	    "directory where the other may have a file; rename one\n" },
    /* clang-format on */
};

static void
test_bad(void **state)
{
	char said[4096];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config_errors errors;
		struct config *c;
		size_t len = 0;

		assert_int_equal(config_parse("f", bad[i].text,
				     strlen(bad[i].text), &checks, &c, &errors),
		    -1);
		assert_null(c);
		for (size_t k = 0; k < errors.n; k++)
			len += (size_t)snprintf(said + len, sizeof(said) - len,
			    "%s\n", errors.text[k]);
		config_errors_clear(&errors);
		assert_string_equal(said, bad[i].errors);
	}
}

/* Bytes of the file cannot reach the terminal as they are. */
static void
test_escaped(void **state)
{
	static const char text[] = "caf\xc3\xa9 = 1\n\"caf\xc3\xa9\" = 1\n";
	struct config_errors errors;
	struct config *c;

	assert_int_equal(
	    config_parse("f", text, strlen(text), NULL, &c, &errors), -1);
	assert_int_equal(errors.n, 2);
	assert_string_equal(errors.text[0],
	    "f:1: expected = after the key, found a character outside "
	    "ASCII");
	assert_non_null(strstr(errors.text[1], "\"caf\\xc3\\xa9\""));
	config_errors_clear(&errors);
}

static void
test_file_errors(void **state)
{
	struct config_errors errors;
	struct config *c;

	assert_int_equal(
	    config_load("/nonexistent/dm.toml", NULL, &c, &errors), -1);
	assert_string_equal(errors.text[0],
	    "/nonexistent/dm.toml: cannot be read: No such file or "
	    "directory");
	config_errors_clear(&errors);
	assert_int_equal(config_load("/", NULL, &c, &errors), -1);
	assert_string_equal(
	    errors.text[0], "/: cannot be read: Is a directory");
	config_errors_clear(&errors);
	assert_int_equal(config_load("/dev/zero", NULL, &c, &errors), -1);
	assert_string_equal(errors.text[0],
	    "/dev/zero: larger than 16777216 bytes: shorten it");
	config_errors_clear(&errors);
}

static void
test_many_errors(void **state)
{
	struct config_errors errors;
	struct config *c;
	char text[4 * 300];

	for (size_t i = 0; i < 300; i++)
		memcpy(text + 4 * i, "x=1\n", 4);
	assert_int_equal(
	    config_parse("f", text, sizeof(text), NULL, &c, &errors), -1);
	assert_int_equal(errors.n, CONFIG_ERRORS_MAX);
	assert_true(errors.more);
	config_errors_clear(&errors);
}

static void
test_change(void **state)
{
	struct config *a = parse("[files]\na=[" KEY "]\nb=[" KEY "]\nc=[]\n");
	struct config *b = parse("log_level = \"warn\"\n"
				 "[cluster]\ninterface = \"eth0\"\n"
				 "[limits]\nmax_files = 1\n"
				 "[files]\nb=[" KEY2 "]\nc=[]\nd=[]\ne=[]\n");
	struct config *d = parse("[files]\na=[" KEY "]\nb=[" KEY "]\n");
	char text[256], small[12];
	const char *what = "";

	assert_string_equal(config_describe_change(a, b, text, sizeof(text)),
	    "log_level, [cluster] interfaces, [limits] max_files; [files]: 2 "
	    "added, 1 removed, 1 with other signers");
	assert_string_equal(config_describe_change(a, d, text, sizeof(text)),
	    "[files]: 0 added, 1 removed, 0 with other signers");
	assert_string_equal(
	    config_describe_change(a, b, small, sizeof(small)), "log_level, ");
	assert_false(config_needs_restart(a, b, &what));
	config_free(b);
	b = parse("state_dir = \"/x\"\n");
	assert_true(config_needs_restart(a, b, &what));
	assert_string_equal(what, "state_dir");
	config_free(b);
	b = parse("[cluster]\nidentity_key = \"/x\"\n");
	assert_true(config_needs_restart(a, b, &what));
	assert_string_equal(what, "identity_key");
	config_free(a);
	config_free(b);
	config_free(d);
}

/* As many names as are allowed, in no time. */
static void
test_large(void **state)
{
	char *text = malloc(16 << 20);
	size_t len = (size_t)sprintf(text, "[files]\n");
	struct config_errors errors;
	struct config *c;

	for (size_t i = 0; i < CONFIG_NAMES_MAX; i++)
		len += (size_t)sprintf(
		    text + len, "\"d%zu/%zu\" = [" KEY "]\n", i % 1000, i);
	assert_int_equal(config_parse("f", text, len, NULL, &c, &errors), 0);
	assert_int_equal(c->nfiles, CONFIG_NAMES_MAX);
	assert_non_null(config_find(c, "d999/99999"));
	config_free(c);
	len += (size_t)sprintf(text + len, "z = []\n");
	assert_int_equal(config_parse("f", text, len, NULL, &c, &errors), -1);
	assert_string_equal(errors.text[0],
	    "f:100002: expected at most 100000 names under [files]");
	config_errors_clear(&errors);
	free(text);
}

/* The rows, as the manual is checked against them. */
static void
test_rows(void **state)
{
	struct config_option o;
	size_t n = 0, restart = 0;

	for (; config_option(n, &o); n++) {
		assert_non_null(o.section);
		assert_non_null(o.key);
		assert_true(*o.type != '\0');
		assert_non_null(o.default_value);
		restart += o.restart;
		if (strcmp(o.key, "identity_key") == 0)
			assert_string_equal(
			    o.default_value, "\"STATE_DIR/identity.key\"");
	}
	assert_int_equal(restart, 7);
	assert_string_equal(o.section, "files");
	assert_false(config_option(n + 1, &o));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_example),
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_writers),
	    cmocka_unit_test(test_blanks_around_a_value),
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_escaped),
	    cmocka_unit_test(test_file_errors),
	    cmocka_unit_test(test_many_errors),
	    cmocka_unit_test(test_change),
	    cmocka_unit_test(test_large),
	    cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
