/* SPDX-License-Identifier: ISC */
/*
 * The table of options: one row describes one key of dm.toml(5). The rest of
 * the program sees struct config only.
 */
#ifndef COMMON_CONFIG_CONFIG_OPTIONS_H
#define COMMON_CONFIG_CONFIG_OPTIONS_H

#include "common/config/config.h"
#include "common/config/toml_lex.h"

enum option_type {
	OPTION_LEVEL,	   /* enum log_level */
	OPTION_READ,	   /* enum config_read */
	OPTION_BOOL,	   /* bool */
	OPTION_INTEGER,	   /* uint16_t, uint32_t or uint64_t by size */
	OPTION_DURATION,   /* uint64_t, ns */
	OPTION_SIZE,	   /* uint64_t, bytes */
	OPTION_PATH,	   /* char *, absolute */
	OPTION_USER,	   /* char * */
	OPTION_KEY,	   /* struct config's network */
	OPTION_INTERFACE,  /* struct config_list, from one string */
	OPTION_INTERFACES, /* struct config_list */
	OPTION_DIALABLES,  /* the same: multiaddrs with a peer id */
	OPTION_MULTIADDRS,
	OPTION_PEER_IDS,
};

struct option {
	const char *section;
	const char *key;
	enum option_type type;
	bool restart;
	size_t offset; /* in struct config */
	size_t size;   /* of the field */
	uint64_t min;  /* of a number; unused for a list */
	uint64_t max;  /* of a number, a list's items or a path's bytes */
	const char *default_value; /* as in a file; NULL: none, or computed */
};

extern const struct option options[];
extern const size_t options_n;

/* The row, or NULL. */
const struct option *option_find(const char *section, const char *key);

/* Public keys by their text: many names have the same few signers. */
#define OPTION_KEYS 256
struct option_keys {
	const char *text[OPTION_KEYS];
	uint8_t key[OPTION_KEYS][32];
};

/*
 * Adds to the errors of a file, with the line of the error.
 */
struct option_context {
	const struct toml *toml;
	const struct config_checks *checks;
	struct option_keys *keys; /* for config_files_add() */
	void (*error)(void *ctx, unsigned line, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
	void *ctx;
};

/* Sets the option from a value. Reports errors; of a list it keeps the good
 * items. */
void option_set(const struct option *, struct config *,
    const struct option_context *, const struct toml_item *);

/* Sets every option that has a default to it. */
void options_set_defaults(struct config *);

/* Frees the values that the options own. */
void options_clear(struct config *);

bool option_is_equal(
    const struct option *, const struct config *, const struct config *);

/* Adds [files] "name" = [keys]; the list is sorted by config_files_finish(). */
void config_files_add(
    struct config *, const struct option_context *, const struct toml_item *);

/* Sorts the names; reports those that occur twice, or clash. */
void config_files_finish(struct config *, const struct option_context *);

void config_files_clear(struct config *);

#endif
