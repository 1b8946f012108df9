/* SPDX-License-Identifier: ISC */
/* The command line of dmd(8). */
#ifndef DMD_OPTIONS_H
#define DMD_OPTIONS_H

#include <stdbool.h>

struct options {
	bool is_foreground; /* -d */
	bool is_check;	    /* -n */
	bool is_verbose;    /* -v */
	bool is_repair;	    /* --repair */
	char *config_path;  /* absolute */
};

/*
 * Fills the options; or prints help, the version or an error and ends the
 * process (0 or EX_USAGE).
 */
void options_parse(int argc, char **argv, struct options *);

#endif
