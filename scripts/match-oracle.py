#!/usr/bin/env python3
"""Writes tests/unit/match_oracle.h: what restic keeps of a small tree under many sets of patterns.

usage: scripts/match-oracle.py [path of restic]      (0.18.0 wrote the file that is kept)

The tree is made as /tmp/m, because rooted patterns need a fixed place; it must not exist and is
removed at the end.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

RESTIC = sys.argv[1] if len(sys.argv) > 1 else "restic"
ROOT = "/tmp/m"
FILES = """
a/b/c/d  a/b/x.o  a/x.c  a/b/.hid  b/a/c  b/foo.txt  b/foo.TXT  foo  c/foo/bar  c/foo/baz/q  c/bar/foo/q  c/Bar/z  A/B/x  .git/config
c/.git/y  t/**  t/[x]  t/a?b  t/a*b  t/a!b  t/a^b  t/a-b  t/a]b  t/bäb  t/BÄB  t/a\\b  t/aab  n/n/n/n/n  n/m/n/m/n/k  e/1/2/3/b  e/1/b  e/b
"""
EXCLUDE = [  # (i, patterns): i = case is ignored
    (0, ["foo"]), (0, ["/foo"]), (0, ["*.o"]), (0, ["*.txt"]), (1, ["*.txt"]), (1, ["FOO"]), (1, ["/TMP/M/A/b"]), (1, ["bäb"]),
    (1, ["BÄ?"]), (0, ["bäb"]), (0, ["b?b"]), (0, ["b??b"]), (0, ["b*b"]), (0, [".*"]), (0, ["*/.git"]), (0, ["a/b"]), (0, ["/a/b"]),
    (0, ["/tmp/m/a/b"]), (0, ["/tmp/m/a/b/"]), (0, ["/tmp/m/./a/x/../b"]), (0, ["/tmp/*/c/foo"]), (0, ["/*/*/*/foo"]), (0, ["tmp"]),
    (0, ["/tmp/m/**/b"]), (0, ["/tmp/m/e/**/b"]), (0, ["/tmp/m/e/**/3/b"]), (0, ["**/b"]), (0, ["b/**"]), (0, ["/tmp/m/n/**"]),
    (0, ["/tmp/m/n/**/n"]), (0, ["/tmp/**/n/**/n"]), (0, ["/**/n/**/n/**/k"]), (0, ["/tmp/m/**/**/b"]), (0, ["n/**/n"]), (0, ["n/*/n"]),
    (0, ["n/n/n/n/n"]), (0, ["n/**/n/**/n"]), (0, ["**/m/**/k"]), (0, ["/tmp/m/**/n/**/m/**/k"]), (0, ["e/**/**/b"]), (0, ["/**/e/**/b"]),
    (0, ["t/\\*\\*"]), (0, ["t/\\[x\\]"]), (0, ["t/[[]x]"]), (0, ["t/a[?]b"]), (0, ["t/a[*]b"]), (0, ["t/a[!]b"]), (0, ["t/a[!a]b"]),
    (0, ["t/a[^!]b"]), (0, ["t/a[\\]]b"]), (0, ["t/a[\\-]b"]), (0, ["t/a[*-a]b"]), (0, ["t/a\\\\b"]), (0, ["t/a]b"]), (0, ["t/a\\?b"]),
    (0, ["t/[^a]*"]), (0, ["t/b[à-ü]b"]), (0, ["t/**"]), (0, ["t/a**b"]), (0, ["t/***"]), (0, ["*", "!/tmp/m/a"]), (0, ["/tmp/m/*", "!a"]),
    (0, ["/tmp/m/*", "!/tmp/m/a", "x.c"]), (0, ["/tmp/m/*", "!/tmp/m/[ab]", "/tmp/m/a/b", "!x.*"]), (0, ["foo", "!/tmp/m/c/**"]),
    (0, ["foo", "!c", "foo/q"]), (0, ["!foo"]), (0, ["!"]), (0, ["."]), (0, [".."]), (0, ["../m/a"]), (0, ["/tmp/m/b/../a"]), (0, ["m/a", "b/c"]),
    (0, ["a/./b"]), (0, ["./foo"]), (0, ["a//b"]), (0, ["c/*/*"]), (0, ["/tmp/m/c/foo/bar/x"]), (0, ["/tmp/m/?/b"]), (0, ["*a*b*"]), (0, ["?"]),
    (0, ["/"]), (0, ["**"]), (0, ["/tmp/m/**/"]), (0, ["/tmp/m/*/**"]), (0, ["/**/k"]), (0, ["**/**/**/**/**/k"]), (0, ["/**/**/**/**/**/**/k"]),
]
INCLUDE = [
    (0, ["foo"]), (0, ["/tmp/m/a"]), (0, ["/tmp/m/a/b/c"]), (0, ["/tmp/m/*/b"]), (0, ["/tmp/m/**/b"]), (0, ["/tmp/m/e/**/b"]), (0, ["*.o", "/tmp/m/b"]),
    (0, ["/tmp/m/a", "!x.c"]), (0, ["/tmp/m/a", "!b"]), (0, ["/tmp/m/[ae]/?/c"]), (1, ["/TMP/M/A"]), (0, ["/foo"]), (0, ["/tmp/m/n/n/n"]),
    (0, ["!foo"]), (0, ["foo", "!/tmp/m/c"]), (0, ["/tmp/m/c/foo/baz/q", "/tmp/m/c/bar"]), (0, ["/"]), (0, ["**"]), (0, ["/tmp/m/n/**/k"]), (0, ["/tmp"]),
    (0, ["/tmp/m/a/b/c/d/e"]), (0, ["/tmp/**/n/**/n"]), (0, ["/tmp/m/e/1/**", "!/tmp/m/e/1/2"]),
]


