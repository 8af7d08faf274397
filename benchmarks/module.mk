# Benchmarks: `make bench-kern`, built like everything else, never run by `check`.
BENCH_KERN := $(B)/bench_kern
$(BENCH_KERN): $(call objects,benchmarks/bench_kern.c) $(call archive,kern base)
	$(call link,$(CC))
.PHONY: bench-kern
bench-kern: $(BENCH_KERN) ## GB/s per core of scan, SHA-256, seal, open, compress
	$(BENCH_KERN)
