"""HAProxy in front of a web server, and Caddy in front of the application: what their logs tell of a request."""
import json
import os
import shutil
import time

from . import web

HAPROXY = """global
 log {socket} local0
defaults
 mode http
 option httplog
 log global
 timeout connect 3s
 timeout client 30s
 timeout server 30s
 option forwardfor
frontend f
 bind :443 ssl crt {keys} alpn h2,http/1.1
 bind :80
 bind :::443 v6only ssl crt {keys} alpn h2,http/1.1
 default_backend b
backend b
 server s1 {to}:80
"""

SYSLOG = """module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{socket}" UseSysTimeStamp="on")
local0.* action(type="omfile" file="{file}" template="{template}")
"""


def haproxy(host, name, to):
    """HAProxy with TLS for a name, forwarding to the server `to`; it logs through rsyslog, in the traditional or the newer form (drawn)."""
    key, socket, log = web.keys(name), host.path("haproxy.sock"), host.path("haproxy.log")
    with open(key + ".crt", encoding="ascii") as f, open(key + ".key", encoding="ascii") as g:
        host.write("site.pem", f.read() + g.read(), 0o600)
    template = host.lab.random.choice(["RSYSLOG_TraditionalFileFormat", "RSYSLOG_FileFormat"])
    conf = host.write("haproxy-syslog.conf", SYSLOG.format(socket=socket, file=log, template=template))
    host.spawn("rsyslogd", "-n", "-f", conf, "-i", host.path("haproxy-syslog.pid"))
    while not os.path.exists(socket):
        time.sleep(0.05)
    host.spawn("haproxy", "-f", host.write("haproxy.cfg", HAPROXY.format(socket=socket, keys=host.path("site.pem"), to=to.ip)))
    host.listening(443)
    host.lab.log(host, "haproxy.log", log, "HAProxy httplog", "begin of the request in brackets (ms, local time); the line is written at its end")


def caddy_config(host, key):
    """Caddy with an access log of its own, in front of the application on port 8081."""
    to_file = {"output": "file", "filename": host.path("access.raw.json")}
    route = {"handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": "127.0.0.1:8081"}]}]}
    site = {"listen": [":443"], "protocols": ["h1", "h2"], "automatic_https": {"disable": True}, "tls_connection_policies": [{}],
            "logs": {"default_logger_name": "site"}, "routes": [route]}
    return {"admin": {"disabled": True},
            "logging": {"logs": {"default": {"exclude": ["http.log.access"], "writer": {"output": "file", "filename": host.path("caddy.log")}},
                                 "site": {"include": ["http.log.access.site"], "writer": to_file, "encoder": {"format": "json"}}}},
            "apps": {"tls": {"certificates": {"load_files": [{"certificate": key + ".crt", "key": key + ".key"}]}}, "http": {"servers": {"site": site}}}}


def caddy(host, name):
    """Caddy with the application behind it. A Go program: it goes by the machine's clock."""
    web.application(host)
    conf = host.write("caddy.json", json.dumps(caddy_config(host, web.keys(name))))
    host.spawn("caddy", "run", "--config", conf, clocked=False, env={"XDG_DATA_HOME": host.dir, "XDG_CONFIG_HOME": host.dir})
    host.listening(443)
    host.lab.access(host, "access.json", "Caddy, JSON", "end of the request (ts), and its duration", caddy_lines)


def caddy_lines(host, public):
    """Copies the log; one dict a line, as nginx.read gives them."""
    shutil.copyfile(host.path("access.raw.json"), public)
    out, count = [], {}
    with open(public, encoding="utf8") as f:
        for n, line in enumerate(f, 1):
            x = json.loads(line)
            q = x["request"]
            seen = f"{q['remote_ip']}:{q['remote_port']}"
            count[seen] = count.get(seen, 0) + 1
            out.append({"line": n, "text": line.rstrip("\n"), "end_ns": int(x["ts"] * 1e9), "request_time": x["duration"], "conn_request_n": count[seen],
                        "http": q["proto"], "server_port": 443, "uri": q["uri"], "status": x["status"], "client_seen": seen})
    return out
