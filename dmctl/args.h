/* SPDX-License-Identifier: ISC */
/*
 * The command line: one table of all options, one struct with the given values.
 * Options and operands may come in any order, options before the command's name
 * too. Owns the names of options; the table of commands in main.c says which
 * command takes which. Pure: it prints nothing and never exits.
 */
#ifndef DMCTL_ARGS_H
#define DMCTL_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARGS_OPERANDS_MAX 4096
#define ARGS_ERROR_MAX 256

/* Bits of args.given and command.options. */
enum {
	ARG_SOCKET = 1 << 0,
	ARG_CONFIG = 1 << 1,
	ARG_JSON = 1 << 2,
	ARG_NO_HEADER = 1 << 3,
	ARG_HELP = 1 << 4,
	ARG_KEY = 1 << 5,
	ARG_AGENT = 1 << 6,
	ARG_URL = 1 << 7,
	ARG_NAME = 1 << 8,
	ARG_VALID_FOR = 1 << 9,
	ARG_NETWORK = 1 << 10,
	ARG_TIMEOUT = 1 << 11,
	ARG_OUTPUT = 1 << 12,
	ARG_FORCE = 1 << 13,
	ARG_ROTATE = 1 << 14,
	ARG_BUNDLE = 1 << 15,
	ARG_VERSION = 1 << 16,
	ARG_WHICH = 1 << 17, /* --version with a value */
	ARG_SHA256 = 1 << 18,
	ARG_ALWAYS = ARG_SOCKET | ARG_CONFIG | ARG_JSON | ARG_NO_HEADER |
		     ARG_HELP | ARG_VERSION,
};

struct args {
	uint32_t given; /* bits of the options that were given */
	const char *socket;
	const char *config;
	const char *key;
	const char *url;
	const char *name;
	const char *network;
	const char *output;
	const char *which;
	const char *sha256;
	uint64_t valid_for_ns;
	uint64_t timeout_ns; /* default 30 s */
	/* The deadline that --timeout sets for the whole command, 0: none. Set
	 * by main(). */
	uint64_t deadline_mono_ns;
	char *operands[ARGS_OPERANDS_MAX + 1]; /* NULL after the last */
	size_t n_operands;
};

/*
 * Reads argv[1] to argv[argc - 1], borrowing. False with a sentence in error
 * if an option is unknown, lacks its value or has a bad one.
 */
bool args_parse(
    int argc, char **argv, struct args *, char error[static ARGS_ERROR_MAX]);

/* One option as its help shows it. */
struct args_option {
	uint32_t bit;
	char short_name; /* 0: none */
	const char *long_name;
	const char *value; /* "FILE"; NULL for a flag */
	const char *help;
};

/* Row i, false after the last. Two rows may have the same bit: --key-path is
 * another spelling of --key. */
bool args_option(size_t i, struct args_option *);

/* "--key" for its bit. */
const char *args_name(uint32_t bit);

#endif
