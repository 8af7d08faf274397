#!/bin/sh
# ThreadSanitizer: ranks as threads, the loop, pools, stores.
exec sh tests/lib/sanitized.sh thread unit suite sim
