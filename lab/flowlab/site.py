"""The site most stories take place at: clients, a resolver, a web server, a server to log in to."""
from types import SimpleNamespace

from .programs import nginx, resolver, sshd

WEB_NEEDS = ["nginx", "unbound", "curl"]
SSH_NEEDS = ["sshd", "ssh", "rsyslogd", "unbound"]


def dns(lab, records, extra=None, kind=resolver.unbound, offset=0.0, tz="UTC", hosts=(), six=True):
    """A resolver and the name server behind it; the hosts given use it. records: {name: host}, with its IPv6 address if six."""
    up = lab.server("up", "authoritative name server")
    server = lab.server("dns", kind.__name__, offset=offset, tz=tz)
    known = {n: {"A": [h.ip], "AAAA": [h.ip6] if six else []} for n, h in records.items()}
    known.update(extra or {})
    resolver.upstream(up, known)
    kind(server, up)
    for h in hosts:
        lab.resolve_with(h, server)
    return server


def web(lab, clients=1, client_offsets=(), offset=None, drift=0.0, tz=None, form="timed", kind=resolver.unbound, dns_offset=0.0, extra=None, **more):
    """Clients c1…, resolver and nginx for a name; returns them with the name and its URL."""
    s = SimpleNamespace()
    s.name = lab.random.choice(["app", "www", "portal", "tienda"]) + "." + lab.domain
    s.url = "https://" + s.name
    s.clients = [lab.client(f"c{i + 1}", offset=client_offsets[i] if i < len(client_offsets) else 0.0) for i in range(clients)]
    s.c1 = s.clients[0]
    s.web = lab.server("web", "nginx and application", offset=lab.ahead(0.2, 3) if offset is None else offset, drift=drift, tz=tz or lab.zone(),
                       offload=more.pop("offload", False))
    s.dns = dns(lab, {s.name: s.web}, extra(s) if extra else None, kind=kind, offset=dns_offset, tz=lab.zone(), hosts=s.clients)
    s.nginx = nginx.start(s.web, s.name, form, **more)
    return s


def ssh(lab, clients=1, client_offsets=(), offset=None, drift=0.0, tz="UTC", kind=resolver.unbound, extra=None, log=sshd.rsyslog, six=None, **more):
    """Clients c1…, resolver and sshd for a name, over IPv6 or not (drawn, unless told); returns them with the name."""
    s = SimpleNamespace()
    s.name = lab.random.choice(["servidor", "bastion", "srv01", "login"]) + "." + lab.domain
    s.clients = [lab.client(f"c{i + 1}", offset=client_offsets[i] if i < len(client_offsets) else 0.0) for i in range(clients)]
    s.c1 = s.clients[0]
    s.ssh = lab.server("ssh", "sshd", offset=lab.ahead(0.2, 3) if offset is None else offset, drift=drift, tz=tz)
    s.dns = dns(lab, {s.name: s.ssh}, extra(s) if extra else None, kind=kind, tz=lab.zone(), hosts=[*s.clients, s.ssh],
                six=lab.random.random() < 0.5 if six is None else six)
    sshd.start(s.ssh, log=log, **more)
    return s
