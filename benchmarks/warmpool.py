"""A pool of free memory that the machine really has.

A virtual machine may give free pages back to its host (free page reporting), two seconds after they
were freed and in blocks of 2 MiB; the first
write to such a page then costs ten times as much as to one that is there. It was measured: writing
a file of 400 MB took 0.6 s of system time
instead of 0.07 s, as much as all the rest of a backup, and it hits whoever comes first. So pages
are touched and freed again, all but one in every
BLOCK: no free block gets as large as those that are given back, and the kernel uses small blocks
first. A pool lasts for one run, for whatever else
happens on the machine empties it.  On other machines this changes nothing.
"""
import mmap

PAGE = mmap.PAGESIZE
BLOCK = 256 << 10


def available():
    with open("/proc/meminfo", encoding="ascii") as f:
        for line in f:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return 0


def fill(size):
    """Keep the result for as long as the pool is needed; forget it before the next. At most a third
    of what is available is taken."""
    size = min(size, available() // 3) // BLOCK * BLOCK
    if not size or not hasattr(mmap, "MADV_NOHUGEPAGE"):
        return None
    m = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    m.madvise(mmap.MADV_NOHUGEPAGE)
    for at in range(0, size, PAGE):
        m[at] = 1
    for at in range(0, size, BLOCK):
        m.madvise(mmap.MADV_DONTNEED, at + PAGE, BLOCK - PAGE)
    return m
