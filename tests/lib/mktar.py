#!/usr/bin/env python3
"""mktar.py: a tar from a description, for archives that no archiver would make.

Each line of standard input is a JSON object, one entry:
  name, type ("0" file, "1" hard link, "2" symlink, "3" char, "4" block, "5" directory, "6" fifo),
  link, data (text), size (a lie about the length of data), mode, uid, gid, mtime, major, minor,
  pax ({key: value}), before it a pax header of these records,
  repeat (n): n entries, "%d" in the name is the number; raw (text of hex): these bytes instead.
Bytes that are no UTF-8 are written as \\udcXX. {"end": false} leaves out the two blocks of zeros.
"""
import json
import sys
import tarfile


def b(text):
    return text.encode("utf-8", "surrogateescape")


def pax_body(records):
    body = b""
    for key, value in records.items():
        rest = b" " + b(key) + b"=" + b(value) + b"\n"
        total = len(rest)
        while total != len(str(total)) + len(rest):
            total = len(str(total)) + len(rest)
        body += b(str(total)) + rest
    return body


def header(e, name):
    t = tarfile.TarInfo(name)
    t.type = b(e.get("type", "0"))
    t.mode = e.get("mode", 0o755 if t.type == b"5" else 0o644)
    t.uid, t.gid = e.get("uid", 0), e.get("gid", 0)
    t.mtime = e.get("mtime", 1000000000)
    t.linkname = e.get("link", "")
    t.devmajor, t.devminor = e.get("major", 0), e.get("minor", 0)
    t.size = e.get("size", len(b(e.get("data", ""))))
    return t.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def block(data):
    return data + b"\0" * (-len(data) % 512)


def entry(e, name):
    out = b""
    if "pax" in e:
        body = pax_body(e["pax"])
        out += header({"type": "x", "size": len(body)}, "pax") + block(body)
    return out + header(e, name) + block(b(e.get("data", "")))


end = True
out = sys.stdout.buffer
for line in sys.stdin:
    if not line.strip():
        continue
    e = json.loads(line)
    if "end" in e:
        end = e["end"]
    elif "raw" in e:
        out.write(bytes.fromhex(e["raw"]))
    else:
        for n in range(e.get("repeat", 1)):
            out.write(entry(e, e["name"].replace("%d", str(n))))
if end:
    out.write(b"\0" * 1024)
