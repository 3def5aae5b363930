#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What scripts do with the docker SDK for Python, against the daemon of DOCKER_HOST, which has an image bb.

apid-sdk.py CHAPTER: one of the functions below; an assertion that does not hold ends it.
"""
import io
import os
import socket
import sys
import tarfile
import threading
import time

import docker
from docker.errors import APIError, ContainerError, ImageNotFound, NotFound

client = docker.from_env(timeout=60)
STEADY = ["sh", "-c", 'trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done']


def raises(kind, status, function, *args, **kw):
    """That the call fails so; returns what was said."""
    try:
        function(*args, **kw)
    except kind as e:
        assert e.response.status_code == status, e
        return e.explanation
    raise AssertionError(f"{function} did not fail")


def until(what):
    end = time.time() + 20
    while not what():
        assert time.time() < end, what
        time.sleep(0.02)


def system():
    assert client.ping() is True
    assert client.version()["ApiVersion"] == "1.41" == docker.APIClient(os.environ["DOCKER_HOST"], version="auto").api_version
    info = client.info()
    assert info["OSType"] == "linux" and info["Images"] == 1 and info["Swarm"]["LocalNodeState"] == "inactive"
    assert client.df()["Images"][0]["RepoTags"] == ["bb:latest"]
    for version in "1.24", "1.30", "1.40", "1.50":
        old = docker.DockerClient(base_url=os.environ["DOCKER_HOST"], version=version)
        assert old.ping() and old.containers.list(all=True) == []
    said = raises(APIError, 503, client.swarm.reload)
    assert "swarm manager" in said, said


def run():
    assert client.containers.run("bb", ["echo", "hello"]) == b"hello\n"
    assert client.containers.run("bb", "sh -c 'echo out; echo error >&2'", stderr=True, remove=True) == b"out\nerror\n"
    try:
        client.containers.run("bb", ["sh", "-c", "echo why >&2; exit 3"], remove=True)
        raise AssertionError("it did not fail")
    except ContainerError as e:
        assert e.exit_status == 3 and e.stderr == b"why\n", (e.exit_status, e.stderr)
    assert "No such image" in raises(ImageNotFound, 404, client.api.create_container, "nosuch", "true")
    assert "executable file not found" in raises(APIError, 400, client.containers.run, "bb", "nosuch")
    kept = client.containers.create(
        "bb", ["env"], name="kept", environment={"B": "c d", "N": None}, labels={"k": "v"}, hostname="host1",
        working_dir="/tmp", user="7", mem_limit="64m", nano_cpus=500000000, cap_drop=["ALL"], read_only=True,
        tmpfs={"/t": "size=1m"}, volumes={"vol": {"bind": "/vol", "mode": "rw"}, "/etc": {"bind": "/host", "mode": "ro"}},
        extra_hosts={"far": "10.1.2.3"}, sysctls={"net.core.somaxconn": "99"}, pids_limit=50,
        ulimits=[docker.types.Ulimit(name="nofile", soft=100, hard=200)],
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 2}, ports={"80/tcp": ("127.0.0.1", 8081)})
    assert kept.status == "created" and kept.name == "kept"
    host = kept.attrs["HostConfig"]
    assert host["Memory"] == 64 << 20 and host["NanoCpus"] == 500000000 and host["PidsLimit"] == 50
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 2}
    assert host["PortBindings"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8081"}]}, host["PortBindings"]
    assert {m["Destination"]: m["Type"] for m in kept.attrs["Mounts"]} == {"/vol": "volume", "/host": "bind"}
    assert "already in use" in raises(APIError, 409, client.containers.create, "bb", name="kept")
    kept.start()
    assert kept.wait() == {"Error": None, "StatusCode": 0}
    lines = kept.logs().decode().split("\n")
    assert "B=c d" in lines and "A=b" in lines and "HOSTNAME=host1" in lines, lines
    kept.remove(v=True)
    raises(NotFound, 404, kept.reload)
    client.volumes.get("vol").remove()


def life():
    box = client.containers.run("bb", STEADY, name="box", detach=True, labels={"k": "v"})
    until(lambda: box.logs() == b"ready\n")
    assert [b.id for b in client.containers.list(filters={"label": "k=v", "status": "running"})] == [box.id]
    assert client.containers.list(filters={"name": "other"}) == []
    assert client.containers.get(box.short_id).id == box.id
    box.pause()
    box.reload()
    assert box.status == "paused"
    box.unpause()
    assert "not paused" in raises(APIError, 500, box.unpause)
    titles = box.top()
    assert titles["Titles"][0] == "UID" and len(titles["Processes"]) >= 1
    box.rename("other")
    box.update(mem_limit="128m", memswap_limit="128m")
    box.reload()
    assert box.name == "other" and box.attrs["HostConfig"]["Memory"] == 128 << 20
    first = next(box.stats(stream=True, decode=True))
    assert first["name"] == "/other" and first["memory_stats"]["limit"] == 128 << 20, first["memory_stats"]
    once = box.stats(stream=False)
    assert once["cpu_stats"]["cpu_usage"]["total_usage"] >= once["precpu_stats"]["cpu_usage"]["total_usage"] > 0
    assert "eth0" in once["networks"] and once["pids_stats"]["current"] >= 1
    assert "cannot remove a running container" in raises(APIError, 409, box.remove)
    before = box.attrs["State"]["StartedAt"]
    box.restart(timeout=5)
    box.reload()
    assert box.status == "running" and box.attrs["State"]["StartedAt"] > before
    until(lambda: box.logs() == b"ready\nready\n")
    box.stop(timeout=10)
    assert box.wait()["StatusCode"] == 7
    box.stop()  # 304
    assert "is not running" in raises(APIError, 409, box.kill)
    assert "is not running" in raises(APIError, 409, box.exec_run, "true")
    box.start()
    box.start()  # 304
    box.kill("KILL")
    assert box.wait()["StatusCode"] == 137
    assert client.containers.prune()["ContainersDeleted"] == [box.id]


def logs():
    box = client.containers.run("bb", ["sh", "-c", "echo one; echo two >&2; sleep 0.2; echo three"], detach=True)
    assert b"".join(box.logs(stream=True, follow=True)) == b"one\ntwo\nthree\n"
    box.wait()
    assert box.logs(stderr=False) == b"one\nthree\n"
    assert box.logs(stdout=False) == b"two\n"
    assert box.logs(tail=1) == b"three\n"
    stamped = box.logs(timestamps=True).decode().split("\n")
    assert stamped[0].endswith("Z one") and stamped[0].startswith("20"), stamped
    assert box.logs(since=int(time.time()) + 100) == b""
    assert box.logs(until=int(time.time()) + 100) == b"one\ntwo\nthree\n"
    box.remove()


def attach():
    box = client.containers.create("bb", ["cat"], stdin_open=True)
    s = box.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    box.start()
    s._sock.sendall(b"through\n")
    s._sock.shutdown(socket.SHUT_WR)
    data = b""
    while more := s._sock.recv(4096):
        data += more
    assert data == b"\x01\0\0\0\0\0\0\x08through\n", data
    assert box.wait()["StatusCode"] == 0
    box.remove()

    box = client.containers.create("bb", ["sh", "-c", "echo out; echo error >&2"])
    seen = []
    stream = box.attach(stream=True, logs=True, demux=True)
    reader = threading.Thread(target=lambda: seen.extend(stream))
    reader.start()
    box.start()
    box.wait()
    reader.join(20)
    assert not reader.is_alive()
    assert b"".join(o for o, _ in seen if o) == b"out\n" and b"".join(e for _, e in seen if e) == b"error\n", seen
    for _ in range(20):  # it loses what comes in one piece with the answer
        assert box.attach(stream=False, logs=True, stdout=True, stderr=False) == b"out\n"
    box.remove()

    box = client.containers.create("bb", ["sh"], stdin_open=True, tty=True)
    s = box.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    box.start()
    box.resize(24, 77)
    s._sock.sendall(b"stty size; exit 5\n")
    data = b""
    while more := s._sock.recv(4096):
        data += more
    assert b"24 77\r\n" in data, data
    assert box.wait()["StatusCode"] == 5
    box.remove()


def execs():
    box = client.containers.run("bb", STEADY, name="box", detach=True)
    assert box.exec_run("echo hello") == (0, b"hello\n")
    assert box.exec_run(["sh", "-c", "exit 9"]).exit_code == 9
    code, (out, error) = box.exec_run(["sh", "-c", "echo out; echo error >&2; pwd; echo $B; id -u"], demux=True,
                                      workdir="/tmp", environment={"B": "c"}, user="7")
    assert (code, out, error) == (0, b"out\n/tmp\nc\n7\n", b"error\n"), (code, out, error)
    assert b"".join(box.exec_run("seq 1000", stream=True).output).count(b"\n") == 1000
    assert b"24" in box.exec_run(["sh", "-c", "test -t 1 && echo 24"], tty=True).output
    assert box.exec_run("nosuch").exit_code in (126, 127)
    eid = client.api.exec_create(box.id, ["cat"], stdin=True)["Id"]
    s = client.api.exec_start(eid, socket=True)
    assert client.api.exec_inspect(eid)["Running"] is True
    s._sock.sendall(b"x" * 100000)
    s._sock.shutdown(socket.SHUT_WR)
    data = b""
    while more := s._sock.recv(65536):
        data += more
    payload, at = b"", 0
    while at < len(data):
        assert data[at:at + 4] == b"\x01\0\0\0"
        n = int.from_bytes(data[at + 4:at + 8], "big")
        payload += data[at + 8:at + 8 + n]
        at += 8 + n
    assert payload == b"x" * 100000, len(payload)
    seen = client.api.exec_inspect(eid)
    assert seen["Running"] is False and seen["ExitCode"] == 0 and seen["ContainerID"] == box.id
    assert box.exec_run("sleep 1000", detach=True).exit_code is None
    raises(NotFound, 404, client.api.exec_inspect, "0" * 64)
    box.remove(force=True)


def pack(**files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    return out.getvalue()


def archive():
    box = client.containers.create("bb", ["cat", "/tmp/a"])
    assert box.put_archive("/tmp", pack(a=b"one", b=b"two"))
    stream, stat = box.get_archive("/tmp")
    assert stat["name"] == "tmp" and stat["mode"] >> 31 == 1, stat
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        assert tar.extractfile("tmp/b").read() == b"two"
    stream, stat = box.get_archive("/tmp/a", chunk_size=10, encode_stream=True)
    assert (stat["name"], stat["size"]) == ("a", 3) and b"one" in b"".join(stream)
    raises(NotFound, 404, box.get_archive, "/nosuch")
    raises(NotFound, 404, box.put_archive, "/nosuch", pack(a=b""))
    raises(APIError, 400, box.put_archive, "/etc/passwd", pack(a=b""))
    assert {"Path": "/tmp/a", "Kind": 1} in box.diff()
    box.start()
    box.wait()
    assert box.logs() == b"one"
    with tarfile.open(fileobj=io.BytesIO(b"".join(box.export()))) as tar:
        assert tar.extractfile("tmp/a").read() == b"one"
    image = box.commit("made", "1", changes='CMD ["cat", "/tmp/b"]', author="me")
    assert image.tags == ["made:1"] and image.attrs["Author"] == "me"
    assert client.containers.run("made:1", remove=True) == b"two"
    box.remove()
    client.images.remove("made:1")


def images():
    image = client.images.get("bb")
    assert client.images.list()[0].id == image.id and image.tags == ["bb:latest"]
    assert image.attrs["Config"]["Env"] == ["A=b"]
    assert image.history()[0]["Tags"] == ["bb:latest"]
    assert image.tag("other/name", "2") is True
    assert client.images.list("other/name")[0].tags == ["bb:latest", "other/name:2"]
    saved = b"".join(image.save(named=True))
    client.images.remove("other/name:2")
    raises(ImageNotFound, 404, client.images.get, "other/name:2")
    client.images.remove("bb")
    assert client.images.list() == []
    assert client.images.load(saved)[0].id == image.id
    again = client.images.get(image.id)
    assert again.tag("bb")
    imported = client.api.import_image_from_data(pack(file=b"x"), repository="plain", tag="1")
    assert "sha256:" in imported, imported
    assert client.images.list("plain")[0].tags == ["plain:1"]
    client.images.remove("plain:1", force=True)
    assert client.images.prune()["SpaceReclaimed"] >= 0
    raises(APIError, 404, client.images.remove, "plain:1")


def build():
    text = b"""FROM bb AS first
