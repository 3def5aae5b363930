# tacklebox: make, make check, make demo; `make help` lists the rest.
# Everything is built below $(O), out of the tree. V=1 shows the commands, SAN=address,undefined builds
# with sanitizers, WERROR=0 lets warnings pass.

VERSION = 0.1
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
COMPDIR ?= $(PREFIX)/share/bash-completion/completions
UNITDIR ?= $(PREFIX)/lib/systemd/system
ifeq ($(origin CC),default)
CC = gcc
endif
PKG_CONFIG ?= pkg-config
JOBS   ?= $(shell nproc)

# Debian packages, each named once. `make deps`, deps-test … install what is missing.
PKG_BUILD = gcc libc6-dev make pkg-config libarchive-dev libcurl4-openssl-dev libgnutls28-dev libisal-dev libjansson-dev libmicrohttpd-dev \
	libnftables-dev libnl-3-dev libnl-route-3-dev libseccomp-dev libssl-dev libwslay-dev
PKG_DEMO  = busybox-static
PKG_COURSE = $(PKG_DEMO) curl iproute2 jq less nftables procps strace xxd
PKG_TEST  = $(PKG_DEMO) acl ansible attr bash-completion bats buildah bzip2 crun curl docker-compose docker-registry \
	e2fsprogs git iproute2 jq golang-1.19-src libcap2-bin mandoc mmdebstrap musl-tools nftables nodejs npm openssl passt podman procps \
	python3 python3-docker quota runc skopeo slirp4netns strace tmux uidmap umoci xfsprogs \
	xxd xz-utils zstd
PKG_PAGE  = pandoc
PKG_VM    = cpio e2fsprogs kmod qemu-system-x86
NOT_VM    = ansible bash-completion buildah crun docker-compose docker-registry golang-1.19-src mandoc mmdebstrap \
	musl-tools nodejs npm python3-docker runc skopeo umoci
PKG_LINT  = binutils clang-format clang-tidy cppcheck mandoc shellcheck
PKG_BENCH = $(PKG_DEMO) bubblewrap buildah containernetworking-plugins crun docker-registry iperf3 iproute2 iptables jq \
	mmdebstrap passt podman python3 runc skopeo slirp4netns socat uidmap wrk

# A build/ that somebody else made (root, most often) and that we cannot write is left alone.
MY_O := $(shell [ -w build ] || { [ ! -e build ] && [ -w . ]; } && echo build || \
	echo $${XDG_CACHE_HOME:-$${HOME:-/tmp}/.cache}/tacklebox/build)
O ?= $(MY_O)$(if $(SAN),/san)
ifeq ($(origin O)$(MAKELEVEL)$(filter build,$(MY_O)),file0)
$(info building in $(O), for build/ is not ours to write)
endif

WERROR ?= 1
WARN = -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes \
       -Wold-style-definition -Wformat=2 -Wcast-align -Wcast-qual -Wwrite-strings -Wundef \
       -Wvla -Wimplicit-fallthrough -Wnull-dereference -Wduplicated-cond -Wlogical-op
ifeq ($(WERROR),1)
WARN += -Werror
endif

# Small before fast: what these programs wait for is the kernel. Backtraces need -g only, not unwind tables.
CFLAGS ?= -Os -g
BASE_CFLAGS = -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Ilib -I$(O)/gen \
	-DTACKLEBOX_VERSION='"$(VERSION)"' $(PKG_CFLAGS)
ALL_CFLAGS = $(BASE_CFLAGS) $(WARN) -ffunction-sections -fdata-sections -fstack-protector-strong \
	-fvisibility=hidden -fno-asynchronous-unwind-tables $(SANFLAGS) $(CFLAGS)
ALL_LDFLAGS = -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,-z,relro -Wl,-O1 \
	-Wl,-z,pack-relative-relocs -Wl,--as-needed $(SANFLAGS) $(LDFLAGS)
ifdef SAN
SANFLAGS = -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined
endif

# Every program is offered every library; --as-needed keeps those it uses. Each library is used by one
# file of lib/, so a tool that does not call that file does not load it.
PKGS = gnutls jansson libarchive libcurl libmicrohttpd libnftables libnl-3.0 libnl-route-3.0 libseccomp
# ISA-L inflates twice as fast as zlib. Not every architecture has it: then zlib does.
ifeq ($(shell $(PKG_CONFIG) --exists libisal 2>/dev/null && echo 1),1)
PKGS += libisal
BASE_CFLAGS += -DHAVE_ISAL
endif
# Of libcrypto only the sum: see lib/image/sha256.c. libresolv is the C library's;
# Debian's wslay has no file for pkg-config.
LIBS = $(shell $(PKG_CONFIG) --libs $(PKGS)) -lwslay -l:libcrypto.a -lresolv
PKG_CFLAGS = $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(PKGS)))

