/* SPDX-License-Identifier: ISC */
/*
 * The commands of dmctl, one source each. Each takes the parsed command line,
 * prints results on stdout and messages through log.h on stderr, and returns
 * the exit code (sysexits(3)).
 */
#ifndef DMCTL_COMMAND_H
#define DMCTL_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "dmctl/args.h"

struct command {
	const char *words; /* "file update" */
	const char *operands;
	const char *summary;
	const char *example;
	uint32_t options; /* ARG_*, besides ARG_ALWAYS */
	size_t operands_min;
	size_t operands_max;
	int (*run)(const struct args *);
};

int command_generate_keypair(const struct args *);
int command_upload(const struct args *);
int command_delete(const struct args *);
int command_sign(const struct args *);
int command_submit(const struct args *);
int command_list(const struct args *);
int command_show(const struct args *);
int command_get(const struct args *);
int command_verify(const struct args *);
int command_peers(const struct args *);
int command_status(const struct args *);
int command_id(const struct args *);
int command_reload(const struct args *);
int command_log(const struct args *);
int command_stop(const struct args *);
int command_forget(const struct args *);
int command_rejects(const struct args *);
int command_why(const struct args *);
int command_wait(const struct args *);
int command_fsck(const struct args *);
int command_server(const struct args *);

#endif
