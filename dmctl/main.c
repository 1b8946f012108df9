/* SPDX-License-Identifier: ISC */
/*
 * dmctl, also called data-mesher: makes keys, uploads signed files and asks a
 * running dmd. The table of commands is main.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/signals.h"
#include "common/version.h"
#include "dmctl/args.h"
#include "dmctl/command.h"
#include "dmctl/help.h"
#include "dmctl/time_text.h"

#define ANY ARGS_OPERANDS_MAX
#define SIGNING (ARG_KEY | ARG_AGENT | ARG_NETWORK)
#define SENDING (ARG_URL | ARG_TIMEOUT)

/* clang-format off */
static const struct command commands[] = {
{ "generate keypair", "", "make ./key.pub and ./key.priv",
    "generate keypair",
    ARG_FORCE, 0, 0, command_generate_keypair },
{ "upload", "FILE...", "sign files and upload them",
    "upload config.json --key key.priv --url http://localhost:7331",
    SIGNING | SENDING | ARG_NAME | ARG_VALID_FOR, 1, ANY, command_upload },
{ "delete", "NAME...", "sign that files are deleted",
    "delete config.json --key key.priv",
    SIGNING | SENDING, 1, ANY, command_delete },
{ "list", "[PREFIX]", "list the files that this node holds",
    "list sites/", ARG_TIMEOUT, 0, 1, command_list },
{ "why", "NAME", "say why a file, or a version of it, is not here",
    "why config.json", ARG_TIMEOUT, 1, 1, command_why },
{ "rejects", "", "list versions refused, or lost to another signer",
    "rejects", ARG_TIMEOUT, 0, 0, command_rejects },
{ "show", "NAME", "show a file, and the versions that lost to it",
    "show config.json", ARG_TIMEOUT, 1, 1, command_show },
{ "get", "NAME", "write a file's content to stdout or to a file",
    "get config.json -o config.json",
    ARG_URL | ARG_OUTPUT | ARG_WHICH | ARG_TIMEOUT, 1, 1, command_get },
{ "wait", "NAME", "wait until a file, or this version of it, is here",
    "wait config.json --sha256 \"$(sha256sum <config.json | cut -c1-64)\"",
    ARG_SHA256 | ARG_TIMEOUT, 1, 1, command_wait },
{ "verify", "NAME", "check the signature of a node's copy of a file",
    "verify config.json --key key.pub",
    ARG_KEY | ARG_URL | ARG_NETWORK | ARG_BUNDLE | ARG_TIMEOUT, 1, 1,
    command_verify },
{ "peers", "", "list the peers of this node",
    "peers", ARG_TIMEOUT, 0, 0, command_peers },
{ "status", "", "show the state; exit code 0 ok, 1 degraded, 2 broken",
    "status", 0, 0, 0, command_status },
{ "id", "", "show this node's peer id and addresses",
    "id --json", ARG_ROTATE | ARG_TIMEOUT, 0, 0, command_id },
{ "sign", "FILE", "sign a file into another one, to be submitted later",
    "sign config.json --key key.priv --network - -o config.signed",
    SIGNING | ARG_NAME | ARG_VALID_FOR | ARG_OUTPUT | ARG_FORCE | ARG_TIMEOUT,
    1, 1,
    command_sign },
{ "submit", "FILE...", "upload files that sign has made",
    "submit config.signed --url http://localhost:7331",
    SENDING, 1, ANY, command_submit },
{ "reload", "", "read dm.toml again",
    "reload", ARG_TIMEOUT, 0, 0, command_reload },
{ "log", "LEVEL", "set the log level until a restart",
    "log debug", ARG_TIMEOUT, 1, 1, command_log },
{ "fsck", "", "compare all files with their signed hashes now",
    "fsck", 0, 0, 0, command_fsck },
{ "forget", "NAME", "drop this node's records of a file; peers keep theirs",
    "forget config.json", ARG_TIMEOUT, 1, 1, command_forget },
{ "stop", "", "stop the daemon",
    "stop", ARG_TIMEOUT, 0, 0, command_stop },
{ "server", "", "start the daemon in place of dmctl, as dmd -d -f FILE",
    "server -f dm.toml", 0, 0, 0, command_server },
/* as the original spelt them */
{ "file update", "PATH", "the same as upload",
    "file update ./config.json --url http://localhost:7331 "
    "--key-path key.priv",
    SIGNING | SENDING | ARG_NAME | ARG_VALID_FOR, 1, 1, command_upload },
{ "file delete", "NAME", "the same as delete",
    "file delete config.json --url http://localhost:7331 "
    "--key-path key.priv",
    SIGNING | SENDING, 1, 1, command_delete },
};
/* clang-format on */
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* Takes the command's words off the operands. NULL if there is none. */
static const struct command *
command_take(struct args *args)
{
	char words[64];

	for (size_t n = args->n_operands < 2 ? args->n_operands : 2; n > 0;
	     n--) {
		snprintf(words, sizeof(words), n == 2 ? "%s %s" : "%s",
		    args->operands[0], n == 2 ? args->operands[1] : "");
		for (size_t i = 0; i < COMMANDS; i++) {
			if (strcmp(commands[i].words, words) != 0)
				continue;
			args->n_operands -= n;
			memmove(args->operands, args->operands + n,
			    (args->n_operands + 1) * sizeof(args->operands[0]));
			return &commands[i];
		}
	}
	return NULL;
}

