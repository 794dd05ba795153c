#!/usr/bin/env python3
"""Records llmnr.pcap and llmnr.txt: two systemd-resolved ask each other by LLMNR (RFC
4795), over IPv4 and IPv6, for a name that is there and one that is not. llmnr.txt is
what resolvectl said and how long it took. Needs root, systemd-resolved, dbus-daemon,
tcpdump; their own /run and host names, no systemd.

    unshare --net --mount --uts --pid --fork --mount-proc ./llmnr.py
"""
import os
import socket
import subprocess
import sys
import time

BUS = """<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/><allow send_type="method_return"/>
<allow send_type="error"/><allow receive_type="method_call"/><allow receive_type="signal"/><allow receive_type="method_return"/><allow receive_type="error"/></policy></busconfig>
"""


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False)


def host(name, questions):
    """Inside a network of its own: resolved, and then the questions."""
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    run("mount", "-t", "tmpfs", "tmpfs", "/etc/systemd")
    for d in ("/run/dbus", "/run/systemd"):
        os.makedirs(d)
    socket.sethostname(name)
    for file, text in (("/run/bus.conf", BUS), ("/etc/systemd/resolved.conf", "[Resolve]\nLLMNR=yes\nMulticastDNS=no\nDNSStubListener=no\nDNS=\nFallbackDNS=\n")):
        with open(file, "w", encoding="ascii") as f:
            f.write(text)
    subprocess.Popen(["dbus-daemon", "--config-file=/run/bus.conf", "--nofork", "--nopidfile"])
    time.sleep(0.5)
    subprocess.Popen(["/lib/systemd/systemd-resolved"], env=dict(os.environ, SYSTEMD_LOG_LEVEL="warning"))
    time.sleep(3)
    for label, *words in questions:
        begin = time.time()
        done = run("resolvectl", "--protocol=llmnr", "--cache=no", "query", *words)
        text = (done.stdout + done.stderr).strip().splitlines() or [""]
        print(f"{label} {time.time() - begin:.3f} {' '.join(text[0].split())}", flush=True)
        time.sleep(0.3)
    time.sleep(1 if questions else 30)


def main():
    run("mount", "--make-rprivate", "/")
    run("ip", "link", "add", "west", "type", "veth", "peer", "name", "east")
    shared = ["unshare", "--mount", "--uts", "--net", "--kill-child", "--fork", sys.executable, os.path.realpath(__file__)]
    east = subprocess.Popen([*shared, "east"])
    time.sleep(0.5)
    inside = subprocess.run(["pgrep", "-P", str(east.pid)], capture_output=True, text=True, check=True).stdout.split()[0]
    run("ip", "link", "set", "east", "netns", inside)
    for words in (["addr", "add", "10.9.0.2/24", "dev", "east"], ["link", "set", "lo", "up"], ["link", "set", "east", "up"]):
        run("nsenter", "-t", inside, "-n", "ip", *words)
    for words in (["addr", "add", "10.9.0.1/24", "dev", "west"], ["link", "set", "lo", "up"], ["link", "set", "west", "up"]):
        run("ip", *words)
    time.sleep(3)  # until the link-local addresses hold
    dump = subprocess.Popen(["tcpdump", "-i", "west", "-U", "-Z", "root", "-w", "llmnr.pcap", "udp port 5355 or tcp port 5355"], stderr=subprocess.DEVNULL)
    time.sleep(1)
    with open("llmnr.txt", "w", encoding="ascii") as out:
        subprocess.run(["unshare", "--mount", "--uts", "--fork", sys.executable, os.path.realpath(__file__), "west"], stdout=out, check=False, timeout=60)
    time.sleep(1.5)
    dump.terminate()
    dump.wait()
    east.terminate()


if len(sys.argv) == 1:
    main()
elif sys.argv[1] == "east":
    time.sleep(2)
    host("east", [])
else:
    host("west", [("there-4", "-4", "east"), ("there-6", "-6", "east"), ("absent", "-4", "nowhere"), ("reverse", "10.9.0.2")])