ifeq ($(V),1)
Q =
else
Q = @
endif
say = $(if $(V),,@echo "  $(1)")

# A tool is tools/NAME.c, or a folder tools/NAME/ of .c files. No list to edit.
LIB_SRC  := $(wildcard lib/*/*.c)
LIB_OBJ  := $(LIB_SRC:%.c=$(O)/%.o)
FILE_TOOLS := $(patsubst tools/%.c,%,$(wildcard tools/*.c))
DIR_TOOLS  := $(patsubst tools/%/,%,$(dir $(wildcard tools/*/main.c)))
TOOLS    := $(sort $(FILE_TOOLS) $(DIR_TOOLS))
BIN      := $(TOOLS:%=$(O)/bin/%)
LIB      := $(O)/libtackle.a
MAN      := $(wildcard tools/*.1 tools/*/*.1)
COMPLETION := $(if $(TOOLS),$(O)/completions/tacklebox.bash)
# What root builds in a user's tree is the user's.
GIVE_BACK = [ "$$(id -u)" != 0 ] || [ "$(O)" != build ] || chown -Rh --reference=Makefile build

.PHONY: all
all: $(BIN) $(LIB) $(COMPLETION)
	@$(GIVE_BACK)

$(O)/%.o: %.c | $(O)/libraries
	@mkdir -p $(@D)
	$(call say,CC   $<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/libraries:
	@command -v $(CC) $(PKG_CONFIG) >/dev/null && $(PKG_CONFIG) --exists --print-errors $(PKGS) || \
		{ echo "something is missing to build with: try 'sudo make deps'" >&2; exit 1; }
	@mkdir -p $(@D) && touch $@

# The default seccomp filter is compiled here, once, by our own tool: what runs it needs no libseccomp.
$(O)/gen/seccomp_builtin.c: lib/mech/seccomp_default.json
	@mkdir -p $(@D)
	$(Q){ echo '#include "mech/seccomp_builtin.h"'; echo 'const char seccomp_builtin[] ='; \
		sed 's/["\\]/\\&/g; s/.*/"&\\n"/' $<; echo ';'; \
		echo 'const size_t seccomp_builtin_len = sizeof(seccomp_builtin) - 1;'; } >$@
$(O)/gen/boot.a: $(LIB_OBJ) $(O)/gen/seccomp_builtin.o
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcsT $@ $^
$(O)/gen/seccomp-bpf: $(patsubst %.c,$(O)/%.o,$(wildcard tools/seccomp-bpf/*.c)) $(O)/gen/boot.a
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
$(O)/gen/seccomp_default.c: $(O)/gen/seccomp-bpf
	$(call say,GEN  $(@F))
	$(Q)ASAN_OPTIONS=detect_leaks=0 $< --default --c >$@.tmp && mv $@.tmp $@
$(O)/gen/%.o: $(O)/gen/%.c
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(LIB): $(LIB_OBJ) $(if $(wildcard tools/seccomp-bpf),$(O)/gen/seccomp_builtin.o $(O)/gen/seccomp_default.o)
	$(call say,AR   $(@F))
	$(Q)rm -f $@ && ar rcs $@ $^

.SECONDEXPANSION:
$(FILE_TOOLS:%=$(O)/bin/%): $(O)/bin/%: $(O)/tools/%.o $(LIB)
$(DIR_TOOLS:%=$(O)/bin/%): $(O)/bin/%: $$(addprefix $(O)/,$$(addsuffix .o,$$(basename $$(wildcard tools/$$*/*.c)))) $(LIB)
$(BIN):
	@mkdir -p $(@D)
	$(call say,LD   $(@F))
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(LIBS)
# Every box's life runs these: with jansson inside, 40 kB, each starts 0.1 ms earlier.
$(addprefix $(O)/bin/box-,create end rm run start): LIBS := -l:libjansson.a $(LIBS)

$(O)/completions/tacklebox.bash: tools/completion.bash $(BIN)
	$(call say,GEN  $(@F))
	@mkdir -p $(@D)
	$(Q)bash tools/completion.bash $(BIN) >$@.tmp && mv $@.tmp $@

# Debian's static busybox: the installed one, or else out of its package.
$(O)/busybox:
	@mkdir -p $(@D)
	$(Q)if ! ldd /bin/busybox >/dev/null 2>&1 && [ -x /bin/busybox ]; then cp /bin/busybox $@; else \
		d=$$(mktemp -d) && trap 'rm -rf "$$d"' EXIT && cd "$$d" && \
		apt-get -q download busybox-static && dpkg-deb -x busybox-static_*.deb . && \
		cp bin/busybox '$(abspath $@)'; fi

