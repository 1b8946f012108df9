# SPDX-License-Identifier: ISC
# How the tests are built and run; included by the Makefile.

# --- units: tests/unit/DIR/test_X.c, linked from all archives ---------------
UNIT_SRC = $(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c)
UNIT_BIN = $(UNIT_SRC:%.c=$(B)/%)
SIM_SRC = $(wildcard tests/sim/*.c)
FUZZ_SRC = $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN = $(FUZZ_SRC:%.c=$(B)/%)

# Stand-ins for the parts around the one under test, and programs from them.
double_SRC = $(filter-out tests/double/http_server.c,\
	$(wildcard tests/double/*.c))
$(eval $(call archive,double))
DOUBLE = $(B)/libdouble.a

TEST_LIBS = -Wl,--start-group $(DOUBLE) $(ALL_LIBS) -Wl,--end-group $(SYS_LIBS) \
	-lresolv $(CMOCKA_LIBS)

$(UNIT_BIN): $(B)/%: $(B)/obj/%.o $(ALL_LIBS) $(DOUBLE)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $< $(TEST_LIBS)

$(B)/tests/double/http_server: $(B)/obj/tests/double/http_server.o \
    $(ALL_LIBS) $(DOUBLE)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $< $(TEST_LIBS)

unit: $(PROGRAMS) $(UNIT_BIN)
	@set -e; for t in $(UNIT_BIN); do echo "== $$t"; $$t; done

# --- sim: sync cores in virtual time; SIM='--seeds 5-5 -v' runs what is named --
SIM_OBJ = $(SIM_SRC:%.c=$(B)/obj/%.o)
$(B)/tests/sim/sim: $(SIM_OBJ) $(B)/libsync.a $(B)/libp2p.a $(AR_COMMON)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(CRYPTO_LIBS) $(MSGPACK_LIBS)

ifdef SIM
sim: $(B)/tests/sim/sim
	$< $(SIM)
else
sim: $(B)/tests/sim/sim
	$< --seeds 1-200 --nodes 10
	$< --seeds 201-400 --nodes 16 --names 40
	$< --seeds 401-420 --nodes 50
	$< --seeds 1-10 --nodes 13 --scenario all
	$< --seeds 1-2 --nodes 50 --scenario spread
	$< --seeds 1-1 --nodes 4 --names 10000 --scenario join
	$< --seeds 3-4 --nodes 8 --names 2000 --scenario lost
endif

# --- crash: power cuts, from a record of the store's own calls ----------------
CRASH_OBJ = $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/crash/*.c))
$(B)/tests/crash/crash: $(CRASH_OBJ) $(B)/libdm-store.a $(AR_COMMON)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(EVENT_LIBS) $(CRYPTO_LIBS) \
	    $(MSGPACK_LIBS) $(LMDB_LIBS) $(SECCOMP_LIBS) $(CMOCKA_LIBS)

crash: $(B)/tests/crash/crash
	$<
# As long as one has patience: SEEDS=1000, MINUTES=10, whichever comes first.
SEEDS ?= 30
torture: $(B)/tests/crash/crash
	$< -s $(SEEDS) $(if $(MINUTES),-m $(MINUTES))

# --- interop: our libp2p as a program, for tests/interop ---------------------
CPEER_OBJ = $(B)/obj/tests/interop/cpeer.o $(B)/obj/tests/interop/cloop.o \
	$(B)/obj/tests/interop/cserve.o
$(B)/tests/interop/cpeer: $(CPEER_OBJ) $(B)/libp2p.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(SSL_LIBS) $(CRYPTO_LIBS) $(PROTOBUF_C_LIBS)

# The example of libp2p(3), which is to work.
$(B)/tests/interop/example: $(B)/obj/dm-net/libp2p/example/echo.o \
    $(B)/libp2p.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(SSL_LIBS) $(CRYPTO_LIBS) $(PROTOBUF_C_LIBS)

# --- fuzz: with libFuzzer by `make fuzz`, else every corpus is replayed ------
$(B)/obj/tests/fuzz/replay.o: EXTRA_CFLAGS =
$(FUZZ_BIN): $(B)/%: $(B)/obj/%.o $(B)/obj/tests/fuzz/$(if $(LIBFUZZER),finding,replay).o \
    $(ALL_LIBS) $(DOUBLE)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(LINK) $(if $(LIBFUZZER),-fsanitize=fuzzer) -o $@ \
	    $(filter %.o,$^) $(TEST_LIBS)

fuzz-replay: $(FUZZ_BIN)
	@set -e; for t in $(FUZZ_BIN); do \
		n=$$(basename $$t); $$t tests/fuzz/corpus/$${n#fuzz_}; done

fuzz-run: $(FUZZ_BIN)
	@set -e; for t in $(FUZZ_BIN); do \
		n=$$(basename $$t); n=$${n#fuzz_}; mkdir -p $(B)/corpus/$$n; \
		echo "== fuzzing $$n for $(FUZZ_SECONDS) s"; \
		$$t -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
		    -rss_limit_mb=2048 -print_final_stats=0 -verbosity=0 \
		    -artifact_prefix=$(B)/ \
		    $(B)/corpus/$$n tests/fuzz/corpus/$$n; done

# --- whole processes: pytest ---------------------------------------------------
# DMD_BUILD tells the tests which build to run: the same ones run the release
# and the sanitizer build.
PYTEST = DMD_BUILD=$(abspath $(B)) $(PYTHON) -m pytest -q \
	-o cache_dir=$(abspath $(B))/pytest

have-pytest:
	@test -n "$(PYTHON)" || { \
		echo "pytest is missing: run ./bootstrap" >&2; exit 77; }

# A child that does the wrong thing when asked to, for the tests of dmd.
$(B)/tests/integration/standin: $(B)/obj/tests/integration/standin.o \
    $(AR_COMMON)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(EVENT_LIBS) $(CRYPTO_LIBS) $(MSGPACK_LIBS) \
	    $(SECCOMP_LIBS)

# A peer that says what it is told to.
$(B)/tests/integration/rogue: $(B)/obj/tests/integration/rogue.o \
    $(B)/obj/tests/interop/cloop.o $(B)/libp2p.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(SSL_LIBS) $(CRYPTO_LIBS) $(PROTOBUF_C_LIBS)

# A peer that does one wrong thing.
HOSTILE_LIB = $(patsubst %.c,$(B)/obj/%.o,$(filter-out %/main.c,\
	$(wildcard tests/hostile/*.c)))
$(B)/tests/integration/hostile: $(B)/obj/tests/hostile/main.o $(HOSTILE_LIB)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(SSL_LIBS) $(CRYPTO_LIBS)

# --- siege: attacks on a live node, and how those fare who mean well ------------
SIEGE_OBJ = $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/siege/*.c))
$(B)/tests/siege/foe: $(SIEGE_OBJ) $(HOSTILE_LIB) \
    $(B)/obj/tests/interop/cloop.o $(B)/libsync.a $(B)/libp2p.a $(AR_COMMON)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(SSL_LIBS) $(CRYPTO_LIBS) $(MSGPACK_LIBS) \
	    $(PROTOBUF_C_LIBS)

# ROWS='3 8' runs some.
siege: all $(B)/tests/siege/foe $(B)/tests/integration/standin
	@DMD_BUILD=$(abspath $(B)) $(PYTHON) tests/siege/siege.py $(ROWS)
siege-short: all $(B)/tests/siege/foe $(B)/tests/integration/standin
	@DMD_BUILD=$(abspath $(B)) $(PYTHON) tests/siege/siege.py --short $(ROWS)

integration: all have-pytest $(B)/tests/integration/standin \
    $(B)/tests/integration/rogue $(B)/tests/integration/hostile \
    $(B)/tests/bench/store_load $(B)/tests/interop/cpeer \
    $(DAEMONS:%=$(B)/chaos/%)
	$(PYTEST) tests/integration

# go-, js- and rust-libp2p as the other end; skips by name what lacks its tools.
interop: all have-pytest
	$(PYTEST) -rs tests/interop

structure: all have-pytest
	$(PYTEST) tests/structure

# --- chaos: real nodes, and everything that can go wrong at once ---------------
# The product's objects with a wall clock that the test can set.
define shifted
$(B)/chaos/$(1): $(B)/obj/tests/chaos/clock_shift.o $$($(1)_PARTS)
	@mkdir -p $$(@D)
	$$(call say,LD)
	$$(Q)$$(LINK) -Wl,--wrap=clock_gettime,--wrap=time -o $$@ $$^ \
	    $$($(1)_LIBS)
endef
$(foreach d,$(DAEMONS),$(eval $(call shifted,$(d))))

# PREVIOUS names the build directory of an older version, for upgrades.
SECONDS ?= 20
SEED ?= 1
chaos: all rigs $(DAEMONS:%=$(B)/chaos/%)
	DMD_BUILD=$(abspath $(B)) $(PYTHON) tests/chaos/chaos.py \
	    --seconds $(SECONDS) --seed $(SEED) \
	    $(if $(PREVIOUS),--previous $(abspath $(PREVIOUS))/chaos)

# --- powercut: a virtual machine that loses its power --------------------------
# What the disk of the machine and the ledger promise; no machine runs.
rigs: have-pytest
	$(PYTEST) tests/chaos tests/powercut

$(B)/powercut/no_sync.so: tests/powercut/no_sync.c
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(WARN) -shared -fPIC -o $@ $<

CUTS ?= 50
FS ?= ext4,xfs,btrfs
powercut: all rigs $(B)/powercut/no_sync.so
	DMD_BUILD=$(abspath $(B)) $(PYTHON) tests/powercut/powercut.py \
	    --cuts $(CUTS) --fs $(FS) --seed $(SEED)

# Side by side with -j2: what waits much first, what computes beside it.
check: rigs structure integration siege-short unit fuzz-replay sim crash interop chaos

demo: all
	@B=$(B) sh tests/demo.sh

# FIGURES='spread_1k_ms ...' measures some, else all.
bench: all
	@DMD_BUILD=$(abspath $(B)) $(PYTHON) tests/bench/bench.py $(FIGURES)

.PHONY: unit chaos powercut rigs siege siege-short sim crash torture fuzz-replay fuzz-run \
	have-pytest integration interop structure demo bench

$(B)/tests/bench/load: $(B)/obj/tests/bench/load.o $(AR_COMMON)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(CRYPTO_LIBS) $(MSGPACK_LIBS)
# Our libp2p under load, and OpenSSL alone as its limit.
$(B)/tests/bench/p2p_load: $(B)/obj/tests/bench/p2p_load.o \
    $(filter-out %/cpeer.o,$(CPEER_OBJ)) $(B)/libp2p.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(SSL_LIBS) $(CRYPTO_LIBS) $(PROTOBUF_C_LIBS)
$(B)/tests/bench/tls_load: $(B)/obj/tests/bench/tls_load.o $(B)/libp2p.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(SSL_LIBS) $(CRYPTO_LIBS) $(PROTOBUF_C_LIBS)
# A thousand nodes that have nothing to say.
$(B)/tests/bench/idle_load: $(B)/obj/tests/bench/idle_load.o \
    $(B)/obj/tests/interop/cloop.o $(B)/libsync.a $(B)/libp2p.a $(AR_COMMON)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(SSL_LIBS) $(CRYPTO_LIBS) $(MSGPACK_LIBS) \
	    $(PROTOBUF_C_LIBS)
# What a store could do at best, and state directories made in bulk.
$(B)/tests/bench/store_load: $(B)/obj/tests/bench/store_load.o \
    $(B)/libdm-store.a $(AR_COMMON)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(EVENT_LIBS) $(CRYPTO_LIBS) $(MSGPACK_LIBS) \
	    $(LMDB_LIBS) $(SECCOMP_LIBS)
bench: $(B)/tests/bench/load $(B)/tests/bench/store_load \
    $(B)/tests/bench/p2p_load $(B)/tests/bench/idle_load \
    $(B)/tests/bench/tls_load
