#!/usr/bin/env python3
"""Records tcp-options.pcap and tcp-options.txt: connections of this kernel to itself
between two network namespaces, a case for each option. What the kernel says of each
connection (TCP_INFO at the client) is the truth. Needs root, nft, tcpdump, ethtool
and a kernel with multipath TCP.

    unshare --net --mount ./tcp-options.py
"""
import socket
import struct
import subprocess
import sys
import time

MULTIPATH, PORT = 262, 8080


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def control(name, value, where="s"):
    inside = ["ip", "netns", "exec", where] if where else []
    run(*inside, "sysctl", "-qw", f"net.ipv4.{name}={value}")


def told(s):
    """The options the kernel has in use: bits of tcpi_options, and whether multipath."""
    info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    bits = info[5]
    names = [n for i, n in enumerate(("timestamps", "sack", "scale", "ecn", "", "syn-data")) if bits >> i & 1 and n]
    return " ".join([f"mss={struct.unpack_from('I', info, 16)[0]}"] + names)


SERVER = r"""
import socket, sys
l = socket.socket(socket.AF_INET, socket.SOCK_STREAM, int(sys.argv[1]))
l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
l.bind(("10.9.0.2", %d)); l.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5); l.listen(9)
print("ready", flush=True)
while True:
    c, _ = l.accept()
    c.recv(100); c.send(b"answer\n"); c.recv(100); c.close()
""" % PORT


def server(protocol=0):
    p = subprocess.Popen(["ip", "netns", "exec", "s", sys.executable, "-c", SERVER, str(protocol)], stdout=subprocess.PIPE)
    p.stdout.readline()
    return p


def connect(label, out, protocol=0, early=False, wait=0.0):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
    if early:
        s.sendto(b"question\n", socket.MSG_FASTOPEN, ("10.9.0.2", PORT))
    else:
        s.connect(("10.9.0.2", PORT))
        s.send(b"question\n")
    s.recv(100)
    time.sleep(wait)
    print(f"{s.getsockname()[1]} {label}: {told(s)}", file=out)
    s.close()
    time.sleep(0.05)


def main():
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "netns", "add", "s")
    run("ip", "link", "set", "lo", "up")
    for i in ("", "2"):
        run("ip", "link", "add", "c" + i, "type", "veth", "peer", "name", "s" + i)
        run("ip", "link", "set", "s" + i, "netns", "s")
        net = "10.9.1" if i else "10.9.0"
        run("ip", "addr", "add", net + ".1/24", "dev", "c" + i)
        run("ip", "link", "set", "c" + i, "up")
        run("ip", "netns", "exec", "s", "ip", "addr", "add", net + ".2/24", "dev", "s" + i)
        run("ip", "netns", "exec", "s", "ip", "link", "set", "s" + i, "up")
        run("ethtool", "-K", "c" + i, "tx", "off", "tso", "off", "gso", "off")
    control("tcp_fastopen", 3, None)
    control("tcp_fastopen", 3)
    capture = subprocess.Popen(["tcpdump", "-i", "any", "--immediate-mode", "-U", "-w", "tcp-options.pcap", "tcp"], stderr=subprocess.DEVNULL)
    time.sleep(1)
    with open("tcp-options.txt", "w", encoding="ascii") as out:
        plain = server()
        for ask, take, label in ((0, 2, "no ecn"), (1, 2, "ecn"), (1, 0, "ecn refused")):
            control("tcp_ecn", ask, None)
            control("tcp_ecn", take)
            connect(label, out)
        control("tcp_ecn", 1, None)
        run("ip", "netns", "exec", "s", "nft", "add table t; add chain t i { type filter hook input priority 0; }; add rule t i tcp flags & (syn|ecn|cwr) == syn|ecn|cwr drop")
        connect("ecn withdrawn", out)
        run("ip", "netns", "exec", "s", "nft", "delete", "table", "t")
        control("tcp_ecn", 2, None)
        for name in ("tcp_sack", "tcp_timestamps", "tcp_window_scaling"):
            control(name, 0, None)
            connect("no " + name[4:], out)
            control(name, 1, None)
        connect("fast open, asks for a cookie", out, early=True)
        connect("fast open, with a cookie", out, early=True)
        control("tcp_fastopen_key", "1-2-3-4")
        connect("fast open, with another key's cookie", out, early=True)
        control("tcp_fastopen", 0)
        connect("fast open, not there", out, early=True)
        connect("multipath, not there", out, MULTIPATH)
        plain.terminate()
        plain.wait()
        many = server(MULTIPATH)
        run("ip", "mptcp", "limits", "set", "subflow", "2", "add_addr_accepted", "2")
        run("ip", "netns", "exec", "s", "ip", "mptcp", "limits", "set", "subflow", "2")
        run("ip", "mptcp", "endpoint", "add", "10.9.1.1", "dev", "c2", "subflow")
        run("ip", "netns", "exec", "s", "ip", "route", "add", "10.9.1.1/32", "dev", "s2")
        connect("multipath", out, MULTIPATH, wait=0.5)
        many.terminate()
    time.sleep(0.5)
    capture.terminate()
    capture.wait()


main()
