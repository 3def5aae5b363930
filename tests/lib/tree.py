#!/usr/bin/env python3
"""tree.py: trees of files, for tests that compare them.

  dump DIR [-t]        a line an entry: all that a layer keeps of it (-t: but for directories' times)
  grow DIR SEED        makes a random tree of everything there is in DIR, which exists
  change DIR SEED      changes, adds and deletes at random
  grow-upper DIR SEED  as grow, in overlay's form: with whiteouts and opaque directories
"""
import errno
import hashlib
import os
import random
import stat
import sys

OVERLAY = ("trusted.overlay.", "user.overlay.")


def digest(path):
    """Of the content; holes are passed over, or a sparse file would take forever."""
    h = hashlib.sha256()
    fd = os.open(path, os.O_RDONLY)
    at, size = 0, os.fstat(fd).st_size
    while at < size:
        try:
            at = os.lseek(fd, at, os.SEEK_DATA)
        except OSError as e:
            if e.errno != errno.ENXIO:
                raise
            break
        data = os.pread(fd, 1 << 16, at)
        if data.strip(b"\0"):
            h.update(b"%d:" % at + data)
        at += len(data)
    os.close(fd)
    return h.hexdigest()[:16]


def show(b):
    return "".join(chr(c) if 33 <= c < 127 and c != 92 else "\\x%02x" % c for c in b)


