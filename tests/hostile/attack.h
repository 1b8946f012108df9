/* SPDX-License-Identifier: ISC */
/*
 * The single wrong things that an attacker does, by subject. Each starts with a
 * connected socket; who runs it waits for the end.
 */
#ifndef TESTS_HOSTILE_ATTACK_H
#define TESTS_HOSTILE_ATTACK_H

#include "tests/hostile/attacker.h"

struct attack {
	const char *name;
	void (*run)(struct attacker *);
};

#define ATTACK(name)        \
	{                   \
#name, name \
	}

/* Each table ends with a name that is NULL. */
extern const struct attack attack_setup[];
extern const struct attack attack_yamux[];
extern const struct attack attack_hoard[];

/* NULL: there is none of that name. */
const struct attack *attack_find(const char *name);

/* Prints the names of all of them, one a line. */
void attack_list(void);

#endif
