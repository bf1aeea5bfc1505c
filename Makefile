# freecad-jobs: `make run` starts a service, `make test` proves it. See README.md.
SHELL    := /bin/bash
.DEFAULT_GOAL := all
# All cores, unless told otherwise; a make below us shares what we were given.
ifeq ($(MAKELEVEL)$(findstring -j,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif
BUILD    ?= build
PREFIX   ?= /usr/local
VERSION  := 0.1.0
CC       := gcc
PKGS     := libzmq libczmq msgpack hiredis openssl jansson cjose libmicrohttpd libcurl libsodium libseccomp
WARN     := -Wall -Wextra -Werror -Wformat=2 -Wconversion -Wshadow
HARDEN   := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
OPT      ?= -O2 -g
CFLAGS   += -std=c11 -D_GNU_SOURCE -DFCJ_VERSION='"$(VERSION)"' -MMD -MP $(WARN) $(HARDEN) $(OPT)
LDFLAGS  += -pie -Wl,-z,relro,-z,now
SANFLAGS ?=
PC        = $(shell pkg-config --cflags $(1) 2>/dev/null)
CXX      := g++
# OpenCASCADE's own headers are not ours to warn about.
CXXFLAGS += -std=c++17 -D_GNU_SOURCE -MMD -MP -Wall -Wextra -Werror -Wformat=2 \
	-Wshadow -isystem /usr/include/opencascade $(filter-out -fPIE,$(HARDEN)) -fPIC $(OPT)
OCCT     := $(addprefix -lTK,XDESTEP XDEIGES RWMesh XCAF STEP IGES STL LCAF CAF \
	Offset Fillet Bool Feat HLR Mesh BO Prim ShHealing TopAlgo GeomAlgo BRep \
	GeomBase G3d G2d Math ernel XSBase CDF)
LIBS      = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpthread -lm
PYCFLAGS  = $(shell pkg-config --cflags python-3.11-embed 2>/dev/null | sed 's/-I/-isystem /g')
PYLIBS    = $(shell pkg-config --libs python-3.11-embed 2>/dev/null)

# What each program is made of: a folder, but for its tests.
LIB_SRC      := $(wildcard jobs/*.c jobs/store/*.c broker/client/*.c)
BROKER_SRC   := $(wildcard broker/*.c broker/core/*.c)
WORKER_SRC   := $(wildcard workers/supervisor/*.c workers/common/*.c)
ZYGOTE_SRC   := $(wildcard workers/zygote/*.c workers/sandbox/*.c workers/common/*.c)
NATIVE_SRC   := $(wildcard workers/native/*.c workers/sandbox/*.c workers/common/*.c)
MCP_SRC      := $(wildcard mcp-frontend/*.c mcp-frontend/*/*.c)
SERVICE_SRC  := $(wildcard scripts/service/*.c)
CLI_SRC      := $(wildcard scripts/cli/*.c)
KERNEL_SRC   := $(filter-out %/python.cpp,$(wildcard jobs/kernel/*.cpp))
UNIT_SRC     := $(wildcard tests/unit/test_*.c)

obj       = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
cxxobj    = $(patsubst %.cpp,$(BUILD)/obj/%.oo,$(1))
LIB      := $(BUILD)/libfcj.a
KERNEL   := $(BUILD)/libfcj-kernel.a
BINS     := $(addprefix $(BUILD)/bin/,fcj-broker fcj-worker fcj-zygote fcj-native fcj-mcp fcj-service fcj)
UNITS    := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(UNIT_SRC))

.PHONY: all setup run test bench install clean asan fuzz chaos units format
all: setup
	@$(MAKE) --no-print-directory binaries
.PHONY: binaries
binaries: $(BINS) $(KERNEL) $(BUILD)/share/catalogue.json $(BUILD)/lib/_fcj.so $(BUILD)/lib/_fcj_kernel.so

# Debian packages, only when one is missing; a stamp keeps it quiet.
setup:
	@scripts/setup build

$(BUILD)/obj/workers/zygote/%.o: CFLAGS += $(PYCFLAGS)
# They are in objects by .incbin, which -MMD does not see.
$(BUILD)/obj/mcp-frontend/tools/catalogue.o: mcp-frontend/builtin.json
$(BUILD)/obj/workers/zygote/python.o: workers/zygote/bootstrap.py
$(BUILD)/obj/mcp-frontend/methods/prompts.o: $(wildcard mcp-frontend/prompts/*.md)
$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SANFLAGS) -c -o $@ $<
$(BUILD)/obj/%.oo: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) $(SANFLAGS) -c -o $@ $<
$(KERNEL): $(call cxxobj,$(KERNEL_SRC))
	@rm -f $@
	ar rcs $@ $^
$(LIB): $(call obj,$(LIB_SRC))
	@rm -f $@
	ar rcs $@ $^
# The module that FreeCAD's own Python loads (GUI host, add-on).
HOST_SRC  := $(wildcard workers/host/*.c) workers/zygote/module.c workers/zygote/convert.c \
    workers/common/frame.c workers/common/beneath.c jobs/bytes.c jobs/codec.c jobs/job.c \
    jobs/error.c jobs/utf8.c
pic        = $(patsubst %.c,$(BUILD)/pic/%.o,$(1))
$(BUILD)/pic/%.o: CFLAGS += $(PYCFLAGS) -fPIC
$(BUILD)/pic/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -fPIE,$(CFLAGS)) -c -o $@ $<
$(BUILD)/lib/_fcj.so: $(call pic,$(HOST_SRC))
	@mkdir -p $(@D)
	$(CC) -shared -Wl,-z,relro,-z,now -o $@ $^ $(shell pkg-config --libs msgpack libsodium 2>/dev/null) -lpthread
	@cd $(@D) && /usr/bin/python3.11 -B -c 'import _fcj' || { rm -f _fcj.so; exit 1; }
# The kernel for Python code.
$(BUILD)/lib/_fcj_kernel.so: $(call pic,jobs/kernel/python.c) $(KERNEL)
	@mkdir -p $(@D)
	$(CXX) -shared -Wl,-z,relro,-z,now -o $@ $^ $(OCCT) -ljansson -lcrypto -lpthread
	@cd $(@D) && /usr/bin/python3.11 -B -c 'import _fcj_kernel' || { rm -f _fcj_kernel.so; exit 1; }
define program
$(BUILD)/bin/$(1): $(call obj,$(2)) $(LIB)
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS) $(SANFLAGS) -o $$@ $$^ $(3) $$(LIBS)
endef
$(eval $(call program,fcj-broker,$(BROKER_SRC)))
$(eval $(call program,fcj-worker,$(WORKER_SRC)))
$(eval $(call program,fcj-zygote,$(ZYGOTE_SRC),$$(PYLIBS)))
# No ZeroMQ in it: only what a pipeline needs.
$(BUILD)/bin/fcj-native: $(call obj,$(NATIVE_SRC)) $(KERNEL) $(LIB)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) $(SANFLAGS) -Wl,--as-needed -o $@ $^ $(OCCT) -lmsgpackc -ljansson -lsodium -lseccomp -lcrypto -lpthread -lm
$(eval $(call program,fcj-mcp,$(MCP_SRC)))
$(eval $(call program,fcj-service,$(SERVICE_SRC)))
# `fcj token` writes the file that fcj-mcp reads.
$(eval $(call program,fcj,$(CLI_SRC) mcp-frontend/auth/tokens.c mcp-frontend/auth/scope.c))

$(BUILD)/share/catalogue.json: $(wildcard jobs/tools/*/*.py)
	@mkdir -p $(@D)
	cd jobs/tools && /usr/bin/python3.11 -m fcj.catalogue $(abspath $@)

# A unit test links every module but the mains; objects that need Python are
# left to the system tests.
TESTABLE := $(call obj,$(filter-out %/main.c,$(BROKER_SRC) $(WORKER_SRC) $(MCP_SRC)))
$(BUILD)/tests/%: tests/unit/%.c $(TESTABLE) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SANFLAGS) $(LDFLAGS) -I. -o $@ $< $(filter %.o %.a,$^) -lcmocka $(LIBS)
# The kernel is C++ and links alone: OpenCASCADE's libraries start slowly.
$(BUILD)/tests/test_kernel: tests/unit/test_kernel.c $(KERNEL) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SANFLAGS) -I. -c -o $(BUILD)/obj/test_kernel.o $<
	$(CXX) $(SANFLAGS) $(LDFLAGS) -o $@ $(BUILD)/obj/test_kernel.o $(KERNEL) $(LIB) $(OCCT) -lcmocka $(LIBS)
