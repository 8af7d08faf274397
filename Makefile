# a_backup: build, test, install.  `make help` lists the targets.
#
# One folder of objects a variant (build/rel, build/address-undefined, build/thread) and one archive
# a room, so that a room can be built and tested while another does not compile.  Objects and
# archives appear by rename: two makes may share a build folder.

-include local.mk

##: CC, CFLAGS, LDFLAGS    compiler and flags (default -O2 -g); a change rebuilds what it touches
##: SAN=address,undefined  or SAN=thread: build and test with sanitizers, in a folder of their own
##: WERROR=1               make warnings errors
##: ROOMS="base kern"      only these rooms (src/ROOM) and the unit tests of their modules
##: TIER="unit sim"        for check: only these tiers (unit suite sim mpi e2e services san lint)
##: ONLY=pattern           for check: only tests whose name contains it
##: NODEPS=1               for check, quickstart: do not look for missing packages
##: PREFIX, DESTDIR        for install, uninstall (default PREFIX=/usr/local)
##: LIBDIR                 where install puts the library (default PREFIX/lib)
##: BUILD=build            where everything that is made goes
##: local.mk               if it exists, it is read first: your own settings

ALL_ROOMS := base kern backend fs comm format repo lib ranks engine cmd
ROOMS ?= $(ALL_ROOMS)
BUILD ?= build
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
ifeq ($(origin CC),default)
CC := gcc
endif
MPICC ?= mpicc
AR ?= ar
PKG_CONFIG ?= pkg-config

comma := ,
empty :=
space := $(empty) $(empty)
ifdef SAN
B := $(BUILD)/$(subst $(comma),-,$(SAN))
CFLAGS ?= -O1 -g1 -fno-omit-frame-pointer
SAN_FLAGS := -fsanitize=$(SAN) $(if $(findstring undefined,$(SAN)),-fno-sanitize-recover=undefined)
else
B := $(BUILD)/rel
CFLAGS ?= -O2 -g -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
SAN_FLAGS :=
endif

# pkg NAME, FALLBACK: linker flags of a library.
pkg = $(or $(shell $(PKG_CONFIG) --libs $(1) 2>/dev/null),$(2))
LIBS := $(call pkg,libcrypto,-lcrypto) $(call pkg,libzstd,-lzstd) -lpthread -lm
LIBS += $(call pkg,libcurl,-lcurl) $(call pkg,expat,-lexpat)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wconversion
CPPFLAGS_ALL := -D_GNU_SOURCE -Isrc -Iinclude $(CPPFLAGS)
CFLAGS_ALL := -std=c11 $(WARN) $(CFLAGS) $(SAN_FLAGS)
LDFLAGS_ALL := $(LDFLAGS) $(SAN_FLAGS)
HAVE_MPI := $(if $(filter no,$(MPI)),,$(shell command -v $(MPICC) 2>/dev/null))
export OMPI_CC := $(CC)
export MPICH_CC := $(CC)

