/* SPDX-License-Identifier: ISC */
/* dm.toml: the lexer, inih behind it, and the table of options. */
#include <stdlib.h>
#include <string.h>

#include "common/config/config.h"
#include "common/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* What the rest of the program may rely on. */
static void
check(const struct config *c)
{
	if (c->state_dir[0] != '/' || c->control_socket[0] != '/' ||
	    c->cluster.identity_key[0] != '/' || *c->group == '\0' ||
	    c->cluster.port == 0 || c->http.port == 0 ||
	    c->limits.max_clock_skew_ns > SKEW_NS_MAX ||
	    c->limits.max_file_size > c->limits.max_total_size)
		abort();
	for (size_t i = 0; i < c->nfiles; i++) {
		const char *pattern = c->files[i].pattern;

		if (!name_pattern_is_valid(pattern, strlen(pattern)) ||
		    c->files[i].n > CONFIG_SIGNERS_MAX)
			abort();
		if (config_find(c, pattern) != &c->files[i])
			abort();
		for (size_t k = 0; k < i && c->nfiles < 50; k++)
			if (name_patterns_clash(pattern, c->files[k].pattern))
				abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct config *c, *d;
	struct config_errors errors;
	const char *what;
	char text[100];

	if (config_parse("f", (const char *)data, len, NULL, &c, &errors) ==
	    0) {
		d = config_default();
		check(c);
		config_describe_change(c, d, text, sizeof(text));
		config_needs_restart(c, d, &what);
		config_free(d);
	} else if (errors.n == 0) {
		abort();
	}
	for (size_t i = 0; i < errors.n; i++)
		for (const char *p = errors.text[i]; *p != '\0'; p++)
			if (*p < ' ' || *p > '~')
				abort();
	config_errors_clear(&errors);
	config_free(c);
	return 0;
}
