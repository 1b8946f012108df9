/* SPDX-License-Identifier: ISC */
/* How much the loop may read and hash at once and not keep others waiting. */
#ifndef DMSTORE_READ_BUDGET_H
#define DMSTORE_READ_BUDGET_H

#include "dm-store/store.h"

/* Whether so many bytes may be read and hashed in this turn, and counts them:
 * one MiB in a tenth of a second, whoever asks. */
bool read_budget_take(struct store *, uint64_t bytes);

#endif
