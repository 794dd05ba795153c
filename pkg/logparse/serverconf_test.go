package logparse

import (
	"maps"
	"strings"
	"testing"
)

const nginxConf = `
user www-data; # who
http {
    log_format timed '$remote_addr - $remote_user [$time_local] '
                     '"$request" $status $body_bytes_sent rt=$request_time';
    log_format js escape=json '{"t":"$time_iso8601","r":"$request","s":$status}';
    access_log /var/log/nginx/access.log timed buffer=32k;
    server {
        listen 443 ssl;
        server_name app.example.com;
        access_log /var/log/nginx/app.json js;
        access_log "/var/log/nginx/plain.log";
        location /quiet { access_log off; proxy_pass http://127.0.0.1:8081; }
    }
}
`

const apacheConf = `
# LogFormat "not this" no
LogFormat "%h %l %u %t \"%r\" %>s %O" common
LogFormat "%t %{remote}p \"%r\" %>s %D" timed
<VirtualHost *:443>
    ServerName www.example.com
    CustomLog ${APACHE_LOG_DIR}/access.log timed
    CustomLog "logs/own.log" "%h \"%r\" %>s %t" env=!dontlog
    CustomLog "|/usr/bin/rotatelogs x" common
    CustomLog /var/log/other.log nowhere
</VirtualHost>
`

func TestServerConfig(t *testing.T) {
	for _, c := range []struct {
		text, server string
		want         map[string]string
	}{
		{nginxConf, "nginx", map[string]string{
			"access.log": `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent rt=$request_time`,
			"app.json":   `escape=json {"t":"$time_iso8601","r":"$request","s":$status}`,
			"plain.log":  `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`,
		}},
		{apacheConf, "apache", map[string]string{
			"access.log": `%t %{remote}p "%r" %>s %D`,
			"own.log":    `%h "%r" %>s %t`,
			"other.log":  "",
		}},
	} {
		got := ReadServerConfig([]byte(c.text))
		if got.Server != c.server {
			t.Errorf("%s: read as of %q", c.server, got.Server)
		}
		for file, want := range c.want {
			template := got.Template("some/where/" + file)
			if rotated := got.Template(file + ".2.gz"); rotated != template || got.Template(file+"-20261122") != template {
				t.Errorf("%s: rotated %q", file, rotated)
			}
			if template != want {
				t.Errorf("%s: %q, want %q", file, template, want)
			}
			if template != "" {
				if err := CheckTemplate(template); err != nil {
					t.Errorf("%s: %v", file, err)
				}
			}
		}
		if f, why, _ := Detect([]byte(c.text), "x.conf"); f != serverConfig {
			t.Errorf("%s: not recognised: %s", c.server, why)
		}
	}
	for _, path := range goldens(t) {
		text := readGolden(t, path)
		if c := ReadServerConfig(text); c.Server != "" && !strings.Contains(path, "server-config") {
			t.Errorf("%s is taken for a configuration of %s: %v", path, c.Server, maps.Collect(maps.All(c.Formats)))
		}
	}
}

func FuzzServerConfig(f *testing.F) {
	f.Add(nginxConf)
	f.Add(apacheConf)
	f.Fuzz(func(_ *testing.T, text string) {
		for _, template := range ReadServerConfig([]byte(text)).Formats {
			_ = CheckTemplate(template)
		}
	})
}
