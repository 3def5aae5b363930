#!/usr/bin/env python3
"""A registry that misbehaves, for tests: registry-double.py LAYOUT

Serves the first image of an OCI layout under any name and tag. The first part of the repository's name
says how: 127.0.0.1:PORT/reset/app:1 breaks the connection in the middle of a layer. What is pushed
goes to LAYOUT/pushed, a file a blob. Prints its port; requests go to LAYOUT/requests, one
"METHOD PATH AUTHORIZATION" a line, and "RANGE" behind where there is one. A second port, behind which
redirects lead, logs to LAYOUT/elsewhere, and is printed to LAYOUT/elsewhere.port.
"""
import base64
import hashlib
import json
import os
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlsplit

LAYOUT = sys.argv[1]
OCI = "application/vnd.oci.image.manifest.v1+json"
TOKEN = "dG9rZW4tZm9yLWV2ZXJ5Ym9keQ=="
WHO = "Basic " + base64.b64encode(b"user:se:cret").decode()
PUSHED = os.path.join(LAYOUT, "pushed")
uploads = {}  # number of an upload: the bytes that came
times = {}  # how often something was asked for


def first(what):
    """Whether this is the first time."""
    times[what] = times.get(what, 0) + 1
    return times[what] == 1


def blob(hex_digits):
    with open(os.path.join(LAYOUT, "blobs/sha256", os.path.basename(hex_digits)), "rb") as f:
        return f.read()


def has_blob(hex_digits):
    return os.path.exists(os.path.join(LAYOUT, "blobs/sha256", os.path.basename(hex_digits)))


def manifest(name):
    if name.startswith("sha256:"):
        return blob(name[7:])
    with open(os.path.join(LAYOUT, "index.json"), "rb") as f:
        return blob(json.load(f)["manifests"][0]["digest"][7:])


