"""Apache httpd with TLS on 443, HTTP/2, and a proxy to the application under /app/."""
import os

from . import web

MODULES = ["mpm_event", "authz_core", "log_config", "mime", "dir", "ssl", "socache_shmcb", "http2", "proxy", "proxy_http", "unixd", "reqtimeout"]
FORMATS = {  # what the analyst is given; %t = begin of the request
    "combined": '%h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\"',
    "common": '%h %l %u %t \\"%r\\" %>s %b',
    "timed": '%h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\" %D',
    "seconds": '%h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\" rt=%T',
}
PRIVATE = "\\t".join(["%{remote}p", "%k", "%{begin:usec}t", "%D", "%{SSL_PROTOCOL}x", "%H", "%{local}p", "%>s"])

CONF = """
ServerName {name}
ServerRoot {dir}
PidFile {dir}/apache.pid
User www-data
Group www-data
ErrorLog {dir}/error.log
LogLevel {level}
{modules}
TypesConfig /etc/mime.types
DocumentRoot {dir}/www
DirectoryIndex index.html
<Directory {dir}/www>
 Require all granted
</Directory>
Listen 80
Listen 443
Protocols h2 http/1.1
RequestReadTimeout header={header_timeout}
LogFormat "{public}\\t#\\t{private}" lab
CustomLog {dir}/access.raw lab
ProxyPass /app/ http://127.0.0.1:8081/
<VirtualHost *:80>
 ServerName {name}
</VirtualHost>
<VirtualHost *:443>
 ServerName {name}
 SSLEngine on
 SSLCertificateFile {key}.crt
 SSLCertificateKeyFile {key}.key
</VirtualHost>
"""


def start(host, name, form="combined", level="warn", header_timeout=5, more=""):
    """Starts Apache for the name on a host, with the application behind it. more: lines of its configuration."""
    web.application(host)
    key = web.keys(name)
    for file, size in (("index.html", 480), ("manual.txt", 24000)):
        host.write(f"www/{file}", ("All work and no play. " * 2000)[:size])
    modules = "\n".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so" for m in MODULES
                        if os.path.exists(f"/usr/lib/apache2/modules/mod_{m}.so"))
    conf = (CONF + more).format(dir=host.dir, name=name, level=level, key=key, modules=modules, public=FORMATS[form], private=PRIVATE, header_timeout=header_timeout)
    os.chmod(host.dir, 0o755)
    return web.serve(host, ["apache2", "-f", host.write("apache.conf", conf), "-D", "FOREGROUND"], "apache", form, "begin of the request (%t, 1 s)", read)


def read(host, public):
    """Splits the log; one dict a line for truth.json and for finding requests. start_ns and end_ns are the host's time."""
    out = []
    for n, (text, p) in enumerate(web.split(host.path("access.raw"), public), 1):
        if len(p) < 8 or not p[2].isdigit():
            continue
        begin, took = int(p[2]) * 1000, int(p[3])
        uri = text.split('"')[1].split(" ")[1] if text.count('"') > 1 and " " in text.split('"')[1] else ""
        out.append({"line": n, "text": text, "start_ns": begin, "end_ns": begin + took * 1000,
                    "request_time": took / 1e6, "conn_request_n": int(p[1]), "tls": p[4], "http": p[5], "server_port": int(p[6]),
                    "uri": uri, "status": int(p[7]) if p[7].isdigit() else None, "client_seen": f"{text.split(' ')[0]}:{p[0]}"})
    return out
