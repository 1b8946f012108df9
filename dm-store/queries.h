/* SPDX-License-Identifier: ISC */
/*
 * The questions of dm-net that are answered at once: may this entry be stored,
 * open this file, the entry of a key, a page of the list, check what a peer
 * complains about. Only durable rows leave the process; only judge looks at the
 * open batch.
 */
#ifndef DM_STORE_QUERIES_H
#define DM_STORE_QUERIES_H

#include "dm-store/store.h"

void queries_judge(struct store *, const struct ipc_judge *);
void queries_open(struct store *, const struct ipc_open *);
void queries_read_entry(struct store *, const struct ipc_read_entry *);
void queries_list(struct store *, const struct ipc_list *);

/*
 * Opens the current content of a winner: OK with *fd, else why not. Content
 * that turns out to be missing is found out here and wanted from then on.
 */
enum verdict queries_content(struct store *, const uint8_t key[static 16],
    const struct winner *, int *fd);

/* The entry of a winner, durable; false if its record is damaged. */
bool queries_entry(struct store *, const struct winner *, struct entry *);

#endif
