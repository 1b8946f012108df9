# SPDX-License-Identifier: ISC
# How the tests are built and run; included by the Makefile.

# --- units: tests/unit/DIR/test_X.c, linked from all archives ---------------
UNIT_SRC = $(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c)
UNIT_BIN = $(UNIT_SRC:%.c=$(B)/%)
SIM_SRC = $(wildcard tests/sim/*.c)
FUZZ_SRC = $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN = $(FUZZ_SRC:%.c=$(B)/%)

TEST_LIBS = -Wl,--start-group $(ALL_LIBS) -Wl,--end-group $(SYS_LIBS) \
	-lresolv $(CMOCKA_LIBS)

$(UNIT_BIN): $(B)/%: $(B)/%.o $(ALL_LIBS)
	$(LINK) -o $@ $< $(TEST_LIBS)

unit: $(UNIT_BIN)
	@set -e; for t in $(UNIT_BIN); do echo "== $$t"; $$t; done

# --- fuzz: with libFuzzer by `make fuzz`, else every corpus is replayed ------
$(B)/tests/fuzz/replay.o: EXTRA_CFLAGS =
$(FUZZ_BIN): $(B)/%: $(B)/%.o $(if $(LIBFUZZER),,$(B)/tests/fuzz/replay.o) \
    $(ALL_LIBS)
	$(LINK) $(if $(LIBFUZZER),-fsanitize=fuzzer) -o $@ \
	    $(filter %.o,$^) $(TEST_LIBS)

fuzz-replay: $(FUZZ_BIN)
	@set -e; for t in $(FUZZ_BIN); do \
		n=$$(basename $$t); $$t tests/fuzz/corpus/$${n#fuzz_}; done
