#!/usr/bin/env python3
"""squash_model.py: what a container sees of an image, read with tarfile and nothing of ours.

  seen ARCHIVE        a line a path of what the first image of a docker archive shows, then
                      "layers N"; fails when a layer has a name twice
  random SEED COUNT   so many random images: each is squashed from every layer on, by a file and by
                      a pipe in turns, and shows afterwards what it showed before. Prints how many
                      archives were compared and how many squash refused.
"""
import hashlib
import io
import json
import random
import subprocess
import sys
import tarfile

REFUSED = ("which a later layer changes", "which is no directory", "nothing to squash")


# Of a directory that is only part of a name.
IMPLIED = "755 0:0 0 []"


class Node:
    def __init__(self, kind, meta="", data=None):
        self.kind, self.meta, self.data = kind, meta, data


def clean(name):
    return "/".join(p for p in name.split("/") if p not in ("", "."))


def meta_of(m):
    x = sorted((k, v) for k, v in m.pax_headers.items() if k.startswith("SCHILY.xattr."))
    return "%o %d:%d %s %s" % (m.mode, m.uid, m.gid, m.pax_headers.get("mtime", m.mtime), x)


def drop(tree, path, itself):
    """Takes away what is below a path, and the path too."""
    for p in [p for p in tree if p.startswith(path + "/") or (not path and p) or (itself and p == path)]:
        del tree[p]


def make_parents(tree, path):
    parts = path.split("/")[:-1]
    for n in range(1, len(parts) + 1):
        p = "/".join(parts[:n])
        if p in tree and tree[p].kind != "dir":
            drop(tree, p, True)
        tree.setdefault(p, Node("dir", IMPLIED))


def add(tree, m, path, content):
    make_parents(tree, path)
    if m.isdir():
        if path in tree and tree[path].kind == "dir":
            tree[path] = Node("dir", meta_of(m))
            return
        drop(tree, path, True)
        tree[path] = Node("dir", meta_of(m))
        return
    if m.islnk():
        node = tree[clean(m.linkname)]
        if node.kind == "dir":
            raise KeyError(m.linkname)
    elif m.isfile():
        node = Node("file", meta_of(m), hashlib.sha256(content.read()).hexdigest()[:12])
    else:
        node = Node("other " + repr(m.type), meta_of(m), "%s %d,%d" % (m.linkname, m.devmajor, m.devminor))
    drop(tree, path, True)
    tree[path] = node


def apply(tree, layer):
    names = set()
    entries = []
    for m in layer:
        path = clean(m.name)
        if path in names:
            raise SystemExit("a layer has %s twice" % path)
        names.add(path)
        entries.append((m, path))
    # What a layer takes away, it takes from those below.
    rest = []
    for m, path in entries:
        parent, _, name = path.rpartition("/")
        if name == ".wh..wh..opq":
            drop(tree, parent, False)
        elif name.startswith(".wh."):
            drop(tree, clean(parent + "/" + name[4:]), True)
        else:
            rest.append((m, path))
    for m, path in rest:
        add(tree, m, path, layer.extractfile(m) if m.isfile() else None)


def see(archive):
    with tarfile.open(fileobj=io.BytesIO(archive) if isinstance(archive, bytes) else open(archive, "rb")) as t:
        image = json.load(t.extractfile("manifest.json"))[0]
        tree = {"": Node("dir", IMPLIED)}
        for name in image["Layers"]:
            with tarfile.open(fileobj=t.extractfile(name)) as layer:
                apply(tree, layer)
        config = json.load(t.extractfile(image["Config"]))
    if len(config["rootfs"]["diff_ids"]) != len(image["Layers"]):
        raise SystemExit("the config speaks of other layers")
    lines, first = [], {}
    for path in sorted(tree):
        n = tree[path]
        link = first.setdefault(id(n), path) if n.kind != "dir" else path
        lines.append("%s: %s %s %s%s" % (path or "/", n.kind, n.meta, n.data, "" if link == path else " = " + link))
    return lines, len(image["Layers"])


# ---- random images ----