include $(wildcard src/*/module.mk)

archive = $(foreach r,$(1),$(if $(SRC_$(r)),$(B)/lib$(r).a))
objects = $(patsubst %.c,$(B)/obj/%.o,$(1))
LIB := $(B)/liba_backup.a
# The library for others (include/): the room lib and what it stands on, of objects of their own.
# The number is AB_VERSION.
SONAME := liba_backup.so.0
SHARED := $(if $(SAN),,$(if $(wildcard src/lib/ab.c),$(B)/$(SONAME)))
SHARED_OBJ := $(patsubst %.c,$(B)/pic/%.o,$(foreach r,lib $(NEEDS_lib),$(SRC_$(r))))
# What the library does not need of a file is left out, and with it what the file would do to a
# process (mem_tune, a password's command).
PIC_FLAGS := -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections
SHARED_FLAGS := -shared -Wl,-soname,$(SONAME) -Wl,--version-script=src/lib/exports.map -Wl,-z,defs -Wl,--gc-sections
PROGRAMS := $(if $(wildcard src/cmd/main.c),$(B)/a_backup) \
	$(if $(HAVE_MPI),$(if $(wildcard src/cmd/main_mpi.c),$(B)/a_backup-mpi))
FULL := $(if $(filter-out $(ROOMS),$(ALL_ROOMS)),,yes)

# A unit test t_x belongs to the lowest room that has x.c, else x.h (t_room_x where two have one);
# without one it needs all rooms.
rooms_with = $(foreach r,$(ALL_ROOMS),$(if $(wildcard src/$(r)/$(1).$(2) src/$(r)/$(patsubst $(r)_%,%,$(1)).$(2)),$(r)))
room_of = $(firstword $(call rooms_with,$(1),c) $(call rooms_with,$(1),h))
UNIT_SRC := $(wildcard tests/unit/t_*.c)
$(foreach s,$(UNIT_SRC),$(eval ROOM_$(basename $(notdir $(s))) := $(call room_of,$(patsubst t_%,%,$(basename $(notdir $(s)))))))
UNIT_SRC := $(foreach s,$(UNIT_SRC),$(if $(filter $(ROOMS),$(ROOM_$(basename $(notdir $(s)))))$(FULL),$(s)))
# ThreadSanitizer looks at threads: computing with bytes alone, and what restic makes of our bytes,
# is left to the other sanitizers.
ifeq ($(SAN),thread)
UNIT_SRC := $(foreach s,$(UNIT_SRC),$(if $(filter kern format,$(ROOM_$(basename $(notdir $(s))))),,$(s)))
endif
SUITE_SRC := $(if $(FULL),$(filter-out $(if $(filter thread,$(SAN)),%/s_repo_restic.c),$(wildcard tests/suite/*.c)))
SIM_SRC := $(if $(FULL),$(wildcard tests/sim/*.c))
MPI_SRC := $(if $(FULL),$(if $(HAVE_MPI),$(if $(wildcard src/comm/comm_mpi.c),$(wildcard tests/mpi/*.c))))
tests = $(patsubst %.c,$(B)/tests/%,$(notdir $(1)))
# Only a test that includes "lib/..." waits for tests/lib; so does what shares unit/repo_fixture.h.
USES_LIB := $(shell grep -lE '^.include "(lib/|unit/repo_fixture)' tests/unit/*.c tests/suite/*.c tests/sim/*.c tests/mpi/*.c 2>/dev/null)
TEST_LIB_SRC := $(wildcard tests/lib/*.c)
-include tests/fuzz/module.mk

.PHONY: all lib shared tests check lint format deps quickstart install uninstall clean help FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(if $(FULL),lib shared $(PROGRAMS),$(call archive,$(ROOMS))) ## build a_backup and a_backup-mpi (default)
	$(if $(FULL),$(if $(HAVE_MPI),,@echo 'note: no $(MPICC): a_backup-mpi is not built'))

lib: $(LIB)
shared: $(SHARED) ## build the library for programs of others, liba_backup.so

# The flags an object was made with.  The compiler's version is one of them: a build folder may
# outlive an upgrade.
FLAGS_NOW := $(CC) $(shell $(CC) -dumpfullversion 2>/dev/null) $(CPPFLAGS_ALL) $(CFLAGS_ALL) : $(LDFLAGS_ALL) $(LIBS) : $(PIC_FLAGS) $(SHARED_FLAGS)
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(FLAGS_NOW)' | cmp -s - $@ || printf '%s\n' '$(FLAGS_NOW)' >$@

# compile COMPILER: flags of one file can be added as CFLAGS_room/module in its module.mk.
# WERROR is no part of $(B)/flags, so that `make` and `make check` share their objects: therefore
# one that warned is kept for this link only.
# Its time is the epoch's, and whoever makes next is warned again, or stopped.
# kern has no threads either, and computes ten times slower under ThreadSanitizer.
UNWATCHED := $(if $(filter thread,$(SAN)),src/kern/%)
flags_of = $(CPPFLAGS_ALL) $(if $(filter tests/%,$(1)),-Itests) $(CFLAGS_ALL) $(CFLAGS_$(patsubst src/%.c,%,$(1))) \
	$(if $(filter $(UNWATCHED),$(1)),-fno-sanitize=all)
define compile
@mkdir -p $(@D)
$(if $(V),,@echo "  CC      $<";)$(1) $(call flags_of,$<) $(if $(filter 1,$(WERROR)),-Werror) -MMD -MP -MT $@ -MF $@.$$$$.d -c -o $@.$$$$ $< 2>$@.$$$$.w; \
	rc=$$?; cat $@.$$$$.w >&2; [ $$rc = 0 ] && { [ ! -s $@.$$$$.w ] || touch -d @0 $@.$$$$; } && \
	mv -f $@.$$$$.d $(@:.o=.d) && mv -f $@.$$$$ $@; rc=$$?; rm -f $@.$$$$ $@.$$$$.d $@.$$$$.w; exit $$rc
endef
define pack
@mkdir -p $(@D)
$(if $(V),,@echo "  AR      $@";)rm -f $@.$$$$ && $(AR) rcs $@.$$$$ $^ && mv -f $@.$$$$ $@
endef
define link
@mkdir -p $(@D)
$(if $(V),,@echo "  LD      $@";)$(1) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@.$$$$ \
	$(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS) && mv -f $@.$$$$ $@ || { rm -f $@.$$$$; exit 1; }
endef

MPI_OBJ := $(B)/obj/src/comm/comm_mpi.o $(B)/obj/src/cmd/main_mpi.o
$(MPI_OBJ): $(B)/obj/%.o: %.c $(B)/flags
	$(call compile,$(MPICC))
$(B)/obj/tests/mpi/%.o: tests/mpi/%.c $(B)/flags
	$(call compile,$(MPICC))
$(B)/obj/%.o: %.c $(B)/flags
	$(call compile,$(CC))
$(B)/pic/%.o: %.c $(B)/flags
	$(call compile,$(CC) $(PIC_FLAGS))

$(foreach r,$(ALL_ROOMS),$(eval $(B)/lib$(r).a: $(call objects,$(SRC_$(r)))))
$(foreach r,$(ALL_ROOMS),$(B)/lib$(r).a) $(B)/libtest.a:
	$(pack)
$(LIB): $(call objects,$(foreach r,$(ALL_ROOMS),$(SRC_$(r))))
	$(pack)
$(B)/libtest.a: $(call objects,$(TEST_LIB_SRC))

$(B)/a_backup: $(B)/obj/src/cmd/main.o $(LIB)
	$(call link,$(CC))
$(B)/a_backup-mpi: $(MPI_OBJ) $(LIB)
	$(call link,$(MPICC))

$(B)/$(SONAME): src/lib/exports.map $(SHARED_OBJ)
	$(call link,$(CC) $(SHARED_FLAGS))

# test_rule SOURCE, ARCHIVES, MORE OBJECTS
define test_rule
$(B)/tests/$(basename $(notdir $(1))): $(call objects,$(1)) $(B)/obj/tests/unit/check.o $(3) $(2) \
	$(if $(filter $(1),$(USES_LIB)),$(if $(TEST_LIB_SRC),$(B)/libtest.a))
endef
rooms_for = $(if $(ROOM_$(1)),$(ROOM_$(1)) $(NEEDS_$(ROOM_$(1))),$(ALL_ROOMS))
$(foreach s,$(UNIT_SRC),$(eval $(call test_rule,$(s),$(call archive,$(call rooms_for,$(basename $(notdir $(s))))))))
$(foreach s,$(SUITE_SRC) $(SIM_SRC),$(eval $(call test_rule,$(s),$(call archive,$(ALL_ROOMS)))))
$(foreach s,$(MPI_SRC),$(eval $(call test_rule,$(s),$(call archive,$(ALL_ROOMS)),$(B)/obj/src/comm/comm_mpi.o)))
$(call tests,$(UNIT_SRC) $(SUITE_SRC) $(SIM_SRC)):
	$(call link,$(CC))
$(B)/tests/m_comm: LDFLAGS_ALL += -Wl,--wrap=loop_wait
$(call tests,$(MPI_SRC)):
	$(call link,$(MPICC))

# chosen TIER, SOURCES: those that TIER and ONLY leave (mpi tests have a number of ranks behind
# their name, so ONLY cannot judge them here).
chosen = $(if $(if $(TIER),$(filter $(1),$(TIER)),yes),$(foreach s,$(2),$(if $(filter-out mpi,$(1)),$(if $(ONLY),$(if \
	$(findstring $(ONLY),$(1)-$(basename $(notdir $(s)))),$(s)),$(s)),$(s))))
UNIT := $(call tests,$(call chosen,unit,$(UNIT_SRC)))
SUITE := $(call tests,$(call chosen,suite,$(SUITE_SRC)))
SIM := $(call tests,$(call chosen,sim,$(SIM_SRC)))
MPI_TESTS := $(call tests,$(call chosen,mpi,$(MPI_SRC)))
# What scripts use.
TOOLS := $(if $(FULL),$(patsubst tests/tools/%.c,$(B)/tests/%,$(wildcard tests/tools/*.c)))
$(TOOLS): $(B)/tests/%: $(B)/obj/tests/tools/%.o $(call archive,$(ALL_ROOMS))
	$(call link,$(CC))
tests: $(UNIT) $(SUITE) $(SIM) $(MPI_TESTS) $(TOOLS) ## build the test programs

# In two steps, so that packages that `deps` installs are seen by the make that builds.
check: $(if $(NODEPS),,deps) ## install what is missing, build with warnings as errors, run all tests
	@$(MAKE) --no-print-directory WERROR=1 NODEPS=1 run-tests
.PHONY: run-tests
run-tests: $(if $(if $(TIER),$(filter e2e services lint,$(TIER)),yes),all) tests
	@B='$(B)' SAN='$(SAN)' TIER='$(TIER)' ONLY='$(ONLY)' FULL='$(FULL)' UNIT='$(UNIT)' SUITE='$(SUITE)' SIM='$(SIM)' MPI='$(MPI_TESTS)' \
		tests/run.sh

lint: ## layers, headers alone, format, cppcheck
	@B='$(B)' TIER=lint ONLY='$(ONLY)' CC='$(CC)' tests/run.sh
format: ## let clang-format lay out the sources of ROOMS and their unit tests
	clang-format -i $(wildcard $(foreach r,$(ROOMS),src/$(r)/*.[ch])) $(UNIT_SRC) \
		$(if $(FULL),$(wildcard tests/*/*.[ch] benchmarks/*.[ch] examples/*.c include/*/*.h))