# The docker client of Debian's docker.io, which is a daemon as well: out of its package, never
# installed. Where there is none to be had, the tests take the one in PATH.
$(O)/client/docker:
	@mkdir -p $(@D)
	$(Q)d=$$(mktemp -d) && trap 'rm -rf "$$d"' EXIT && cd "$$d" && apt-get -q download docker.io >/dev/null && \
		dpkg-deb -x docker.io_*.deb . && cp usr/bin/docker '$(abspath $@)' || echo "no docker.io to be had"

# The engine too, for the bench alone: docker's own builder beside ours.
$(O)/engine/dockerd:
	@mkdir -p $(@D)
	$(Q)d=$$(mktemp -d) && trap 'rm -rf "$$d"' EXIT && cd "$$d" && \
		apt-get -q download docker.io containerd >/dev/null 2>&1 && for p in *.deb; do dpkg-deb -x "$$p" .; done && \
		cp usr/bin/docker usr/bin/containerd usr/bin/containerd-shim-runc-v2 usr/sbin/dockerd '$(abspath $(@D))' || \
		echo "no docker.io to be had" >&2

# A minimal Debian, from the host's package sources: for tests and measurements.
$(O)/minbase.tar: tests/minbase.sh
	@mkdir -p $(@D)
	$(Q)bash $< $@

# ---- fuzzing: each tests/fuzz/NAME.c for FUZZ_TIME seconds, built by clang below $(O)/fuzz ----

FUZZ_TIME ?= 60
FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
.PHONY: fuzz fuzz-all $(FUZZ:%=fuzz-%)
fuzz:
	$(Q)$(MAKE) O=$(O)/fuzz CC=clang WERROR=0 SAN=fuzzer-no-link,address,undefined \
		CFLAGS='-O1 -g -Wno-unknown-warning-option' fuzz-all
fuzz-all: $(FUZZ:%=fuzz-%)
# NAME.seeds DIR, where there is one, fills the corpus that a run starts from.
$(FUZZ:%=fuzz-%): fuzz-%: $(O)/bin/fuzz-%
	$(call say,FUZZ $*)
	@mkdir -p $(O)/corpus/$*
	$(Q)if [ -x tests/fuzz/$*.seeds ]; then tests/fuzz/$*.seeds $(abspath $(O))/corpus/$*; fi
	$(Q)$< -max_total_time=$(FUZZ_TIME) -rss_limit_mb=512 -timeout=20 -print_final_stats=1 \
		-artifact_prefix=$(O)/$*- $(O)/corpus/$*
