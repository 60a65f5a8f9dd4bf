# assay: one Makefile, everything it makes is under build/. `make help` lists the targets.

B       ?= build
CC      ?= gcc
CLANG   ?= clang
BPFTOOL ?= bpftool
ARCH    := x86
VERSION := 0.1.0
PREFIX  ?= /usr/local
DESTDIR ?=
V       ?= 0
Q       := $(if $(filter 1,$(V)),,@)
say      = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)';)

export DEBIAN_FRONTEND := noninteractive

# ---- Debian packages: the one list ------------------------------------------------------------
DEPS_BUILD := gcc g++ make pkg-config clang bpftool libbpf-dev libelf-dev libdw-dev libsqlite3-dev \
	libjson-c-dev libprotobuf-c-dev protobuf-c-compiler zlib1g-dev uthash-dev libcap-dev \
	liblzma-dev libdebuginfod-dev
DEPS_TEST  := libcmocka-dev sqlite3 golang-go chromium python3 linux-perf clang-format libclang-rt-14-dev \
	procps file git groff-base curl xz-utils dwz binutils
DEPS_VM    := qemu-system-x86 busybox-static cpio

# ---- Sources: a room is a folder; its files are found ------------------------------------------
ROOMS    := base stats elf proc profile unwind symbolize collect recording detect plan formats capture
ROOM_SRC := $(foreach r,$(ROOMS),$(wildcard user/$(r)/*.c))
CLI_SRC  := $(wildcard user/cli/*.c)
BPF_SRC  := $(wildcard bpf/*.bpf.c)
UNIT_SRC := $(wildcard tests/unit/*/*_test.c)
BPFT_SRC := $(wildcard tests/bpf/*_test.c)
FUZZ_SRC := $(wildcard tests/fuzz/*_fuzz.c)
WORK_SRC := $(wildcard tests/workloads/*.c)

ROOM_OBJ := $(ROOM_SRC:user/%.c=$(B)/obj/%.o)
CLI_OBJ  := $(CLI_SRC:user/%.c=$(B)/obj/%.o)
PB_OBJ   := $(B)/obj/gen/profile.pb-c.o
SKEL     := $(B)/bpf/assay.skel.h
LIB      := $(B)/libassay-rooms.a

PKGS     := libbpf libelf libdw sqlite3 json-c libprotobuf-c zlib libcap liblzma
WARN     := -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla \
	-Wformat=2 -Wno-missing-field-initializers -Wno-sign-compare -Wno-unused-parameter
CFLAGS   ?= -O2 -g
SAN      :=
INCLUDES := -Iuser -Iinclude -I$(B)/gen -I$(B)/bpf
ALL_CFLAGS = -std=gnu11 $(WARN) $(CFLAGS) $(SAN) $(INCLUDES) -DASSAY_VERSION='"$(VERSION)"' \
	$(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LIBS      = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lstdc++ -lm

BPF_CFLAGS := -O2 -g -target bpf -D__TARGET_ARCH_$(ARCH) -mcpu=v3 -Ivmlinux/$(ARCH) -Iinclude -Ibpf \
	-Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-declarations

.DEFAULT_GOAL := all
.SECONDARY:
.DELETE_ON_ERROR:

# ---- Targets for people -----------------------------------------------------------------------
## all: build the assay binary (installs the packages it needs first)
all: deps-build
	$(Q)$(MAKE) --no-print-directory $(B)/assay

include user/install/install.mk
include tests/tests.mk

## help: list the targets
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST) | awk -F': ' '{ printf "  %-10s %s\n", $$1, $$2 }'

## deps: install the Debian packages for building and testing
deps: deps-build deps-test

# Installs what is missing of a group; silent and offline when nothing is.
define install_missing
	@missing=""; for p in $(1); do \
	  dpkg-query -W -f='$${db:Status-Status}\n' $$p 2>/dev/null | grep -qx installed || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" != 0 ]; then echo "missing packages:$$missing (run as root: make deps)" >&2; exit 3; fi; \
	  echo "installing:$$missing"; apt-get update -q && apt-get install -qy --no-install-recommends $$missing; fi
endef

deps-build:
	$(call install_missing,$(DEPS_BUILD))
deps-test: deps-build
	$(call install_missing,$(DEPS_TEST))
deps-vm: deps-test
	$(call install_missing,$(DEPS_VM))

## clean: remove everything that was built
clean:
	rm -rf $(B)

.PHONY: all help deps deps-build deps-test deps-vm clean

# ---- Kernel half ------------------------------------------------------------------------------
$(B)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$<) $(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@
$(B)/bpf/assay.o: $(BPF_SRC:bpf/%.bpf.c=$(B)/bpf/%.bpf.o)
	$(call say,LINK,$@) $(BPFTOOL) gen object $@ $^
$(SKEL): $(B)/bpf/assay.o
	$(call say,SKEL,$@) $(BPFTOOL) gen skeleton $< name assay_bpf > $@

# ---- User half --------------------------------------------------------------------------------
$(B)/obj/%.o: user/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<) $(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
$(patsubst user/%.c,$(B)/obj/%.o,$(wildcard user/collect/*.c)): $(SKEL)
$(B)/gen/profile.pb-c.c: user/formats/profile.proto
	@mkdir -p $(@D)
	$(call say,PROTO,$<) protoc-c --proto_path=user/formats --c_out=$(B)/gen profile.proto
$(B)/gen/profile.pb-c.h: $(B)/gen/profile.pb-c.c
$(PB_OBJ): $(B)/gen/profile.pb-c.c
	@mkdir -p $(@D)
	$(call say,CC,$<) $(CC) -std=gnu11 $(CFLAGS) $(SAN) -I$(B)/gen -c $< -o $@
$(B)/obj/formats/pprof.o $(B)/obj/formats/pprof_read.o $(B)/obj/formats/pprof_message.o: | $(B)/gen/profile.pb-c.h
$(B)/gen/flame_page.inc: $(addprefix user/formats/,flame.html flame.css flame_model.js flame.js)
	@mkdir -p $(@D)
	$(call say,GEN,$@) for f in $^; do n=$$(basename $$f | tr . _); printf 'static const unsigned char %s[] = {' $$n; od -An -v -tx1 $$f | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'; echo '0};'; done > $@
$(B)/obj/formats/flame.o: | $(B)/gen/flame_page.inc

$(LIB): $(ROOM_OBJ) $(PB_OBJ)
	$(call say,AR,$@) rm -f $@; ar rcs $@ $^
$(B)/assay: $(CLI_OBJ) $(LIB)
	$(call say,LD,$@) $(CC) $(CFLAGS) $(SAN) $^ $(LIBS) -o $@

-include $(shell find $(foreach d,obj bpf tests workloads fuzz,$(B)/$(d)) -name '*.d' -type f 2>/dev/null)