class Registry(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    log_name = "requests"

    def log_message(self, *_):
        pass

    def note(self):
        with open(os.path.join(LAYOUT, self.log_name), "a", encoding="utf-8") as f:
            f.write(f"{self.command} {self.path} {self.headers.get('Authorization', '-')}")
            f.write(f" {self.headers['Range']}\n" if self.headers["Range"] else "\n")

    def answer(self, status, body=b"", kind="application/octet-stream", length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        if length is not None and length > len(body):
            self.close_connection = True

    def refuse(self, status, code, message):
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.answer(status, body, "application/json")

    def challenge(self, how):
        self.answer(401, b"{}", "application/json", WWW_Authenticate=how)

    def here(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def token(self):
        """/token is for everybody, /token/private for those with the password."""
        wide = "scope=repository%3Atoken%2Fapp%3Apull" in self.path
        if self.path.startswith("/token/private"):
            wide = True
            if self.headers.get("Authorization") != WHO:
                return self.answer(401, b"{}", "application/json")
        body = {"token": TOKEN if wide else "narrow"}
        return self.answer(200, json.dumps(body).encode(), "application/json")

    def oauth(self):
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if "grant_type=refresh_token" not in form or "refresh_token=id-token" not in form:
            return self.answer(401, b"{}", "application/json")
        return self.answer(200, json.dumps({"access_token": TOKEN}).encode(), "application/json")

    def known(self, mode, path):
        """Whether the request may be answered; else it was."""
        realm = {"token": "/token", "redirect": "/token", "foreign": "/token", "private": "/token/private",
                 "pushtoken": "/token/private", "pushaway": "/token/private"}.get(mode)
        if mode == "realmaway":
            realm = f"http://127.0.0.1:{elsewhere.server_address[1]}/token/private"
        elif realm:
            realm = self.here() + realm
        if not realm or self.headers.get("Authorization") == f"Bearer {TOKEN}":
            return True
        scope = "repository:token/app:pull" if mode in ("token", "redirect", "foreign") else f"repository:{path}:pull,push"
        self.challenge(f'Bearer realm="{realm}",service="a \\"b\\" c",scope="{scope}"')
        return False

    def catalog(self):
        """Seven names, three a page at most, whatever n= says."""
        names = [f"app/{i}" for i in range(1, 8)]
        last = parse_qs(urlsplit(self.path).query).get("last", [""])[0]
        page = [name for name in names if name > last][:3]
        more = {}
        if page and page[-1] < names[-1]:
            more["Link"] = f'</v2/_catalog?n=3&last={quote(page[-1])}>; rel="next"'
        return self.answer(200, json.dumps({"repositories": page}).encode(), "application/json", **more)

    def do_GET(self):
        self.note()
        if self.path.startswith("/v2/_catalog"):
            return self.catalog()
        if self.path.startswith("/token"):
            return self.token()
        parts = self.path.split("?")[0].split("/")
        if len(parts) < 6 or parts[1] != "v2":
            return self.refuse(404, "UNSUPPORTED", "no such place")
        mode, kind, name = parts[2], parts[-2], parts[-1]
        if not self.known(mode, "/".join(parts[2:-2])):
            return None
        early = getattr(self, "any_" + mode, None)
        if early:
            return early()
        if kind == "uploads":
            return self.progress(name)
        if mode.startswith("push"):
            return self.stored(name)
        if kind == "manifests":
            return getattr(self, "manifest_" + mode, self.manifest_good)(name)
        if not has_blob(name.split(":")[-1]):
            return self.refuse(404, "BLOB_UNKNOWN", "blob unknown to registry")
        body = blob(name.split(":")[-1])
        if len(body) < 2000:  # a config
            return getattr(self, "config_" + mode, self.blob_good)(body)
        return getattr(self, "blob_" + mode, self.blob_good)(body)

    do_HEAD = do_GET

    # ---- what is pushed ----

    def stored(self, name):
        path = os.path.join(PUSHED, os.path.basename(name))
        if not os.path.exists(path):
            return self.refuse(404, "BLOB_UNKNOWN", "blob unknown to registry")
        with open(path, "rb") as f:
            return self.answer(200, f.read())

    def progress(self, name):
        if name not in uploads or "/pushloses/" in self.path:
            return self.refuse(404, "BLOB_UPLOAD_UNKNOWN", "upload unknown")
        return self.answer(204, Location=self.path, Range=f"0-{max(len(uploads[name]) - 1, 0)}")

    def do_POST(self):
        self.note()
        if self.path.startswith("/token"):
            return self.oauth()
        mode = self.path.split("/")[2]
        if not self.known(mode, "/".join(self.path.split("/")[2:4])):
            return None
        if mode == "pushdenied":
            return self.refuse(403, "DENIED", "only to be read")
        number = str(len(uploads))
        uploads[number] = b""
        place = f"/v2/{mode}/app/blobs/uploads/{number}?_state=secret"
        if mode == "pushaway":
            place = f"http://127.0.0.1:{elsewhere.server_address[1]}{place}"
        place = {"pushtofile": "file:///etc/passwd", "pushtoplain": "http://registry.invalid/x"}.get(mode, place)
        headers = {} if mode == "pushnowhere" else {"Location": place}
        if mode == "pushmin":
            headers["OCI-Chunk-Min-Length"] = "100000"
        return self.answer(202, **headers)

    def reset(self):
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True

    def do_PATCH(self):
        self.note()
        mode, number = self.path.split("/")[2], self.path.split("/")[-1].split("?")[0]
        length = int(self.headers["Content-Length"])
        begin, end = map(int, self.headers["Content-Range"].split("-"))
        if begin != len(uploads[number]) or end - begin + 1 != length:
            return self.refuse(416, "RANGE_INVALID", "another part was expected")
        if mode == "pushbreak" and begin and first(mode):
            uploads[number] += self.rfile.read(length // 2)
            return self.reset()
        body = self.rfile.read(length)
        if mode == "pushforgets" or (mode == "pushforgetsonce" and begin and first(mode)):
            return self.answer(202, Location=self.path, Range=f"0-{max(len(uploads[number]) - 1, 0)}")
        if mode == "pushloses" and begin:
            return self.answer(500, b"<html>oh</html>", "text/html")
        uploads[number] += body
        return self.answer(202, Location=self.path, Range=f"0-{len(uploads[number]) - 1}")

    def do_PUT(self):
        self.note()
        mode, name = self.path.split("/")[2], self.path.split("/")[-1].split("?")[0]
        length = int(self.headers.get("Content-Length", 0))
        if mode == "pushlarge" and length > 5000:
            return self.refuse(413, "TOOLARGE", "request entity too large")
        if mode in ("pushreset", "pushresets") and length > 5000 and (mode == "pushresets" or first(mode)):
            self.rfile.read(length // 2)
            return self.reset()
        body = self.rfile.read(length)
        if mode == "pushonce500" and first(self.path.split("/")[-2]):
            return self.answer(500, b"<html>oh</html>", "text/html")
        if "/blobs/uploads/" in self.path:
            body = uploads.pop(name) + body
            uploads[name] = b""
            name = self.path.split("digest=")[-1]
        elif mode == "pushother":
            return self.answer(201, Docker_Content_Digest="sha256:" + "0" * 64)
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        if name.startswith("sha256:") and name != digest:
            return self.refuse(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        os.makedirs(PUSHED, exist_ok=True)
        with open(os.path.join(PUSHED, name), "wb") as f:
            f.write(body)
        return self.answer(201, Docker_Content_Digest=digest, Location=self.path)

    # ---- whatever is asked for ----

    def any_absent(self):
        self.refuse(404, "NAME_UNKNOWN", "repository name not known to registry")

    def any_forbidden(self):
        self.refuse(403, "DENIED", "requested access to the resource is denied\x1b[2J")

    def any_basic(self):
        self.challenge('Basic realm="private"')

    def any_tokenloop(self):
        self.challenge(f'Bearer realm="{self.here()}/token",service="x",scope="y"')

    def any_evilrealm(self):
        self.challenge('Bearer realm="file:///etc/passwd",service="x"')

    def any_failing(self):
        self.answer(500, b"<html>oh</html>", "text/html")

    def any_once500(self):
        if first(self.path):
            return self.answer(500, b"<html>oh</html>", "text/html", Retry_After="0")
        kind, name = self.path.split("/")[-2:]
        return self.manifest_good(name) if kind == "manifests" else self.answer(200, blob(name.split(":")[-1]))

    def any_busy(self):
        self.answer(429, b"{}", "application/json", Retry_After="1")

    def any_roundabout(self):
        self.answer(302, Location=self.path)

    def any_tofile(self):
        self.answer(302, Location="file:///etc/passwd")

    def any_silent(self):
        time.sleep(30)

    # ---- manifests ----

    def manifest_good(self, name):
        body = manifest(name)
        kind = json.loads(body).get("mediaType", OCI)
        self.answer(200, body, kind)

    def manifest_garbage(self, _):
        self.answer(200, b"<html>no registry</html>", "text/html")

    def manifest_noise(self, _):
        self.answer(200, os.urandom(3000), OCI)

    def manifest_deep(self, _):
        self.answer(200, b'{"config":' + b"[" * 100000, OCI)

    def manifest_empty(self, _):
        self.answer(200, b"", OCI)

    def manifest_huge(self, _):
        self.send_response(200)
        self.send_header("Content-Type", OCI)
        self.end_headers()
        self.close_connection = True
        try:
            for _ in range(1 << 30):
                self.wfile.write(b" " * 65536)
        except OSError:
            pass

    def manifest_schema1(self, _):
        self.answer(200, b'{"schemaVersion":1,"fsLayers":[]}',
                    "application/vnd.docker.distribution.manifest.v1+prettyjws")

    def manifest_ambiguous(self, name):
        both = json.loads(manifest(name))
        both["manifests"] = []
        del both["mediaType"]
        self.answer(200, json.dumps(both).encode(), OCI)

    def manifest_chart(self, name):
        other = json.loads(manifest(name))
        other["config"]["mediaType"] = "application/vnd.example.chart.v1+json"
        self.answer(200, json.dumps(other).encode(), OCI)

    def manifest_escape(self, name):
        evil = json.loads(manifest(name))
        evil["layers"][0]["digest"] = "sha256:../../../../../../tmp/evil"
        self.answer(200, json.dumps(evil).encode(), OCI)

    def changed(self, name, change):
        other = json.loads(manifest(name))
        change(other)
        self.answer(200, json.dumps(other).encode(), OCI)

    def manifest_negative(self, name):
        self.changed(name, lambda m: m["layers"][0].update(size=-1))

    def manifest_nosize(self, name):
        self.changed(name, lambda m: m["layers"][0].pop("size"))

    def manifest_fewer(self, name):
        self.changed(name, lambda m: m["layers"].pop())

    def manifest_many(self, name):
        self.changed(name, lambda m: m.update(layers=m["layers"][:1] * 501))

    def manifest_foreign(self, name):
        kind = "application/vnd.oci.image.layer.nondistributable.v1.tar"
        place = f"http://127.0.0.1:{elsewhere.server_address[1]}/v2/x/y/blobs/"
        self.changed(name, lambda m: [d.update(mediaType=kind + d["mediaType"].partition(".tar")[2],
                                               urls=[place + d["digest"]]) for d in m["layers"]])

    def manifest_foreignfile(self, name):
        kind = "application/vnd.oci.image.layer.nondistributable.v1.tar"
        self.changed(name, lambda m: [d.update(mediaType=kind, urls=["file:///etc/passwd"]) for d in m["layers"]])

    def manifest_swapped(self, name):
        self.answer(200, manifest(name)[:-1] + b" }", OCI)

    # ---- configs and layers ----

    def config_wrongconfig(self, body):
        self.answer(200, body.replace(b"linux", b"xunil"))

    def blob_good(self, body):
        self.answer(200, body)

    def blob_wrong(self, body):
        self.answer(200, body[:1500] + bytes([body[1500] ^ 1]) + body[1501:])

    def blob_other(self, body):
        self.answer(200, bytes(len(body)))

    def blob_short(self, body):
        self.answer(200, body[: len(body) // 2], length=len(body))

    def blob_shortlength(self, body):
        self.answer(200, body[: len(body) // 2])

    def blob_long(self, body):
        self.answer(200, body + b"more")

    def blob_reset(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        time.sleep(0.1)
        self.reset()

    def blob_stall(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        time.sleep(30)

    def blob_trickle(self, body):
        """The first bytes one by one, then the rest."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for i in range(9):
            self.wfile.write(body[i: i + 1])
            time.sleep(0.05)
        self.wfile.write(body[9:])

    def blob_drip(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(0.1)
        except OSError:
            pass

    def part(self, body, begin):
        """The rest of a body, which breaks off after a third of the whole."""
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - begin))
        self.end_headers()
        third = len(body) // 3 + 1
        self.wfile.write(body[begin: begin + third])
        if begin + third < len(body):
            self.wfile.flush()
            self.close_connection = True

    def blob_resume(self, body):
        asked = self.headers.get("Range", "bytes=0-")
        self.part(body, int(asked[6:-1]))

    def blob_resumewhole(self, body):
        if self.headers["Range"]:  # is not looked at
            return self.answer(200, body)
        return self.part(body, 0)

    def blob_resumeother(self, body):
        if self.headers["Range"]:
            return self.answer(206, body, Content_Range=f"bytes 0-{len(body) - 1}/{len(body)}")
        return self.part(body, 0)

    def blob_resumelong(self, body):
        if self.headers["Range"]:
            begin = int(self.headers["Range"][6:-1])
            return self.answer(206, body[begin:] + b"more", Content_Range=f"bytes {begin}-{len(body) + 3}/*")
        return self.part(body, 0)

    def blob_resumechanged(self, body):
        if self.headers["Range"]:
            begin = int(self.headers["Range"][6:-1])
            return self.answer(206, bytes(len(body) - begin), Content_Range=f"bytes {begin}-{len(body) - 1}/{len(body)}")
        return self.part(body, 0)

    def blob_foreign(self, _):
        self.refuse(404, "BLOB_UNKNOWN", "blob unknown to registry")

    blob_foreignfile = blob_foreign

    def blob_missing(self, _):
        self.refuse(404, "BLOB_UNKNOWN", "blob unknown to registry")

    def blob_redirect(self, _):
        self.answer(307, Location=f"http://127.0.0.1:{elsewhere.server_address[1]}{self.path}")


class Elsewhere(Registry):
    log_name = "elsewhere"

    def do_GET(self):
        self.note()
        if self.path.startswith("/token"):
            return self.token()
        return self.answer(200, blob(self.path.split(":")[-1]))


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # the other side went away, as it should


elsewhere = Server(("127.0.0.1", 0), Elsewhere)
threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
with open(os.path.join(LAYOUT, "elsewhere.port"), "w", encoding="utf-8") as port:
    port.write(str(elsewhere.server_address[1]))
server = Server(("127.0.0.1", 0), Registry)
print(server.server_address[1], flush=True)
server.serve_forever()
