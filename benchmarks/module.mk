# Benchmarks, built like everything else and never run by `check`.
#   make bench ARGS="--scale 0.05 --sets many"    WRITE=1 puts the tables into benchmarks/RESULTS.md
BENCH_KERN := $(B)/bench_kern
$(BENCH_KERN): $(call objects,benchmarks/bench_kern.c) $(call archive,kern base)
	$(call link,$(CC))
SPENT := $(B)/spent
$(SPENT): $(call objects,benchmarks/spent.c)
	$(call link,$(CC))
BENCH = benchmarks/bench.py $(1) --program '$(B)/a_backup' --spent '$(SPENT)' $(if $(WRITE),--write) $(ARGS)
.PHONY: bench bench-ranks bench-memory bench-requests bench-throughput bench-kern
bench: $(PROGRAMS) $(SPENT) ## CPU, time, memory and size beside restic: add, unchanged add, restore, check, list
	$(call BENCH,compare)
bench-ranks: $(PROGRAMS) $(SPENT) ## CPU seconds of add by 1 and by 4 ranks
	$(call BENCH,ranks)
bench-memory: $(PROGRAMS) $(SPENT) ## peak memory of add for growing trees
	$(call BENCH,memory)
bench-requests: $(PROGRAMS) $(SPENT) ## requests and time of an unchanged run against a store that is far away
	$(call BENCH,requests)
bench-throughput: $(PROGRAMS) $(SPENT) ## MB/s of 1, 2 and 4 ranks into a store that is far away
	$(call BENCH,throughput)
bench-kern: $(BENCH_KERN) ## GB/s per core of scan, SHA-256, seal, open, compress; CPU s of scrypt
	$(BENCH_KERN)
