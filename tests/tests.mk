# Tests, benchmarks, fuzzing and style checks; included by the Makefile.

UNIT_BIN := $(UNIT_SRC:tests/%.c=$(B)/tests/%) $(BPFT_SRC:tests/%.c=$(B)/tests/%)
WORK_BIN := $(WORK_SRC:tests/workloads/%.c=$(B)/workloads/%)
# The order service again: under other names, and with one fault mended each.
ORDERS_BIN := $(addprefix $(B)/workloads/orders_,renamed fixed_duplicates fixed_validation fixed_receipts)
WORK_BIN += $(ORDERS_BIN)
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/fuzz/%)
C_FILES   = $(shell git ls-files 'user/*.[ch]' 'bpf/*.[ch]' 'include/*.h' 'tests/*.[ch]' 2>/dev/null | \
	grep -vE '^tests/(cases|fuzz/corpus)/')

## test: install, build, run every test; ends with "N passed, N failed, N skipped"
test: deps-test
	$(Q)$(MAKE) --no-print-directory $(B)/assay $(UNIT_BIN) $(WORK_BIN)
	$(Q)$(MAKE) --no-print-directory layers
	$(Q)B=$(B) tests/run.sh $(T)

## test-vm: profile known programs on kernels 5.10, 6.1 and 7.x, in qemu (KERNEL=5.10 for one)
test-vm: deps-vm
	$(Q)$(MAKE) --no-print-directory $(B)/assay $(B)/vm/deep
	$(Q)B=$(B) tests/vm/run.sh $(KERNEL)

## demo: build, profile a bundled slow service for 10 s, print diagnosis and plan
demo: deps-build
	$(Q)$(MAKE) --no-print-directory $(B)/assay $(B)/workloads/orders
	$(Q)B=$(B) tests/workloads/demo.sh

## asan: the tests again, built with ASan and UBSan
asan: deps-test
	$(Q)$(MAKE) --no-print-directory B=$(B)/asan CFLAGS="-O1 -g -fno-omit-frame-pointer" \
	  SAN="-fsanitize=address,undefined -fno-sanitize-recover=undefined" asan-run
asan-run: $(B)/assay $(UNIT_BIN) $(WORK_BIN)
	$(Q)B=$(B) ASAN=1 ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 tests/run.sh $(T)

## fuzz: run every fuzz target for FUZZ_SECONDS (default 60) seconds
FUZZ_SECONDS ?= 60
fuzz: deps-test
	$(Q)$(MAKE) --no-print-directory B=$(B)/fuzzing CC=$(CLANG) CFLAGS="-O1 -g -fno-omit-frame-pointer" \
	  SAN="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined" fuzz-run
fuzz-run: $(FUZZ_BIN)
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run.sh $(FUZZ_BIN)

## bench: run the benchmarks (figures depend on a quiet machine; each prints its noise)
bench: deps-test
	$(Q)$(MAKE) --no-print-directory $(B)/assay $(WORK_BIN)
	$(Q)B=$(B) tests/bench/run.sh $(T)

## lint: clang-format, and gcc and clang warnings as errors
lint: deps-test
	$(Q)clang-format --dry-run --Werror $(filter-out vmlinux/%,$(C_FILES))
	$(Q)$(MAKE) --no-print-directory B=$(B)/lint CC=$(CLANG) CFLAGS="-O1 -Wno-gnu-folding-constant" $(B)/lint/assay

## layers: check that every room includes only the rooms below it
layers:
	$(Q)tests/layers.sh

.PHONY: test test-vm demo asan asan-run fuzz fuzz-run bench lint layers

$(B)/tests/%_test: tests/%_test.c $(LIB)
	@mkdir -p $(@D)
	$(call say,TEST,$<) $(CC) $(ALL_CFLAGS) -Itests -MMD -MP $< $(LIB) $(LIBS) -lcmocka -o $@
# The kernel half's walk, compiled for user space; its words need not be aligned, as in the kernel.
$(B)/tests/unit/walk/%: ALL_CFLAGS += -Ibpf -fno-strict-aliasing -fno-sanitize=alignment
$(B)/fuzz/%_fuzz: tests/fuzz/%_fuzz.c $(LIB)
	@mkdir -p $(@D)
	$(call say,FUZZ,$<) $(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -MMD -MP $< $(LIB) $(LIBS) -o $@
# Workloads are what users run: built like applications, with frame pointers and symbols.
$(B)/workloads/%: tests/workloads/%.c
	@mkdir -p $(@D)
	$(call say,WORK,$<) $(CC) -std=gnu11 -O1 -g -fno-omit-frame-pointer -fno-optimize-sibling-calls -pthread -MMD -MP $(WORKFLAGS) $< -o $@ -lm
$(B)/vm/%: tests/vm/%.c
	@mkdir -p $(@D)
	$(call say,WORK,$<) $(CC) -std=gnu11 $(WARN) -O2 -fomit-frame-pointer -fno-optimize-sibling-calls $< -o $@
$(B)/workloads/orders_renamed: WORKFLAGS := -include tests/workloads/orders_renamed.h
$(B)/workloads/orders_fixed_duplicates: WORKFLAGS := -DFIX_DUPLICATES
$(B)/workloads/orders_fixed_validation: WORKFLAGS := -DFIX_VALIDATION
$(B)/workloads/orders_fixed_receipts: WORKFLAGS := -DFIX_RECEIPTS
$(ORDERS_BIN): tests/workloads/orders.c
	@mkdir -p $(@D)
	$(call say,WORK,$@) $(CC) -std=gnu11 -O1 -g -fno-omit-frame-pointer -fno-optimize-sibling-calls -pthread -MMD -MP $(WORKFLAGS) $< -o $@ -lm
