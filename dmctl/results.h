/* SPDX-License-Identifier: ISC */
/* The result of each version that upload, delete and submit delivered: on
 * stdout, refusals on stderr. */
#ifndef DMCTL_RESULTS_H
#define DMCTL_RESULTS_H

#include "common/entry.h"
#include "dmctl/args.h"
#include "dmctl/deliver.h"

struct results;

struct results *results_new(const struct args *);
void results_add(
    struct results *, const struct entry *, const struct delivery *);

/* Adds a failure before the delivery, whose message was already written. */
void results_fail(struct results *, int code);

/* Frees; the exit code of the first failure, else 0. */
int results_end(struct results *);

#endif
