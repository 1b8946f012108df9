# SPDX-License-Identifier: ISC
# Written by hand; ./configure (made by ./bootstrap) writes config.mk.
# One Makefile for the whole tree. Every directory is an archive of all its
# sources but main.c; programs and tests are linked from the archives, so a
# new source file needs no line here.

ifeq ($(wildcard config.mk),)
ifeq ($(filter clean distclean dist deb deb-check oci,$(MAKECMDGOALS)),)
$(error config.mk is missing: run ./bootstrap first)
endif
endif
-include config.mk
# Archives are declared first; without this `make` would end with one of them.
.DEFAULT_GOAL = all

# The one place that the version comes from; configure.ac and dist/nix read it
# too.
VERSION := $(shell cat VERSION)

# Build directory; the sanitizer and fuzzing builds have their own below it.
B ?= build
SAN ?=
FUZZ_SECONDS ?= 10

ifdef CI
WERROR = -Werror
endif

# A callback need not use all that it is given.
WARN = -Wall -Wextra -Wno-unused-parameter -Wshadow -Wconversion \
	-Wswitch-enum -Wmissing-prototypes -Wstrict-prototypes \
	-Wpointer-arith -Wundef -Wformat=2 -Wvla $(WERROR)
HARDEN = -fPIE -fstack-protector-strong -fstack-clash-protection
HARDEN_LD = -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed
ifeq ($(SAN),)
HARDEN += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 $(HARDEN_TARGET)
else
SANFLAGS = -fsanitize=$(SAN) -fno-omit-frame-pointer \
	-fno-sanitize-recover=all -DDMD_SANITIZER=1
endif

# One short line a file; `make V=1` shows the commands.
Q = $(if $(V),,@)
say = $(if $(V),,@printf '  %-4s %s\n' $(1) $(patsubst $(CURDIR)/%,%,$@))

DEFS = -D_GNU_SOURCE -DDMD_VERSION='"$(VERSION)"' \
	-DDMD_LIBEXECDIR='"$(libexecdir)/dmd"' \
	-DDMD_SYSCONFDIR='"$(sysconfdir)"' $(DMD_DEFS)
INCS = -I. -I$(B)/gen $(EVENT_CFLAGS) $(SSL_CFLAGS) $(NGHTTP2_CFLAGS) \
	$(INIH_CFLAGS) $(MSGPACK_CFLAGS) $(LMDB_CFLAGS) \
	$(PROTOBUF_C_CFLAGS) $(SECCOMP_CFLAGS) $(LLHTTP_CFLAGS)
COMPILE = $(CC) -std=gnu11 -pthread $(DEFS) $(INCS) $(CPPFLAGS) $(HARDEN) \
	$(SANFLAGS) $(EXTRA_CFLAGS) $(CFLAGS) -MMD -MP
LINK = $(CC) -pthread $(SANFLAGS) $(EXTRA_CFLAGS) $(CFLAGS) $(LDFLAGS) \
	$(HARDEN_LD)

# --- archives -----------------------------------------------------------

