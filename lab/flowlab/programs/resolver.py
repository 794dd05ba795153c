"""The resolver of the clients: unbound or BIND, forwarding to upstream.py."""
import json
import os
import sys

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
 module-config: "iterator"
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


def unbound(host, up):
    """unbound logs a line when asked and a line when it answered, whole seconds, local time."""
    rfc1918 = "\n ".join(f'local-zone: "{n}.172.in-addr.arpa." transparent' for n in range(16, 32))
    rfc1918 += "\n " + "\n ".join(f'local-zone: "{z}.in-addr.arpa." transparent' for z in ("2.0.192", "100.51.198", "113.0.203"))
    conf = host.write("unbound.conf", UNBOUND.format(dir=host.dir, upstream=up.ip, rfc1918=rfc1918))
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
