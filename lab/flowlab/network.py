"""The wires: clients — router (rt) — impaired path — switch — servers."""
import json
import os
import subprocess
import time

from .hosts import must


def quiet(device, enter=()):
    """No offload: what is on the wire is what was sent. One at a time, for not every device has all."""
    for feature in ("tso", "gso", "gro", "tx", "rx"):
        subprocess.run([*enter, "ethtool", "-K", device, feature, "off"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


class Path:
    """The impaired path; speaks to lab/router on its standard input."""

    def __init__(self, program, events, seed):
        self.events_file, self.settings = events, []
        self.process = subprocess.Popen([program, "path-a", "path-b", events], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.tell(f"seed {seed}")

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if answer != "ok":
            raise RuntimeError(f"router: {line}: {answer or 'it has ended'}")
        self.settings.append({"t_true": time.time(), "command": line})

    def set(self, there, back=None, jitter=0.3, mbit=0, queue=0):
        """One-way delays and jitter in ms; a bottleneck of mbit with a queue of so many ms."""
        self.tell(f"path ab {there:.3f} {jitter:.3f} {mbit} {queue}")
        self.tell(f"path ba {there if back is None else back:.3f} {jitter:.3f} {mbit} {queue}")

    def rule(self, name, action, **fields):
        """See router/rules.c for the fields; dir is "ab" from the clients, "ba" to them."""
        words = [f"name={name}", f"action={action}"] + [f"{k.rstrip('_')}={v}" for k, v in fields.items()]
        self.tell("rule " + " ".join(words))

    def clear(self, name=""):
        self.tell(f"clear {name}".strip())

    def events(self):
        """what rules did: dicts"""
        out = []
        with open(self.events_file, encoding="ascii") as f:
            for line in f:
                t, rule, action, way, src, sport, dst, dport, payload = line.split()
                out.append({"t_true": float(t), "rule": rule, "action": action, "dir": way, "src": src, "sport": int(sport),
                            "dst": dst, "dport": int(dport), "payload": int(payload)})
        return out


class Network:
    """Two segments, the router between them, and the path behind the router."""

    def __init__(self, lab):
        self.lab = lab
        r = lab.random
        self.nets = {"lan": r.choice([f"10.{r.randint(1, 99)}.{r.randint(1, 250)}", f"192.168.{r.randint(1, 250)}", f"172.{r.randint(16, 31)}.{r.randint(1, 250)}"]),
                     "dmz": r.choice([f"10.{r.randint(100, 250)}.{r.randint(1, 250)}", "203.0.113", "198.51.100", "192.0.2"])}
        self.nets6 = {"lan": f"fd{r.randint(16, 127):x}:1:", "dmz": f"fd{r.randint(128, 255):x}:2:"}
        self.used = {"lan": {1}, "dmz": {1}}
        self.count = 0
        for k in ("net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"):
            must("sysctl", "-qw", k)

    def router(self, rt):
        """Wires rt and the path."""
        for a, b in (("path-a", "rt-wan"), ("path-b", "sw-path")):
            must("ip", "link", "add", a, "type", "veth", "peer", "name", b)
            quiet(a)
            quiet(b)
        must("ip", "link", "add", "dmz", "type", "bridge")
        must("ip", "link", "set", "sw-path", "master", "dmz")
        for d in ("path-a", "path-b", "sw-path", "dmz"):
            must("ip", "link", "set", d, "up")
        must("ip", "link", "set", "rt-wan", "netns", str(rt.holder.pid), "name", "wan")
        quiet("wan", rt.enter([]))
        rt.must("ip", "link", "add", "lan", "type", "bridge")
        for d, net in (("lan", "lan"), ("wan", "dmz")):
            rt.must("ip", "address", "add", f"{self.nets[net]}.1/24", "dev", d)
            rt.must("ip", "link", "set", d, "up")
            rt.must("ip", "-6", "address", "add", f"{self.nets6[net]}:1/64", "dev", d, "nodad")
        rt.must("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.send_redirects=0",
                "net.ipv4.icmp_ratelimit=0")
        rt.lan, rt.wan = f"{self.nets['lan']}.1", f"{self.nets['dmz']}.1"

    def attach(self, host, segment, number=None, offload=False):
        """Gives a host eth0 with an address in lan or dmz."""
        if number is None:
            number = self.lab.random.randint(10, 240)
            while number in self.used[segment]:
                number = self.lab.random.randint(10, 240)
        self.used[segment].add(number)
        self.count += 1
        port, mac = f"p{self.count}", f"52:54:00:{1 if segment == 'dmz' else 0:02x}:{self.count:02x}:{number:02x}"
        must("ip", "link", "add", port, "type", "veth", "peer", "name", f"e{self.count}", "address", mac)
        quiet(port)
        if not offload:
            quiet(f"e{self.count}")
        must("ip", "link", "set", f"e{self.count}", "netns", str(host.holder.pid), "name", "eth0")
        if segment == "dmz":
            must("ip", "link", "set", port, "master", "dmz", "up")
        else:
            rt = self.lab.rt
            must("ip", "link", "set", port, "netns", str(rt.holder.pid))
            quiet(port, rt.enter([]))
            rt.must("ip", "link", "set", port, "master", "lan", "up")
        host.segment, host.mac = segment, mac
        host.ip, host.ip6 = f"{self.nets[segment]}.{number}", f"{self.nets6[segment]}:{number:x}"
        host.must("sysctl", "-qw", "net.ipv6.conf.eth0.accept_ra=0")
        host.must("ip", "address", "add", f"{host.ip}/24", "dev", "eth0")
        host.must("ip", "link", "set", "eth0", "up")
        host.must("ip", "-6", "address", "add", f"{host.ip6}/64", "dev", "eth0", "nodad")
        host.must("ip", "route", "add", "default", "via", f"{self.nets[segment]}.1")
        host.must("ip", "-6", "route", "add", "default", "via", f"{self.nets6[segment]}:1")
        return host

    def ready(self, within=5.0):
        """Waits until packets pass at once, as in a network that others have used before."""
        end = time.monotonic() + within
        self.forwarding(end, within)
        self.neighbours(end)

    def neighbours(self, end):
        """Lets the router find every server: else the first packet over IPv6 may wait a second for it."""
        servers = [h.ip6 for h in self.lab.hosts.values() if h.segment == "dmz"]
        self.lab.rt.must("python3", "-c", "import socket, sys\nfor to in sys.argv[1:]: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'', (to, 9))", *servers)
        while time.monotonic() < end:
            known = {n["dst"] for n in json.loads(self.lab.rt.must("ip", "-j", "-6", "neighbour", "show", "dev", "wan")) if "lladdr" in n}
            if known >= set(servers):
                return
            time.sleep(0.05)

    def forwarding(self, end, within):
        """Waits until every port of both switches forwards: the kernel takes up to a second to notice that a port is up."""
        while time.monotonic() < end:
            ports = [p for enter in ([], self.lab.rt.enter([])) for p in json.loads(must(*enter, "bridge", "-j", "link") or "[]")]
            if all(p["state"] == "forwarding" and "LOWER_UP" in p["flags"] for p in ports if "master" in p):
                return
            time.sleep(0.05)
        raise RuntimeError(f"a switch does not forward after {within:.0f} s")

    def masquerade(self, rt):
        """The clients leave with the router's address; what became of whose port goes to conntrack.log."""
        rt.must("nft", "-f", rt.write("nat.nft", "table ip nat {\n chain post { type nat hook postrouting priority 100;\n  oifname \"wan\" masquerade random\n }\n}\n"))
        log = open(rt.path("conntrack.log"), "wb")
        rt.spawn("conntrack", "-E", "-e", "NEW", "-p", "tcp", "-o", "timestamp", clocked=False, stdout=log, stderr=subprocess.DEVNULL)
        time.sleep(0.3)

    def translations(self):
        """(inner ip, inner port) -> outer "ip:port", from conntrack.log"""
        path, out = self.lab.rt.path("conntrack.log"), {}
        if not os.path.exists(path):
            return out
        with open(path, encoding="ascii") as f:
            for line in f:
                w = [x.split("=", 1) for x in line.split() if "=" in x]
                src, dst = [v for k, v in w if k == "src"], [v for k, v in w if k == "dst"]
                sport, dport = [v for k, v in w if k == "sport"], [v for k, v in w if k == "dport"]
                if len(src) == 2 and len(dport) == 2:
                    out[(src[0], int(sport[0]))] = f"{dst[1]}:{dport[1]}"
        return out
