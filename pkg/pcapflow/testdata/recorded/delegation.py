#!/usr/bin/env python3
"""Records delegation.pcap and delegation.log: BIND as a resolver of its own asks servers
of zones, one of which does not serve the zone it is named for, and one of which refuses
EDNS (`named -T ednsformerr`). What the resolver says of them is the truth, and so is
what the client, dig, waited (delegation.txt). Needs root, named, nsd, dig, tcpdump.

    unshare --net --mount --pid --fork ./delegation.py
"""
import os
import subprocess
import time

HERE = os.getcwd()
ADDRESSES = {"c": ["10.9.0.1"], "r": ["10.9.0.2"], "z": [f"10.9.0.{i}" for i in range(10, 15)]}
ROOT = """. 3600 SOA a.root. x.root. 1 3600 900 86400 5
. 3600 NS a.root.
a.root. 3600 A 10.9.0.10
lame.example. 3600 NS ns1.lame.example.
lame.example. 3600 NS ns2.lame.example.
ns1.lame.example. 3600 A 10.9.0.11
ns2.lame.example. 3600 A 10.9.0.12
good.example. 3600 NS ns.good.example.
ns.good.example. 3600 A 10.9.0.12
old.example. 3600 NS ns.old.example.
ns.old.example. 3600 A 10.9.0.13
"""
ZONE = """$TTL 2
@ 3600 SOA ns x 1 3600 900 86400 5
@ 3600 NS ns.{0}.
{1}
ns 3600 A {2}
www A 192.0.2.1
ftp A 192.0.2.2
mail A 192.0.2.3
"""
NSD = """server:
 ip-address: {0}
 zonesdir: "{1}"
 username: ""
 pidfile: "{1}/nsd.pid"
 database: ""
 zonelistfile: "{1}/zone.list"
 xfrdfile: "{1}/xfrd.state"
 xfrdir: "{1}"
 server-count: 1
remote-control:
 control-enable: no
"""
NAMED = """options {{ directory "{0}"; listen-on {{ {1}; }}; listen-on-v6 {{ none; }}; pid-file "{0}/pid"; session-keyfile "{0}/key"; dnssec-validation no; {2} }};
controls {{ }};
"""


def inside(host, *words, **more):
    return subprocess.Popen(["ip", "netns", "exec", host, *words], stderr=subprocess.DEVNULL, **more)


def run(*words):
    subprocess.run(words, check=True)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def main():
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "link", "add", "name", "hub", "type", "bridge")
    run("ip", "link", "set", "hub", "up")
    for host, addresses in ADDRESSES.items():
        run("ip", "netns", "add", host)
        run("ip", "link", "add", "l" + host, "type", "veth", "peer", "name", "eth0", "netns", host)
        run("ip", "link", "set", "l" + host, "master", "hub", "up")
        for a in addresses:
            run("ip", "-n", host, "addr", "add", a + "/24", "dev", "eth0")
        run("ip", "-n", host, "link", "set", "lo", "up")
        run("ip", "-n", host, "link", "set", "eth0", "up")
    names = "ns1 3600 A 10.9.0.11\nns2 3600 A 10.9.0.12\n@ 3600 NS ns1\n@ 3600 NS ns2"
    lame = ZONE.format("lame.example", names, "10.9.0.12")
    for name, address, zones in (("root", "10.9.0.10", {".": ROOT}), ("none", "10.9.0.11", {"other.example": ZONE.format("other.example", "", "10.9.0.11")}),
                                 ("good", "10.9.0.12", {"lame.example": lame, "good.example": ZONE.format("good.example", "", "10.9.0.12")})):
        d = "/run/" + name
        conf = NSD.format(address, d)
        for zone, text in zones.items():
            file = zone.strip(".") or "root"
            write(f"{d}/{file}", text)
            conf += f'zone:\n name: "{zone}"\n zonefile: "{file}"\n'
        write(d + "/conf", conf)
        inside("z", "nsd", "-d", "-c", d + "/conf")
    write("/run/old/old", ZONE.format("old.example", "", "10.9.0.13"))
    write("/run/old/conf", NAMED.format("/run/old", "10.9.0.13", "recursion no;") + 'zone "old.example" { type primary; file "old"; };\n')
    inside("z", "named", "-f", "-T", "ednsformerr", "-c", "/run/old/conf")
    write("/run/r/hints", ". 3600 NS a.root.\na.root. 3600 A 10.9.0.10\n")
    write("/run/r/conf", NAMED.format("/run/r", "10.9.0.2", "recursion yes; allow-recursion { any; }; qname-minimization off; empty-zones-enable no;") +
          'zone "." { type hint; file "hints"; };\nlogging { channel l { file "/run/r/log"; severity debug 1; print-time iso8601-utc; print-category yes; };'
          " category lame-servers { l; }; category edns-disabled { l; }; category resolver { l; }; category queries { l; }; };\n")
    inside("r", "named", "-f", "-c", "/run/r/conf")
    time.sleep(3)
    dump = inside("r", "tcpdump", "-i", "eth0", "-B", "8192", "-U", "-Z", "root", "-w", HERE + "/delegation.pcap", "port 53 or arp")
    time.sleep(1)
    with open("delegation.txt", "w", encoding="ascii") as out:
        for name in ("www.good.example", "ftp.good.example", "www.lame.example", "ftp.lame.example", "mail.lame.example", "www.old.example", "ftp.old.example"):
            begin = time.time()
            said = subprocess.run(["ip", "netns", "exec", "c", "dig", "@10.9.0.2", name, "A", "+short", "+tries=1"], capture_output=True, text=True, check=True).stdout.split()
            print(f"{name} {time.time() - begin:.4f} {' '.join(said)}", file=out)
            time.sleep(0.3)
    time.sleep(1.5)
    dump.terminate()
    dump.wait()
    with open("/run/r/log", encoding="ascii") as f, open("delegation.log", "w", encoding="ascii") as out:
        out.writelines(line for line in f if "lame-servers" in line or "edns-disabled" in line or "resolving" in line and "EDNS" in line or "queries" in line)


main()
