/* SPDX-License-Identifier: ISC */
#include "dmd/config_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "dm-net/libp2p/multiaddr.h"

static bool
multiaddr_ok(const char *text)
{
	struct multiaddr addr;

	return multiaddr_parse_text(&addr, text, strlen(text)) ==
		   MULTIADDR_OK &&
	       multiaddr_is_dialable(&addr);
}

static bool
dialable_ok(const char *text)
{
	struct multiaddr addr;

	return multiaddr_parse_text(&addr, text, strlen(text)) ==
		   MULTIADDR_OK &&
	       addr.has_peer_id && multiaddr_is_dialable(&addr);
}

static const char *
multiaddr_why(const char *text)
{
	struct multiaddr addr;

	if (strstr(text, "/udp/") != NULL || strstr(text, "/ws") != NULL)
		return "only tcp is supported";
	if (multiaddr_parse_text(&addr, text, strlen(text)) != MULTIADDR_OK)
		return strstr(text, "/p2p/") == NULL ? NULL : "it is malformed";
	if (multiaddr_is_dialable(&addr))
		return addr.has_peer_id ? NULL : "its peer id is missing";
	if (addr.host == MULTIADDR_IP6 && addr.ip[0] == 0xfe)
		return "a link-local address needs its interface in front, as "
		       "/ip6zone/eth0";
	return "no peer can be reached at this address";
}

static bool
peer_id_ok(const char *text)
{
	struct peer_id id;

	return peer_id_parse(&id, text, strlen(text));
}

int
config_file_load(
    const char *path, struct config **out, struct config_errors *errors)
{
	const struct config_checks checks = {
	    multiaddr_ok, dialable_ok, peer_id_ok, multiaddr_why};

	return config_load(path, &checks, out, errors);
}

const char *
config_file_doubt(const char *path, char out[static CONFIG_FILE_DOUBT_MAX])
{
	struct stat st;

	if (stat(path, &st) == -1)
		return NULL;
	if ((st.st_mode & S_IWOTH) != 0)
		snprintf(out, CONFIG_FILE_DOUBT_MAX,
		    "every user can write %.300s, and can decide with it which "
		    "files this node accepts: chmod o-w it",
		    path);
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		snprintf(out, CONFIG_FILE_DOUBT_MAX,
		    "%.300s belongs to user %u, who can decide with it which "
		    "files this node accepts: chown it to root or to dmd's own "
		    "user",
		    path, (unsigned)st.st_uid);
	else
		return NULL;
	return out;
}

void
config_file_log_doubt(const char *path)
{
	char doubt[CONFIG_FILE_DOUBT_MAX];

	if (config_file_doubt(path, doubt) != NULL)
		log_warn("%s", doubt);
}
