/* SPDX-License-Identifier: ISC */
/* Prints the text of --help, made from the tables of commands and options. */
#ifndef DMCTL_HELP_H
#define DMCTL_HELP_H

#include <stddef.h>
#include <stdio.h>

#include "dmctl/command.h"

/* All commands whose words start with prefix ("" for all). */
void help_list(FILE *, const char *program, const struct command *, size_t n,
    const char *prefix);

/* One command: usage, options, example. */
void help_command(FILE *, const char *program, const struct command *);

#endif
