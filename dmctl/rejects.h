/* SPDX-License-Identifier: ISC */
/* The table of refusals and conflicts, for rejects and why. */
#ifndef DMCTL_REJECTS_H
#define DMCTL_REJECTS_H

#include "common/control.h"
#include "dmctl/output.h"

struct output *rejects_output(const struct args *);
void rejects_row(struct output *, const struct row_reject *);

#endif
