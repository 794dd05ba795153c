#!/usr/bin/env python3
"""Records OpenSSL's client and server over DTLS with the client's key log, a pair for
each way in which records are protected, on the loopback interface: dtls-keys.pcap,
dtls-keys.keys, and in dtls-keys.txt what the client says of each. Clients of the last
cases come back to the same port from the same one, or ask for a renegotiation."""
import os
import re
import subprocess
import tempfile
import time

CASES = [  # name, options of both sides, of the server, of the client, what is typed
    ("gcm", "-dtls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256", "", "", "Q"),
    ("gcm-256", "-dtls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384", "", "", "Q"),
    ("chacha", "-dtls1_2 -cipher ECDHE-RSA-CHACHA20-POLY1305", "", "", "Q"),
    ("ccm", "-dtls1_2 -cipher AES128-CCM", "", "", "Q"),
    ("ccm8", "-dtls1_2 -cipher AES256-CCM8", "", "", "Q"),
    ("cbc-etm", "-dtls1_2 -cipher ECDHE-RSA-AES128-SHA256", "", "", "Q"),
    ("cbc", "-dtls1_2 -cipher ECDHE-RSA-AES256-SHA384", "-no_etm", "-no_etm", "Q"),
    ("1.0", "-dtls1 -cipher AES128-SHA:@SECLEVEL=0", "", "", "Q"),
    ("session", "-dtls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256", "", "-sess_out s.pem", "Q"),
    ("resumed", "-dtls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256", "same", "-sess_in s.pem", "Q"),
    ("renegotiated", "-dtls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256", "-client_renegotiation", "", "R Q"),
    ("again", "-dtls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256", "", "-bind 127.0.0.1:45555", "Q"),
    ("again-2", "-dtls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384", "", "-bind 127.0.0.1:45555", "Q"),
]


def talk(port, both, server, client, typed, running):
    if server != "same":
        running.append((subprocess.Popen(f"openssl s_server -key k.pem -cert c.pem -accept 127.0.0.1:{port} -quiet {both} {server}".split(),
                                         stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), port))
    s, port = running[-1]
    time.sleep(0.7)
    c = subprocess.Popen(f"openssl s_client -connect 127.0.0.1:{port} -keylogfile keys {both} {client}".split(),
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(1.5)
    for line in ("hello", *typed.split()):
        try:
            c.stdin.write(line + "\n")
            c.stdin.flush()
            time.sleep(0.5)
            if line == "hello":
                s.stdin.write(b"answer\n")
                s.stdin.flush()
                time.sleep(0.5)
        except BrokenPipeError:
            break
    try:
        out = c.communicate(timeout=5)[0]
    except subprocess.TimeoutExpired:
        c.kill()
        out = c.communicate()[0]
    found = re.search(r"(New|Reused), \S+ Cipher is (\S+)", out)
    return f"{port} {found[1]} {found[2]}" if found else f"{port} none none"


def main():
    out = os.getcwd()
    os.chdir(tempfile.mkdtemp())
    subprocess.run("openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 3650 -subj /CN=dtls.example.test".split(), check=True, capture_output=True)
    dump = subprocess.Popen(["tcpdump", "-qi", "lo", "-U", "-w", f"{out}/dtls-keys.pcap", "udp portrange 45300-45399"], stderr=subprocess.DEVNULL)
    time.sleep(1)
    running = []
    with open(f"{out}/dtls-keys.txt", "w") as f:
        for i, (name, *case) in enumerate(CASES):
            if name == "again-2":  # at the port of the case before, by another server
                i -= 1
                running[-1][0].kill()
                running[-1][0].wait()
            print(name, talk(45300 + i, *case, running), file=f, flush=True)
    for s, _ in running:
        s.kill()
    time.sleep(0.5)
    dump.terminate()
    dump.wait()
    os.replace("keys", f"{out}/dtls-keys.keys")


main()
