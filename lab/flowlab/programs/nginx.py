"""nginx with TLS on 443 and clear HTTP on 80."""
import os
import shutil
import signal
import time

from . import web

FORMATS = {  # what the analyst is given; end = $time_local
    "combined": '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
    "timed": '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" '
             'rt=$request_time uct=$upstream_connect_time uht=$upstream_header_time urt=$upstream_response_time',
    "exact": '$remote_addr:$remote_port $connection/$connection_requests [$time_local] $msec "$request" $status $body_bytes_sent '
             '"$http_user_agent" rt=$request_time urt=$upstream_response_time',
    "json": '{"time":"$time_iso8601","msec":$msec,"remote_addr":"$remote_addr","host":"$host","request":"$request","status":$status,'
            '"bytes":$body_bytes_sent,"request_time":$request_time,"upstream_time":"$upstream_response_time","request_id":"$request_id","ua":"$http_user_agent"}',
}
PRIVATE = "\\t".join(["$remote_addr", "$remote_port", "$connection_requests", "$msec", "$request_time", "$upstream_response_time",
                      "$request_id", "$ssl_protocol", "$server_protocol", "$server_port", "$request_uri", "$status"])
MEANS = "end of the request ($time_local, nginx's cached clock)"

SITE = """
user root; worker_processes {workers}; daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log {level};
events {{ worker_connections 512; }}
http {{
  log_format lab {escape} '{public}\t#\t{private}';
  access_log {dir}/access.raw lab;
  client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
  server_tokens on; keepalive_timeout 65; ssl_session_cache shared:s:1m; {http}
  server {{
    listen 443 ssl http2 {listen}; listen [::]:443 ssl http2; listen 80; listen [::]:80; server_name {name};
    ssl_certificate {key}.crt; ssl_certificate_key {key}.key; ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:P-256;
    proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Request-ID $request_id; proxy_buffering off;
    location / {{ proxy_pass http://127.0.0.1:8081; }}
    location /strict/ {{ proxy_pass http://127.0.0.1:8081/; proxy_read_timeout 1s; }}
    location /down/ {{ proxy_pass http://127.0.0.1:8099/; }}
    location /old {{ return 302 https://{name}/item/new; }}
    {site}
  }}
  {more}
}}
"""


def start(host, name, form="timed", level="error", workers=1, http="", site="", more="", listen="", app=True, aliases=(), days=(-5, 85), key=None):
    """Starts nginx for the name on a host, with the application behind it. Extra configuration goes where its name says."""
    if app:
        web.application(host)
    key = key or web.keys(name, aliases, days)
    conf = SITE.format(dir=host.dir, workers=workers, level=level, public=FORMATS[form], private=PRIVATE, name=name, key=key, http=http,
                       site=site, more=more, listen=listen, escape="escape=json" if form == "json" else "").replace("\t#\t", "\\t#\\t")
    return web.serve(host, ["nginx", "-p", host.dir, "-e", host.path("error.log"), "-c", host.write("nginx.conf", conf)], "nginx", form, MEANS, read)


def read(host, public, raw="access.raw"):
    """Splits the log (or what was rotated away of it); one dict a line for truth.json and for finding requests. end_ns is the host's time."""
    out = []
    for n, (text, p) in enumerate(web.split(host.path(raw), public), 1):
        if len(p) < 12:
            continue
        end = round(float(p[3]) * 1e3) * 10**6
        out.append({"line": n, "text": text, "end_ns": end, "request_time": float(p[4]), "upstream_time": p[5],
                    "request_id": p[6], "conn_request_n": int(p[2]), "tls": p[7], "http": p[8], "server_port": int(p[9]),
                    "uri": p[10], "status": int(p[11]), "client_seen": f"{p[0]}:{p[1]}"})
    return out


def rotate(host, copy=False):
    """As logrotate does: what was logged until now is access.log.1, renamed and nginx told (USR1), or copied and cut to nothing (copytruncate)."""
    raw = host.path("access.raw")
    if copy:
        shutil.copyfile(raw, raw + ".1")
        os.truncate(raw, 0)
    else:
        os.rename(raw, raw + ".1")
        with open(host.path("nginx.pid"), encoding="ascii") as f:
            os.kill(int(f.read()), signal.SIGUSR1)
        time.sleep(0.1)
    host.lab.access(host, "access.log.1", "nginx, rotated", MEANS, lambda h, public: read(h, public, "access.raw.1"))
