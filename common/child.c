/* SPDX-License-Identifier: ISC */
#include "common/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/event_log.h"
#include "common/log.h"
#include "common/log_out.h"
#include "common/sandbox/privdrop.h"
#include "common/sandbox/sandbox.h"
#include "common/sha256.h"
#include "common/signals.h"
#include "common/sandbox/user_map.h"

static const char *const tags[ROLE_COUNT] = {
    "dmd", "dmd[net]", "dmd[store]", "dmd[resolver]"};

static void __attribute__((noreturn)) refuse(enum role role, const char *why)
{
	log_set_style(LOG_STYLE_PLAIN);
	log_error("only dmd starts %s (%s): start dmd", role_name(role), why);
	exit(EX_USAGE);
}

/* A number without sign or blanks; false if there is anything else. */
static bool
number_parse(const char *text, unsigned long max, unsigned long *out)
{
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoul(text, &end, 10);
	return errno == 0 && *end == '\0' && *out <= max;
}

/* A copy of a variable, NULL if absent: the environment is cleared. */
static const char *
keep_variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL ? xstrdup(value) : NULL;
}

/* DMD_LOG: "info journal". */
static bool
log_settings_read(void)
{
	const char *text = getenv("DMD_LOG"), *style;
	enum log_level level;
	char name[16];

	style = text != NULL ? strchr(text, ' ') : NULL;
	if (style == NULL || (size_t)(style - text) >= sizeof(name))
		return false;
	memcpy(name, text, (size_t)(style - text));
	name[style - text] = '\0';
	style++;
	if (!log_level_parse(name, &level))
		return false;
	if (strcmp(style, "journal") == 0)
		log_set_style(LOG_STYLE_PREFIX);
	else if (strcmp(style, "stderr") == 0 || strcmp(style, "syslog") == 0)
		log_set_style(LOG_STYLE_TIME);
	else
		return false;
	log_set_level(level);
	return true;
}

/* Root needs a user to become; another user cannot become one. */
static bool
user_read(struct child_settings *out)
{
	const char *uid_text = getenv("DMD_UID"), *gid_text = getenv("DMD_GID");
	unsigned long uid, gid;

	out->as_root = user_map_is_root();
	if (!out->as_root)
		return uid_text == NULL && gid_text == NULL &&
		       out->root_dir == NULL;
	if (!number_parse(uid_text, UINT_MAX - 1, &uid) ||
	    !number_parse(gid_text, UINT_MAX - 1, &gid) || uid == 0 || gid == 0)
		return false;
	out->uid = (uid_t)uid;
	out->gid = (gid_t)gid;
	return true;
}

static void
settings_read(enum role role, struct child_settings *out)
{
	unsigned long parent;

	memset(out, 0, sizeof(*out));
	if (!number_parse(getenv("DMD_PARENT"), INT_MAX, &parent) ||
	    (pid_t)parent != getppid())
		refuse(role, "DMD_PARENT is not its parent");
	out->parent = (pid_t)parent;
	out->root_dir = keep_variable("DMD_ROOT");
	out->state_dir = keep_variable("DMD_STATE_DIR");
	if (!user_read(out))
		refuse(role, "DMD_UID, DMD_GID and DMD_ROOT do not fit");
	if (role == ROLE_STORE && out->state_dir == NULL)
		refuse(role, "DMD_STATE_DIR is missing");
	if (!log_settings_read())
		refuse(role, "DMD_LOG is malformed");
	clearenv();
}

/* Linux before 5.9 has no close_range(2). */
static void
close_stray(void)
{
	long max;

	if (syscall(SYS_close_range, CHILD_FD + 1, ~0U, 0) == 0)
		return;
	max = sysconf(_SC_OPEN_MAX);
	for (int fd = CHILD_FD + 1; fd < (max > 0 ? max : 1024); fd++)
		close(fd);
}

/* 0 to 2 must be open, else a socket would become stderr. */
static void
descriptors_check(enum role role)
{
	int type;
	socklen_t len = sizeof(type);

	for (int fd = 0; fd < CHILD_FD; fd++)
		if (fcntl(fd, F_GETFD) == -1)
			refuse(role, "standard descriptors are closed");
	if (getsockopt(CHILD_FD, SOL_SOCKET, SO_TYPE, &type, &len) == -1 ||
	    type != SOCK_SEQPACKET ||
	    fcntl(CHILD_FD, F_SETFD, FD_CLOEXEC) == -1)
		refuse(role, "descriptor 3 is not a channel");
}

static int
bytes_compare(const void *a, const void *b)
{
	return *(const uint8_t *)a - *(const uint8_t *)b;
}

/*
 * Makes libraries do their one-time look-ups now: later the file or the system
 * call may be refused.
 */
static void
warm_up(enum role role)
{
	uint8_t bytes[4096], hash[32];

	if (OPENSSL_init_crypto(
		OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
		    OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS,
		NULL) != 1 ||
	    RAND_bytes(bytes, sizeof(bytes)) != 1)
		fatal("%s: OpenSSL does not start", role_name(role));
	sha256_hash(bytes, sizeof(bytes), hash);
	/* qsort(3) asks once how much memory there is */
	qsort(bytes, sizeof(bytes), 1, bytes_compare);
}

void
child_begin(enum role role, struct child_settings *out)
{
	signals_child();
	log_init(tags[role]);
	close_stray();
	settings_read(role, out);
	descriptors_check(role);
	log_out_own();
	event_log_begin();
	warm_up(role);
}

uint32_t
child_confine_begin(enum role role, const struct child_settings *settings,
    const int *dirs, size_t n)
{
	const struct privdrop drop = {
	    settings->root_dir, settings->uid, settings->gid, settings->parent};
	uint32_t layers = 0;

	if (privdrop(&drop, &layers) == -1)
		fatal("%s cannot give up its rights: %s", role_name(role),
		    strerror(errno));
	if (sandbox_paths(role, dirs, n, &layers) == -1)
		fatal("%s cannot enter its sandbox (Landlock): %s",
		    role_name(role), strerror(errno));
	return layers;
}

uint32_t
child_confine_end(
    enum role role, const struct child_settings *settings, uint32_t layers)
{
	uint32_t missing = (1u << SANDBOX_LAYERS) - 1;
	char text[256];

	if (sandbox_calls(role, &layers) == -1)
		fatal("%s cannot enter its sandbox (seccomp): %s",
		    role_name(role), strerror(errno));
	missing &= ~layers;
	if (!settings->as_root)
		missing &= ~(SANDBOX_USER | SANDBOX_CHROOT);
	if (settings->root_dir == NULL)
		missing &= ~SANDBOX_CHROOT;
	if (missing != 0) {
		sandbox_describe(missing, text, sizeof(text));
		log_warn("sandbox layers that this kernel lacks: %s (a newer "
			 "kernel has them)",
		    text);
	}
	return layers;
}

uint32_t
child_confine(enum role role, const struct child_settings *settings,
    const int *dirs, size_t n)
{
	return child_confine_end(
	    role, settings, child_confine_begin(role, settings, dirs, n));
}
