"""Many browsers: `python3 crowd.py JSON` keeps connections open and tells each request on standard output.

JSON: {"ip", "name", "tls", "ca", "connections", "requests", "seed", "paths"}.
"""
import http.client
import json
import random
import socket
import ssl
import sys
import threading
import time

lock = threading.Lock()


def connect(c):
    sock = socket.create_connection((c["ip"], 443 if c["tls"] else 80), timeout=30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    local = sock.getsockname()
    if c["tls"]:
        sock = ssl.create_default_context(cafile=c["ca"]).wrap_socket(sock, server_hostname=c["name"])
    conn = http.client.HTTPConnection(c["name"])
    conn.sock = sock
    return conn, f"{local[0]}:{local[1]}"


def browse(c, number):
    r = random.Random(c["seed"] * 1000 + number)
    time.sleep(r.uniform(0, c.get("spread", 6)))
    agent = r.choice(["Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/124.0", "curl/7.88.1"])
    conn, local = connect(c)
    for n in range(1, r.randint(1, c["requests"]) + 1):
        path, begun = r.choice(c["paths"]), time.time()
        conn.request("GET", path, headers={"User-Agent": agent})
        answer = conn.getresponse()
        first, size = time.time(), len(answer.read())
        with lock:
            print(json.dumps({"local": local, "n_on_conn": n, "path": path, "status": answer.status, "bytes": size, "start_true": begun,
                              "ttfb": first - begun, "total": time.time() - begun, "remote": f"{c['ip']}:{443 if c['tls'] else 80}"}), flush=True)
        time.sleep(r.uniform(0.05, 0.8))
    conn.close()


def visit(host, **config):
    """Starts this file on a host with the true clock; the story collects what it prints."""
    import subprocess
    return host.spawn(sys.executable, __file__, json.dumps(config), clocked=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    threads = [threading.Thread(target=browse, args=(given, i)) for i in range(given["connections"])]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