common_SRC = $(wildcard common/*.c common/*/*.c)
p2p_SRC = $(wildcard dm-net/libp2p/*.c)
libp2p_PROTO = $(wildcard dm-net/libp2p/*.proto)
sync_SRC = $(wildcard dm-net/sync/*.c)
dm-net_SRC = $(filter-out dm-net/main.c,$(wildcard dm-net/*.c)) \
	$(wildcard dm-net/http/*.c dm-net/mesh/*.c dm-net/store/*.c)
dm-store_SRC = $(filter-out dm-store/main.c,$(wildcard dm-store/*.c))
dmd_SRC = $(filter-out dmd/main.c,$(wildcard dmd/*.c))
dmctl_SRC = $(filter-out dmctl/main.c,$(wildcard dmctl/*.c))
llhttp_OBJ = $(if $(LLHTTP_SRC),$(patsubst %,$(B)/obj/llhttp/%.o,api http llhttp))
proto_GEN = $(libp2p_PROTO:%.proto=$(B)/gen/%.pb-c.c)
proto_HDR = $(libp2p_PROTO:%.proto=$(B)/gen/%.pb-c.h)

LIBS_ALL = common p2p sync dm-net dm-store dmd dmctl
define archive
$(1)_OBJ = $$($(1)_SRC:%.c=$(B)/obj/%.o)
$(B)/lib$(1).a: $$($(1)_OBJ) $$($(1)_XOBJ)
	$$(call say,AR)
	@rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^
endef
p2p_XOBJ = $(proto_GEN:%.c=%.o)
dm-net_XOBJ = $(llhttp_OBJ)
dmctl_XOBJ = $(llhttp_OBJ)
$(foreach l,$(LIBS_ALL),$(eval $(call archive,$(l))))

PROGRAMS = $(B)/dmd $(B)/dm-net $(B)/dm-store $(B)/dmctl
AR_COMMON = $(B)/libcommon.a
ALL_LIBS = $(LIBS_ALL:%=$(B)/lib%.a)
SYS_LIBS = $(EVENT_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS) $(NGHTTP2_LIBS) \
	$(INIH_LIBS) $(MSGPACK_LIBS) $(LMDB_LIBS) $(PROTOBUF_C_LIBS) \
	$(SECCOMP_LIBS) $(LLHTTP_LIBS)

all: $(PROGRAMS) $(B)/data-mesher

# What each program may link is part of the design: dm-net has no database,
# dm-store no network library, dmd neither.
dmd_PARTS = $(B)/obj/dmd/main.o $(B)/libdmd.a $(B)/libp2p.a $(AR_COMMON)
dmd_LIBS = $(EVENT_LIBS) $(CRYPTO_LIBS) $(INIH_LIBS) $(MSGPACK_LIBS) \
	$(SECCOMP_LIBS) -lresolv
dm-net_PARTS = $(B)/obj/dm-net/main.o $(B)/libdm-net.a $(B)/libsync.a \
	$(B)/libp2p.a $(AR_COMMON)
dm-net_LIBS = $(EVENT_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS) $(NGHTTP2_LIBS) \
	$(MSGPACK_LIBS) $(PROTOBUF_C_LIBS) $(SECCOMP_LIBS) $(LLHTTP_LIBS)
dm-store_PARTS = $(B)/obj/dm-store/main.o $(B)/libdm-store.a $(AR_COMMON)
dm-store_LIBS = $(EVENT_LIBS) $(CRYPTO_LIBS) $(MSGPACK_LIBS) $(LMDB_LIBS) \
	$(SECCOMP_LIBS)
define daemon
$(B)/$(1): $$($(1)_PARTS)
	$$(call say,LD)
	$$(Q)$$(LINK) -o $$@ $$^ $$($(1)_LIBS)
endef
DAEMONS = dmd dm-net dm-store
$(foreach d,$(DAEMONS),$(eval $(call daemon,$(d))))
$(B)/dmctl: $(B)/obj/dmctl/main.o $(B)/libdmctl.a $(AR_COMMON)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(CRYPTO_LIBS) $(NGHTTP2_LIBS) $(INIH_LIBS) \
	    $(MSGPACK_LIBS) $(LLHTTP_LIBS)
$(B)/data-mesher: $(B)/dmctl
	$(Q)ln -sf dmctl $@

# config.mk is what the flags come from; a new one rebuilds everything.
$(B)/obj/%.o: %.c config.mk Makefile VERSION | $(proto_HDR)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(COMPILE) $(WARN) -c -o $@ $<
$(B)/obj/llhttp/%.o: $(LLHTTP_SRC)/%.c config.mk
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(COMPILE) -w -DLLHTTP_STRICT_MODE=1 -c -o $@ $<
$(B)/gen/%.pb-c.o: $(B)/gen/%.pb-c.c
	$(call say,CC)
	$(Q)$(COMPILE) -w -c -o $@ $<
$(B)/gen/%.pb-c.c $(B)/gen/%.pb-c.h: %.proto
	@mkdir -p $(B)/gen
	$(call say,GEN)
	$(Q)$(PROTOC_C) --c_out=$(B)/gen $<
.SECONDARY: $(proto_GEN) $(proto_HDR)

include tests/tests.mk

# --- lint ------------------------------------------------------------------

C_FILES = $(wildcard common/*.[ch] common/*/*.[ch] dm-net/*.[ch] dm-net/*/*.[ch] \
	dm-store/*.[ch] dmd/*.[ch] dmctl/*.[ch] tests/*/*.[ch] \
	tests/unit/*/*.[ch] tests/unit/*/*/*.[ch])
HEADERS = $(filter-out common/ipc_dispatch.h common/control_dispatch.h,$(filter %.h,$(C_FILES)))

lint: lint-headers lint-man lint-length lint-format lint-cppcheck lint-musl

# A check whose tool is missing has not passed.
define needs
command -v $(1) >/dev/null || { echo "make $@ needs $(1):" \
    "./bootstrap --dev installs it on Debian" >&2; exit 1; }
endef

# Every header compiles alone.
lint-headers: all
	@set -e; for h in $(HEADERS); do \
		echo "#include \"$$h\"" | \
		$(COMPILE) -MF /dev/null $(WARN) -fsyntax-only -x c - || \
		{ echo "$$h does not compile alone" >&2; exit 1; }; done

lint-man:
	@$(call needs,mandoc)
	@mandoc -Tlint -Wwarning man/*.[0-9]

lint-length:
	@$(PYTHON) tests/lint/length.py $(filter-out tests/%,$(C_FILES))

lint-format:
	@$(call needs,clang-format)
	@clang-format --dry-run --Werror \
	    $(filter-out tests/% %.def,$(C_FILES))

# Debian has no library for musl: every source is compiled, with the headers of
# musl instead of the C library's, and not linked. CMSG_NXTHDR(3) of musl changes
# signs.
MUSL_CC ?= musl-gcc
lint-musl: CC = $(MUSL_CC)
lint-musl: $(proto_HDR)
	@$(call needs,$(MUSL_CC))
	@sh tests/lint/musl_headers.sh $(B)/lint/musl && \
	for f in $(filter-out tests/%,$(filter %.c,$(C_FILES))); do \
		$(COMPILE) -MF /dev/null $(WARN) \
		    -Wno-sign-conversion -fsyntax-only \
		    -idirafter $(B)/lint/musl $$f || exit; done

# cppcheck reads no system headers; of them it needs the queue macros.
lint-cppcheck:
	@$(call needs,cppcheck)
	@mkdir -p $(B)/lint/sys && cp "$$(echo '#include <sys/queue.h>' | \
	    $(CC) -x c -M - | tr ' ' '\n' | grep sys/queue.h)" $(B)/lint/sys
	@cppcheck -q --std=c11 --error-exitcode=1 -I$(B)/lint -I. \
	    -I$(B)/gen --enable=warning,portability --inline-suppr \
	    --suppress=missingIncludeSystem \
	    --suppress=funcArgOrderDifferent \
	    $(filter-out tests/% %.h,$(C_FILES))

# --- sanitizers and fuzzing -------------------------------------------------

asan:
	$(MAKE) B=$(B)/asan SAN=address,undefined all unit fuzz-replay
	$(MAKE) B=$(B)/asan SAN=address,undefined integration

# Looked for when it is needed: with it installed later nothing is rebuilt.
CLANG ?= $(shell command -v clang || command -v clang-19 || \
	command -v clang-16 || command -v clang-15 || command -v clang-14)

fuzz:
	@test -n "$(CLANG)" || { \
		echo "make fuzz needs clang with libFuzzer" >&2; exit 77; }
	$(MAKE) B=$(B)/fuzz CC="$(CLANG)" SAN=address,undefined LIBFUZZER=1 \
	    EXTRA_CFLAGS=-fsanitize=fuzzer-no-link fuzz-run

# --- install and the rest -----------------------------------------------------

# How a page of the manual is installed: with the place of dm.toml in it.
define install_page
f=$(DESTDIR)$(mandir)/man$${p##*.}/$${p##*/}; \
sed 's|/etc/data-mesher|$(sysconfdir)/data-mesher|' $$p >$$f && chmod 644 $$f
endef
zshdir = $(datarootdir)/zsh/site-functions

