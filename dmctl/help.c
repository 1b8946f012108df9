/* SPDX-License-Identifier: ISC */
#include "dmctl/help.h"

#include <string.h>

void
help_list(FILE *f, const char *program, const struct command *commands,
    size_t n, const char *prefix)
{
	char left[64];

	fprintf(f, "usage: %s COMMAND [OPTION...] [OPERAND...]\n\ncommands:\n",
	    program);
	for (size_t i = 0; i < n; i++) {
		const struct command *c = &commands[i];

		if (strncmp(c->words, prefix, strlen(prefix)) != 0)
			continue;
		snprintf(left, sizeof(left), "%s %s", c->words, c->operands);
		fprintf(f, "  %-24s %s\n", left, c->summary);
	}
	fprintf(f,
	    "\n%s COMMAND --help shows a command's options and an example.\n"
	    "example: %s status\n",
	    program, program);
}

static void
print_option(FILE *f, const struct args_option *o)
{
	char left[64], letter[5] = "    ";

	if (o->short_name != '\0')
		snprintf(letter, sizeof(letter), "-%c, ", o->short_name);
	snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->long_name,
	    o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
	fprintf(f, "  %-24s %s\n", left, o->help);
}

void
help_command(FILE *f, const char *program, const struct command *c)
{
	struct args_option o;

	fprintf(f, "usage: %s %s [OPTION...]%s%s\n\n%s\n\noptions:\n", program,
	    c->words, *c->operands != '\0' ? " " : "", c->operands, c->summary);
	for (size_t i = 0; args_option(i, &o); i++)
		if ((o.bit & (c->options | ARG_ALWAYS)) != 0)
			print_option(f, &o);
	fprintf(f, "\nexample: %s %s\n", program, c->example);
}
