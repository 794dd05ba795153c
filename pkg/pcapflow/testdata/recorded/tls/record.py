#!/usr/bin/env python3
"""Records OpenSSL's client and server, a connection for each kind of TLS that a key
log can open, in a network namespace of its own:

    sudo unshare -n ./record.py

writes suites.pcap, suites.keys (what the clients logged of their secrets) and
suites.txt: port, name, and what the client said of the session and its cipher suite.
"""
import os, pathlib, re, subprocess, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent
REQUEST = "GET /%s HTTP/1.1\r\nHost: server.example\r\n\r\n"
ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
PSK = "0123456789abcdef" * 2

TLS12 = {
    "gcm128": "ECDHE-ECDSA-AES128-GCM-SHA256", "gcm256": "ECDHE-ECDSA-AES256-GCM-SHA384", "dhe-gcm": "DHE-RSA-AES128-GCM-SHA256", "rsa-gcm": "AES128-GCM-SHA256",
    "chacha": "ECDHE-ECDSA-CHACHA20-POLY1305", "ccm128": "ECDHE-ECDSA-AES128-CCM", "ccm256": "ECDHE-ECDSA-AES256-CCM", "ccm128-8": "ECDHE-ECDSA-AES128-CCM8",
    "ccm256-8": "ECDHE-ECDSA-AES256-CCM8", "rsa-ccm": "AES256-CCM", "cbc128-sha": "ECDHE-ECDSA-AES128-SHA", "cbc256-sha": "ECDHE-ECDSA-AES256-SHA",
    "cbc128-sha256": "ECDHE-ECDSA-AES128-SHA256", "cbc256-sha384": "ECDHE-ECDSA-AES256-SHA384", "rsa-cbc": "AES256-SHA256",
}
TLS13 = {
    "gcm128": "TLS_AES_128_GCM_SHA256", "gcm256": "TLS_AES_256_GCM_SHA384", "chacha": "TLS_CHACHA20_POLY1305_SHA256", "ccm": "TLS_AES_128_CCM_SHA256", "ccm-8": "TLS_AES_128_CCM_8_SHA256",
}


class Program:
    def __init__(self, args):
        self.out = tempfile.TemporaryFile()
        self.p = subprocess.Popen(["openssl"] + args, stdin=subprocess.PIPE, stdout=self.out, stderr=subprocess.STDOUT)

    def text(self):
        self.out.seek(0)
        return self.out.read().decode("latin-1")

    def until(self, text, n=1):
        for _ in range(500):
            if self.text().count(text) >= n:
                return
            time.sleep(0.01)
        raise SystemExit("%s: no %r in\n%s" % (self.p.args, text, self.text()))

    def say(self, text):
        self.p.stdin.write(text.encode())
        self.p.stdin.flush()

    def end(self):
        self.p.stdin.close()
        try:
            self.p.wait(3)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()