class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.tree = {"": Node("dir")}

    def path(self):
        return "/".join(self.r.choice("abc") for _ in range(self.r.randrange(1, 4)))

    def is_dir(self, path, kinds):
        """A mark in a directory that is not there, or that goes, would make one: nobody writes such layers."""
        parts = path.split("/")
        if any("/".join(parts[:n] + [".wh." + parts[n]]) in kinds for n in range(len(parts))):
            return False
        if path not in kinds and any("/".join(parts[:n] + [".wh..wh..opq"]) in kinds for n in range(len(parts))):
            return False
        there = self.tree.get(path)
        return kinds.get(path) == "dir" if path in kinds else there is not None and there.kind == "dir"

    def layer(self):
        r = self.r
        out = io.BytesIO()
        tar = tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT)
        entries, kinds = {}, {}

        def fits(path):
            # What stands above is a directory in this layer, and what is below makes it one.
            parts = path.split("/")
            above = ["/".join(parts[:n]) for n in range(1, len(parts))]
            return path not in entries and all(kinds.get(p, "dir") == "dir" for p in above)

        for _ in range(r.randrange(1, 9)):
            path = self.path()
            what = r.choice(["file", "file", "dir", "link", "hard", "wh", "wh", "opq", "fifo"])
            m = tarfile.TarInfo(path)
            m.uid, m.mode, m.mtime = r.randrange(3), r.choice([0o644, 0o755, 0o4711]), 1 + r.randrange(5)
            data = b""
            if r.random() < .2:
                m.pax_headers = {"SCHILY.xattr.user.x": str(r.randrange(3))}
            if what == "wh":
                parent, _, name = path.rpartition("/")
                m = tarfile.TarInfo((parent + "/" if parent else "") + ".wh." + name)
            elif what == "opq":
                m = tarfile.TarInfo(path + "/.wh..wh..opq")
            elif what == "dir":
                m.type = tarfile.DIRTYPE
            elif what == "link":
                m.type, m.linkname = tarfile.SYMTYPE, r.choice(["a", "/b", "../c"])
            elif what == "fifo":
                m.type = tarfile.FIFOTYPE
            elif what == "hard":
                there = [p for p, n in self.tree.items() if n.kind != "dir" and p != path] if r.random() < .5 else \
                    [p for p, k in kinds.items() if k not in ("dir", "wh", "hard")]
                there = [p for p in there if not any(e.startswith(p + "/") for e in entries)]
                if not there:
                    continue
                m.type, m.linkname = tarfile.LNKTYPE, r.choice(there)
            else:
                data = bytes(r.randrange(256) for _ in range(r.choice([0, 3, 600])))
                m.size = len(data)
            if what in ("wh", "opq") and not self.is_dir(m.name.rpartition("/")[0], kinds):
                continue
            # Nobody links to a file of a layer below and then replaces that.
            if any(path == e.linkname for e, _ in entries.values() if e.islnk()):
                continue
            if what == "opq" and any(e.startswith(path + "/") and "/.wh." in e[len(path) + 1:] for e in entries):
                continue
            if what == "wh" and any(e.startswith(path + "/") for e in entries):
                continue
            if not fits(m.name) or (what not in ("dir", "wh", "opq") and any(e.startswith(path + "/") for e in entries)):
                continue
            entries[m.name] = (m, data)
            kinds[m.name] = {"opq": "wh"}.get(what, what)
        for m, data in entries.values():
            tar.addfile(m, io.BytesIO(data))
        tar.close()
        with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as t:
            apply(self.tree, t)
        return out.getvalue()


def image(layers):
    out = io.BytesIO()
    tar = tarfile.open(fileobj=out, mode="w")

    def put(name, data):
        m = tarfile.TarInfo(name)
        m.size = len(data)
        tar.addfile(m, io.BytesIO(data))

    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                         "rootfs": {"type": "layers",
                                    "diff_ids": ["sha256:" + hashlib.sha256(d).hexdigest() for d in layers]}}).encode()
    put("c.json", config)
    for n, d in enumerate(layers):
        put("%d/layer.tar" % n, d)
    put("manifest.json", json.dumps([{"Config": "c.json", "RepoTags": None,
                                      "Layers": ["%d/layer.tar" % n for n in range(len(layers))]}]).encode())
    tar.close()
    return out.getvalue()


def try_one(seed, counts):
    maker = Maker(seed)
    try:
        layers = [maker.layer() for _ in range(maker.r.randrange(2, 6))]
    except KeyError:
        # A link whose target this very layer had taken away: no image.
        counts["no image"] += 1
        return
    archive = image(layers)
    before, n = see(archive)
    for keep in range(0, n - 1):
        with open("random.tar", "wb") as f:
            f.write(archive)
        r = subprocess.run(["squash", "-q", "--from", str(keep)], capture_output=True,
                           **({"input": archive} if seed % 2 else {"stdin": open("random.tar", "rb")}))
        if r.returncode:
            message = r.stderr.decode()
            if r.returncode != 1 or not any(m in message for m in REFUSED):
                raise SystemExit("seed %d, from %d: %d %s" % (seed, keep, r.returncode, message))
            counts["refused"] += 1
            continue
        after, left = see(r.stdout)
        if left != keep + 1:
            raise SystemExit("seed %d, from %d: %d layers" % (seed, keep, left))
        if after != before:
            gone, new = set(before) - set(after), set(after) - set(before)
            raise SystemExit("seed %d, from %d:\n- %s\n+ %s" % (seed, keep, "\n- ".join(gone), "\n+ ".join(new)))
        counts["compared"] += 1


if __name__ == "__main__":
    if sys.argv[1] == "seen":
        lines, n = see(sys.argv[2])
        print("\n".join(lines + ["layers %d" % n]))
    else:
        counts = {"compared": 0, "refused": 0, "no image": 0}
        for seed in range(int(sys.argv[2]), int(sys.argv[2]) + int(sys.argv[3])):
            try_one(seed, counts)
        print(" ".join("%s %d" % (k.replace(" ", "-"), v) for k, v in counts.items()))
