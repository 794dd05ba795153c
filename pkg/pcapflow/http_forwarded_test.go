package pcapflow

import "testing"

func TestForwardedFor(t *testing.T) {
	for _, x := range []struct{ name, value, want string }{
		{"X-Forwarded-For", "192.0.2.7, 198.51.100.1", "192.0.2.7"},
		{"x-forwarded-for", "2001:db8::7", "2001:db8::7"},
		{"X-Real-IP", "192.0.2.7", "192.0.2.7"},
		{"Forwarded", `proto=https;for=192.0.2.7;by=203.0.113.43, for=198.51.100.17`, "192.0.2.7"},
		{"Forwarded", `For="[2001:db8:cafe::17]:4711"`, "2001:db8:cafe::17"},
		{"Forwarded", `for="[2001:db8::1]"`, "2001:db8::1"},
		{"Forwarded", `for="_hidden", for=192.0.2.1`, ""}, // the first is somebody else
		{"X-Forwarded-For", "unknown", ""},
		{"X-Forwarded-Host", "192.0.2.7", ""},
	} {
		got := forwardedFor([]byte(x.name), []byte(x.value))
		if got.IsValid() != (x.want != "") || got.IsValid() && got.String() != x.want {
			t.Errorf("%s: %s: %v, want %q", x.name, x.value, got, x.want)
		}
	}
}
