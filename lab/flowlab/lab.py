"""What a story builds with: hosts, services, captures, actions, and what is claimed of them."""
import os
import random
import shutil
import subprocess
import time

from .capture import Capture
from .diagnoses import RULES
from .hosts import Host, must
from .network import Network, Path
from .sandbox import WORK

HERE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
ZONES = ["UTC", "America/Bogota", "Europe/Madrid", "Asia/Kolkata", "America/Argentina/Buenos_Aires"]
DOMAINS = ["ejemplo.com", "example.org", "tienda.example", "corp.example.edu", "universidad.example.net"]
SYNS = "(ip and tcp[13] & 2 != 0) or (ip6 and tcp and ip6[53] & 2 != 0)"


def build(name, sources, *more):
    """Compiles C sources into a file of the work folder."""
    out = os.path.join(WORK, name)
    folder = os.path.join(HERE, sources)
    must("gcc", "-O2", "-o", out, *more, *sorted(os.path.join(folder, f) for f in os.listdir(folder) if f.endswith(".c")))
    return out


class Lab:
    """One recording of one story."""

    def __init__(self, story, seed, offsets, delay):
        self.story, self.seed, self.offsets, self.delay = story, seed, offsets, delay
        self.random = random.Random(f"{story.name}/{seed}")
        self.shim = build("clock.so", "shim", "-shared", "-fPIC")
        self.t_start = time.time()
        self.domain = self.random.choice(DOMAINS)
        self.hosts, self.captures, self.syns, self.logs, self.texts = {}, [], [], [], {}
        self.requests, self.ssh_sessions, self.dns_queries, self.ntp, self.flows = [], [], [], [], None
        self.diagnoses, self.faults, self.notes, self.claims, self.held = [], [], [], [], []
        self.runs = self.sessions_run = 0
        self.network = Network(self)
        self.rt = self.host("rt", "router")
        self.network.router(self.rt)
        self.path = Path(build("router", "router"), os.path.join(WORK, "events"), seed)
        one_way = delay if delay is not None else round(self.random.uniform(4, 25), 1)
        self.path.set(one_way, jitter=round(one_way * 0.05, 2))
        self.one_way = one_way

    # ---- hosts ----

    def host(self, name, role="", offset=0.0, drift=0.0, tz="UTC"):
        self.hosts[name] = Host(self, name, role, offset, drift, tz)
        return self.hosts[name]

    def client(self, name, offset=0.0, drift=0.0, tz="UTC", number=None, **more):
        """A host of the clients' segment. The connections it begins are noted, with true times."""
        h = self.network.attach(self.host(name, "client", offset, drift, tz), "lan", number, **more)
        self.syns.append(Capture(h, "syns.pcap", SYNS, snaplen=96))
        return h

    def server(self, name, role="", offset=0.0, drift=0.0, tz="UTC", number=None, **more):
        return self.network.attach(self.host(name, role, offset, drift, tz), "dmz", number, **more)

    def draw(self, low, high, digits=2):
        return round(self.random.uniform(low, high), digits)

    def way(self, low, high):
        """The path's one-way delay in ms: as --delay says, else drawn."""
        drawn = self.draw(low, high)
        return drawn if self.delay is None else self.delay

    def ahead(self, low, high):
        """A clock error whose size is drawn between low and high seconds, either way."""
        return self.draw(low, high, 3) * self.random.choice([1, -1])

    def now_ns(self):
        return time.time_ns()

    def zone(self):
        return self.random.choice(ZONES)

    def resolve_with(self, host, *resolvers, options=(), search=()):
        lines = [f"nameserver {r.ip if hasattr(r, 'ip') else r}" for r in resolvers]
        lines += [f"search {' '.join(search)}"] if search else []
        lines += [f"options {' '.join(options)}"] if options else []
        host.write("etc/resolv.conf", "\n".join(lines) + "\n")

    def step(self, host, seconds):
        """Steps a host's clock a moment from now; returns the true time of it."""
        at = time.time_ns() + 20_000_000
        host.clock.step(at, seconds)
        time.sleep(0.03)
        return at / 1e9

    # ---- evidence ----

    def capture(self, host, file, filter="", **more):
        if not self.captures:
            self.network.ready()
        self.captures.append(Capture(host, file, filter, **more))

    def log(self, host, file, source, program, means, auth=False, clock=None):
        """A log to be handed over: source is its path or a function that writes it to a path; clock says whose clocks stamped it, where not the host's."""
        self.logs.append({"host": host, "clock": clock or host.name, "file": file, "source": source, "program": program, "means": means, "auth": auth, "read": None})

    def access(self, host, file, program, means, read):
        """An access log: read(host, public path) writes it and tells what is true of each line."""
        self.logs.append({"host": host, "clock": host.name, "file": file, "source": None, "program": program, "means": means, "auth": False, "read": read})

    def withhold(self, host):
        """Hands over no log of this host."""
        self.logs = [log for log in self.logs if log["host"] is not host]

    def client_text(self, host, file, text, append=False):
        key = (host.name, file)
        self.texts[key] = (self.texts.get(key, "") if append else "") + text

    def one_text(self, host, prefix, file):
        """What several runs of a client printed, in one file, as somebody keeps it who appends."""
        keys = sorted(k for k in self.texts if k[0] == host.name and k[1].startswith(prefix))
        if keys:
            self.client_text(host, file, "\n".join(self.texts.pop(k) for k in keys))

    # ---- what happened ----

    def request(self, host, run, label, args, begun, ended, code, figures):
        r = {"id": f"r{len(self.requests) + 1:04d}", "kind": "http", "label": label, "client_host": host.name, "curl_run": run,
             "args": list(args), "run_start_true": begun, "run_end_true": ended, "exit": code, "curl": figures}
        self.requests.append(r)
        return r

    def diagnosis(self, code, **more):
        """What a good analysis finds: a code of diagnoses.py and where."""
        self.diagnoses.append({"code": code, "rules": RULES[code], **more})

    def clocks_differ(self, *hosts, code="clock_offset"):
        """The intended diagnosis that these clocks are off, for those that are off enough to matter."""
        for h in hosts:
            offset = self.offsets.get(h.name, h.clock.pieces()[0][1] / 1e9)
            if abs(offset) >= 0.1:
                self.diagnosis(code, host=h.name, offset_s=offset, drift_ppm=h.clock.pieces()[0][2] / 1000)

    def fault(self, text, **more):
        self.faults.append({"fault": text, **more})

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def claim(self, file, display, at_least=1, at_most=None):
        """What tshark must find in a capture of the story: so many packets of this display filter."""
        self.claims.append((file, display, at_least, at_most))

    def hold(self, text, ok):
        """A claim the story checks itself."""
        self.held.append((text, bool(ok)))

    def pause(self, seconds):
        time.sleep(seconds)

    def stop(self):
        """Ends captures, then every process of the hosts."""
        time.sleep(0.4)
        for c in self.captures + self.syns:
            c.stop()
        self.t_end = time.time()
        for h in self.hosts.values():
            for p in list(h.processes):
                p.terminate()
        for h in self.hosts.values():
            for p in list(h.processes):
                try:
                    p.wait(5)
                except subprocess.TimeoutExpired:
                    p.kill()

    def deliver_log(self, log, folder):
        """Writes one log below input/ and returns (its name there, what is true of its lines)."""
        name = f"input/{log['host'].name}/{log['file']}"
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if log["read"]:
            return name, log["read"](log["host"], path)
        if os.path.exists(log["source"]):
            shutil.copyfile(log["source"], path)
        return name, None
