#!/usr/bin/env python3
"""Records doq-knot.pcap, doq-knot.txt and doq-knot.log: kdig asks Knot DNS over QUIC, one
question a connection and several in one; knotd asks a server behind it that is slow by
name. The capture holds both sides of knotd. doq-knot.txt is what kdig printed,
doq-knot.log how long the server behind waited. Needs root, tcpdump, and Knot DNS 3.3 or
later (Debian 13) with knotd and kdig.

    unshare --net --mount ./doq-knot.py
"""
import os
import shlex
import socket
import struct
import subprocess
import tempfile
import threading
import time

CONF = """
server:
    rundir: "{dir}"
    listen-quic: 127.0.0.1@8853
log:
  - target: {dir}/knot.log
    any: info
database:
    storage: "{dir}"
remote:
  - id: behind
    address: 127.0.0.1@5300
mod-dnsproxy:
  - id: slow
    remote: behind
    fallback: off
    timeout: 3000
template:
  - id: default
    storage: "{dir}"
    global-module: mod-dnsproxy/slow
"""
KNOTD = shlex.split(os.environ.get("KNOTD", "knotd"))
KDIG = shlex.split(os.environ.get("KDIG", "kdig"))


def behind(log):
    """Answers A with one address after so many milliseconds as the name says: w120.example waits 120."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 5300))
    while True:
        question, peer = s.recvfrom(4096)
        begin, length = time.monotonic(), question[12]
        label = question[13:13 + length].decode()
        time.sleep(int(label[1:]) / 1000)
        end = 12 + question[12:].index(0) + 5
        answer = question[:2] + b"\x84\x00" + struct.pack(">HHHH", 1, 1, 0, 0) + question[12:end]
        s.sendto(answer + b"\xc0\x0c" + struct.pack(">HHIH4s", 1, 1, 60, 4, b"\xc0\x00\x02\x01"), peer)
        log.write(f"{label} waited {(time.monotonic() - begin) * 1000:.3f} ms\n")
        log.flush()


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as d, open("doq-knot.log", "w", encoding="ascii") as log, open("doq-knot.txt", "w", encoding="ascii") as said:
        with open(d + "/knot.conf", "w", encoding="ascii") as f:
            f.write(CONF.format(dir=d))
        threading.Thread(target=behind, args=(log,), daemon=True).start()
        server = subprocess.Popen([*KNOTD, "-c", d + "/knot.conf"])
        dump = subprocess.Popen(["tcpdump", "-U", "-n", "-i", "lo", "-w", "doq-knot.pcap", "udp port 8853 or udp port 5300"])
        time.sleep(2)
        for names in (["w3"], ["w150"], ["w40", "w90", "w5"], ["w1"], ["w250", "w2"]):
            more = [x for n in names for x in (n + ".example", "A")]
            done = subprocess.run([*KDIG, "@127.0.0.1", "-p", "8853", "+quic", "+keepopen", *more], capture_output=True, text=True, check=False)
            said.write("".join(x + "\n" for x in done.stdout.splitlines() if x.startswith(";; From") or "status:" in x))
            time.sleep(0.3)
        for p in (dump, server):
            p.terminate()
            p.wait()


main()
