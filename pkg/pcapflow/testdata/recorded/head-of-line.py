#!/usr/bin/env python3
"""Records head-of-line.pcap: nginx answers three requests of one connection of HTTP/2 in
the clear, a piece of each in turn, over a path of the lab of 0.5 Mbit/s. The client writes
to head-of-line.txt when it had read each frame: seconds, stream, frame, octets, END.
Needs root, nginx, gcc, tcpdump, ethtool; leaves three network namespaces behind, which
`ip netns del` removes.

    ./head-of-line.py            # in this folder
"""
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

SIZES = {"a": 5000, "b": 4000, "c": 3000}
SERVER = "10.77.0.2"


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def client():
    c = socket.create_connection((SERVER, 80))
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    c.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
    time.sleep(.15)
    for i, name in enumerate(SIZES):  # :method GET, :scheme http
        c.sendall(frame(1, 5, 2 * i + 1, b"\x82\x86" + literal(":path", "/" + name) + literal(":authority", "h")))
    left, have = len(SIZES), b""
    while left:
        while len(have) < 9 or len(have) < 9 + int.from_bytes(have[:3], "big"):
            more = c.recv(65536)
            if not more:
                sys.exit("closed")
            have += more
        n, kind, flags = int.from_bytes(have[:3], "big"), have[3], have[4]
        if kind in (0, 1):
            end = " END" if flags & 1 else ""
            print("%.6f %d %s %d%s" % (time.time(), int.from_bytes(have[5:9], "big"), "HEADERS" if kind else "DATA", n, end), flush=True)
            left -= flags & 1
        if kind == 4 and not flags & 1:
            c.sendall(frame(4, 1, 0, b""))
        have = have[9 + n:]
    c.close()


def inside(host, *command):
    return ["ip", "netns", "exec", host, *command]


def record():
    here = os.getcwd()
    router = "../../../../lab/router/"
    with tempfile.TemporaryDirectory() as tmp:
        os.chmod(tmp, 0o755)
        run = lambda *command: subprocess.run(command, check=True)
        run("gcc", "-O2", "-o", tmp + "/router", *[router + x + ".c" for x in ("router", "path", "rules")])
        for host in ("client", "path", "server"):
            run("ip", "netns", "add", host)
        for a, b, host, address in (("c", "pc", "client", "10.77.0.1/24"), ("s", "ps", "server", SERVER + "/24")):
            run("ip", "link", "add", a, "netns", host, "type", "veth", "peer", "name", b, "netns", "path")
            run("ip", "-n", host, "addr", "add", address, "dev", a)
            for where, device in ((host, a), ("path", b)):
                run("ip", "-n", where, "link", "set", device, "up")
                run(*inside(where, "ethtool", "-K", device, "tso", "off", "gso", "off", "gro", "off", "tx", "off"))
        for name, size in SIZES.items():
            with open(f"{tmp}/{name}", "w") as f:
                f.write(name * size)
        with open(tmp + "/conf", "w") as f:
            f.write(f"daemon off; pid {tmp}/pid; error_log stderr; events {{}} http {{ access_log off; http2_chunk_size 512;"
                    f" server {{ listen {SERVER}:80 http2 sndbuf=4k; root {tmp}; sendfile off; output_buffers 1 1k; }} }}")
        path = subprocess.Popen(inside("path", tmp + "/router", "pc", "ps", tmp + "/events"), stdin=subprocess.PIPE)
        path.stdin.write(b"seed 1\npath ab 20 0 1 400\npath ba 20 0 0.5 400\n")
        path.stdin.flush()
        nginx = subprocess.Popen(inside("server", "nginx", "-c", tmp + "/conf"))
        dump = subprocess.Popen(inside("client", "tcpdump", "-Z", "root", "-U", "-i", "c", "-w", here + "/head-of-line.pcap", "tcp"))
        time.sleep(2)
        with open("head-of-line.txt", "w") as f:
            subprocess.run(inside("client", sys.executable, os.path.abspath(__file__), "client"), stdout=f, check=True)
        time.sleep(2)
        for p in (dump, nginx, path):
            p.terminate()
            p.wait()


if __name__ == "__main__":
    client() if sys.argv[1:] == ["client"] else record()