# One command a source, for editors and clangd.
command_of = {"directory": "$(CURDIR)", "file": "$(1)", "command": "$(subst ",\",$(CC) $(call flags_of,$(1)) -c $(1))"}
compile_commands.json: FORCE ## how each source is compiled, for editors
	$(file >$@,[$(subst } {,}$(comma) {,$(foreach s,$(wildcard src/*/*.c tests/*/*.c benchmarks/*.c),$(call command_of,$(s))))])

deps: ## install the packages that building, checking and the quickstart need (as root; else name them)
	@scripts/deps.sh build quickstart check

quickstart: ## build, make a backup in a temporary folder and restore it
	@$(if $(NODEPS),,scripts/deps.sh build quickstart)
	@$(MAKE) --no-print-directory all
	@if [ -x scripts/quickstart.sh ]; then scripts/quickstart.sh '$(B)'; else echo 'scripts/quickstart.sh does not exist'; exit 1; fi

# What a program that uses the library says to pkg-config; what the library itself needs is for
# static linking.
define PC
prefix=$(PREFIX)
libdir=$(LIBDIR)
includedir=$(PREFIX)/include

Name: a_backup
Description: reads restic repositories
Version: $(VERSION)
Requires.private: libcrypto libzstd libcurl expat
Cflags: -I$${includedir}
Libs: -L$${libdir} -la_backup
endef
VERSION = $(shell sed -n 's/.*CMD_VERSION "\(.*\)"/\1/p' src/cmd/cmd.h)
HEADERS := $(wildcard include/a_backup/*.h)
MANUALS := $(wildcard docs/man/*.[1-9])
man_of = share/man/man$(patsubst .%,%,$(suffix $(1)))

install: all ## install programs, library and manual pages to DESTDIR/PREFIX
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/share/man/man1' '$(DESTDIR)$(PREFIX)/share/man/man3' \
		'$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(PREFIX)/include/a_backup'
	$(foreach p,$(PROGRAMS),install -m 755 $(p) '$(DESTDIR)$(PREFIX)/bin/' &&) true
	$(foreach m,$(MANUALS),install -m 644 $(m) '$(DESTDIR)$(PREFIX)/$(call man_of,$(m))/' &&) true
	$(foreach h,$(HEADERS),install -m 644 $(h) '$(DESTDIR)$(PREFIX)/include/a_backup/' &&) true
	$(if $(SHARED),install -m 755 $(SHARED) '$(DESTDIR)$(LIBDIR)/' && ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/liba_backup.so')
	$(file >$(B)/a_backup.pc,$(PC))
	install -m 644 $(B)/a_backup.pc '$(DESTDIR)$(LIBDIR)/pkgconfig/'
uninstall: ## remove what install put there
	rm -f '$(DESTDIR)$(PREFIX)/bin/a_backup' '$(DESTDIR)$(PREFIX)/bin/a_backup-mpi' \
		$(foreach m,$(MANUALS),'$(DESTDIR)$(PREFIX)/$(call man_of,$(m))/$(notdir $(m))') \
		$(foreach h,$(HEADERS),'$(DESTDIR)$(PREFIX)/$(h)') \
		'$(DESTDIR)$(LIBDIR)/$(SONAME)' '$(DESTDIR)$(LIBDIR)/liba_backup.so' '$(DESTDIR)$(LIBDIR)/pkgconfig/a_backup.pc'

clean: ## remove everything that was made
	rm -rf '$(BUILD)'

help: ## this text
	@echo 'Targets:'
	@sed -n 's/^\([a-z_.-]*\):.* ## \(.*\)/  \1|\2/p' Makefile benchmarks/module.mk 2>/dev/null | awk -F'|' '{printf "%-21s %s\n", $$1, $$2}'
	@echo 'Settings:'
	@sed -n 's/^##: /  /p' Makefile

-include benchmarks/module.mk

ifeq ($(filter clean help deps uninstall lint format,$(MAKECMDGOALS)),)
-include $(shell find $(B)/obj $(B)/pic -name '*.d' 2>/dev/null)
endif
