# Fuzz targets: f_NAME.c.  As tests they replay corpus/NAME; `make fuzz FUZZ=NAME FUZZ_SECONDS=20`
# lets libFuzzer look for more.
.DEFAULT_GOAL := all
FUZZ_SRC := $(wildcard tests/fuzz/f_*.c)
SUITE_SRC += $(if $(FULL),$(FUZZ_SRC))
$(patsubst tests/fuzz/%.c,$(B)/tests/%,$(FUZZ_SRC)): $(B)/obj/tests/fuzz/replay.o

FUZZ_CC ?= $(firstword $(notdir $(wildcard $(addprefix /usr/bin/,clang clang-19 clang-14))) clang)
FUZZ_B := $(BUILD)/fuzz
FUZZ_ROOMS := base kern backend format
FUZZ_SECONDS ?= 20

# Found inputs are kept in build/fuzz/corpus/NAME; a crash is written to build/fuzz/crash-…: add it
# to tests/fuzz/corpus/NAME.
.PHONY: fuzz
fuzz: ## look for inputs that break a reader: FUZZ=NAME FUZZ_SECONDS=20 (needs clang)
	@test -f 'tests/fuzz/f_$(FUZZ).c' || { echo 'FUZZ=NAME with one of: $(patsubst tests/fuzz/f_%.c,%,$(FUZZ_SRC))'; exit 1; }
	@$(MAKE) --no-print-directory BUILD='$(FUZZ_B)' SAN= CC='$(FUZZ_CC)' ROOMS='$(FUZZ_ROOMS)' WERROR=0 \
		CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined' $(patsubst %,$(FUZZ_B)/rel/lib%.a,$(FUZZ_ROOMS))
	$(FUZZ_CC) -std=c11 $(CPPFLAGS_ALL) -Itests -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-o '$(FUZZ_B)/f_$(FUZZ)' 'tests/fuzz/f_$(FUZZ).c' \
		-Wl,--start-group $(patsubst %,$(FUZZ_B)/rel/lib%.a,$(FUZZ_ROOMS)) -Wl,--end-group $(LIBS)
	@mkdir -p '$(FUZZ_B)/corpus/$(FUZZ)'
	'$(FUZZ_B)/f_$(FUZZ)' -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix='$(FUZZ_B)/' \
		$(if $(wildcard tests/fuzz/dict/$(FUZZ)),-dict=tests/fuzz/dict/$(FUZZ)) '$(FUZZ_B)/corpus/$(FUZZ)' 'tests/fuzz/corpus/$(FUZZ)'
