"""Servers and a client of HTTP/3: Caddy, ngtcp2's server, and a curl that speaks it."""
import re
import shlex
import time

from . import web

CADDYFILE = """{{
    admin off
    auto_https off
    servers {{
        protocols {protocols}
    }}
}}
https://{name}:443 {{
    tls {key}.crt {key}.key
    respond "{{path}}" 200
}}
"""


def caddy(host, name, protocols="h1 h2 h3"):
    """Caddy for a name; without h3 nothing listens on UDP port 443. A Go program: it goes by the machine's clock. Returns the process."""
    file = host.write("Caddyfile", CADDYFILE.format(protocols=protocols, name=name, key=web.keys(name)))
    p = host.spawn("caddy", "run", "--adapter", "caddyfile", "--config", file, clocked=False, env={"XDG_DATA_HOME": host.dir, "XDG_CONFIG_HOME": host.dir})
    host.listening(443)
    return p


def ngtcp2(host, name, *options, port=8443):
    """ngtcp2's server for a name on a UDP port. Returns the process."""
    key = web.keys(name)
    p = host.spawn("gtlsserver", "-q", *options, "*", str(port), key + ".key", key + ".crt")
    host.listening(port, udp=True)
    return p


def ask(host, *args, label="", timeout=60):
    """Runs curl3 (a curl with HTTP/3) with -w; what it says becomes client text. Returns the request."""
    lab = host.lab
    lab.runs += 1
    form = "http=%{http_version} dns=%{time_namelookup} connect=%{time_connect} tls=%{time_appconnect} ttfb=%{time_starttransfer} total=%{time_total} local=%{local_ip}:%{local_port} code=%{http_code}\n"
    begun = time.time()
    code, out, err = host.run("curl3", "-sS", "-o", "/dev/null", "-w", form, *args, timeout=timeout)
    ended = time.time()
    said = re.search(r"http=(\S+) ", out)
    lab.client_text(host, "curl_w.txt", f"$ curl {shlex.join(args)}\n{out}{err}" + (f"exit={code}\n" if code else ""), append=True)
    r = lab.request(host, lab.runs, label, args, begun, ended, code, None)
    r["http"] = said[1] if said else None
    return r


def client(host, server, port, url, *options, label="", timeout=20):
    """Runs ngtcp2's client once."""
    code, _, _ = host.run("gtlsclient", "-q", "--exit-on-all-streams-close", *options, server, str(port), url, timeout=timeout)
    host.lab.client_text(host, "quic.txt", f"$ gtlsclient {shlex.join(options)} {server} {port} {url}\nexit={code}\n", append=True)
    host.lab.note(f"gtlsclient: {label}")
    return code

