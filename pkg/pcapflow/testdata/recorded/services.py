#!/usr/bin/env python3
"""Records services.pcap: what the services of one host answer to requests that are rarer
than most. nginx answers curl with each of its refusals; BIND answers dig's transfers and
an operation that it does not know; chronyd asks three chronyd, of which one is a minute
ahead, is the peer of one, and hears the broadcasts of another. services.txt is what
curl, dig and chronyc said. Needs root, nginx, named, chronyd, curl, dig, tcpdump.

    unshare --net --mount --pid --fork ./services.py
"""
import os
import signal
import subprocess
import time

HERE = os.getcwd()
ZONE = "$TTL 300\n@ SOA ns x {0} 3600 900 86400 5\n@ NS ns\nns A 10.9.2.10\nwww A 192.0.2.{0}\n"
NAMED = """options { directory "/run/n"; listen-on { 10.9.2.10; }; listen-on-v6 { none; }; pid-file "/run/n/pid"; session-keyfile "/run/n/key";
 recursion no; allow-transfer { any; }; ixfr-from-differences yes; };
controls { };
zone "services.example" { type primary; file "zone"; };
zone "kept.example" { type primary; file "zone"; allow-transfer { none; }; };
"""
NGINX = """daemon off; pid /run/w/pid; error_log /run/w/error; events { }
http { access_log off; if_modified_since before; root /run/w; client_body_temp_path /run/w/b; proxy_temp_path /run/w/p; fastcgi_temp_path /run/w/f; uwsgi_temp_path /run/w/u; scgi_temp_path /run/w/s;
 server { listen 10.9.2.10:80; client_max_body_size 1k; client_header_timeout 1s;
  location /dead { proxy_pass http://10.9.2.10:9; }
  location /slow { proxy_pass http://10.9.2.1:7; proxy_connect_timeout 1s; }
  location /many { add_header Retry-After 30 always; return 429; }
  location /later { add_header Retry-After "Fri, 01 Jan 2100 00:00:00 GMT" always; return 503; }
  location /who { add_header WWW-Authenticate 'Basic realm="x"' always; return 401; }
  location /no { return 403; }
  location /gone { return 410; }
  location /moved { return 308 /; }
 } }
"""
ASKED = [("HEAD", "/"), ("HEAD", "/none"), ("OPTIONS", "/"), ("PUT", "/"), ("DELETE", "/many"), ("GET", "/dead"), ("GET", "/slow"), ("GET", "/many"), ("GET", "/later"),
         ("GET", "/who"), ("GET", "/no"), ("GET", "/gone"), ("GET", "/moved")]


def inside(host, *words, **more):
    return subprocess.Popen(["ip", "netns", "exec", host, *words], stderr=subprocess.DEVNULL, **more)


def said(host, *words):
    return subprocess.run(["ip", "netns", "exec", host, *words], capture_output=True, text=True, check=False).stdout


def run(*words):
    subprocess.run(words, check=True)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def clock(host, name, text):
    write(f"/run/{name}/conf", text + f"\ncmdport 0\npidfile /run/{name}/pid\nbindcmdaddress /run/{name}/s\nuser root\ndriftfile /run/{name}/drift\n")
    os.chmod(f"/run/{name}", 0o750)
    return inside(host, "chronyd", "-x", "-d", "-f", f"/run/{name}/conf", stdout=subprocess.DEVNULL)


def main():
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    os.makedirs("/run/netns")
    run("ip", "netns", "add", "s")
    run("ip", "netns", "add", "c")
    run("ip", "-n", "s", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", "c")
    for a in [10, 11, 12, 13]:
        run("ip", "-n", "s", "addr", "add", f"10.9.2.{a}/24", "brd", "10.9.2.255", "dev", "eth0")
    run("ip", "-n", "c", "addr", "add", "10.9.2.1/24", "brd", "10.9.2.255", "dev", "eth0")
    for host in "sc":
        run("ip", "-n", host, "link", "set", "lo", "up")
        run("ip", "-n", host, "link", "set", "eth0", "up")
    run("ip", "netns", "exec", "c", "nft", "add table t; add chain t i { type filter hook input priority 0; }; add rule t i tcp dport 7 drop")
    write("/run/n/zone", ZONE.format(1))
    write("/run/n/conf", NAMED)
    named = inside("s", "named", "-f", "-c", "/run/n/conf")
    write("/run/w/index.html", "nothing\n")
    write("/run/w/conf", NGINX)
    inside("s", "nginx", "-c", "/run/w/conf")
    for a in [11, 12, 13]:
        more = {11: "broadcast 1 10.9.2.255", 12: "peer 10.9.2.1 minpoll 0 maxpoll 0", 13: "manual"}[a]
        clock("s", f"t{a}", f"bindaddress 10.9.2.{a}\nbindacqaddress 10.9.2.{a}\nlocal stratum {a - 9}\nallow\n{more}")
    time.sleep(2)
    now = time.strftime("%b %d, %Y %H:%M:%S", time.gmtime(time.time() + 60))
    print(said("s", "chronyc", "-h", "/run/t13/s", "-n", "settime", now))
    time.sleep(2)
    dump = inside("c", "tcpdump", "-i", "eth0", "-B", "8192", "-U", "-Z", "root", "-w", HERE + "/services.pcap")
    time.sleep(1)
    clock("c", "c", "bindaddress 10.9.2.1\nbindacqaddress 10.9.2.1\nallow\npeer 10.9.2.12 minpoll 0 maxpoll 0\n" +
          "".join(f"server 10.9.2.{a} minpoll 0 maxpoll 0 iburst\n" for a in [11, 13, 10]))
    with open("services.txt", "w", encoding="ascii") as out:
        for method, path in ASKED:
            words = ["-I"] if method == "HEAD" else ["-X", method]
            words += ["--data", "x" * 2000] if method == "PUT" else []
            print(method, path, said("c", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{local_port}", *words, f"http://10.9.2.10{path}"), file=out)
        print("GET / again", said("c", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{local_port}", "-H", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT", "http://10.9.2.10/"), file=out)
        print("GET / beyond", said("c", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{local_port}", "-H", "Range: bytes=900-", "http://10.9.2.10/"), file=out)
        write("/run/n/zone", ZONE.format(2))
        named.send_signal(signal.SIGHUP)
        time.sleep(1)
        for words in (["+opcode=status", "services.example"], ["+opcode=update", "services.example"], ["services.example", "axfr"], ["services.example", "ixfr=1"], ["kept.example", "axfr"], ["+tcp", "www.services.example"]):
            text = said("c", "dig", "@10.9.2.10", "+tries=1", *words)
            lines = [x for x in text.splitlines() if "status:" in x or "Transfer failed" in x or "XFR size" in x]
            print("dig", *words, ":", *(x.strip("; ") for x in lines), file=out)
        time.sleep(4)
        print(said("c", "chronyc", "-h", "/run/c/s", "-n", "sources"), file=out)
    dump.terminate()
    dump.wait()


main()
