"""A name server behind the resolver that misbehaves by name: `python3 upstream.py ZONES`.

ZONES is a file of JSON: {"names": {NAME: {"A": [..], "AAAA": [..], "PTR": .., "delay": s,
"silent": true | ["AAAA"], "rcode": n}}, "apexes": [..]}. Names of an apex that are
not listed do not exist. Answers over UDP and TCP as RFC 1035, section 4.
"""
import json
import socket
import struct
import sys
import threading
import time

TYPES = {1: "A", 28: "AAAA", 12: "PTR"}


def wire(name):
    return b"".join(bytes([len(x)]) + x.encode() for x in name.strip(".").split(".") if x) + b"\0"


def question(packet):
    at, labels = 12, []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("ascii", "replace"))
        at += packet[at] + 1
    return ".".join(labels).lower(), struct.unpack_from(">H", packet, at + 1)[0], packet[12:at + 5]


def data(kind, value):
    if kind == "A":
        return socket.inet_aton(value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    return wire(value)


def reply(zones, packet):
    """The answer and how long it waits, or None."""
    name, number, asked = question(packet)
    kind = TYPES.get(number, "?")
    entry = zones["names"].get(name)
    flags, answers = 0x8400, []
    if entry is None:
        flags |= 3
    else:
        silent = entry.get("silent", False)
        if silent is True or (silent and kind in silent):
            return None
        flags |= entry.get("rcode", 0)
        values = entry.get(kind, [])
        for v in values if isinstance(values, list) else [values]:
            rdata = data(kind, v)
            answers.append(b"\xc0\x0c" + struct.pack(">HHIH", number, 1, entry.get("ttl", 2), len(rdata)) + rdata)
    authority = b""
    if not answers:
        apex = next((a for a in zones["apexes"] if name.endswith(a)), zones["apexes"][0])
        rdata = wire("ns." + apex) + wire("admin." + apex) + struct.pack(">IIIII", 1, 3600, 600, 86400, 2)
        authority = wire(apex) + struct.pack(">HHIH", 6, 1, 2, len(rdata)) + rdata
    head = packet[:2] + struct.pack(">HHHHH", flags, 1, len(answers), 1 if authority else 0, 0)
    return head + asked + b"".join(answers) + authority, (entry or {}).get("delay", 0)


def serve_udp(zones, sock):
    while True:
        packet, peer = sock.recvfrom(4096)
        found = reply(zones, packet)
        if not found:
            continue
        answer, delay = found
        if len(answer) > 1232:
            answer = answer[:2] + struct.pack(">HHHHH", 0x8600, 1, 0, 0, 0) + question(packet)[2]
        threading.Timer(delay, sock.sendto, (answer, peer)).start() if delay else sock.sendto(answer, peer)


def serve_tcp(zones, sock):
    while True:
        conn, _ = sock.accept()
        try:
            size = struct.unpack(">H", conn.recv(2))[0]
            found = reply(zones, conn.recv(size))
            if found:
                time.sleep(found[1])
                conn.sendall(struct.pack(">H", len(found[0])) + found[0])
        except (OSError, struct.error):
            pass
        conn.close()


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf8") as f:
        config = json.load(f)
    u, t = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
    t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    u.bind(("", 53))
    t.bind(("", 53))
    t.listen(16)
    threading.Thread(target=serve_tcp, args=(config, t), daemon=True).start()
    serve_udp(config, u)
