#!/usr/bin/env python3
"""A registry that misbehaves, for tests: registry-double.py LAYOUT

Serves the first image of an OCI layout under any name and tag. The first part of the repository's name
says how: 127.0.0.1:PORT/reset/app:1 breaks the connection in the middle of a layer. Prints its port;
requests go to LAYOUT/requests, one "METHOD PATH AUTHORIZATION" a line. A second port, behind which
redirects lead, logs to LAYOUT/elsewhere.
"""
import json
import os
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LAYOUT = sys.argv[1]
OCI = "application/vnd.oci.image.manifest.v1+json"
TOKEN = "dG9rZW4tZm9yLWV2ZXJ5Ym9keQ=="


def blob(hex_digits):
    with open(os.path.join(LAYOUT, "blobs/sha256", os.path.basename(hex_digits)), "rb") as f:
        return f.read()


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
            f.write(f"{self.command} {self.path} {self.headers.get('Authorization', '-')}\n")

    def answer(self, status, body=b"", kind="application/octet-stream", length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        if length is not None and length > len(body):
            self.close_connection = True

    def refuse(self, status, code, message):
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.answer(status, body, "application/json")

    def challenge(self, how):
        self.answer(401, b"{}", "application/json", WWW_Authenticate=how)

    def do_GET(self):
        self.note()
        here = f"http://127.0.0.1:{self.server.server_address[1]}"
        if self.path.startswith("/token"):
            wide = "scope=repository%3Atoken%2Fapp%3Apull" in self.path
            return self.answer(200, json.dumps({"token": TOKEN if wide else "narrow"}).encode(),
                               "application/json")
        parts = self.path.split("/")
        if len(parts) < 6 or parts[1] != "v2":
            return self.refuse(404, "UNSUPPORTED", "no such place")
        mode, kind, name = parts[2], parts[-2], parts[-1]
        if mode in ("token", "redirect"):
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self.challenge(f'Bearer realm="{here}/token",service="a \\"b\\" c",'
                                      'scope="repository:token/app:pull"')
        early = getattr(self, "any_" + mode, None)
        if early:
            return early()
        if kind == "manifests":
            return getattr(self, "manifest_" + mode, self.manifest_good)(name)
        body = blob(name.split(":")[-1])
        if len(body) < 2000:  # a config
            return getattr(self, "config_" + mode, self.blob_good)(body)
        return getattr(self, "blob_" + mode, self.blob_good)(body)

    # ---- whatever is asked for ----

    def any_absent(self):
        self.refuse(404, "NAME_UNKNOWN", "repository name not known to registry")

    def any_forbidden(self):
        self.refuse(403, "DENIED", "requested access to the resource is denied\x1b[2J")

    def any_basic(self):
        self.challenge('Basic realm="private"')

    def any_tokenloop(self):
        here = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.challenge(f'Bearer realm="{here}/token",service="x",scope="y"')

    def any_evilrealm(self):
        self.challenge('Bearer realm="file:///etc/passwd",service="x"')

    def any_failing(self):
        self.answer(500, b"<html>oh</html>", "text/html")

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
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True

    def blob_stall(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        time.sleep(30)

    def blob_missing(self, _):
        self.refuse(404, "BLOB_UNKNOWN", "blob unknown to registry")

    def blob_redirect(self, _):
        self.answer(307, Location=f"http://127.0.0.1:{elsewhere.server_address[1]}{self.path}")


class Elsewhere(Registry):
    log_name = "elsewhere"

    def do_GET(self):
        self.note()
        self.answer(200, blob(self.path.split(":")[-1]))


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # the other side went away, as it should


elsewhere = Server(("127.0.0.1", 0), Elsewhere)
threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
server = Server(("127.0.0.1", 0), Registry)
print(server.server_address[1], flush=True)
server.serve_forever()
