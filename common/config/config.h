/* SPDX-License-Identifier: ISC */
/*
 * The configuration, dm.toml(5): read, checked and compared. Owns the table of
 * options, the only place that knows their names, bounds and defaults. It never
 * opens what the file names.
 */
#ifndef COMMON_CONFIG_CONFIG_H
#define COMMON_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"
#include "common/log.h"

/* Strings, terminated; each non-empty and without control characters. */
struct config_list {
	char **item; /* none twice */
	size_t n;
};

enum config_read { CONFIG_READ_NONE, CONFIG_READ_LOCAL, CONFIG_READ_ALL };

/* One line of [files]: a name or a pattern (name.h), and its signers. */
struct config_file {
	char *pattern;
	uint8_t (*signers)[32]; /* strong, no key twice, sorted */
	size_t n;		/* 0 to CONFIG_SIGNERS_MAX */
	unsigned line;		/* in dm.toml */
};

struct config {
	enum log_level log_level;
	char *state_dir;      /* absolute */
	char *control_socket; /* absolute, fits a sockaddr_un */
	char *net_user;
	char *store_user;
	char *resolver_user;
	char *group;
	struct {
		uint16_t port;
		struct config_list interfaces;	    /* names or addresses */
		struct config_list bootstrap_peers; /* multiaddrs with /p2p */
		uint64_t push_pull_interval_ns;
		char *identity_key; /* path; never NULL after loading */
		struct config_list allowed_peers; /* peer ids */
		struct config_list advertise;	  /* multiaddrs */
		uint32_t max_peers;
		bool perf;
	} cluster;
	struct {
		uint16_t port;
		struct config_list interfaces; /* besides loopback */
		enum config_read read;
	} http;
	bool has_network;
	uint8_t network[32];
	struct {
		uint64_t max_file_size; /* bytes */
		uint64_t max_clock_skew_ns;
		uint64_t max_total_size; /* bytes */
		uint64_t min_free;	 /* bytes */
		uint64_t max_files;
		uint64_t max_records_per_signer;
		uint64_t history_size; /* bytes */
		uint64_t history_versions;
	} limits;
	struct config_file *files; /* sorted by pattern, in name_order() */
	size_t nfiles;
};

/*
 * Checks of dm-net's libraries: whether a text is a multiaddr or a peer id.
 * NULL members check nothing (dmctl needs neither). Texts are terminated.
 */
struct config_checks {
	bool (*multiaddr_ok)(const char *text); /* tcp, with or without /p2p */
	bool (*dialable_ok)(const char *text);	/* tcp and ends in /p2p/ID */
	bool (*peer_id_ok)(const char *text);
	/* the error of a refused multiaddr, if one is known, such as "its peer
	 * id is missing"; else NULL */
	const char *(*multiaddr_why)(const char *text);
};

/*
 * The errors of a file, in the order of its lines: "file:line: message", where
 * the message names the expected value. Bytes of the file are escaped.
 */
struct config_errors {
	size_t n; /* texts, at most CONFIG_ERRORS_MAX */
	char *text[CONFIG_ERRORS_MAX];
	unsigned line[CONFIG_ERRORS_MAX]; /* 0: the file as a whole */
	bool more;			  /* there were more errors */
};

/*
 * Reads the file. 0 and *out, to be freed with config_free(); else -1 with at
 * least one error. errors need not be initialised; always clear it afterwards.
 */
int config_load(const char *path, const struct config_checks *,
    struct config **out, struct config_errors *errors);

/* The same from memory; path is only used in errors. Pure. */
int config_parse(const char *path, const char *text, size_t len,
    const struct config_checks *, struct config **out,
    struct config_errors *errors);

/* The configuration of an empty file, for dmctl without a file. */
struct config *config_default(void);

void config_free(struct config *);
void config_errors_clear(struct config_errors *);

/*
 * True if going from old to new needs a restart; *what is then the key of the
 * first such option ("state_dir"), a constant.
 */
bool config_needs_restart(
    const struct config *old, const struct config *new, const char **what);

/*
 * The changes, for the log: "log_level, [limits] max_files; [files]: 2 added, 1
 * removed, 3 with other signers", or "nothing changed". Terminated, cut to
 * size. Returns out.
 */
const char *config_describe_change(
    const struct config *old, const struct config *new, char *out, size_t size);

/*
 * The entry of [files] that governs a valid name: the exact one, else the
 * pattern; NULL if none does.
 */
const struct config_file *config_find(const struct config *, const char *name);

/* One row of the option table, as the manual shows it. */
struct config_option {
	const char *section;	   /* "" above the first section */
	const char *key;	   /* "*" for the names of [files] */
	const char *type;	   /* "string", "integer", "duration", ... */
	const char *default_value; /* as written in a file; "" for none */
	bool restart;		   /* a change needs a restart */
};

/* Row i of the table into *out; false after the last. */
bool config_option(size_t i, struct config_option *out);

#endif