# fcj-mcp with the fixtures of the conformance suite.
CONF_SRC := $(filter-out mcp-frontend/main.c,$(MCP_SRC)) $(wildcard tests/conformance/*.c)
CONF     := $(BUILD)/tests/fcj-mcp-conformance
$(BUILD)/obj/tests/conformance/%.o: CFLAGS += -I.
$(BUILD)/obj/tests/conformance/main.o: tests/conformance/fixtures.json
$(CONF): $(call obj,$(CONF_SRC)) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(SANFLAGS) -o $@ $^ $(LIBS)
units: $(UNITS) $(CONF)

run: all
	@scripts/run
test: all
	@scripts/setup test
	@$(MAKE) --no-print-directory units
	@tests/run
bench: all
	@scripts/setup bench
	@tests/bench/run
chaos: all
	@scripts/setup test
	@tests/chaos/run $(or $(N),400)
# The programs that live long, and every unit test, under ASan and UBSan, in a
# build of their own. A zygote and fcj-native run below a limit of their
# address space, which a sanitizer's shadow breaks, and FreeCAD's Python loads
# no sanitized module: those are the ordinary ones (the kernel's unit test is
# sanitized, so what fcj-native does most is).
ASAN      := $(BUILD)/asan
SANITIZED := $(addprefix $(ASAN)/bin/,fcj-broker fcj-worker fcj-mcp fcj-service fcj)
COPIED    := $(addprefix $(ASAN)/,bin/fcj-zygote bin/fcj-native lib/_fcj.so lib/_fcj_kernel.so share/catalogue.json)
asan: setup
	@scripts/setup test
	@$(MAKE) --no-print-directory sanitized $(COPIED)
	@BUILD=$(ASAN) FCJ_TEST_LIMIT_S=1800 tests/run unit sanitized
.PHONY: sanitized
sanitized:
	@$(MAKE) --no-print-directory BUILD=$(ASAN) OPT="-O1 -g" HARDEN="-fPIE" SANFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -Wno-format-truncation" units $(SANITIZED)
$(COPIED): $(ASAN)/%: $(BUILD)/%
	@mkdir -p $(@D)
	cp -pf $< $@
fuzz:
	@scripts/setup fuzz
	@tests/fuzz/run
install: all
	@scripts/install $(BUILD) $(DESTDIR)$(PREFIX)
clean:
	rm -rf build
format:
	clang-format -i $(shell git ls-files '*.c' '*.h')
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
