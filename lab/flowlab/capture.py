"""Captures: tcpdump takes them, then their stamps are moved to the host's clock."""
import os
import re
import shutil
import signal
import struct
import subprocess

MAGICS = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}


def shift(path, track):
    """Rewrites every stamp of a pcap file by the clock's function; returns the number of packets.

    Kernel stamps are true time: a preloaded library cannot reach them."""
    with open(path, "rb") as f:
        data = bytearray(f.read())
    order = "<" if struct.unpack_from("<I", data)[0] in MAGICS else ">"
    unit = MAGICS[struct.unpack_from(order + "I", data)[0]]
    at, packets = 24, 0
    record = struct.Struct(order + "IIII")
    while at + 16 <= len(data):
        sec, fraction, size, full = record.unpack_from(data, at)
        host = track.host(sec * 10**9 + fraction * unit)
        record.pack_into(data, at, host // 10**9, host % 10**9 // unit, size, full)
        at += 16 + size
        packets += 1
    with open(path, "wb") as f:
        f.write(data)
    return packets


def rotation(name):
    """the number of a file of tcpdump -C: X.pcap, X.pcap1, X.pcap2 …"""
    return int(re.search(r"\d*$", name)[0] or 0)


def lose(path, share, draw):
    """Takes a share of the packets out of a pcap file, some neighbours at a time, as a capture does that cannot keep up; returns how many."""
    with open(path, "rb") as f:
        data = f.read()
    order = "<" if struct.unpack_from("<I", data)[0] in MAGICS else ">"
    at, kept, lost, left = 24, [data[:24]], 0, 0
    while at + 16 <= len(data):
        end = at + 16 + struct.unpack_from(order + "I", data, at + 8)[0]
        if not left and draw.random() < share / 2:
            left = draw.randint(1, 3)
        if left:
            left, lost = left - 1, lost + 1
        else:
            kept.append(data[at:end])
        at = end
    with open(path, "wb") as f:
        f.write(b"".join(kept))
    return lost


class Capture:
    """One tcpdump at one host; missing is the share of packets that it does not keep."""

    def __init__(self, host, file, filter="", device="eth0", snaplen=262144, nanoseconds=False, extra=(), form="pcap", missing=0.0):
        self.missing = missing
        self.host, self.file, self.filter, self.device, self.snaplen = host, file, filter, device, snaplen
        self.extra, self.form = list(extra), form
        self.raw = os.path.join(host.dir, "capture-" + file)
        words = ["tcpdump", "-Z", "root", "-n", "-U", "--immediate-mode", "-i", device, "-B", "16384", "-s", str(snaplen), "-w", self.raw]
        if nanoseconds:
            words += ["--time-stamp-precision", "nano"]
        self.process = host.spawn(*words, *self.extra, *([filter] if filter else []), clocked=False, stderr=subprocess.PIPE)
        self.said = ""
        while "listening on" not in self.said:
            line = self.process.stderr.readline().decode("utf8", "replace")
            if not line:
                raise RuntimeError(f"tcpdump at {host.name}: {self.said}")
            self.said += line

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.said += self.process.communicate(timeout=20)[1].decode("utf8", "replace")

    def files(self):
        """the raw files, in order of recording"""
        folder, base = os.path.split(self.raw)
        return sorted((os.path.join(folder, n) for n in os.listdir(folder) if re.fullmatch(re.escape(base) + r"\d*", n)), key=rotation)

    def deliver(self, folder, track):
        """Writes the shifted files and returns what truth.json says of them."""
        self.stop()
        packets, names, lost = 0, [], 0
        for raw in self.files():
            if self.missing:
                lost += lose(raw, self.missing, self.host.lab.random)
            packets += shift(raw, track)
            name = os.path.basename(raw)[len("capture-"):]
            if self.form == "pcapng":
                name = name.replace(".pcap", ".pcapng", 1)
                subprocess.run(["editcap", "-F", "pcapng", raw, os.path.join(folder, "input", name)], check=True)
                os.unlink(raw)
            else:
                shutil.move(raw, os.path.join(folder, "input", name))
            names.append("input/" + name)
        dropped = re.search(r"(\d+) packets dropped by kernel", self.said)
        return {"file": self.file, "host": self.host.name, "iface": self.device, "filter": self.filter, "snaplen": self.snaplen,
                "format": self.form, "extra": self.extra, "clock_host": self.host.name, "packets": packets,
                "dropped_by_kernel": int(dropped[1]) if dropped else None, "missed": lost, "files": names,
                "timestamps": "taken by the kernel of one machine, then moved by the clock function of the host, the same its processes see"}


def first_syns(path):
    """(time, src, sport, dst, dport) of every SYN in a raw Ethernet pcap of true stamps, IPv4 and IPv6."""
    out = []
    with open(path, "rb") as f:
        data = f.read()
    at = 24
    while at + 16 <= len(data):
        sec, usec, size, _ = struct.unpack_from("<IIII", data, at)
        p = data[at + 16:at + 16 + size]
        at += 16 + size
        if p[12:14] == b"\x08\x00" and len(p) >= 34:
            l4, src, dst = 14 + (p[14] & 15) * 4, ".".join(map(str, p[26:30])), ".".join(map(str, p[30:34]))
        elif p[12:14] == b"\x86\xdd":
            l4, src, dst = 54, p[22:38].hex(), p[38:54].hex()
        else:
            continue
        sport, dport = struct.unpack_from(">HH", p, l4)
        out.append((sec + usec / 1e6, src, sport, dst, dport))
    return out
