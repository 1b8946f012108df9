/* SPDX-License-Identifier: ISC */
#include "dmd/users.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sandbox/user_map.h"

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

/* Processes that share a user are not separated from each other. */
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

/* False, with a line, if this user namespace does not have the id. */
static bool
is_mapped(const struct user_map *map, unsigned long id, const char *what,
    const char *name)
{
	if (map->n == 0 || user_map_has(map, (uint32_t)id))
		return true;
	log_error("%s %s has the id %lu, which this user namespace does not "
		  "have (/proc/self/%cid_map): map it, as newuidmap(1) and the "
		  "options of a container do, name another in dm.toml, or run "
		  "dmd without root",
	    what, name, id, what[0]);
	return false;
}

/* No process can become a user that is not mapped, and no file can belong to
 * it. */
static int
users_mapped(const struct config *config, const struct users *u)
{
	const struct {
		const char *name;
		uid_t uid;
		gid_t gid;
	} all[] = {
	    {config->net_user, u->net.uid, u->net.gid},
	    {config->store_user, u->store.uid, u->group},
	    {config->resolver_user, u->resolver.uid, u->resolver.gid},
	};
	struct user_map uids, gids;
	bool ok = true;

	/* a map that cannot be read proves nothing */
	if (!user_map_read(USER_MAP_UIDS, &uids))
		uids.n = 0;
	if (!user_map_read(USER_MAP_GIDS, &gids))
		gids.n = 0;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!is_mapped(&uids, all[i].uid, "user", all[i].name))
			ok = false;
		if (all[i].gid != u->group &&
		    !is_mapped(&gids, all[i].gid, "group of", all[i].name))
			ok = false;
	}
	if (!is_mapped(&gids, u->group, "group", config->group))
		ok = false;
	return ok ? 0 : EX_NOUSER;
}

/* Everything is the caller's. */
static void
users_single(struct users *out)
{
	out->group = getegid();
	out->net = out->store = out->resolver =
	    (struct user){geteuid(), getegid()};
}

int
users_find(const struct config *config, struct users *out)
{
	int codes[4], first = 0;

	memset(out, 0, sizeof(*out));
	out->as_root = user_map_is_root();
	out->own_uid = geteuid();
	if (!out->as_root) {
		if (out->own_uid == 0)
			log_warn("root is the only user of this user namespace "
				 "(/proc/self/uid_map): all processes run as "
				 "it, as without root; to have them run as "
				 "users of their own, map more ids, or start "
				 "dmd outside");
		users_single(out);
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
	first = users_differ(out);
	return first != 0 ? first : users_mapped(config, out);
}
