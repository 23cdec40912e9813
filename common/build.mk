# How every room (common, task1 ... task4, and those in tests/) is built.
#
# A room's Makefile says, before it includes this file:
#   TOP       the way to the top of the tree        (..)
#   ROOM      its own name from there               (task2)
#   PROGRAMS  what it makes, beside its sources     (copy_deps)
#   NAME_SRC  the sources of program NAME           (copy_deps_SRC := copy_deps.c)
# Objects go to build/obj/ROOM, so that a room holds sources and programs only.
#
# On the command line:  CC=clang   STD=gnu11   STATIC=0 (dynamic)   SANITIZE=1 (ASan and UBSan)
# For another machine, CC says it all: CC=aarch64-linux-gnu-gcc, CC='gcc -m32'.

STATIC ?= 1
SANITIZE ?= 0
STD ?= gnu17

# A room says PLAIN := 1 where its programs must be static and unsanitized, however the programs
# under test are built; then it has a plain libcommon, too.
OBJ_SUFFIX :=
ifeq ($(PLAIN)$(SANITIZE),11)
OBJ_SUFFIX := -plain
endif
ifeq ($(PLAIN),1)
override STATIC := 1
override SANITIZE := 0
endif

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wpointer-arith -Wstrict-prototypes \
            -Wmissing-prototypes -Wformat=2 -Wvla
CFLAGS ?= -O2 -g
override CFLAGS += -std=$(STD) -D_GNU_SOURCE -I$(TOP) $(WARNINGS)
# A 32-bit machine's files have sizes past 2 GB, too, inodes of 64 bits, and a time after 2038.
override CFLAGS += -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
# One section a function and --gc-sections: a static program carries only what it calls.
override CFLAGS += -ffunction-sections -fdata-sections
override LDFLAGS += -Wl,--gc-sections

ifeq ($(SANITIZE),1)
# There is no static AddressSanitizer: a sanitized program is a dynamic one.
override STATIC := 0
override CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -DSANITIZE
override LDFLAGS += -fsanitize=address,undefined -Wl,-u,__lsan_is_turned_off
endif
ifeq ($(STATIC),1)
override LDFLAGS += -static
endif

OBJ := $(TOP)/build/obj/$(ROOM)$(OBJ_SUFFIX)
LIBCOMMON := $(TOP)/build/obj/common$(OBJ_SUFFIX)/libcommon.a
objects = $(patsubst %.c,$(OBJ)/%.o,$($(1)_SRC))

.DELETE_ON_ERROR:
.PHONY: all clean FORCE
all: $(PROGRAMS)

# A change of compiler or flags rebuilds everything: objects of two kinds must never be linked. One of
# LDFLAGS alone, such as STATIC=0, links anew. Set here, where no target has flags of its own yet.
FLAGS_FILE := $(OBJ)/flags
LINK_FILE := $(OBJ)/link-flags
compile_flags := $(CC) $(CFLAGS)
link_flags := $(compile_flags) $(LDFLAGS)
$(FLAGS_FILE): its_flags = $(compile_flags)
$(LINK_FILE): its_flags = $(link_flags)
$(FLAGS_FILE) $(LINK_FILE): FORCE
	@mkdir -p $(@D)
	@echo '$(its_flags)' | cmp -s - $@ || echo '$(its_flags)' > $@

$(OBJ)/%.o: %.c $(FLAGS_FILE)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

ifneq ($(ROOM),common)
$(LIBCOMMON): FORCE
	@$(MAKE) --no-print-directory -C $(TOP)/common PLAIN=$(PLAIN)
endif

define program_rule
$(1): $(call objects,$(1)) $(LIBCOMMON) $(LINK_FILE)
	$$(CC) $$(CFLAGS) -o $$@ $$(filter %.o %.a,$$^) $$(LDFLAGS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p))))

clean:
	rm -rf $(OBJ) $(PROGRAMS)

-include $(wildcard $(OBJ)/*.d)
