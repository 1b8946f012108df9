/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/algorithms.h"

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/mem.h"

#define PROVIDER "p2p"
#define SOURCE "default"
#define RANDOM "p2p-random"
#define RANDOM_BITS 256
#define RANDOM_REQUEST_MAX 65536

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

/* --- random bytes ----------------------------------------------------- */

/*
 * A context wants a generator of its own. This one has no state: it hands on
 * what the default context's generators say. (The default provider's cannot
 * be used: they look for their cipher in a provider of ours.)
 */
static void *
random_new(void *provider, void *parent, const OSSL_DISPATCH *parent_functions)
{
	return provider; /* anything that is not NULL */
}

static void
random_free(void *random)
{
}

static int
random_instantiate(void *random, unsigned int strength, int resists,
    const unsigned char *text, size_t text_len, const OSSL_PARAM params[])
{
	return 1;
}

static int
random_uninstantiate(void *random)
{
	return 1;
}

static int
random_generate(void *random, unsigned char *out, size_t len,
    unsigned int strength, int resists, const unsigned char *add,
    size_t add_len)
{
	return RAND_priv_bytes_ex(NULL, out, len, strength);
}

static int
random_lock(void *random)
{
	return 1;
}

static void
random_unlock(void *random)
{
}

static int
random_params(void *random, OSSL_PARAM params[])
{
	OSSL_PARAM *p;

	p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STATE);
	if (p != NULL && !OSSL_PARAM_set_int(p, EVP_RAND_STATE_READY))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STRENGTH);
	if (p != NULL && !OSSL_PARAM_set_uint(p, RANDOM_BITS))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_MAX_REQUEST);
	return p == NULL || OSSL_PARAM_set_size_t(p, RANDOM_REQUEST_MAX);
}

#define FUNCTION(name, function)                             \
	{                                                    \
		OSSL_FUNC_##name, (void (*)(void))(function) \
	}

static const OSSL_DISPATCH random_functions[] = {
    FUNCTION(RAND_NEWCTX, random_new),
    FUNCTION(RAND_FREECTX, random_free),
    FUNCTION(RAND_INSTANTIATE, random_instantiate),
    FUNCTION(RAND_UNINSTANTIATE, random_uninstantiate),
    FUNCTION(RAND_GENERATE, random_generate),
    FUNCTION(RAND_ENABLE_LOCKING, random_lock),
    FUNCTION(RAND_LOCK, random_lock),
    FUNCTION(RAND_UNLOCK, random_unlock),
    FUNCTION(RAND_GET_CTX_PARAMS, random_params),
    {0, NULL},
};

static const OSSL_ALGORITHM random_algorithm = {
    RANDOM, "provider=" PROVIDER, random_functions, NULL};

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
	OSSL_ALGORITHM *list = mem_new((ALLOWED_COUNT + 2) * sizeof(*list));
	size_t count = 0;

	for (; all != NULL && all->algorithm_names != NULL; all++) {
		if (count < ALLOWED_COUNT && is_allowed(operation, all))
			list[count++] = *all;
	}
	if (operation == OSSL_OP_RAND)
		list[count] = random_algorithm;
	source_release(source);
	return list; /* its end is all zeros */
}

static void
provider_unquery(void *context, int operation, const OSSL_ALGORITHM *list)
{
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

	source_release(source);
	return ok;
}

static void
provider_teardown(void *context)
{
	OSSL_PROVIDER *source = source_hold();

	source_release(source);
	source_release(source); /* as provider_init() had it */
}

static int
provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **context)
{
	static const OSSL_DISPATCH functions[] = {
	    FUNCTION(PROVIDER_QUERY_OPERATION, provider_query),
	    FUNCTION(PROVIDER_UNQUERY_OPERATION, provider_unquery),
	    FUNCTION(PROVIDER_GET_CAPABILITIES, provider_capabilities),
	    FUNCTION(PROVIDER_TEARDOWN, provider_teardown),
	    {0, NULL},
	};

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
	if (RAND_set_DRBG_type(context, RANDOM, NULL, NULL, NULL) != 1)
		abort();
}

void
algorithms_clear(struct algorithms *algorithms)
{
	OSSL_PROVIDER_unload(algorithms->provider);
	OSSL_LIB_CTX_free(algorithms->context);
	*algorithms = (struct algorithms){0};
}
