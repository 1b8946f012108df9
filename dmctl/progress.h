/* SPDX-License-Identifier: ISC */
/* A line on stderr that tells how far an upload is: on a terminal, and only
 * when it takes longer than a second. */
#ifndef DMCTL_PROGRESS_H
#define DMCTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what; /* borrowed, printable */
	uint64_t total;	  /* bytes */
	uint64_t next_mono_ns;
	bool is_terminal;
	bool is_shown;
};

void progress_init(struct progress *, const char *what, uint64_t total);
void progress_show(struct progress *, uint64_t done);

/* Wipes the line. */
void progress_end(struct progress *);

#endif
