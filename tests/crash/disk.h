/* SPDX-License-Identifier: ISC */
/*
 * What a disk may hold after a power cut, from a record of calls. What a sync
 * has covered is there: a file's sync covers its content and size, not its
 * name; a directory's sync the names in it. Of everything else any part may
 * be there, in any order: a style says which. Only two things are taken for
 * granted: a rename is there or not, never half; and 512 bytes written at a
 * multiple of 512 are (LMDB's meta page relies on it).
 */
#ifndef TESTS_CRASH_DISK_H
#define TESTS_CRASH_DISK_H

#include "trace.h"

enum disk_style {
	DISK_NONE,   /* what was synced, and nothing else */
	DISK_ALL,    /* everything: as after a mere kill */
	DISK_NAMES,  /* names and sizes, the content zeros */
	DISK_EMPTY,  /* names, files at the size of their synced content */
	DISK_DATA,   /* content without names */
	DISK_NEWEST, /* the last call that was not synced, alone */
	DISK_OLDER,	 /* all but the last call that was not synced */
	DISK_JOURNAL, /* names in order up to a point; any content */
	DISK_RANDOM, /* any calls, in any blocks */
	DISK_STYLES
};

const char *disk_style_name(enum disk_style);

/* True if that style with any seed gives what a smaller one has given. */
bool disk_is_seeded(enum disk_style);

/*
 * Makes in the empty directory dir what may be there after the first cut
 * operations of the record.
 */
void disk_make(const struct trace *, uint32_t cut, enum disk_style,
    uint64_t seed, const char *dir);

#endif
