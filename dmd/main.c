/* SPDX-License-Identifier: ISC */
/*
 * dmd, the privileged parent: dmd(8). Binds sockets, holds the identity key,
 * starts and watches dm-net, dm-store and the resolver, and reads not one byte
 * from the network.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/event_log.h"
#include "common/log.h"
#include "common/log_out.h"
#include "common/signals.h"
#include "dmd/background.h"
#include "dmd/config_file.h"
#include "dmd/daemon.h"
#include "dmd/faults.h"
#include "dmd/repair.h"
#include "dmd/resolver.h"

/* All errors, each as file:line: message. NULL if there are any. */
static struct config *
config_read(const char *path)
{
	struct config_errors errors;
	struct config *config = NULL;

	if (config_file_load(path, &config, &errors) == -1) {
		for (size_t i = 0; i < errors.n; i++)
			fprintf(stderr, "%s\n", errors.text[i]);
		if (errors.more)
			fprintf(stderr,
			    "%s: more errors follow, correct these first\n",
			    path);
	}
	config_errors_clear(&errors);
	return config;
}

/* A missing state_dir is no fault: the first start makes it. */
static int
check_state(const struct config *config)
{
	struct users users;
	struct stat st;
	int code, rc = stat(config->state_dir, &st);

	if (rc == -1 && errno == ENOENT)
		return 0;
	if (geteuid() != 0 && (rc == -1 || st.st_uid != geteuid())) {
		log_warn(
		    "%s is not checked: run dmd -n as root or as its owner",
		    config->state_dir);
		return 0;
	}
	code = users_find(config, &users);
	return code != 0 ? code : faults_of_all(config, &users);
}

static int
check(const struct options *options, const struct config *config)
{
	char doubt[CONFIG_FILE_DOUBT_MAX];

	if (config_file_doubt(options->config_path, doubt) != NULL)
		fprintf(stderr, "warning: %s\n", doubt);
	fprintf(stderr, "%s: configuration OK\n", options->config_path);
	return check_state(config);
}

static int
serve(const struct options *options, struct config *config)
{
	struct dmd *d = xcalloc(1, sizeof(*d));
	int background_fd = -1, code;

	log_out_own();
	event_log_begin();
	d->background_fd = d->prepared.lock_fd = d->notify.fd = -1;
	if (!options->is_foreground)
		background_fd = background_start();
	log_set_level(options->is_verbose ? LOG_L_DEBUG : config->log_level);
	/* files for other users get their mode explicitly */
	umask(077);
	config_file_log_doubt(options->config_path);
	if (chdir("/") == -1)
		log_warn("cannot leave the current directory");
	code = daemon_open(d, options, config, background_fd);
	if (code == 0)
		code = daemon_run(d);
	else if (code == EX_TEMPFAIL && signals_end_is_asked())
		code = 0; /* it was told to stop while it waited for a port */
	daemon_close(d);
	free(d);
	return code;
}

int
main(int argc, char **argv)
{
	struct options options;
	struct config *config;
	int code;

	if (argc == 2 && strcmp(argv[1], "--role=resolver") == 0)
		return resolver_main();
	signals_hold();
	background_fill();
	/* a configuration of OpenSSL's own could load code */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		fatal("OpenSSL does not start");
	log_init("dmd");
	options_parse(argc, argv, &options);
	if (options.is_check || options.is_repair) {
		signals_default();
		log_set_style(LOG_STYLE_PLAIN);
	}
	config = config_read(options.config_path);
	if (config == NULL) {
		code = EX_CONFIG;
	} else if (options.is_check) {
		code = check(&options, config);
		config_free(config);
	} else if (options.is_repair) {
		code = repair(config);
		config_free(config);
	} else {
		code = serve(&options, config);
	}
	free(options.config_path);
	return code;
}