/* "file" alone, nothing at all, or something else. */
static int
no_command(const char *program, const struct args *args)
{
	const char *word = args->n_operands > 0 ? args->operands[0] : "";
	bool is_help =
	    (args->given & ARG_HELP) != 0 || strcmp(word, "help") == 0;
	bool is_prefix = false;

	for (size_t i = 0; i < COMMANDS; i++)
		if (*word != '\0' &&
		    strncmp(commands[i].words, word, strlen(word)) == 0 &&
		    commands[i].words[strlen(word)] == ' ')
			is_prefix = true;
	if (*word != '\0' && !is_prefix && !is_help) {
		log_error("no command \"%.64s\": see %s --help", word, program);
		return EX_USAGE;
	}
	help_list(is_help ? stdout : stderr, program, commands, COMMANDS,
	    is_prefix ? word : "");
	return is_help ? EX_OK : EX_USAGE;
}

/* Refuses options and operands that the command does not take. */
static bool
command_judge(
    const char *program, const struct command *c, const struct args *args)
{
	uint32_t surplus = args->given & ~(c->options | ARG_ALWAYS);

	if (surplus != 0)
		log_error("%s takes no --%s: see %s %s --help", c->words,
		    args_name(surplus & -surplus), program, c->words);
	else if (args->n_operands < c->operands_min)
		log_error("%s needs %s: see %s %s --help", c->words,
		    c->operands, program, c->words);
	else if (args->n_operands > c->operands_max)
		log_error(
		    "%s: \"%.64s\" is one operand too many: see %s %s --help",
		    c->words, args->operands[c->operands_max], program,
		    c->words);
	else
		return true;
	return false;
}

static int
command_run(const char *program, const struct args *given)
{
	struct args args = *given;
	const struct command *c;

	if ((args.given & ARG_VERSION) != 0) {
		version_print(program);
		return EX_OK;
	}
	c = command_take(&args);
	if (c == NULL)
		return no_command(program, &args);
	if ((args.given & ARG_HELP) != 0) {
		help_command(stdout, program, c);
		return EX_OK;
	}
	if (!command_judge(program, c, &args))
		return EX_USAGE;
	if ((args.given & ARG_TIMEOUT) != 0 && args.timeout_ns != 0)
		args.deadline_mono_ns = clock_mono_ns() + args.timeout_ns;
	return c->run(&args);
}

/*
 * Opens /dev/null, in the wrong direction, for each standard descriptor that is
 * closed: else the next socket or file would be standard output.
 */
static void
take_standard_descriptors(void)
{
	static const int flags[] = {O_WRONLY, O_RDONLY, O_RDONLY};

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) == -1 &&
		    open("/dev/null", flags[fd]) != fd)
			_exit(EX_OSERR);
}

int
main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *program = argc == 0	      ? "dmctl"
			      : slash != NULL ? slash + 1
					      : argv[0];
	char error[ARGS_ERROR_MAX];
	static struct args args; /* large */
	int code;

	signals_command();
	take_standard_descriptors();
	log_init(program);
	log_set_style(LOG_STYLE_PLAIN);
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		fatal("OpenSSL does not start");
	if (!args_parse(argc, argv, &args, error)) {
		log_error("%s: see %s --help", error, program);
		return EX_USAGE;
	}
	code = command_run(program, &args);
	if (fflush(stdout) == EOF || ferror(stdout) != 0) {
		log_error("stdout cannot be written");
		return code != EX_OK ? code : EX_IOERR;
	}
	return code;
}
