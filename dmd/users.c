/* SPDX-License-Identifier: ISC */
#include "dmd/users.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/log.h"

static int
user_find(const char *name, const char *key, struct user *out)
{
	struct passwd *pw;

	errno = 0;
	pw = getpwnam(name);
	if (pw == NULL && (errno == 0 || errno == ENOENT)) {
		log_error("user %s (%s in dm.toml) does not exist: run "
			  "systemd-sysusers, or useradd --system "
			  "--no-create-home --shell /usr/sbin/nologin %s",
		    name, key, name);
		return EX_NOUSER;
	}
	if (pw == NULL) {
		log_error("cannot look up user %s: %s", name, strerror(errno));
		return EX_OSERR;
	}
	if (pw->pw_uid == 0 || pw->pw_gid == 0) {
		log_error("user %s (%s in dm.toml) is root or in its group: "
			  "name one without rights",
		    name, key);
		return EX_CONFIG;
	}
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	return 0;
}

static int
group_find(const char *name, gid_t *out)
{
	struct group *gr;

	errno = 0;
	gr = getgrnam(name);
	if (gr == NULL && (errno == 0 || errno == ENOENT)) {
		log_error("group %s (group in dm.toml) does not exist: run "
			  "systemd-sysusers, or groupadd --system %s",
		    name, name);
		return EX_NOUSER;
	}
	if (gr == NULL) {
		log_error("cannot look up group %s: %s", name, strerror(errno));
		return EX_OSERR;
	}
	if (gr->gr_gid == 0) {
		log_error("group %s (group in dm.toml) is root's: name another",
		    name);
		return EX_CONFIG;
	}
	*out = gr->gr_gid;
	return 0;
}

/* What separates the processes is worth nothing if they share a user. */
static int
users_differ(const struct users *u)
{
	if (u->net.uid != u->store.uid && u->net.uid != u->resolver.uid &&
	    u->store.uid != u->resolver.uid)
		return 0;
	log_error("net_user, store_user and resolver_user in dm.toml must be "
		  "three different users");
	return EX_CONFIG;
}

int
users_find(const struct config *config, struct users *out)
{
	int codes[4], first = 0;

	memset(out, 0, sizeof(*out));
	out->as_root = geteuid() == 0;
	out->own_uid = geteuid();
	if (!out->as_root) {
		out->group = getegid();
		out->net = out->store = out->resolver =
		    (struct user){geteuid(), getegid()};
		return 0;
	}
	codes[0] = user_find(config->net_user, "net_user", &out->net);
	codes[1] = user_find(config->store_user, "store_user", &out->store);
	codes[2] =
	    user_find(config->resolver_user, "resolver_user", &out->resolver);
	codes[3] = group_find(config->group, &out->group);
	for (size_t i = 0; i < 4 && first == 0; i++)
		first = codes[i];
	if (first != 0)
		return first;
	out->store.gid = out->group;
	return users_differ(out);
}
