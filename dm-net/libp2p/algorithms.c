/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/algorithms.h"

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/mem.h"

#define PROVIDER "p2p"
#define SOURCE "default"

/* The first name that the default provider gives each, and, where there are
 * several of that name, something that its properties must have. */
static const struct allowed {
	int operation;
	const char *name;
	const char *property;
} allowed[] = {
    {OSSL_OP_DIGEST, "SHA2-256", ""},
    {OSSL_OP_DIGEST, "SHA2-384", ""},
    {OSSL_OP_DIGEST, "SHA2-512", ""},
    {OSSL_OP_CIPHER, "AES-128-GCM", ""},
    {OSSL_OP_CIPHER, "AES-256-GCM", ""},
    {OSSL_OP_CIPHER, "ChaCha20-Poly1305", ""},
    {OSSL_OP_MAC, "HMAC", ""},
    {OSSL_OP_KDF, "HKDF", ""},
    {OSSL_OP_KDF, "TLS13-KDF", ""},
    {OSSL_OP_RAND, "CTR-DRBG", ""},
    {OSSL_OP_RAND, "SEED-SRC", ""},
    {OSSL_OP_KEYMGMT, "EC", ""},
    {OSSL_OP_KEYMGMT, "X25519", ""},
    {OSSL_OP_KEYMGMT, "ED25519", ""},
    {OSSL_OP_KEYEXCH, "ECDH", ""},
    {OSSL_OP_KEYEXCH, "X25519", ""},
    {OSSL_OP_SIGNATURE, "ECDSA", ""},
    {OSSL_OP_SIGNATURE, "ED25519", ""},
    {OSSL_OP_DECODER, "EC", "input=der,structure=SubjectPublicKeyInfo"},
    {OSSL_OP_DECODER, "ED25519", "input=der,structure=SubjectPublicKeyInfo"},
};

#define ALLOWED_COUNT (sizeof(allowed) / sizeof(allowed[0]))

/* `names` has several, with colons between. */
static bool
is_first(const char *names, const char *name)
{
	size_t len = strlen(name);

	return strncmp(names, name, len) == 0 &&
	       (names[len] == '\0' || names[len] == ':');
}

static bool
is_allowed(int operation, const OSSL_ALGORITHM *algorithm)
{
	const struct allowed *a = allowed;

	for (; a < allowed + ALLOWED_COUNT; a++) {
		if (a->operation == operation &&
		    is_first(algorithm->algorithm_names, a->name) &&
		    strstr(algorithm->property_definition, a->property) != NULL)
			return true;
	}
	return false;
}

/* --- the provider ----------------------------------------------------- */

/*
 * The default provider itself lives in OpenSSL's default context, where it
 * has been loaded by provider_init() and stays until provider_teardown(). Its
 * algorithms are called with its own context, so that must be ours as well,
 * and there is no place for anything else to be found again.
 */
static OSSL_PROVIDER *
source_hold(void)
{
	return mem_need(OSSL_PROVIDER_load(NULL, SOURCE));
}

static void
source_release(OSSL_PROVIDER *source)
{
	OSSL_PROVIDER_unload(source);
}

static const OSSL_ALGORITHM *
provider_query(void *context, int operation, int *no_cache)
{
	OSSL_PROVIDER *source = source_hold();
	const OSSL_ALGORITHM *all =
	    OSSL_PROVIDER_query_operation(source, operation, no_cache);
	OSSL_ALGORITHM *list = mem_new((ALLOWED_COUNT + 1) * sizeof(*list));
	size_t count = 0;

	(void)context;
	for (; all != NULL && all->algorithm_names != NULL; all++) {
		if (count < ALLOWED_COUNT && is_allowed(operation, all))
			list[count++] = *all;
	}
	source_release(source);
	return list; /* its end is all zeros */
}

static void
provider_unquery(void *context, int operation, const OSSL_ALGORITHM *list)
{
	(void)context;
	(void)operation;
	free((OSSL_ALGORITHM *)(uintptr_t)list);
}

/* The groups for key exchange; those without their algorithm are left out by
 * who asks. */
static int
provider_capabilities(
    void *context, const char *capability, OSSL_CALLBACK *found, void *arg)
{
	OSSL_PROVIDER *source = source_hold();
	int ok = OSSL_PROVIDER_get_capabilities(source, capability, found, arg);

	(void)context;
	source_release(source);
	return ok;
}

static void
provider_teardown(void *context)
{
	OSSL_PROVIDER *source = source_hold();

	(void)context;
	source_release(source);
	source_release(source); /* as provider_init() had it */
}

static int
provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **context)
{
	/* clang-format off */
	static const OSSL_DISPATCH functions[] = {
	    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))provider_query},
	    {OSSL_FUNC_PROVIDER_UNQUERY_OPERATION,
		(void (*)(void))provider_unquery},
	    {OSSL_FUNC_PROVIDER_GET_CAPABILITIES,
		(void (*)(void))provider_capabilities},
	    {OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))provider_teardown},
	    {0, NULL},
	};
	/* clang-format on */

	(void)handle;
	(void)in;
	*context = OSSL_PROVIDER_get0_provider_ctx(source_hold());
	*out = functions;
	return 1;
}

void
algorithms_init(struct algorithms *algorithms)
{
	OSSL_LIB_CTX *context = mem_need(OSSL_LIB_CTX_new());

	if (OSSL_PROVIDER_add_builtin(context, PROVIDER, provider_init) != 1)
		abort();
	algorithms->context = context;
	algorithms->provider = mem_need(OSSL_PROVIDER_load(context, PROVIDER));
}

void
algorithms_clear(struct algorithms *algorithms)
{
	OSSL_PROVIDER_unload(algorithms->provider);
	OSSL_LIB_CTX_free(algorithms->context);
	*algorithms = (struct algorithms){0};
}
