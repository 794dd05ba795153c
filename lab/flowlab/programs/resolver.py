"""The resolver of the clients: unbound or BIND, forwarding to upstream.py."""
import json
import os
import sys
import time

from ..hosts import must

UNBOUND = """server:
 interface: 0.0.0.0
 access-control: 0.0.0.0/0 allow
 username: ""
 chroot: ""
 directory: "{dir}"
 pidfile: "{dir}/unbound.pid"
 logfile: "{dir}/unbound.log"
 use-syslog: no
 log-time-ascii: yes
 log-queries: yes
 log-replies: yes
 verbosity: 1
 num-threads: 1
 do-ip6: no
 module-config: "{modules}"
 cache-max-ttl: 2
 cache-max-negative-ttl: 1
 infra-host-ttl: 1
 serve-expired: no
 qname-minimisation: no
 do-not-query-localhost: no
 unknown-server-time-limit: 3000
 local-zone: "10.in-addr.arpa." transparent
 local-zone: "168.192.in-addr.arpa." transparent
 {rfc1918}
 {anchor}
 edns-buffer-size: 1232
remote-control:
 control-enable: no
forward-zone:
 name: "."
 forward-addr: {upstream}
"""

BIND = """options {{ directory "{dir}"; listen-on {{ any; }}; listen-on-v6 {{ none; }}; pid-file "{dir}/named.pid"; session-keyfile "{dir}/session.key";
 recursion yes; allow-query {{ any; }}; allow-recursion {{ any; }}; dnssec-validation no; forward only; forwarders {{ {upstream}; }};
 max-cache-ttl 2; max-ncache-ttl 1; empty-zones-enable no; minimal-responses yes; edns-udp-size 1232; max-udp-size 1232; }};
logging {{
 channel q {{ file "{dir}/query.log"; print-time yes; print-category yes; print-severity yes; }};
 channel n {{ file "{dir}/named.log"; print-time yes; print-category yes; print-severity yes; severity info; }};
 category queries {{ q; }}; category default {{ n; }}; }};
controls {{ }};
"""


def upstream(host, names):
    """Starts the misbehaving name server with {name: what upstream.py reads}."""
    apexes = sorted({n.split(".", 1)[1] for n in names if "." in n})
    file = host.write("zones.json", json.dumps({"names": names, "apexes": apexes}))
    host.spawn(sys.executable, os.path.join(os.path.dirname(__file__), "upstream.py"), file)
    host.listening(53, udp=True)


SIGNED = """options {{ directory "{dir}"; listen-on {{ any; }}; listen-on-v6 {{ none; }}; pid-file "{dir}/named.pid"; session-keyfile "{dir}/session.key";
 recursion no; allow-query {{ any; }}; minimal-responses yes; }};
zone "{zone}" {{ type primary; file "{dir}/zone.signed"; }};
controls {{ }};
"""


def signed(host, zone, records, until):
    """BIND as the authority of a signed zone whose signatures end at a true time. Returns the file of its keys."""
    lines = [f"$TTL 2\n@ IN SOA ns.{zone}. admin.{zone}. 1 3600 600 86400 1\n@ IN NS ns.{zone}.\nns IN A {host.ip}"]
    lines += [f"{name}. IN A {h.ip}\n{name}. IN AAAA {h.ip6}" for name, h in records.items()]
    for flags in ([], ["-f", "KSK"]):
        must("dnssec-keygen", "-K", host.dir, "-a", "ECDSAP256SHA256", *flags, zone)
    keys = [os.path.join(host.dir, n) for n in sorted(os.listdir(host.dir)) if n.startswith("K") and n.endswith(".key")]
    anchor = ""
    for file in keys:
        with open(file, encoding="ascii") as f:
            anchor += "".join(x for x in f if not x.startswith(";"))
    plain = host.write("zone", "\n".join(lines) + "\n" + anchor)
    must("dnssec-signzone", "-d", host.dir, "-K", host.dir, "-o", zone, "-s", time.strftime("%Y%m%d%H%M%S", time.gmtime(until - 86400)),
         "-e", time.strftime("%Y%m%d%H%M%S", time.gmtime(until)), "-f", host.path("zone.signed"), plain)
    host.spawn("named", "-f", "-c", host.write("named.conf", SIGNED.format(dir=host.dir, zone=zone)))
    host.listening(53, udp=True)
    return host.write("anchor", anchor)


def unbound(host, up, anchor=""):
    """unbound logs a line when asked and a line when it answered, whole seconds, local time. With the keys of a zone in a file it validates."""
    rfc1918 = "\n ".join(f'local-zone: "{n}.172.in-addr.arpa." transparent' for n in range(16, 32))
    rfc1918 += "\n " + "\n ".join(f'local-zone: "{z}.in-addr.arpa." transparent' for z in ("2.0.192", "100.51.198", "113.0.203"))
    conf = host.write("unbound.conf", UNBOUND.format(dir=host.dir, modules="validator iterator" if anchor else "iterator",
                                                      anchor=f'trust-anchor-file: "{anchor}"\n val-log-level: 2\n val-sig-skew-min: 0\n val-sig-skew-max: 0\n val-clean-additional: no\n ede: yes' if anchor else "",
                                                       upstream=up.ip, rfc1918=rfc1918))
    process = host.spawn("unbound", "-d", "-p", "-c", conf)
    host.listening(53, udp=True)
    host.lab.log(host, "unbound.log", host.path("unbound.log"), "unbound log-queries log-replies", "1 s; query line when received, reply line when answered")
    return process


def bind(host, up):
    """BIND logs a line when asked, with milliseconds and the client's port, local time without zone."""
    conf = host.write("named.conf", BIND.format(dir=host.dir, upstream=up.ip))
    process = host.spawn("named", "-f", "-c", conf)
    host.listening(53, udp=True)
    for file, what in (("query.log", "bind9 query log (ms, local time without zone, client port)"), ("named.log", "bind9 general log")):
        host.lab.log(host, file, host.path(file), what, "when received" if file == "query.log" else "when it happened")
    return process


def dnsmasq(host, up):
    """dnsmasq logs queries, forwards and replies with a serial number each, traditional syslog stamps, whole seconds, local time."""
    log = host.path("dnsmasq.log")
    process = host.spawn("dnsmasq", "-k", "-C", "/dev/null", "--no-resolv", "--no-hosts", f"--server={up.ip}", "--log-queries=extra", f"--log-facility={log}",
                         "--pid-file=" + host.path("dnsmasq.pid"), "--user=root", "--group=root", "--cache-size=0")
    host.listening(53, udp=True)
    host.lab.log(host, "dnsmasq.log", log, "dnsmasq log-queries=extra", "1 s, local time without year and zone; when asked, forwarded and answered")
    return process