install: install-dmd install-dmctl

install-dmd: all
	install -d $(DESTDIR)$(sbindir) $(DESTDIR)$(libexecdir)/dmd \
	    $(DESTDIR)$(mandir)/man3 $(DESTDIR)$(mandir)/man5 \
	    $(DESTDIR)$(mandir)/man8 $(DESTDIR)$(docdir) \
	    $(DESTDIR)$(systemdunitdir) $(DESTDIR)$(sysusersdir) $(DESTDIR)$(tmpfilesdir)
	install -m 755 $(B)/dmd $(DESTDIR)$(sbindir)/dmd
	install -m 755 $(B)/dm-net $(B)/dm-store $(DESTDIR)$(libexecdir)/dmd
	for p in $(filter-out man/dmctl.8,$(wildcard man/*.[358])); do \
		$(install_page) || exit; done
	install -m 644 README.md dist/dm.toml $(DESTDIR)$(docdir)
	# the place of dm.toml; a store of packages may not be written to
	-install -d $(DESTDIR)$(sysconfdir)/data-mesher
	sed 's|@sbindir@|$(sbindir)|;s|@bindir@|$(bindir)|;s|@sysconfdir@|$(sysconfdir)|' \
	    dist/systemd/dmd.service.in \
	    >$(DESTDIR)$(systemdunitdir)/dmd.service
	chmod 644 $(DESTDIR)$(systemdunitdir)/dmd.service
	install -m 644 dist/systemd/dmd.sysusers \
	    $(DESTDIR)$(sysusersdir)/dmd.conf
	install -m 644 dist/systemd/dmd.tmpfiles \
	    $(DESTDIR)$(tmpfilesdir)/dmd.conf

install-dmctl: all
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(mandir)/man8 \
	    $(DESTDIR)$(zshdir) \
	    $(DESTDIR)$(datarootdir)/bash-completion/completions \
	    $(DESTDIR)$(datarootdir)/fish/vendor_completions.d
	install -m 755 $(B)/dmctl $(DESTDIR)$(bindir)/dmctl
	ln -sf dmctl $(DESTDIR)$(bindir)/data-mesher
	for p in man/dmctl.8; do $(install_page) || exit; done
	ln -sf dmctl.8 $(DESTDIR)$(mandir)/man8/data-mesher.8
	install -m 644 dist/completions/dmctl.bash \
	    $(DESTDIR)$(datarootdir)/bash-completion/completions/dmctl
	ln -sf dmctl \
	    $(DESTDIR)$(datarootdir)/bash-completion/completions/data-mesher
	install -m 644 dist/completions/_dmctl $(DESTDIR)$(zshdir)
	install -m 644 dist/completions/dmctl.fish \
	    $(DESTDIR)$(datarootdir)/fish/vendor_completions.d
	ln -sf dmctl.fish \
	    $(DESTDIR)$(datarootdir)/fish/vendor_completions.d/data-mesher.fish

# The release is what is committed, and only that decides its bytes: not the
# place of the clone, its umask, its clock, or git's own gzip.
RELEASE = dmd-$(VERSION)
dist:
	@test -e .git || { echo "make dist needs a clone:" \
	    "a release is what is committed" >&2; exit 1; }
	@rm -rf $(B)/dist && mkdir -p $(B)/dist
	@git archive --format=tar --prefix=$(RELEASE)/ HEAD >$(B)/dist/head.tar
	@tar -xf $(B)/dist/head.tar -C $(B)/dist
	@LC_ALL=C tar --sort=name --format=ustar --owner=0 --group=0 \
	    --numeric-owner --mode=u=rwX,go=rX \
	    --mtime=@$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} \
	    -cf $(B)/dist/$(RELEASE).tar -C $(B)/dist $(RELEASE)
	@gzip -9n <$(B)/dist/$(RELEASE).tar >$(RELEASE).tar.gz
	@python3 dist/sbom.py ARCHITECTURE.md $(RELEASE).tar.gz \
	    $${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} \
	    >$(RELEASE).cdx.json
	@rm -rf $(B)/dist
	@sha256sum $(RELEASE).tar.gz $(RELEASE).cdx.json

# What somebody gets who unpacks the release: it builds, and says its version.
release-check: dist have-pytest
	$(PYTEST) tests/structure/test_release.py
	@rm -rf $(B)/release && mkdir -p $(B)/release
	@tar -xzf $(RELEASE).tar.gz -C $(B)/release
	cd $(B)/release/$(RELEASE) && ./bootstrap --no-install >/dev/null
	$(MAKE) -C $(B)/release/$(RELEASE) all
	test "$$($(B)/release/$(RELEASE)/build/dmd --version | head -n 1)" = \
	    "dmd $(VERSION)"

# Packages for Debian, of what is committed, built in a clean chroot of SUITE;
# deb-check installs, upgrades and purges them in another one.
SUITE ?= bookworm
deb: dist
	sh dist/deb/build.sh $(SUITE) $(RELEASE).tar.gz $(B)/deb/$(SUITE)
deb-check:
	sh tests/package/deb.sh $(SUITE) $(B)/deb/$(SUITE)

# An image for containers, of the packages; oci-check makes both once more.
OCI = $(B)/oci/$(SUITE)
AGAIN = $(B)/again/$(SUITE)
oci:
	@ls $(B)/deb/$(SUITE)/dmd_*.deb >/dev/null 2>&1 || $(MAKE) deb
	sh dist/oci/build.sh $(SUITE) $(B)/deb/$(SUITE) $(OCI)
oci-check: all dist have-pytest
	DEB_BUILD_OPTIONS=nocheck sh dist/deb/build.sh $(SUITE) \
	    $(RELEASE).tar.gz $(AGAIN)/deb
	umask 077 && TZ=Asia/Tokyo \
	    sh dist/oci/build.sh $(SUITE) $(AGAIN)/deb $(AGAIN)/oci
	DMD_IMAGE=$(OCI) DMD_IMAGE_AGAIN=$(AGAIN)/oci \
	    $(PYTEST) -rs tests/package/test_oci.py

# dist/nix; remarshal is what NixOS makes TOML with.
nix-check: all have-pytest
	@test -x $(B)/nix/bin/json2toml || { $(PYTHON) -m venv $(B)/nix && \
	    $(B)/nix/bin/pip install -q remarshal; } || \
	    echo "remarshal cannot be installed from PyPI"
	$(PYTEST) -rs tests/package/test_nix.py

# What other systems make packages of, and OpenRC.
dist-check: all dist have-pytest
	DMD_RELEASE=$(abspath $(RELEASE).tar.gz) SUITE=$(SUITE) \
	    $(PYTEST) -rs tests/package/test_dist.py

compile_commands.json: Makefile config.mk
	@$(MAKE) -nB all | $(PYTHON) tests/lint/compile_commands.py >$@

clean:
	rm -rf build

distclean: clean
	rm -rf config.mk config.log config.status configure autom4te.cache

.PHONY: all check asan fuzz lint lint-headers lint-man lint-length \
	lint-format lint-cppcheck lint-musl install install-dmd install-dmctl \
	dist release-check deb deb-check oci oci-check nix-check dist-check \
	clean distclean
.DELETE_ON_ERROR:

-include $(shell find $(B) -name '*.d' 2>/dev/null)
