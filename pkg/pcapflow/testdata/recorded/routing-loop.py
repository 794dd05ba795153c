#!/usr/bin/env python3
"""Records routing-loop.pcap: two routers send what is for 203.0.113.0/24 to each other.
curl and dig ask there in vain; routing-loop.txt is what they said. Needs root, curl, dig,
tcpdump.

    unshare --net --mount --pid --fork ./routing-loop.py
"""
import os
import subprocess
import time

HERE = os.getcwd()
LINKS = [("c", "10.9.3.1", "a", "10.9.3.254"), ("a", "10.9.4.1", "b", "10.9.4.2")]


def run(*words):
    subprocess.run(words, check=True)


def inside(host, *words):
    return ["ip", "netns", "exec", host, *words]


def main():
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    os.makedirs("/run/netns")
    for host in "cab":
        run("ip", "netns", "add", host)
        run("ip", "-n", host, "link", "set", "lo", "up")
        run(*inside(host, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0", "net.ipv4.icmp_msgs_per_sec=10000"))
    for x, ax, y, ay in LINKS:
        run("ip", "-n", x, "link", "add", "to" + y, "type", "veth", "peer", "name", "to" + x, "netns", y)
        for host, other, a in ((x, y, ax), (y, x, ay)):
            run("ip", "-n", host, "addr", "add", a + "/24", "dev", "to" + other)
            run("ip", "-n", host, "link", "set", "to" + other, "up")
    for host, net, via in (("c", "default", "10.9.3.254"), ("b", "10.9.3.0/24", "10.9.4.1"),
                           ("a", "203.0.113.0/24", "10.9.4.2"), ("b", "203.0.113.0/24", "10.9.4.1")):
        run("ip", "-n", host, "route", "add", net, "via", via)
    dump = subprocess.Popen(inside("c", "tcpdump", "-i", "toa", "-B", "8192", "-U", "-Z", "root", "-w", HERE + "/routing-loop.pcap"), stderr=subprocess.DEVNULL)
    time.sleep(1)
    with open("routing-loop.txt", "w", encoding="ascii") as out:
        for words in (["curl", "-sS", "-m", "8", "http://203.0.113.5/"], ["dig", "@203.0.113.53", "+tries=1", "+timeout=2", "www.example.org"]):
            done = subprocess.run(inside("c", *words), capture_output=True, text=True, check=False)
            print("$", *words, "\n" + done.stdout + done.stderr, file=out)
    time.sleep(1)
    dump.terminate()
    dump.wait()


main()
