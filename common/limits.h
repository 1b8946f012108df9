/* SPDX-License-Identifier: ISC */
/*
 * The sizes, counts and time-outs that bound the work and memory which
 * outsiders can cause, and that several sources or several processes share. A
 * bound of one source stands in that source or in its header. Units are last in
 * the names. An option of dm.toml(5) has its default in config_options.c, never
 * above a ceiling here.
 */
#ifndef COMMON_LIMITS_H
#define COMMON_LIMITS_H

#include <assert.h>

#include "common/clock.h"

/* clang-format off */

/* names and entries: dm.toml(5), "Names" */
#define NAME_LEN_MAX		255	/* bytes of a file name */
#define NAME_DEPTH_MAX		8	/* components of a file name */
#define ENTRY_SIZE_MAX		512	/* bytes of an encoded entry */
#define TEXT_LEN_MAX		512	/* bytes of the signed text */
#define SIGNED_AT_NS_MAX	(UINT64_C(1) << 62)
#define SKEW_NS_MAX		(UINT64_C(1) << 50)	/* about 13 days */

/* keys and signatures */
#define KEY_FILE_SIZE_MAX	16384	/* bytes of a key file */
#define SSHSIG_BLOB_MAX		1024	/* bytes of a decoded SSHSIG blob */

/* configuration */
#define CONFIG_SIZE_MAX		(16u << 20)	/* bytes of dm.toml */
#define CONFIG_ERRORS_MAX	100	/* reported before giving up */
#define CONFIG_SIGNERS_MAX	256	/* signers of one name */
#define CONFIG_NAMES_MAX	100000
#define CONFIG_PEERS_MAX	1024	/* bootstrap or allowed peers, each */
#define CONFIG_INTERFACES_MAX	32
#define CONFIG_ADVERTISE_MAX	16

/* between the processes */
#define IPC_MESSAGE_MAX		65536	/* bytes of one message */
#define IPC_CHUNK_MAX		49152	/* bytes of content in one message */
#define IPC_PUT_WINDOW		(256u << 10)	/* content credit of one put */
#define IPC_INDEX_ROW_SIZE	64	/* bytes of one index row */
#define IPC_INDEX_ROWS_MAX	768	/* rows in one message */
#define IPC_SUSPECT_WINDOW	16	/* suspects that wait for credit */
#define IPC_INDEX_WINDOW	8	/* index messages under way */
#define IPC_LIST_LIMIT_MAX	64	/* rows of one list request */
#define IPC_INLINE_MAX		2048	/* content that rides with an ENTRY */
#define IPC_PUTS_MAX		192	/* puts under way */
#define IPC_JUDGES_MAX		64	/* judgements under way */
#define IPC_OPENS_MAX		256	/* opens and reads under way */
#define IPC_TICKETS_MAX		1024
#define IPC_PEER_HINTS_MAX	256
#define IPC_SILENT_NS_MAX	(30 * NS_PER_S)

/* control socket: dmctl(8) */
#define CONTROL_HEADER_SIZE	8
#define CONTROL_REQUEST_MAX	16384	/* bytes, header included */
#define CONTROL_CLIENTS_MAX	64	/* per process */
#define CONTROL_CLIENTS_USER_MAX 32	/* of one user without privilege */
#define CONTROL_CLIENTS_SPARED	8	/* places only root and dmd's user get */
#define CONTROL_IDLE_NS_MAX	(10 * NS_PER_S)
#define CONTROL_SENTENCE_MAX	512	/* bytes of the last answer's text */

/* between the processes, dm-net's side */
#define STORE_LINK_QUEUE_MAX	1024	/* requests of a kind that wait */
#define STORE_ANSWER_S_MAX	60	/* for what needs no write */
#define NET_REFUSALS_MAX	32	/* told to dm-store in one second */
#define NET_REFUSALS_SOURCE_MAX	8	/* of these, of one source */

/* HTTP: dmd(8) */
#define HTTP_CONNECTIONS_MAX	512
#define HTTP_PER_ADDRESS_MAX	64	/* connections; /64 for IPv6 */
#define HTTP_HEAD_MAX		16384	/* bytes of a request's head */
#define HTTP_HEADERS_MAX	64	/* fields of a request's head */
#define HTTP_STREAMS_MAX	32	/* HTTP/2: streams of a connection */
#define HTTP_STREAM_WINDOW	65535	/* HTTP/2: bytes of a stream */
#define HTTP_CONNECTION_WINDOW	(256 << 10)	/* HTTP/2: bytes in all */
#define HTTP_PUTS_MAX		64	/* uploads; the rest is the mesh's */
#define HTTP_NO_SHA256_SIZE_MAX	(1 << 20)	/* bytes without X-Sha256 */
#define HTTP_NO_SHA256_PUTS_MAX	2	/* such uploads at once */
#define HTTP_FILES_MAX		256	/* files held open */
#define HTTP_FILES_SOURCE_MAX	64	/* of one address, once half are taken */
#define HTTP_HEAD_S_MAX		10	/* for the whole head */
#define HTTP_IDLE_S_MAX		60	/* between requests */
#define HTTP_STALL_S_MAX	30	/* a response without progress */
#define HTTP_BODY_WINDOW_S	10	/* over which a body's rate is taken */
#define HTTP_BODY_RATE_MIN	1024	/* bytes a second of an upload */
#define HTTP_MEMORY_MAX		(40u << 20) /* bytes of all connections */
#define HTTP_EVENTS_SUBSCRIBERS_MAX 32
#define HTTP_EVENTS_KEPT	256	/* events kept for Last-Event-ID */
#define HTTP_EVENTS_BACKLOG_MAX	(256 << 10)	/* bytes of a subscriber */
#define HTTP_EVENTS_SIGN_S	15	/* between signs of life */
#define HTTP_DRAIN_MAX		(1 << 20)	/* after an early refusal */
#define HTTP_DRAIN_S_MAX	2

/* clang-format on */

static_assert(IPC_CHUNK_MAX + 1024 <= IPC_MESSAGE_MAX,
    "a chunk and its head fit in a message");
static_assert(IPC_INDEX_ROW_SIZE * IPC_INDEX_ROWS_MAX <= IPC_CHUNK_MAX,
    "index rows fit in a message");
static_assert(NAME_LEN_MAX + 200 <= ENTRY_SIZE_MAX,
    "an entry with the longest name fits");
static_assert(CONFIG_SIGNERS_MAX * 32 + 1024 <= IPC_MESSAGE_MAX,
    "a name with all its signers fits in a message");
static_assert(
    CONTROL_CLIENTS_USER_MAX + CONTROL_CLIENTS_SPARED < CONTROL_CLIENTS_MAX,
    "one user leaves room for others");
static_assert(HTTP_PUTS_MAX < IPC_PUTS_MAX, "uploads leave puts to the mesh");

#endif
