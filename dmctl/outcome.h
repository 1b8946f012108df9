/* SPDX-License-Identifier: ISC */
/* What became of each version that upload, delete and submit delivered:
 * results on stdout, refusals on stderr. */
#ifndef DMCTL_OUTCOME_H
#define DMCTL_OUTCOME_H

#include "common/entry.h"
#include "dmctl/args.h"
#include "dmctl/deliver.h"

struct outcome;

struct outcome *outcome_new(const struct args *);
void outcome_add(
    struct outcome *, const struct entry *, const struct delivery *);

/* A failure before anything was delivered, already told. */
void outcome_fail(struct outcome *, int code);

/* Frees; the exit code of the first failure, else 0. */
int outcome_end(struct outcome *);

#endif
