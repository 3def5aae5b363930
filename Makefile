# tacklebox: make, make check, make demo; `make help` lists the rest.
# Everything is built below $(O), out of the tree. V=1 shows the commands, SAN=address,undefined builds
# with sanitizers, WERROR=0 lets warnings pass.

VERSION = 0.1
O      ?= build
PREFIX ?= /usr/local
CC     ?= gcc
PKG_CONFIG ?= pkg-config

WERROR ?= 1
WARN = -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes \
       -Wold-style-definition -Wformat=2 -Wcast-align -Wcast-qual -Wwrite-strings -Wundef \
       -Wvla -Wimplicit-fallthrough -Wnull-dereference -Wduplicated-cond -Wlogical-op
ifeq ($(WERROR),1)
WARN += -Werror
endif

CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Ilib -I$(O)/gen $(WARN) \
	-ffunction-sections -fdata-sections -fstack-protector-strong -fvisibility=hidden \
	-DTACKLEBOX_VERSION='"$(VERSION)"' $(SANFLAGS) $(CFLAGS)
ALL_LDFLAGS = -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,-z,relro -Wl,-O1 \
	-Wl,--as-needed $(SANFLAGS) $(LDFLAGS)
ifdef SAN
SANFLAGS = -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined
endif

# Every program is offered every library; --as-needed keeps those it uses. Each library is used by one
# file of lib/, so a tool that does not call that file does not load it.
PKGS = libarchive jansson libcrypto libseccomp
LIBS = $(shell $(PKG_CONFIG) --libs $(PKGS))

ifeq ($(V),1)
Q =
else
Q = @
endif

# A tool is tools/NAME.c, or a folder tools/NAME/ of .c files. No list to edit.
LIB_SRC  := $(wildcard lib/*/*.c)
LIB_OBJ  := $(LIB_SRC:%.c=$(O)/%.o)
FILE_TOOLS := $(patsubst tools/%.c,%,$(wildcard tools/*.c))
DIR_TOOLS  := $(patsubst tools/%/,%,$(dir $(wildcard tools/*/main.c)))
TOOLS    := $(sort $(FILE_TOOLS) $(DIR_TOOLS))
BIN      := $(TOOLS:%=$(O)/bin/%)
LIB      := $(O)/libtackle.a

.PHONY: all
all: $(BIN) $(LIB)

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC   $<")
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(LIB): $(LIB_OBJ)
	$(if $(V),,@echo "  AR   $(@F)")
	$(Q)rm -f $@ && ar rcs $@ $^

.SECONDEXPANSION:
$(FILE_TOOLS:%=$(O)/bin/%): $(O)/bin/%: $(O)/tools/%.o $(LIB)
$(DIR_TOOLS:%=$(O)/bin/%): $(O)/bin/%: $$(patsubst %.c,$(O)/%.o,$$(wildcard tools/$$*/*.c)) $(LIB)
$(BIN):
	@mkdir -p $(@D)
	$(if $(V),,@echo "  LD   $(@F)")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(LIBS)

.PHONY: clean
clean:
	rm -rf $(O)

-include $(LIB_OBJ:.o=.d) $(TOOLS:%=$(O)/tools/%.d) $(wildcard $(O)/tools/*/*.d)