$(FUZZ:%=$(O)/bin/fuzz-%): $(O)/bin/fuzz-%: $(O)/tests/fuzz/%.o $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $(FUZZ_LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(LIB) $(LIBS)
# The whole of apid but its HTTP, and without the tools that it would run.
$(O)/bin/fuzz-api_request: $(patsubst %.c,$(O)/%.o,$(filter-out %/main.c %/http.c,$(wildcard tools/apid/*.c)))
$(O)/bin/fuzz-dns_question: $(addprefix $(O)/tools/net-resolve/,answer.o names.o)
$(O)/bin/fuzz-api_request: FUZZ_LDFLAGS = \
	-Wl,--wrap=job_start,--wrap=job_run,--wrap=job_reply,--wrap=job_reply_json

# ---- what must be there ----

.PHONY: deps deps-demo deps-course deps-test deps-page deps-vm deps-lint deps-bench deps-check
deps:       ; @.ci/deps $(PKG_BUILD)
deps-demo:  ; @.ci/deps $(sort $(PKG_BUILD) $(PKG_DEMO))
deps-course: ; @.ci/deps $(sort $(PKG_BUILD) $(PKG_COURSE))
deps-test:  ; @.ci/deps $(sort $(PKG_BUILD) $(PKG_TEST))
deps-page:  ; @.ci/deps $(PKG_PAGE)
deps-vm:    ; @.ci/deps $(sort $(PKG_BUILD) $(PKG_TEST) $(PKG_VM))
deps-lint:  ; @.ci/deps $(sort $(PKG_BUILD) $(PKG_LINT))
deps-bench: ; @.ci/deps $(sort $(PKG_BUILD) $(PKG_BENCH))
deps-check: ; @.ci/deps --check $(sort $(PKG_BUILD) $(PKG_TEST) $(PKG_LINT) $(PKG_BENCH))

# ---- to see it ----

.PHONY: demo
demo: deps-demo
	+@$(MAKE) -s --no-print-directory -j$(JOBS) all $(O)/busybox
	@O=$(O) IMAGE='$(IMAGE)' tutorial/demo $(ROOTFS)

# The course for a learner; as a test; as pages.
.PHONY: course check-tutorial tutorial-html
course:
	+@$(MAKE) -s --no-print-directory -j$(JOBS) all $(O)/busybox
	@O=$(O) tutorial/walk
check-tutorial: deps-test
	+@$(MAKE) -s --no-print-directory -j$(JOBS) all $(O)/busybox $(O)/client/docker
	@O=$(O) tests/course.sh
tutorial-html: deps-page
	@tutorial/page/make $(O)/tutorial-html

BENCH = $(addprefix $(O)/tests/bench/,turns floor empty true)
.PHONY: bench
bench: deps-bench
	+@$(MAKE) -s --no-print-directory -j$(JOBS) all $(BENCH)
	@O=$(O) bash tests/bench/bench.sh
$(O)/tests/bench/true: tests/bench/empty.c
$(filter-out %/true,$(BENCH)): $(O)/tests/bench/%: tests/bench/%.c
$(BENCH):
	@mkdir -p $(@D)
	$(Q)$(CC) $(BASE_CFLAGS) $(WARN) -O2 $(if $(filter %/true,$@),-static) -o $@ $<

# ---- is it in order ----

C_FILES = $(wildcard $(addsuffix *.[ch],lib/*/ tools/ tools/*/ tests/ tests/*/ tutorial/props/))
SCRIPTS = $(wildcard .ci/* tools/*.bash tutorial/demo tutorial/lab tutorial/walk tutorial/box.sh \
	$(patsubst %,tutorial/props/%,folder-registry keep make-root prop run-step wait-for) \
	tutorial/parts/*.bash tutorial/page/make tests/*.bash tests/*.bats tests/*.sh tests/*/*.sh \
	tests/*/*.bash)
OBJS    = $(LIB_OBJ) $(patsubst %.c,$(O)/%.o,$(wildcard tools/*.c tools/*/*.c))

.PHONY: lint lint-all lint-c lint-cppcheck lint-shell lint-man lint-house fmt fmt-check
lint: deps-lint
	+@$(MAKE) -s --no-print-directory -j$(JOBS) -O lint-all
lint-all: all lint-c lint-cppcheck lint-shell lint-man lint-house
	@echo "lint: clean"

# One stamp an object: only what changed is looked at again, headers included. Within functions the
# analyzer is quick; following calls as well (make lint ANALYZE=deep O=...) it takes ten times as long.
ANALYZE ?= shallow
lint-c: $(OBJS:.o=.tidy)
$(O)/%.tidy: %.c $(O)/%.o .clang-tidy
	$(call say,TIDY $<)
	$(Q)clang-tidy --quiet $< -- $(BASE_CFLAGS) -Xclang -analyzer-config -Xclang mode=$(ANALYZE) >$@.out 2>/dev/null || { cat $@.out; exit 1; }
	@mv $@.out $@
lint-cppcheck: all
	$(call say,CPPCHECK)
	@mkdir -p $(O)/cppcheck
	$(Q)cppcheck -q --std=c11 --enable=warning,performance,portability --inline-suppr --library=tests/lint/jansson.cfg -Ilib -I$(O)/gen \
		--suppress=missingIncludeSystem --suppress=ctuuninitvar --suppress=uninitvar --cppcheck-build-dir=$(O)/cppcheck --error-exitcode=1 \
		$(LIB_SRC) $(wildcard tools/*.c tools/*/*.c)
lint-shell:
	$(call say,SHELLCHECK)
	$(Q)shellcheck -S warning $(SCRIPTS)
lint-man:
	$(call say,MANDOC)
	$(Q)$(if $(MAN),mandoc -T lint -W warning $(MAN))
lint-house: all
	$(call say,HOUSE)
	$(Q)O=$(O) bash tests/lint/house.sh
	$(Q)bash tests/lint/lessons.sh
fmt:       ; clang-format -i $(C_FILES)
fmt-check: ; @clang-format --dry-run -Werror $(C_FILES)

# ---- does it work ----

UNITS      := $(patsubst %.c,$(O)/%,$(wildcard tests/unit/*.c))
TEST_PROGS := $(addprefix $(O)/tests/,probe subreaper swap)
TEST_WARN   = $(filter-out -Wcast-qual,$(WARN))

.SECONDARY: $(UNITS:=.o)
$(O)/tests/unit/%: $(O)/tests/unit/%.o $(LIB)
	$(call say,LD   unit/$(@F))
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(LIBS)
# They run in roots without a C library.
$(O)/tests/probe $(O)/tests/swap: LINK = -static
$(TEST_PROGS): $(O)/%: %.c
	@mkdir -p $(@D)
	$(call say,CC   $<)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -O1 $(TEST_WARN) $(LINK) -o $@ $<

.PHONY: check check-long check-unit check-fresh check-vm test-programs
check: deps-test
	+@$(MAKE) -s --no-print-directory -j$(JOBS) test-programs
	@O=$(O) tests/run.sh $(FILES); status=$$?; $(GIVE_BACK); exit $$status
check-long: export TEST_ROUNDS ?= 200
check-long: export TEST_DAYS ?= 60
check-long: export TEST_TIMEOUT ?= 7200
check-long: check
check-unit: $(UNITS)
	@O=$(O) tests/run.sh --unit
check-fresh: deps-test
	+@$(MAKE) -s --no-print-directory $(O)/minbase.tar
	@bash tests/fresh.sh $(O)/minbase.tar
# On another kernel, in a virtual machine: cgroup v2, the old mount(2), swap.
check-vm: deps-vm
	+@$(MAKE) -s --no-print-directory -j$(JOBS) test-programs
	@O=$(O) PACKAGES='$(filter-out $(NOT_VM),$(PKG_TEST))' tests/vm/run.sh $(FILES)
test-programs: all $(UNITS) $(TEST_PROGS) $(O)/client/docker

# ---- where it goes ----

UNITS_OF = $(notdir $(wildcard tools/*.service tools/*.socket))
.PHONY: install uninstall dist new clean help
install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(COMPDIR)
	install -s -m 755 $(BIN) $(DESTDIR)$(BINDIR)
	install -m 644 $(MAN) $(DESTDIR)$(MANDIR)/man1
	install -m 644 $(COMPLETION) $(DESTDIR)$(COMPDIR)/tacklebox
	install -d $(DESTDIR)$(UNITDIR)
	for u in $(UNITS_OF); do sed 's,@BINDIR@,$(BINDIR),' tools/$$u >$(DESTDIR)$(UNITDIR)/$$u || exit; done
	cd $(DESTDIR)$(COMPDIR) && for t in $(TOOLS); do ln -sf tacklebox $$t; done
uninstall:
	rm -f $(TOOLS:%=$(DESTDIR)$(BINDIR)/%) $(TOOLS:%=$(DESTDIR)$(COMPDIR)/%) \
		$(TOOLS:%=$(DESTDIR)$(MANDIR)/man1/%.1) $(DESTDIR)$(COMPDIR)/tacklebox \
		$(UNITS_OF:%=$(DESTDIR)$(UNITDIR)/%)
dist:
	@mkdir -p $(O)
	git archive --format=tar --prefix=tacklebox-$(VERSION)/ HEAD | gzip -9n >$(O)/tacklebox-$(VERSION).tar.gz
	@echo $(O)/tacklebox-$(VERSION).tar.gz
new:
	@bash tools/.template/new $(TOOL)
clean:
	rm -rf $(O)
help:
	@sed -n 's/^#help //p' Makefile

#help make                build all tools into build/bin (O=DIR elsewhere; SAN=address,undefined; V=1)
#help make demo           a container, step by step; ROOTFS=file.tar with a root file system of yours,
#help                     IMAGE=REF with an image from a registry
#help make course         builds the tools and opens the course where you stopped; deps-course installs what it needs
#help make check-tutorial all lessons of the course as a test; tutorial-html makes pages of them
#help make check          all tests; FILES="tests/x.bats ..." some; check-unit the C unit tests only
#help make check-long     the same with long loops: TEST_ROUNDS=200
#help make check-fresh    make demo and make check in a Debian where nothing was installed by hand
#help make check-vm       groups, chain, networks and overlays on the kernel of a virtual machine
#help make lint           compiler, clang-tidy, cppcheck, shellcheck, mandoc, and the rules of the house
#help make fmt            format the C sources; fmt-check only looks
#help make bench          speed and size beside crun, runc, bwrap, tar, CNI, iptables, podman and docker; PARTS="build box" some
#help make deps           install what building needs; deps-test, deps-lint, deps-bench; deps-check names it
#help make new TOOL=x     a new tool from the template: source, man page, tests, a row in the README
#help make install        DESTDIR, PREFIX, BINDIR, MANDIR; uninstall takes it away; dist makes a tar.gz
#help make clean          remove build/

-include $(OBJS:.o=.d) $(UNITS:=.d)