def c_string(s):
    out = ""
    for b in s.encode():
        out += "\\" + chr(b) if chr(b) in '"\\' else chr(b) if 32 <= b < 127 and chr(b) != "?" else "\\%03o" % b
    return '"' + out + '"'


def restic(repo, *args):
    env = dict(os.environ, RESTIC_REPOSITORY=repo, RESTIC_PASSWORD="x")
    r = subprocess.run([RESTIC, "--no-cache", *args], env=env, capture_output=True, text=True)
    if r.returncode and "snapshot is empty" not in r.stderr and "all source" not in r.stderr:
        sys.exit("restic %s: %s" % (args, r.stderr))
    items = set()
    for line in r.stdout.splitlines():
        if line.startswith('{"message_type":"verbose_status"'):
            items.add(json.loads(line).get("item", "").rstrip("/"))
    return items


def rows(name, cases, paths, ask):
    print("static const struct match_case %s[] = {" % name)
    for fold, patterns in cases:
        got = ask(fold, patterns)
        mask = sum(1 << i for i, p in enumerate(paths) if p in got)
        print("\t{%s, {%s}, 0x%x}," % ("true" if fold else "false", ", ".join(map(c_string, patterns)), mask))
    print("};")


def main():
    os.mkdir(ROOT)
    repo = tempfile.mkdtemp()
    try:
        for f in FILES.split():
            os.makedirs(os.path.dirname(ROOT + "/" + f), exist_ok=True)
            open(ROOT + "/" + f, "w").close()
        paths = sorted(os.path.join(d, n) for d, ds, fs in os.walk(ROOT) for n in ds + fs)
        paths = [ROOT] + paths
        assert len(paths) <= 64, len(paths)
        restic(repo, "init")
        restic(repo, "backup", ROOT)
        sys.stdout = open(os.path.join(os.path.dirname(__file__), "../tests/unit/match_oracle.h"), "w")
        print("/* Made by scripts/match-oracle.py with %s; do not edit. */" % subprocess.check_output([RESTIC, "version"], text=True).split(" comp")[0])
        print("/* clang-format off */")
        print("static const char *const match_paths[] = {\n\t%s\n};" % ",\n\t".join(map(c_string, paths)))
        print("/* Bit i: path i is kept (exclude), or is a file that is restored (include). */")

        def excluded(fold, patterns):
            opts = [x for p in patterns for x in ("--iexclude" if fold else "--exclude", p)]
            return restic(repo, "backup", "--dry-run", "--force", "--json", "-vv", "--no-scan", *opts, ROOT)

        def included(fold, patterns):
            opts = [x for p in patterns for x in ("--iinclude" if fold else "--include", p)]
            got = restic(repo, "restore", "latest", "--dry-run", "--json", "-vv", "--target", "/nowhere", *opts)
            return {p for p in got if os.path.isfile(p)}

        rows("match_exclude", EXCLUDE, paths, excluded)
        rows("match_include", INCLUDE, paths, included)
        print("/* clang-format on */")
    finally:
        shutil.rmtree(ROOT)
        shutil.rmtree(repo)


main()
