#!/bin/sh
# AddressSanitizer and UndefinedBehaviorSanitizer over everything that runs in seconds.
exec sh tests/lib/sanitized.sh address,undefined unit suite sim
