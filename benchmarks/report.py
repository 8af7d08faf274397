"""Markdown: tables of what was measured, and RESULTS.md, whose sections are replaced one by one."""
import datetime
import os
import platform
import re

import workplace
from measure import median, pair_ratio

DEFAULTS = {
    "a_backup": "pack size 64 MiB, compression auto (zstd 3), no cache, as many workers as cores",
    "restic": "pack size 16 MiB, compression auto, cache in a folder of its own (warm after the first add), GOMAXPROCS as Go chooses",
}
NOISE = 0.1  # seconds
HEAD = """# Results

Written by `make bench WRITE=1` and its sisters, section by section; what is measured and how to read it is in `README.md`.
"""


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            if line.startswith(("model name", "CPU part")):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def memory_gib():
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)


def kernel():
    """The numbers only: what follows them names who built it."""
    return re.match(r"[0-9.]*", platform.release()).group(0).rstrip(".")


def machine(place):
    versions = ", ".join([t.version() for t in place.both] + [workplace.first_line(["gcc", "--version"])])
    load = place.load
    disk = workplace.first_line(["findmnt", "-n", "-o", "FSTYPE", "-T", place.scratch])
    return (f"{datetime.date.today()}: {cpu_model()}, {os.cpu_count()} cores, {memory_gib():.0f} GiB, Linux {kernel()}, {disk}; {versions}; "
            f"scale {place.args.scale:g}; load average {load:.2f} at the start, {os.getloadavg()[0]:.2f} at the end.")


def spread(values, digits=2):
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def row(cells):
    return "| " + " | ".join(cells) + " |"


def table(head, rows):
    return "\n".join([row(head), row(["---"] + ["---:"] * (len(head) - 1))] + [row(r) for r in rows])


def less_opening(found, op, name):
    """CPU seconds less those of this program's `list` in the same round, which does little but
    derive the key."""
    return [c.cpu - opening.cpu for c, opening in zip(found.costs[op][name], found.costs["list"][name])]


def net_ratio(found, op):
    """As text; nothing when a difference is so small that it is noise."""
    ours, theirs = less_opening(found, op, "a_backup"), less_opening(found, op, "restic")
    if median(theirs) < NOISE or min(theirs) <= 0:
        return "–"
    return f"{pair_ratio(ours, theirs):.2f}"


def ratio_of(found, op, field):
    """Our cost / restic's; None when only one program was measured."""
    costs = found.costs[op]
    if len(costs) < 2:
        return None
    return pair_ratio([getattr(c, field) for c in costs["a_backup"]], [getattr(c, field) for c in costs["restic"]])


def columns(found, op, names, field):
    """The numbers of each program, and their ratio if there are two."""
    cells = [spread([getattr(c, field) for c in found.costs[op][n]]) for n in names]
    return cells + ([f"{ratio_of(found, op, field):.2f}"] if len(names) == 2 else [])


def set_table(place, found):
    names = [t.name for t in place.both]
    ratio = ["ratio"] if len(names) == 2 else []
    head = ["operation"] + [f"CPU s {n}" for n in names] + ratio + [f"wall s {n}" for n in names] + ratio + [f"peak MB {n}" for n in names]
    rows = [[op] + columns(found, op, names, "cpu") + columns(found, op, names, "wall")
            + [f"{max(c.rss for c in found.costs[op][n]) / 1e6:.0f}" for n in names] for op in found.costs]
    sizes = "; ".join(f"{n} {found.repo_size[n][0] / 1e6:.1f} MB in {found.repo_size[n][1]} files" for n in names)
    if len(names) == 2:
        sizes += f"; ratio {found.repo_size['a_backup'][0] / found.repo_size['restic'][0]:.3f}"
    return (f"### {found.name}\n\n{found.title}\n\nHere: {found.bytes / 1e6:.0f} MB in {found.files} files. Repository after the first add: {sizes}.\n\n"
            + table(head, rows))


def verdict(ratio, target):
    if ratio is None:
        return ""
    if target is None:
        return f"{ratio:.2f}"
    return f"{ratio:.2f}" if ratio <= target else f"**{ratio:.2f}**"


def all_met(sets, targets):
    ratios = [(ratio_of(s, op, "cpu"), target) for s in sets for op, target in targets.items() if target]
    return all(r is None or r <= target for r, target in ratios)


def summary(sets, targets):
    rows = [[op, f"≤ {target}" if target else "–"] + [verdict(ratio_of(s, op, "cpu"), target) for s in sets] for op, target in targets.items()]
    net = [[op] + [net_ratio(s, op) for s in sets] for op, target in targets.items() if target]
    names = [s.name for s in sets]
    return ("CPU seconds of a_backup / restic, the median of the ratios of neighbouring runs; bold misses the target.\n\n"
            + table(["operation", "target"] + names, rows)
            + "\n\nThe same without opening the repository, which is nearly all scrypt and costs every command the same: of each number that of the "
            "program's own `list` in the same round is taken away (–: what is left of restic's is below 0.1 s).\n\n" + table(["operation"] + names, net))


def compare_section(place, sets, missing, targets):
    parts = [machine(place)]
    parts.append(f"{place.args.rounds} rounds in turns, page cache warm. Defaults: " + "; ".join(f"{t.name}: {DEFAULTS[t.name]}" for t in place.both)
                 + (f". All repositories have the same key (scrypt {place.scrypt()}) and chunker polynomial." if sets else "."))
    parts += [f"Left out: {m}." for m in missing]
    if sets and place.ours:
        parts.append(summary(sets, targets))
    parts += [set_table(place, s) for s in sets]
    return "\n\n".join(parts)


def write_section(path, title, text):
    """Replaces the section `## title` of RESULTS.md, or adds it at the end."""
    try:
        with open(path, encoding="utf-8") as f:
            old = f.read()
    except FileNotFoundError:
        old = HEAD
    sections = re.split(r"(?m)^(?=## )", old)
    new = f"## {title}\n\n{text}\n"
    for i, section in enumerate(sections):
        if section.startswith(f"## {title}\n"):
            sections[i] = new
            break
    else:
        sections.append(new)
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n\n".join(s.rstrip("\n") for s in sections) + "\n")
