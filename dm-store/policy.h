/* SPDX-License-Identifier: ISC */
/*
 * The configuration of this node: names and patterns with their signers, the
 * network and the limits, as dmd sent them. Pure. It is built from the
 * configuration messages, and never changed once it is in force.
 */
#ifndef DMSTORE_POLICY_H
#define DMSTORE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/entry.h"
#include "common/ipc.h"

struct policy_file {
	char *pattern;
	uint8_t (*signers)[32];
	size_t n;
};

struct policy {
	uint64_t generation;
	bool has_network;
	uint8_t network[32];
	uint64_t max_file_size; /* bytes */
	uint64_t max_clock_skew_ns;
	uint64_t max_total_size; /* bytes */
	uint64_t min_free;	 /* bytes */
	uint64_t max_files;
	uint64_t max_records_per_signer;
	uint64_t history_size;	   /* bytes */
	uint64_t history_versions; /* of each name */
	struct policy_file *files; /* sorted by pattern once sealed */
	size_t n;
	size_t cap;
	uint8_t hash[32]; /* of names, signers and network: what decides who
			     wins */
};

/* From config_begin; NULL if a field is malformed. */
struct policy *policy_new(const struct ipc_config_begin *);
/* One config_name; false if it is malformed. */
bool policy_add(struct policy *, struct bytes pattern, struct bytes signers);
/* No more names: sorts and hashes. False if a pattern is there twice. */
bool policy_seal(struct policy *);
void policy_free(struct policy *); /* NULL is fine */

/* The line that governs a valid name: the exact one, else the pattern, else
 * NULL. */
const struct policy_file *policy_find(const struct policy *, const char *name);
bool policy_may_sign(
    const struct policy_file *, const uint8_t signer[static 32]);
bool policy_is_network(const struct policy *, const struct entry *);

/* All three: what this record may win under. */
bool policy_admits(const struct policy *, const struct entry *);

#endif
