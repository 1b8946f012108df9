/* SPDX-License-Identifier: ISC */
#include "dmctl/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "dmctl/time_text.h"

#define FIRST_NS NS_PER_S
#define EVERY_NS (200 * NS_PER_MS)

void
progress_init(struct progress *p, const char *what, uint64_t total)
{
	p->what = what;
	p->total = total;
	p->next_mono_ns = clock_mono_ns() + FIRST_NS;
	p->is_terminal = isatty(STDERR_FILENO) == 1;
	p->is_shown = false;
}

void
progress_show(struct progress *p, uint64_t done)
{
	if (!p->is_terminal || p->total == 0 ||
	    clock_mono_ns() < p->next_mono_ns)
		return;
	fprintf(stderr, "\r%s: %3u%% of %" PRIu64 " KiB\033[K", p->what,
	    (unsigned)(done * 100 / p->total), p->total / 1024);
	fflush(stderr);
	p->next_mono_ns = clock_mono_ns() + EVERY_NS;
	p->is_shown = true;
}

void
progress_end(struct progress *p)
{
	if (p->is_shown)
		fputs("\r\033[K", stderr);
	p->is_shown = false;
}