def dump(top, dir_times):
    seen = {}
    for path in walk(top):
        s = os.lstat(path)
        kind = stat.S_IFMT(s.st_mode)
        if kind == stat.S_IFCHR and s.st_rdev == 0:
            print(show(path[len(top):]), "whiteout")
            continue
        parts = [show(path[len(top):] or b"/"), "%o" % s.st_mode, "%d:%d" % (s.st_uid, s.st_gid)]
        if kind != stat.S_IFDIR or dir_times:
            parts.append("%d" % s.st_mtime_ns)
        if kind == stat.S_IFREG:
            parts.append("%d" % s.st_size)
            parts.append(digest(path))
            if s.st_size > 1 << 20:
                parts.append("sparse" if s.st_blocks * 512 < s.st_size // 2 else "full")
        if kind == stat.S_IFLNK:
            parts.append("->" + show(os.readlink(path)))
        if kind in (stat.S_IFCHR, stat.S_IFBLK):
            parts.append("%d,%d" % (os.major(s.st_rdev), os.minor(s.st_rdev)))
        if kind != stat.S_IFDIR and s.st_nlink > 1:
            parts.append("=" + show(seen.setdefault(s.st_ino, path[len(top):])))
        for name in sorted(os.listxattr(path, follow_symlinks=False)):
            if name != "security.selinux" and "overlay.origin" not in name and "overlay.impure" not in name:
                value = os.getxattr(path, name, follow_symlinks=False)
                parts.append("%s=%s" % (show(name.encode("utf-8", "surrogateescape")), value.hex()))
        print(" ".join(parts))


def walk(top):
    yield top
    if not stat.S_ISDIR(os.lstat(top).st_mode):
        return
    for name in sorted(os.listdir(top)):
        path = os.path.join(top, name)
        yield from walk(path)


NAMES = [b"a", b"b", b"c.txt", b"d", b"with space", b"new\nline", b"caf\xc3\xa9", b"cafe\xcc\x81",
         b"\xff\xfe", b"-dash", b".hidden", b"'quote", b"x" * 120, b"\xe2\x98\xba" * 60]


class Grower:
    def __init__(self, top, seed, upper):
        self.r = random.Random(seed)
        self.top, self.upper, self.files = top, upper, []
        self.root = os.geteuid() == 0 and open("/proc/self/uid_map").read().split()[2] != "1"
        self.host = open("/proc/self/uid_map").read().split()[0:2] == ["0", "0"]
        self.unique = 0
        self.space = b"trusted.overlay." if self.host else b"user.overlay."

    def time(self):
        if self.unique:
            # A new file that cannot be told from the old one is no change.
            self.unique += 1
            return 1500000000 * 10**9 + self.unique
        sec = self.r.choice([0, 1, 1000000000, 1699999999, -5, 8589934592 + 7, 2000000000])
        return sec * 10**9 + self.r.choice([0, 0, 1, 999999999, 500000000, 123456789])

    def dress(self, path, kind):
        r = self.r
        if self.root and r.random() < .4:
            os.chown(path, r.choice([0, 1, 1000, 65534, 3000000]), r.choice([0, 5, 42, 3000000]),
                     follow_symlinks=False)
        if kind != "link":
            os.chmod(path, r.choice([0o644, 0o755, 0o600, 0o4755, 0o2755, 0o1777, 0o000, 0o444])
                     if kind != "dir" else r.choice([0o755, 0o700, 0o2775, 0o1777, 0o555, 0o500]))
        if kind in ("file", "dir") and r.random() < .3:
            os.setxattr(path, b"user.name" + bytes([97 + r.randrange(26)]), os.urandom(0) + bytes(
                r.randrange(256) for _ in range(r.choice([0, 1, 30, 2000]))))
        if kind == "file" and self.host and r.random() < .2:
            os.setxattr(path, b"security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
        if self.host and r.random() < .1:
            os.setxattr(path, b"trusted.t", b"\0\1\2", follow_symlinks=False)
        t = self.time()
        os.utime(path, ns=(t, t), follow_symlinks=False)

    def content(self, path):
        r = self.r
        with open(path, "wb") as f:
            how = r.random()
            if how < .2:
                return
            if how < .3:
                f.truncate(3 * 1024 * 1024)
                for _ in range(r.randrange(3)):
                    f.seek(r.randrange(700) * 4096)
                    f.write(b"data" * 100)
                return
            f.write(bytes(r.randrange(256) for _ in range(r.choice([1, 511, 512, 513, 5000]))) *
                    r.choice([1, 1, 60]))

    def whiteouts(self, path):
        os.mknod(os.path.join(path, b"gone%d" % self.r.randrange(9)), stat.S_IFCHR, 0)
        os.chmod(path, 0o755)
        if self.r.random() < .5:
            os.setxattr(path, self.space + b"opaque", b"y")

    def one(self, path, depth):
        r = self.r
        kind = r.choice(["file", "file", "file", "dir", "dir", "link", "fifo", "hard", "device"])
        there = [f for f in self.files if os.path.lexists(f)] if kind == "hard" else []
        if there:
            os.link(r.choice(there), path, follow_symlinks=False)
            return
        if kind == "device" and not self.host:
            return
        if kind == "dir" and depth < 4:
            os.mkdir(path)
            self.fill(path, depth + 1)
            if self.upper and r.random() < .4:
                self.whiteouts(path)
        elif kind == "link":
            os.symlink(r.choice([b"a", b"/etc/passwd", b"../../x", b"y" * 150, b"caf\xc3\xa9"]), path)
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "device":
            os.mknod(path, r.choice([stat.S_IFCHR, stat.S_IFBLK]), os.makedev(r.randrange(1, 300), r.randrange(300)))
        else:
            kind = "file"
            self.content(path)
        if kind in ("file", "link", "fifo"):
            self.files.append(path)
        self.dress(path, kind)

    def fill(self, path, depth=0):
        for name in self.r.sample(NAMES, self.r.randrange(2, 9)):
            self.one(os.path.join(path, name), depth)
        if depth == 0:
            self.dress(path, "dir")

    def change(self):
        r = self.r
        self.unique = 1
        paths = [p for p in walk(self.top)][1:]
        r.shuffle(paths)
        for path in paths[:max(3, len(paths) // 3)]:
            if not os.path.lexists(path):
                continue
            what, real = r.random(), os.path.isdir(path) and not os.path.islink(path)
            if what < .35:
                remove(path)
            elif what < .6:
                remove(path)
                self.one(path, 3)
            elif what < .8 and not os.path.islink(path):
                self.dress(path, "dir" if real else "special" if not os.path.isfile(path) else "file")
            elif os.path.isfile(path) and not os.path.islink(path):
                before = os.lstat(path)
                with open(path, "r+b") as f:
                    f.write(b"!")
                if r.random() < .5:  # the same size and time perhaps: only the content tells
                    t = before.st_mtime_ns // 10**9 * 10**9
                    os.utime(path, ns=(t, t))
            elif real:
                self.one(os.path.join(path, b"added"), 2)


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        for name in os.listdir(path):
            remove(os.path.join(path, name))
        os.rmdir(path)
    else:
        os.unlink(path)


what, top = sys.argv[1], os.fsencode(sys.argv[2])
if what == "dump":
    dump(top, "-t" not in sys.argv)
elif what == "change":
    Grower(top, sys.argv[3], False).change()
else:
    Grower(top, sys.argv[3], what == "grow-upper").fill(top)