ARG WHO=nobody
RUN echo "by $WHO" >/made
FROM bb
COPY --from=first /made /
COPY file /
LABEL k=v
CMD ["cat", "/made", "/file"]
"""
    context = pack(Dockerfile=text, file=b"content\n")
    image, lines = client.images.build(fileobj=io.BytesIO(context), custom_context=True, tag="built:1", rm=True,
                                       buildargs={"WHO": "me"}, labels={"l": "1"})
    lines = list(lines)
    assert image.tags == ["built:1"] and image.labels == {"k": "v", "l": "1"}, (image.tags, image.labels)
    assert any(line.get("stream", "").startswith("Step 1/") for line in lines), lines
    assert client.containers.run("built:1", remove=True) == b"by me\ncontent\n"
    again, lines = client.images.build(fileobj=io.BytesIO(context), custom_context=True, tag="built:1", rm=True,
                                       buildargs={"WHO": "me"}, labels={"l": "1"})
    assert again.id == image.id and any("Using cache" in line.get("stream", "") for line in lines)
    try:
        client.images.build(fileobj=io.BytesIO(b"FROM bb\nRUN echo so far; exit 7\n"))
        raise AssertionError("it did not fail")
    except docker.errors.BuildError as e:
        assert "returned a non-zero code: 7" in e.msg, e.msg
        assert any("so far" in line.get("stream", "") for line in e.build_log)
    try:
        client.images.build(fileobj=io.BytesIO(b"FROM bb\nNONSENSE\n"))
        raise AssertionError("it did not fail")
    except (APIError, docker.errors.BuildError) as e:
        assert "unknown instruction" in str(e), e
    client.images.remove("built:1")


def networks():
    pool = docker.types.IPAMPool(subnet="10.123.0.0/24", gateway="10.123.0.254")
    net = client.networks.create("one", driver="bridge", labels={"k": "v"}, internal=False,
                                 ipam=docker.types.IPAMConfig(pool_configs=[pool]))
    assert net.attrs["IPAM"]["Config"] == [{"Subnet": "10.123.0.0/24", "Gateway": "10.123.0.254"}], net.attrs["IPAM"]
    assert "already exists" in raises(APIError, 409, client.networks.create, "one", check_duplicate=True)
    assert {n.name for n in client.networks.list()} >= {"bridge", "host", "none", "one"}
    assert {n.name for n in client.networks.list(names=["one"])} == {"one", "none"}  # a part of the name will do
    assert [n.id for n in client.networks.list(filters={"label": "k=v"})] == [net.id]
    a = client.containers.run("bb", STEADY, name="ann", network="one", detach=True)
    b = client.containers.run("bb", STEADY, name="bob", detach=True)
    net.connect(b, aliases=["bee"], ipv4_address="10.123.0.77")
    b.reload()
    assert b.attrs["NetworkSettings"]["Networks"]["one"]["IPAddress"] == "10.123.0.77"
    assert "already exists" in raises(APIError, 403, net.connect, b)
    assert a.exec_run("ping -c1 -W5 bee").exit_code == 0
    assert a.exec_run("ping -c1 -W5 bob").exit_code == 0
    net.reload()
    assert {c.name for c in net.containers} == {"ann", "bob"}
    assert "active endpoints" in raises(APIError, 403, net.remove)
    net.disconnect(b)
    assert a.exec_run("ping -c1 -W1 bee").exit_code != 0
    a.remove(force=True)
    b.remove(force=True)
    net.remove()
    raises(NotFound, 404, client.networks.get, "one")
    assert "pre-defined" in raises(APIError, 403, client.networks.get("bridge").remove)
    client.networks.create("two")
    assert client.networks.prune()["NetworksDeleted"] == ["two"]


def volumes():
    v = client.volumes.create("vol", labels={"k": "v"})
    assert client.volumes.create("vol").id == v.id == "vol"
    assert [x.name for x in client.volumes.list(filters={"label": "k=v"})] == ["vol"]
    client.containers.run("bb", ["sh", "-c", "echo kept >/v/f"], volumes=["vol:/v"], remove=True)
    box = client.containers.create("bb", ["cat", "/v/f"], mounts=[docker.types.Mount("/v", "vol", read_only=True)])
    assert "volume is in use" in raises(APIError, 409, v.remove)
    box.start()
    box.wait()
    assert box.logs() == b"kept\n"
    box.remove()
    v.remove()
    raises(NotFound, 404, client.volumes.get, "vol")
    raises(NotFound, 404, v.remove)
    client.volumes.create()
    assert len(client.volumes.prune()["VolumesDeleted"]) == 1


def events():
    since = int(time.time())
    live = client.events(decode=True, filters={"type": "container"})
    seen = []
    reader = threading.Thread(target=lambda: seen.extend(e["status"] for e in live))
    reader.start()
    box = client.containers.run("bb", ["true"], name="ev", detach=True, labels={"k": "v"})
    box.wait()
    box.remove()
    until(lambda: "destroy" in seen)
    live.close()
    reader.join(20)
    assert not reader.is_alive()
    assert [s for s in seen if s in ("create", "start", "die", "destroy")] == ["create", "start", "die", "destroy"], seen
    past = list(client.events(since=since, until=int(time.time()) + 1, decode=True, filters={"container": "ev"}))
    die = [e for e in past if e["Action"] == "die"]
    assert len(die) == 1 and die[0]["Actor"]["Attributes"]["exitCode"] == "0", past
    assert die[0]["Actor"]["Attributes"]["k"] == "v" and die[0]["id"] == box.id and die[0]["from"] == "bb"


if __name__ == "__main__":
    print("docker SDK", docker.__version__)
    globals()[sys.argv[1]]()
