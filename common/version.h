/* SPDX-License-Identifier: ISC */
/*
 * The text of --version: the program, and the libraries that run in it, which
 * may be newer than those that it was built with. A line each, on stdout. inih
 * and llhttp do not tell their versions; LMDB is known to the index alone.
 */
#ifndef COMMON_VERSION_H
#define COMMON_VERSION_H

#include <stdbool.h>

/* Whether --version is all that the command line says. */
bool version_is_asked(int argc, char **argv);

/* The program, and the libraries of every program. */
void version_print(const char *program);

#endif
