package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestSecretsHidden: what an incident holds of passwords, cookies, tokens and keys
// is in no output, in no narration and in no file that is written.
func TestSecretsHidden(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	const secret = "Zq9Wx7"
	dir, out := t.TempDir(), t.TempDir()
	sample := filepath.Join(root, "samples", "black-hole", "input")
	if err := os.CopyFS(dir, os.DirFS(sample)); err != nil {
		t.Fatal(err)
	}
	replace := strings.NewReplacer(
		"GET /big?kb=32", "GET /?sid="+secret[2:], // as long as before: packets keep their lengths
		"$ curl ", "$ curl -u ana:"+secret+" -b 'k="+secret+"' -H 'Authorization: Bearer "+secret+"' ", "> Host:", "> Cookie: k="+secret+"\n> Host:",
		`"method"`, `"authorization":"Bearer `+secret+`","cookie":"k=`+secret+`","method"`, `" "curl/`, "?token="+secret+`" "token=`+secret+` curl/`,
	)
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			return os.WriteFile(path, []byte(replace.Replace(string(readFile(t, path)))), 0o644)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"c1/curl_99.log":   "$ curl -v --trace-time 'https://ana:" + secret + "@h/?password=" + secret + "'\n10:48:31.800754 *   Trying 192.0.2.1:443...\n10:48:31.820150 * connect to https://ana:" + secret + "@h failed\n",
		"c1/ssh_99.log":    "$ time sshpass -p '" + secret + "' ssh -vvv admin@h\nOpenSSH_9.2p1 Debian-2, OpenSSL 3.0.22 25 Aug 2026\ndebug1: Connecting to h [192.0.2.1] port 22.\nssh: connect to h port 22: password=" + secret + "\n",
		"web/auth.log":     "Nov 26 20:57:42 web sudo: ana : COMMAND=/usr/bin/mysql --password=" + secret + " PGPASSWORD=" + secret + "\n",
		"web/app.log":      "{\"ts\":\"2026-11-26T20:23:58.098861Z\",\"level\":\"info\",\"msg\":\"Authorization: Basic " + secret + "\",\"path\":\"/?api_key=" + secret + "\"}\nnonsense token=" + secret + "\n",
		"web/error.log":    "2026/11/26 20:57:42 [error] 7#7: *3 upstream timed out, request: \"GET /a?access_token=" + secret + " HTTP/1.1\", host: \"h\"\n",
		"web/broken.json":  "{\"password\":\"" + secret + "\", \"authorization\":\"" + secret + "\"\n",
		"web/kern.log":     "Nov 26 20:57:42 web kernel: secret=" + secret + "\n",
		"c1/keys.txt":      "CLIENT_RANDOM " + strings.Repeat("00", 32) + " " + strings.Repeat("ab", 48) + "\nCLIENT_RANDOM 00112233 " + secret + "\n",
		"web/journal.json": "{\"__REALTIME_TIMESTAMP\":\"1795726662000000\",\"_HOSTNAME\":\"web\",\"MESSAGE\":\"Set-Cookie: a=" + secret + "\",\"_PID\":\"7\"}\n",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(out, name) }
	free := func(where string, text []byte) {
		t.Helper()
		for _, s := range []string{secret[2:], "abababab"} {
			if i := bytes.Index(text, []byte(s)); i >= 0 {
				t.Errorf("%s: %q", where, text[max(0, i-80):min(len(text), i+12)])
			}
		}
	}
	for _, args := range [][]string{
		{"report", "-v", "-o", at("r.txt"), "-o", at("r.md"), "-o", at("r.html"), "-o", at("r.json")}, {"report", "--redact", "--format", "json"},
		{"events", "--format", "jsonl"}, {"events", "--format", "text"}, {"events", "--summary", "--format", "json"}, {"timeline"}, {"match", "-v"}, {"check"}, {"detect", "-v"}, {"detect", "--write-case"},
		{"flows", "--format", "jsonl", filepath.Join(dir, "client.pcap")}, {"explain", "--about", "web/app.log:1"}, {"explain", "--about", "c1/curl_99.log:1"}, {"explain", "--about", "web/app.log:2"},
		{"batch", "--out", at("batch")}, {"batch", "--query", "--format", "jsonl", "--out", at("batch")}, {"compare", "--by", "client"},
	} {
		if args[0] != "flows" && (len(args) < 2 || args[1] != "--query") {
			args = append(args, dir)
		}
		var print, diag bytes.Buffer
		if status := run(args, strings.NewReader(""), &print, &diag); status > exitFindings {
			t.Errorf("%v: status %d: %.300s", args, status, diag.String())
		}
		free(strings.Join(args[:2], " "), print.Bytes())
		free(strings.Join(args[:2], " ")+", narration", diag.Bytes())
	}
	hidden := 0
	err = filepath.WalkDir(out, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			text := readFile(t, path)
			hidden += bytes.Count(text, []byte("•••"))
			free(filepath.Base(path), text)
		}
		return err
	})
	if err != nil || hidden < 10 {
		t.Errorf("%d secrets were hidden: %v", hidden, err)
	}
}
