package conceal

import (
	"strings"
	"testing"
)

// TestSecrets: each way in which a line shows a secret; S3kR3t is the secret.
func TestSecrets(t *testing.T) {
	for _, line := range []string{
		`10.0.0.1 - - [22/Nov/2026:11:55:10 +0100] "GET /a?x=1&access_token=S3kR3t&y=2 HTTP/1.1" 200 12 "https://h/?sid=S3kR3t" "curl"`,
		`GET /login?user=ana&password=S3kR3t`, `/cb%3Ftoken%3DS3kR3t%26x%3D1`, `/map?key=S3kR3t&q=a`,
		`Authorization: Basic S3kR3t`, `{"level":"info","authorization":"Bearer S3kR3t","path":"/x"}`, `"headers":"{\"Authorization\":\"Bearer S3kR3t\"}"`,
		`> Cookie: a=S3kR3t; b=S3kR3t`, `< Set-Cookie: PHPSESSID=S3kR3t; path=/`, `"-" "JSESSIONID=S3kR3t; lang=es"`, `csrftoken=S3kR3t`,
		`$ curl -u ana:S3kR3t https://h/`, `$ curl --user=ana:S3kR3t https://h/`, `$ curl https://ana:S3kR3t@h/x`, `$ curl -b 'a=S3kR3t; b=S3kR3t' https://h/`, `$ curl -sS --cookie a=S3kR3t -v https://h/`,
		`$ curl -H "X-Api-Key: S3kR3t" https://h/`, `$ curl -H 'Authorization: Bearer S3kR3t' https://h/`, `$ curl --oauth2-bearer S3kR3t https://h/`, `$ curl -d '{"password":"S3kR3t"}' https://h/`,
		`$ time sshpass -p 'S3kR3t' ssh admin@h exit`, `PGPASSWORD=S3kR3t psql`, `SSHPASS=S3kR3t sshpass -e ssh h`, `level=info password=S3kR3t`, `login with passwd: S3kR3t`,
		`eyJhbGciOiJIUzI1NiJ9.S3kR3t.S3kR3t`, `got Bearer 0123456789S3kR3t`, `-----BEGIN RSA PRIVATE KEY-----S3kR3t`, `RSA Session-ID:00 Master-Key:S3kR3t`,
	} {
		got := Secrets(line)
		if strings.Contains(got, "S3kR3t") || !strings.Contains(got, hidden) {
			t.Errorf("%s\nbecame %s", line, got)
		}
		if again := Secrets(got); again != got {
			t.Errorf("%s\nbecame %s the second time", got, again)
		}
	}
	if got := Secrets("SERVER_HANDSHAKE_TRAFFIC_SECRET 0011223344556677 00112233445566778899aabb"); strings.Contains(got, "8899") {
		t.Error(got)
	}
	for _, line := range []string{
		`Nov 22 11:57:42 web sshd[3384]: Failed password for admin from 10.10.1.11 port 51486 ssh2`,
		`PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=10.10.1.11  user=admin`,
		`debug1: Next authentication method: password`, `debug1: Authentications that can continue: publickey,password`,
		`pam_unix(sshd:session): session opened for user admin(uid=1000) by (uid=0)`, `New session 12 of user admin.`, `Accepted key ED25519 SHA256:7gq found at /home/a/.ssh/authorized_keys:1`,
		`GET /status?code=503&keyword=a`, `dns=0.03 connect=1.08 tls=1.12`, `ssh://10.0.0.1:22 /path@x`, `journalctl -u ssh --since '2026-11-22 10:50 UTC'`, `TLSv1.3 TLS_AES_256_GCM_SHA384`,
		`sntrup761x25519-sha512`, `a clear password is not asked for`, `OCSP signature valid`, `basic authentication required`,
	} {
		if got := Secrets(line); got != line {
			t.Errorf("%s\nbecame %s", line, got)
		}
	}
}

func BenchmarkSecrets(b *testing.B) {
	line := `10.10.1.11 - - [22/Nov/2026:10:48:32 +0000] "GET /sleep?ms=500 HTTP/1.1" 200 10 "-" "curl/7.88.1"`
	for b.Loop() {
		Secrets(line)
	}
}