class Recording:
    def __init__(self, folder):
        self.folder, self.port, self.lines = folder, 39000, []
        self.keys = folder / "keys"
        for kind, options in {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}.items():
            subprocess.run(["openssl", "req", "-x509", "-newkey", *options, "-nodes", "-keyout", folder / kind, "-out", folder / (kind + ".pem"),
                            "-days", "3650", "-subj", "/CN=server.example"], check=True, stderr=subprocess.DEVNULL)

    def pair(self, kind="ec"):
        return ["-cert", str(self.folder / (kind + ".pem")), "-key", str(self.folder / kind)]

    def talk(self, name, both=(), server=(), client=(), times=1, between=None, early=False, serving=None):
        """One connection; `serving` is a server that is there already."""
        s = serving
        if s is None:
            self.port += 1
            s = Program(["s_server", "-accept", "127.0.0.1:%d" % self.port, *both, *server])
            s.until("ACCEPT")
            s.answered = 0
        log = self.folder / "log"
        log.unlink(missing_ok=True)
        c = Program(["s_client", "-connect", "127.0.0.1:%d" % self.port, "-servername", "server.example", "-keylogfile", str(log), *both, *client])
        for i in range(times):
            if not (early and i == 0):
                if i == 0:
                    c.until("Verify return code")
                c.say(REQUEST % name)
            s.answered += 1
            s.until("Host: server.example", s.answered)
            s.say(ANSWER)
            c.until("Content-Length", i + 1)
            time.sleep(0.03)
            if between and i + 1 < times:
                between(s, c)
                time.sleep(0.05)
        c.say("Q\n")
        time.sleep(0.05)
        c.end()
        said = re.findall(r"(New|Reused), \S+, Cipher is (\S+)", c.text())[-1]
        self.lines.append("%d %s %s %s" % (self.port, name, *said))
        with open(self.keys, "a") as all_keys:
            all_keys.write("".join(x for x in open(log) if not x.startswith("#")))
        return s

    def alone(self, *args, **named):
        self.talk(*args, **named).end()

    def all(self):
        for name, suite in TLS12.items():
            kind = self.pair("rsa" if suite.startswith(("AES", "DHE")) else "ec")
            self.alone("12-" + name, ["-tls1_2", "-cipher", suite + "@SECLEVEL=0"], kind)
            if "cbc" in name:
                self.alone("12-%s-no-etm" % name, ["-tls1_2", "-cipher", suite + "@SECLEVEL=0"], kind + ["-no_etm"])
        for version in ("1", "1_1"):
            for etm in ([], ["-no_etm"]):
                self.alone("%s-cbc%s" % (version, "-no-etm" if etm else ""), ["-tls" + version, "-cipher", "ECDHE-ECDSA-AES128-SHA@SECLEVEL=0"], self.pair() + etm)
        psk = ["-psk", PSK]
        for suite in ("PSK-AES128-GCM-SHA256", "DHE-PSK-AES256-GCM-SHA384", "ECDHE-PSK-CHACHA20-POLY1305", "PSK-AES128-CBC-SHA256", "PSK-AES256-CCM8"):
            self.alone("12-" + suite.lower(), ["-tls1_2", "-cipher", suite + "@SECLEVEL=0", *psk], ["-nocert"])
        self.alone("12-client-certificate", ["-tls1_2"], self.pair() + ["-Verify", "1"], self.pair("rsa"))
        for name, server in (("ticket", []), ("id", ["-no_ticket"])):
            session = str(self.folder / "session")
            s = self.talk("12-%s-first" % name, ["-tls1_2"], self.pair() + server, ["-sess_out", session])
            self.talk("12-%s-again" % name, ["-tls1_2"], client=["-sess_in", session], serving=s).end()
        for name, suite in TLS13.items():
            self.alone("13-" + name, ["-tls1_3", "-ciphersuites", suite, "-cipher", "ALL:@SECLEVEL=0"], self.pair())
        self.alone("13-retry", ["-tls1_3"], self.pair() + ["-groups", "P-384"], ["-groups", "X25519:P-384"])
        self.alone("13-client-certificate", ["-tls1_3"], self.pair() + ["-Verify", "1"], self.pair("rsa"))
        self.alone("13-psk", ["-tls1_3", *psk], ["-nocert"])

        def update(s, c):
            c.say("K\n")
            c.until("KEYUPDATE")
            time.sleep(0.05)
            s.say("k\n")

        for name in ("gcm256", "chacha"):
            self.alone("13-update-" + name, ["-tls1_3", "-ciphersuites", TLS13[name]], self.pair(), times=3, between=update)
        session, early = str(self.folder / "session"), self.folder / "early"
        early.write_text(REQUEST % "early", newline="")
        s = self.talk("13-first", ["-tls1_3"], self.pair() + ["-early_data"], ["-sess_out", session])
        self.talk("13-early", ["-tls1_3"], client=["-sess_in", session, "-early_data", str(early)], serving=s, early=True, times=2)
        self.talk("13-replayed", ["-tls1_3"], client=["-sess_in", session], serving=s).end()
        s = self.talk("13-ticket-first", ["-tls1_3"], self.pair(), ["-sess_out", session])
        self.talk("13-ticket-again", ["-tls1_3"], client=["-sess_in", session], serving=s).end()


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        r = Recording(pathlib.Path(folder))
        dump = subprocess.Popen(["tcpdump", "-i", "lo", "-U", "--immediate-mode", "-Z", "root", "-w", str(HERE / "suites.pcap"), "tcp"], stderr=subprocess.PIPE)
        dump.stderr.readline()
        time.sleep(0.3)
        try:
            r.all()
        finally:
            time.sleep(0.5)
            dump.terminate()
            dump.wait()
        (HERE / "suites.keys").write_text(r.keys.read_text())
        (HERE / "suites.txt").write_text("\n".join(r.lines) + "\n")


main()
